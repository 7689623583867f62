import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { TimeIndex } from './time-index.ts'

/** Entries as they are offered to the index: the largest timestamp so far, which may stay, and offsets that rise. */
const offered = fc
  .array(
    fc.record({ later: fc.oneof(fc.constant(0), fc.nat({ max: 2 ** 40 })), offsets: fc.integer({ min: 1, max: 100 }) }),
    { maxLength: 60 },
  )
  .map((steps) => {
    let timestamp = 0
    let offset = -1
    return steps.map((step) => {
      timestamp += step.later
      offset += step.offsets
      return { timestamp, offset }
    })
  })

function indexOf(list: readonly { timestamp: number; offset: number }[]): TimeIndex {
  const index = new TimeIndex()
  for (const { timestamp, offset } of list) index.append(timestamp, offset)
  return index
}

/** What of `list` an index keeps: the first of each timestamp. */
function kept<T extends { timestamp: number }>(list: readonly T[]): T[] {
  return list.filter((entry, at) => at === 0 || entry.timestamp > (list[at - 1] as T).timestamp)
}

/** An index file with these entries. */
function fileOf(...pairs: [timestamp: bigint, offset: number][]): Buffer {
  const bytes = Buffer.alloc(pairs.length * 12)
  for (const [entry, [timestamp, offset]] of pairs.entries()) {
    bytes.writeBigInt64BE(timestamp, entry * 12)
    bytes.writeInt32BE(offset, entry * 12 + 8)
  }
  return bytes
}

describe('the time index', () => {
  test("is laid out as Kafka's: int64 timestamp, int32 offset, big-endian", () => {
    const index = new TimeIndex()
    index.append(1_700_000_000_123, 41)
    index.append(Number.MAX_SAFE_INTEGER, 0x01020304)
    expect(index.fileBytes).toEqual(fileOf([1_700_000_000_123n, 41], [2n ** 53n - 1n, 0x01020304]))
  })

  test('keeps only timestamps that are later than all before', () => {
    fc.assert(
      fc.property(offered, (list) => {
        const index = indexOf(list)
        const expected = kept(list)
        expect(index.entries).toBe(expected.length)
        expect(index.lastTimestamp).toBe(expected.at(-1)?.timestamp ?? -1)
        for (const [at, { timestamp, offset }] of expected.entries()) {
          expect(index.timestampAt(at)).toBe(timestamp)
          expect(index.relativeOffsetAt(at)).toBe(offset)
        }
      }),
    )
  })

  test('never points behind the first record that is late enough, and no further before it than its entries', () => {
    fc.assert(
      fc.property(offered, fc.nat(), (list, wanted) => {
        const timestamp = list.length === 0 ? wanted : (list[wanted % list.length] as { timestamp: number }).timestamp
        for (const searched of [timestamp - 1, timestamp, timestamp + 1]) {
          const expected = kept(list).findLast((entry) => entry.timestamp < searched)?.offset ?? 0
          expect(indexOf(list).lookup(searched)).toBe(expected)
          expect(new TimeIndex(Buffer.from(indexOf(list).fileBytes)).lookup(searched)).toBe(expected)
        }
      }),
    )
  })

  test('fits the offsets that it was made for, and no fewer', () => {
    fc.assert(
      fc.property(offered, (list) => {
        const index = indexOf(list)
        const last = kept(list).at(-1)?.offset ?? -1
        expect(index.fits(last + 1)).toBe(true)
        if (list.length > 0) expect(index.fits(last)).toBe(false)
      }),
    )
  })

  test.each([
    ['a negative offset', fileOf([5n, -1])],
    ['a timestamp that is there twice', fileOf([5n, 1], [5n, 2])],
    ['a timestamp that goes back', fileOf([5n, 1], [4n, 2])],
    ['an offset that is there twice', fileOf([5n, 1], [6n, 1])],
    ['an offset that goes back', fileOf([5n, 1], [6n, 0])],
    ['zeros behind the entries', fileOf([5n, 1], [0n, 0])],
    ['a timestamp before 1970', fileOf([-2n, 0])],
    ['a timestamp that no number holds', fileOf([2n ** 62n, 0])],
  ])('does not fit with %s', (_, bytes) => {
    expect(new TimeIndex(bytes).fits(1_000)).toBe(false)
  })
})
