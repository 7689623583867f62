import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BodyBuffer } from './body-buffer.ts'

const piece = fc.oneof(
  { weight: 5, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 40 }) },
  { weight: 1, arbitrary: fc.integer({ min: 4_000, max: 70_000 }).map((length) => new Uint8Array(length).fill(7)) },
)

test('a body is its pieces, in order, whatever their sizes', () => {
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
      const body = new BodyBuffer()
      for (const each of pieces) body.push(Buffer.from(each))
      const expected = Buffer.concat(pieces)
      expect(body.length).toBe(expected.length)
      expect(body.whole().equals(expected)).toBe(true)
      body.clear()
      expect([body.length, body.whole().length]).toEqual([0, 0])
    }),
  )
})

test('a body that comes byte by byte past the room for small pieces is whole', () => {
  const body = new BodyBuffer()
  const expected = Buffer.from(Array.from({ length: 200_000 }, (_, index) => index % 251))
  for (let at = 0; at < expected.length; at++) body.push(expected.subarray(at, at + 1))
  expect(body.whole().equals(expected)).toBe(true)
})

test('a body that came in one piece is that piece', () => {
  const body = new BodyBuffer()
  const only = Buffer.from('{}')
  body.push(only)
  expect(body.whole()).toBe(only)
})
