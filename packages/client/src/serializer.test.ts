import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { defaultSerializer } from './serializer.ts'

const { serialize, deserialize } = defaultSerializer

describe('the default serializer', () => {
  test.each<[unknown, string | undefined]>([
    ['text ü', 'text ü'],
    ['', ''],
    [Buffer.from('bytes'), 'bytes'],
    [new Uint8Array([104, 105]), 'hi'],
    [new Uint8Array([0, 104, 105, 0]).subarray(1, 3), 'hi'],
    [new Uint8Array([104, 105]).buffer, 'hi'],
    [{ a: [1, 'x', null] }, '{"a":[1,"x",null]}'],
    [42, '42'],
    [false, 'false'],
    [new Date(0), '"1970-01-01T00:00:00.000Z"'],
    [null, undefined],
    [undefined, undefined],
  ])('makes bytes of %o', (content, text) => {
    expect(serialize(content)?.toString()).toBe(text)
  })

  test('hands Buffers on without a copy', () => {
    const bytes = Buffer.from('x')
    expect(serialize(bytes)).toBe(bytes)
  })

  test.each([[Symbol('s')], [() => {}], [10n]])('refuses what has no JSON', (content) => {
    expect(() => serialize(content)).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST' }))
  })

  test('refuses what refers to itself', () => {
    const circle: Record<string, unknown> = {}
    circle.self = circle
    expect(() => serialize(circle)).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST' }))
  })

  test('gives back what is no string', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.object({ withNullPrototype: false }), fc.array(fc.jsonValue()), fc.integer()),
        (content) => {
          expect(deserialize(serialize(content))).toEqual(JSON.parse(JSON.stringify(content)))
        },
      ),
    )
  })

  test('gives text where there is no JSON, and null for null', () => {
    expect(deserialize(Buffer.from('plain text'))).toBe('plain text')
    expect(deserialize(null)).toBeNull()
  })
})
