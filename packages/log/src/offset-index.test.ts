import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { OffsetIndex } from './offset-index.ts'

/** Entries as a segment makes them: both fields rise. */
const entries = fc
  .array(fc.record({ offsets: fc.integer({ min: 1, max: 1_000 }), bytes: fc.integer({ min: 61, max: 9_000 }) }), {
    maxLength: 60,
  })
  .map((steps) => {
    let offset = -1
    let position = 0
    return steps.map((step) => {
      offset += step.offsets
      const entry = { offset, position }
      position += step.bytes
      return entry
    })
  })

function indexOf(list: readonly { offset: number; position: number }[]): OffsetIndex {
  const index = new OffsetIndex()
  for (const { offset, position } of list) index.append(offset, position)
  return index
}

/** An index file with these big-endian int32 pairs. */
function fileOf(...pairs: [offset: number, position: number][]): Buffer {
  const bytes = Buffer.alloc(pairs.length * 8)
  for (const [entry, [offset, position]] of pairs.entries()) {
    bytes.writeInt32BE(offset, entry * 8)
    bytes.writeInt32BE(position, entry * 8 + 4)
  }
  return bytes
}

describe('the offset index', () => {
  test("is laid out as Kafka's: last offset of the batch, then its position, both int32, big-endian", () => {
    const index = new OffsetIndex()
    index.append(41, 4_097)
    index.append(0x01020304, 0x7fffffff)
    expect(index.fileBytes.toString('hex')).toBe('0000002900001001' + '010203047fffffff')
    expect(index.entries).toBe(2)
  })

  test('finds what a search through all entries finds, also when it is read back from its file', () => {
    fc.assert(
      fc.property(entries, fc.integer({ min: 0, max: 70_000 }), (list, wanted) => {
        const written = indexOf(list)
        const found = list.findLast((entry) => entry.offset <= wanted)?.position ?? 0
        expect(written.lookup(wanted)).toBe(found)
        expect(new OffsetIndex(Buffer.from(written.fileBytes)).lookup(wanted)).toBe(found)
      }),
    )
  })

  test('goes on behind the entries that it was read with', () => {
    fc.assert(
      fc.property(entries, fc.nat(), (list, at) => {
        const cut = list.length === 0 ? 0 : at % list.length
        const index = new OffsetIndex(Buffer.from(indexOf(list.slice(0, cut)).fileBytes))
        for (const { offset, position } of list.slice(cut)) index.append(offset, position)
        expect(index.fileBytes).toEqual(indexOf(list).fileBytes)
      }),
    )
  })

  test('fits the log that it was made for, and no shorter one', () => {
    fc.assert(
      fc.property(entries, (list) => {
        const index = indexOf(list)
        const last = list.at(-1)?.position ?? -1
        expect(index.fits(last + 1)).toBe(true)
        if (list.length > 0) expect(index.fits(last)).toBe(false)
      }),
    )
  })

  test.each([
    ['a negative position', fileOf([3, -1])],
    ['a negative offset', fileOf([-4, 0])],
    ['a position that is there twice', fileOf([3, 10], [5, 10])],
    ['a position that goes back', fileOf([3, 10], [5, 9])],
    ['an offset that is there twice', fileOf([3, 10], [3, 20])],
    ['an offset that goes back', fileOf([3, 10], [2, 20])],
    ['zeros behind the entries', fileOf([3, 10], [0, 0])],
  ])('does not fit with %s', (_, bytes) => {
    expect(new OffsetIndex(bytes).fits(1_000)).toBe(false)
  })

  test('counts no entry that is not whole', () => {
    expect(new OffsetIndex(fileOf([3, 10], [5, 20]).subarray(0, 15)).entries).toBe(1)
    expect(new OffsetIndex(Buffer.alloc(7)).entries).toBe(0)
  })
})
