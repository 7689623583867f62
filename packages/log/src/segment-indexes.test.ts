import type { RecordBatch } from '@millrace/record'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { TIMESTAMP, valuesBatch } from '../test/log-harness.ts'
import { OffsetIndex } from './offset-index.ts'
import { IndexCache, SegmentIndexes } from './segment-indexes.ts'
import { TimeIndex } from './time-index.ts'

const INTERVAL = 256

interface Placed {
  readonly batch: RecordBatch
  readonly lastOffset: number
  readonly position: number
}

/** Batches of all sizes, with timestamps in no order, as they lie in a segment. */
const segments = fc
  .array(fc.record({ records: fc.integer({ min: 1, max: 4 }), size: fc.nat({ max: 400 }), at: fc.nat({ max: 50 }) }), {
    minLength: 1,
    maxLength: 30,
  })
  .map((list) => {
    let offset = -1
    let position = 0
    return list.map(({ records, size, at }): Placed => {
      const values = Array.from({ length: records }, () => 'x'.repeat(size))
      const batch = valuesBatch(values, { timestamp: TIMESTAMP + at })
      offset += records
      const placed = { batch, lastOffset: offset, position }
      position += batch.sizeBytes
      return placed
    })
  })

function indexesOf(placed: readonly Placed[]): SegmentIndexes {
  const indexes = new SegmentIndexes()
  for (const { batch, lastOffset, position } of placed) indexes.add(batch, lastOffset, position, INTERVAL)
  return indexes
}

describe('the indexes of a segment', () => {
  test('have an entry about every interval, and each is that of a batch', () => {
    fc.assert(
      fc.property(segments, (placed) => {
        const { offsets } = indexesOf(placed)
        let entry = 0
        let sinceEntry = 0
        for (const { batch, lastOffset, position } of placed) {
          if (sinceEntry > INTERVAL) {
            expect([offsets.relativeOffsetAt(entry), offsets.positionAt(entry)]).toEqual([lastOffset, position])
            entry++
            sinceEntry = 0
          }
          sinceEntry += batch.sizeBytes
        }
        expect(offsets.entries).toBe(entry)
      }),
    )
  })

  test('lead to a place from which a scan meets the offset', () => {
    fc.assert(
      fc.property(segments, (placed) => {
        const { offsets } = indexesOf(placed)
        for (const { batch, lastOffset, position } of placed) {
          const first = lastOffset - batch.lastOffsetDelta
          for (const offset of [first, lastOffset]) expect(offsets.lookup(offset)).toBeLessThanOrEqual(position)
        }
      }),
    )
  })

  test('lead to a place from which a scan meets the first batch that is late enough', () => {
    fc.assert(
      fc.property(segments, fc.nat({ max: 51 }), (placed, at) => {
        const indexes = indexesOf(placed)
        const wanted = TIMESTAMP + at
        const first = placed.find(({ batch }) => batch.maxTimestamp >= wanted)
        expect(indexes.largestTimestamp >= wanted).toBe(first !== undefined)
        if (first === undefined) return
        expect(indexes.offsets.lookup(indexes.times.lookup(wanted))).toBeLessThanOrEqual(first.position)
      }),
    )
  })

  test('tell the largest timestamp again when they are read back', () => {
    fc.assert(
      fc.property(segments, (placed) => {
        const indexes = indexesOf(placed)
        indexes.finish()
        const offsets = new OffsetIndex(Buffer.from(indexes.offsets.fileBytes))
        const times = new TimeIndex(Buffer.from(indexes.times.fileBytes))
        const largest = Math.max(...placed.map(({ batch }) => batch.maxTimestamp))
        expect(new SegmentIndexes(offsets, times).largestTimestamp).toBe(largest)
        const last = placed.at(-1) as Placed
        expect(offsets.fits(last.position + last.batch.sizeBytes)).toBe(true)
        expect(times.fits(last.lastOffset + 1)).toBe(true)
      }),
    )
  })

  test('of an empty segment are empty', () => {
    const indexes = new SegmentIndexes()
    indexes.finish()
    expect(indexes.largestTimestamp).toBe(-1)
    expect(indexes.offsets.fileBytes).toHaveLength(0)
    expect(indexes.times.fileBytes).toHaveLength(0)
  })
})

describe('the cache of indexes', () => {
  /** Indexes that hold `bytes` bytes of memory. */
  function sized(bytes: number): SegmentIndexes {
    return new SegmentIndexes(new OffsetIndex(Buffer.alloc(bytes)))
  }

  test('loads what it does not have, once, also when several ask at once', async () => {
    const cache = new IndexCache(1_000)
    const segment = {}
    const { promise, resolve } = Promise.withResolvers<SegmentIndexes>()
    let loads = 0
    const load = (): Promise<SegmentIndexes> => {
      loads++
      return promise
    }
    const asked = [cache.get(segment, load), cache.get(segment, load)]
    resolve(sized(80))
    expect(await Promise.all(asked)).toEqual([await promise, await promise])
    await cache.get(segment, load)
    expect(loads).toBe(1)
    expect(cache.memoryBytes).toBe(80)
  })

  test('stays within its bound, and lets go of what was not used for longest', async () => {
    const cache = new IndexCache(100)
    const loaded: string[] = []
    const segments = { a: {}, b: {}, c: {} }
    const get = (name: keyof typeof segments) =>
      cache.get(segments[name], async () => {
        loaded.push(name)
        return sized(40)
      })
    await get('a')
    await get('b')
    await get('a')
    await get('c')
    expect(cache.memoryBytes).toBe(80)
    await get('a')
    expect(loaded).toEqual(['a', 'b', 'c'])
    await get('b')
    expect(loaded).toEqual(['a', 'b', 'c', 'b'])
    expect(cache.memoryBytes).toBe(80)
  })

  test('keeps one that is larger than the bound, for as long as it is alone', async () => {
    const cache = new IndexCache(100)
    const large = {}
    await cache.get(large, async () => sized(400))
    expect(cache.memoryBytes).toBe(400)
    await cache.get({}, async () => sized(16))
    expect(cache.memoryBytes).toBe(16)
  })

  test('does not keep a load that failed', async () => {
    const cache = new IndexCache(100)
    const segment = {}
    await expect(cache.get(segment, () => Promise.reject(new Error('gone')))).rejects.toThrow('gone')
    expect(cache.memoryBytes).toBe(0)
    const indexes = sized(16)
    expect(await cache.get(segment, async () => indexes)).toBe(indexes)
  })

  test('counts nothing that was dropped while it was being loaded', async () => {
    const cache = new IndexCache(100)
    const segment = {}
    const { promise, resolve } = Promise.withResolvers<SegmentIndexes>()
    const asked = cache.get(segment, () => promise)
    cache.drop(segment)
    const again = cache.get(segment, async () => sized(24))
    resolve(sized(48))
    await Promise.all([asked, again])
    expect(cache.memoryBytes).toBe(24)
    cache.drop(segment)
    cache.drop(segment)
    expect(cache.memoryBytes).toBe(0)
  })

  test('accounts for any sequence of calls as a list does', async () => {
    const call = fc.record({ drop: fc.boolean(), segment: fc.nat({ max: 5 }), bytes: fc.nat({ max: 12 }) })
    await fc.assert(
      fc.asyncProperty(fc.array(call, { maxLength: 40 }), async (calls) => {
        const cache = new IndexCache(160)
        const keys = Array.from({ length: 6 }, () => ({}))
        let model: { segment: number; bytes: number }[] = []
        for (const { drop, segment, bytes } of calls) {
          const key = keys[segment] as object
          const known = model.find((entry) => entry.segment === segment)
          model = model.filter((entry) => entry !== known)
          if (drop) {
            cache.drop(key)
          } else {
            await cache.get(key, async () => sized(bytes * 8))
            model.push(known ?? { segment, bytes: bytes * 8 })
            const held = () => model.reduce((sum, entry) => sum + entry.bytes, 0)
            while (held() > 160 && model.length > 1) model.shift()
          }
          expect(cache.memoryBytes).toBe(model.reduce((sum, entry) => sum + entry.bytes, 0))
        }
      }),
    )
  })
})
