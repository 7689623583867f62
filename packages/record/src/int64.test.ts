import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readInt64, writeInt64 } from './int64.ts'

const EDGES = [
  0,
  1,
  -1,
  2 ** 31,
  -(2 ** 31),
  2 ** 32 - 1,
  2 ** 32,
  -(2 ** 32),
  -(2 ** 32) - 1,
  Number.MAX_SAFE_INTEGER,
  Number.MIN_SAFE_INTEGER,
]

function check(value: number): void {
  const buffer = Buffer.alloc(10)
  writeInt64(buffer, value, 1)
  expect(buffer.readBigInt64BE(1)).toBe(BigInt(value))
  expect(readInt64(buffer, 1)).toBe(value)
}

describe('int64', () => {
  it.each(EDGES)('writes and reads %d', check)

  it('writes and reads any safe integer', () => {
    fc.assert(fc.property(fc.maxSafeInteger(), check))
  })

  it.each([2n ** 53n, -(2n ** 53n), 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n)])('refuses to read %d', (value) => {
    const buffer = Buffer.alloc(8)
    buffer.writeBigInt64BE(value)
    expect(() => readInt64(buffer, 0)).toThrow(expect.objectContaining({ code: 'INVALID_BATCH' }))
  })
})
