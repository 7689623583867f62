import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { VarintReader, varintBytes, varlongBytes, writeVarint, writeVarlong } from './varint.ts'

const INT32_MIN = -(2 ** 31)
const INT32_MAX = 2 ** 31 - 1

/** Where a zig-zag varint of 1, 2, 3 … bytes ends: ±2^(7n - 1) and what lies beside it. */
const BOUNDARIES = [1, 2, 3, 4, 5, 6, 7].flatMap((bytes) => {
  const edge = 2 ** (7 * bytes - 1)
  return [-edge - 1, -edge, -edge + 1, edge - 1, edge, edge + 1]
})
const INT32S = [
  0,
  1,
  -1,
  INT32_MIN,
  INT32_MIN + 1,
  INT32_MAX - 1,
  INT32_MAX,
  -(2 ** 30),
  2 ** 30,
  ...BOUNDARIES,
].filter((value) => value >= INT32_MIN && value <= INT32_MAX)
const LONGS = [
  ...INT32S,
  ...BOUNDARIES,
  INT32_MIN - 1,
  INT32_MAX + 1,
  2 ** 32,
  -(2 ** 32),
  -(2 ** 30) - 1,
  Number.MAX_SAFE_INTEGER,
  Number.MIN_SAFE_INTEGER,
  Number.MAX_SAFE_INTEGER - 1,
  Number.MIN_SAFE_INTEGER + 1,
].filter(Number.isSafeInteger)

/** Zig-zag and base 128 by the book, in bigint. */
function reference(value: number): Buffer {
  const signed = BigInt(value)
  let raw = signed >= 0n ? signed * 2n : -signed * 2n - 1n
  const bytes: number[] = []
  while (raw >= 0x80n) {
    bytes.push(Number(raw % 0x80n) + 0x80)
    raw /= 0x80n
  }
  return Buffer.from([...bytes, Number(raw)])
}

function checkVarint(value: number): void {
  const bytes = Buffer.alloc(8, 0xee)
  const end = writeVarint(bytes, value, 1)
  expect(bytes.subarray(1, end)).toEqual(reference(value))
  expect(varintBytes(value)).toBe(end - 1)
  const reader = new VarintReader(bytes, 1)
  expect(reader.readVarint()).toBe(value)
  expect(reader.position).toBe(end)
}

function checkVarlong(value: number): void {
  const bytes = Buffer.alloc(12, 0xee)
  const end = writeVarlong(bytes, value, 1)
  expect(bytes.subarray(1, end)).toEqual(reference(value))
  expect(varlongBytes(value)).toBe(end - 1)
  const reader = new VarintReader(bytes, 1)
  expect(reader.readVarlong()).toBe(value)
  expect(reader.position).toBe(end)
}

describe('varint', () => {
  it.each(INT32S)('writes and reads %d', checkVarint)

  it('writes and reads any 32-bit integer', () => {
    fc.assert(fc.property(fc.integer({ min: INT32_MIN, max: INT32_MAX }), checkVarint))
  })

  it.each([
    ['nothing', ''],
    ['one that is cut off', '80'],
    ['one that is cut off late', 'ffffffff'],
    ['more than 32 bits', 'ffffffff1f'],
    ['six bytes', '808080808001'],
  ])('refuses %s', (_, hex) => {
    const reader = new VarintReader(Buffer.from(hex, 'hex'))
    expect(() => reader.readVarint()).toThrow(expect.objectContaining({ code: 'INVALID_BATCH' }))
  })
})

describe('varlong', () => {
  it.each(LONGS)('writes and reads %d', checkVarlong)

  it('writes and reads any safe integer', () => {
    fc.assert(fc.property(fc.maxSafeInteger(), checkVarlong))
  })

  it.each([
    ['nothing', ''],
    ['one that is cut off', '80'],
    ['one that is cut off in its fifth byte', '80808080'],
    ['2^53', reference(2 ** 53).toString('hex')],
    ['-2^53', reference(-(2 ** 53)).toString('hex')],
    ['the largest of 64 bits', 'feffffffffffffffff01'],
    ['eleven bytes', '8080808080808080808001'],
  ])('refuses %s', (_, hex) => {
    const reader = new VarintReader(Buffer.from(hex, 'hex'))
    expect(() => reader.readVarlong()).toThrow(expect.objectContaining({ code: 'INVALID_BATCH' }))
  })
})

describe('bytes', () => {
  it('come as a view, and not past the end', () => {
    const bytes = Buffer.from('abcd')
    const reader = new VarintReader(bytes)
    const view = reader.readBytes(3)
    expect(view.toString()).toBe('abc')
    expect(view.buffer).toBe(bytes.buffer)
    expect(() => reader.readBytes(2)).toThrow(expect.objectContaining({ code: 'INVALID_BATCH' }))
    expect(() => reader.skip(2)).toThrow(expect.objectContaining({ code: 'INVALID_BATCH' }))
    reader.skip(1)
    expect(reader.position).toBe(4)
  })
})
