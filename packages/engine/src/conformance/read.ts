import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import type { ReadResult } from '../engine.ts'
import { advanceUntil, type BenchTest, batchesIn, batchOf, failure, readValues, recordsIn, turns } from './subject.ts'

const COMMITTED = { acks: 'committed' } as const
const NOTHING = { batches: [], abortedTransactions: [] }

export function readTests(bench: BenchTest): void {
  test(
    'an empty partition has nothing at 0',
    bench(async (b) => {
      const partition = await b.createPartition()
      const offsets = { logStartOffset: 0, highWatermark: 0, lastStableOffset: 0 }
      expect(await partition.read(0, { maxBytes: 1_000 })).toEqual({ ...NOTHING, ...offsets, nextOffset: 0 })
      expect(await partition.status()).toMatchObject(offsets)
    }),
  )

  test(
    'from every offset whole batches come, the first being the one that holds it',
    bench(async (b) => {
      const partition = await b.createPartition('orders', { 'segment.bytes': '1024', 'index.interval.bytes': '256' })
      const bases: number[] = []
      for (let index = 0; index < 40; index++) {
        const values = Array.from({ length: 1 + (index % 3) }, (_, record) => `${index}.${record}`)
        bases.push((await partition.append(batchOf(values), COMMITTED)).baseOffset)
      }
      const { highWatermark } = await partition.status()
      for (let offset = 0; offset < highWatermark; offset++) {
        const batches = batchesIn(await partition.read(offset, { maxBytes: 400 }))
        expect(batches[0]!.baseOffset).toBe(bases.findLast((base) => base <= offset))
        for (const [index, batch] of batches.entries()) {
          expect(batch.hasValidChecksum()).toBe(true)
          if (index > 0) expect(batch.baseOffset).toBe(batches[index - 1]!.nextOffset)
        }
      }
    }),
  )

  test(
    'no more bytes come than were asked for, but for a first batch that is larger',
    bench(async (b) => {
      const partition = await b.createPartition()
      const sizes = [100, 2_000, 100, 100, 3_000]
      for (const size of sizes) await partition.append(batchOf(['x'.repeat(size)]), COMMITTED)
      for (const maxBytes of [0, 1, 150, 400, 2_100, 10_000]) {
        for (let offset = 0; offset < sizes.length; offset++) {
          const read = await partition.read(offset, { maxBytes })
          const bytes = read.batches.reduce((sum, buffer) => sum + buffer.length, 0)
          const count = batchesIn(read).length
          expect(count).toBeGreaterThanOrEqual(1)
          if (count > 1) expect(bytes).toBeLessThanOrEqual(maxBytes)
          expect(read.nextOffset).toBe(offset + count)
        }
        expect(await readValues(partition, 0, maxBytes)).toHaveLength(sizes.length)
      }
    }),
  )

  test(
    'at the high watermark there is nothing, and reading goes on at the same offset',
    bench(async (b) => {
      const partition = await b.createPartition()
      await partition.append(batchOf(['a', 'b', 'c']), COMMITTED)
      const offsets = { logStartOffset: 0, highWatermark: 3, lastStableOffset: 3 }
      expect(await partition.read(3, { maxBytes: 1_000 })).toEqual({ ...NOTHING, ...offsets, nextOffset: 3 })
      expect(await partition.read(0, { maxBytes: 1_000 })).toMatchObject({ ...offsets, nextOffset: 3 })
    }),
  )

  test(
    'an offset that the partition does not have fails, and the error holds the range',
    bench(async (b) => {
      const partition = await b.createPartition()
      for (let index = 0; index < 5; index++) await partition.append(batchOf(['x']), COMMITTED)
      await partition.truncateBefore(2)
      for (const offset of [0, 1, 6, 1_000_000, Number.MAX_SAFE_INTEGER]) {
        for (const waitMs of [0, 60_000]) {
          const error = await failure(partition.read(offset, { maxBytes: 1_000, waitMs }), 'OFFSET_OUT_OF_RANGE')
          expect(error.details).toMatchObject({ logStartOffset: 2, highWatermark: 5 })
        }
      }
      expect((await partition.read(2, { maxBytes: 1_000 })).nextOffset).toBeGreaterThan(2)
    }),
  )

  test(
    'nobody reads what is not committed',
    bench(async (b) => {
      const partition = await b.createPartition()
      await partition.append(batchOf(['a']), COMMITTED)
      const release = b.holdCommits()
      await partition.append(batchOf(['b', 'c']), { acks: 'none' })
      for (const isolation of ['committed', 'uncommitted'] as const) {
        const read = await partition.read(0, { maxBytes: 1_000, isolation })
        expect(read).toMatchObject({ nextOffset: 1, highWatermark: 1 })
        // Between the high watermark and the end of the log there is nothing yet, but it is no error to wait there.
        for (const offset of [1, 2, 3]) {
          expect(await partition.read(offset, { maxBytes: 1_000, isolation })).toMatchObject({
            ...NOTHING,
            nextOffset: offset,
          })
        }
      }
      const waiting = [1, 2].map((offset) => partition.read(offset, { maxBytes: 1_000, waitMs: 60_000 }))
      release()
      for (const read of await Promise.all(waiting)) expect(recordsIn(read)).toHaveLength(2)
    }),
  )

  test(
    'a commit wakes everyone who waits for it',
    bench(async (b) => {
      const partition = await b.createPartition()
      const waiting = Array.from({ length: 50 }, () => partition.read(0, { maxBytes: 1_000, waitMs: 60_000 }))
      await partition.append(batchOf(['a', 'b']), COMMITTED)
      for (const read of await Promise.all(waiting)) {
        expect(recordsIn(read).map(({ value }) => String(value))).toEqual(['a', 'b'])
        expect(read).toMatchObject({ nextOffset: 2, highWatermark: 2 })
      }
    }),
  )

  test(
    'a reader that follows gets every record once and in order, while several write',
    bench(async (b) => {
      const partition = await b.createPartition('orders', { 'segment.bytes': '2048' })
      const total = 300
      const follow = async (): Promise<string[]> => {
        const values: string[] = []
        while (values.length < total) {
          const read = await partition.read(values.length, { maxBytes: 500, waitMs: 60_000 })
          for (const record of recordsIn(read, values.length)) {
            expect(record.offset).toBe(values.length)
            values.push(String(record.value))
          }
        }
        return values
      }
      const followers = [follow(), follow(), follow()]
      const writers = ['a', 'b', 'c'].map(async (name) => {
        for (let index = 0; index < total / 3; index++) await partition.append(batchOf([`${name}${index}`]), COMMITTED)
      })
      await Promise.all(writers)
      const [first, ...others] = await Promise.all(followers)
      for (const values of others) expect(values).toEqual(first)
      for (const name of ['a', 'b', 'c']) {
        expect(first!.filter((value) => value.startsWith(name))).toEqual(
          Array.from({ length: total / 3 }, (_, index) => `${name}${index}`),
        )
      }
    }),
  )

  test(
    'a read waits as long as it says, by the engine’s clock, and no longer',
    bench(async (b) => {
      const partition = await b.createPartition()
      const short = await advanceUntil(b.clock, 100, partition.read(0, { maxBytes: 1_000, waitMs: 100 }))
      expect(short).toMatchObject({ ...NOTHING, nextOffset: 0 })

      let over = false
      const long = partition.read(0, { maxBytes: 1_000, waitMs: 1_000 }).then((read) => {
        over = true
        return read
      })
      await turns()
      b.clock.advance(999)
      await turns()
      expect(over).toBe(false)
      await partition.append(batchOf(['a']), COMMITTED)
      expect((await long).nextOffset).toBe(1)
    }),
  )

  test(
    'an abort ends the waiting of that read with nothing, and leaves the others alone',
    bench(async (b) => {
      const partition = await b.createPartition()
      const abort = new AbortController()
      const read = (signal?: AbortSignal): Promise<ReadResult> =>
        partition.read(0, { maxBytes: 1_000, waitMs: 60_000, signal })
      const [ended, other] = [read(abort.signal), read()]
      await turns()
      abort.abort()
      expect(await ended).toMatchObject({ ...NOTHING, nextOffset: 0 })
      expect(await read(abort.signal)).toMatchObject({ ...NOTHING, nextOffset: 0 })
      await partition.append(batchOf(['a']), COMMITTED)
      expect((await other).nextOffset).toBe(1)
    }),
  )

  test(
    'reads that have ended hold on to no signal and no timer',
    bench(async (b) => {
      const partition = await b.createPartition()
      const abort = new AbortController()
      const timers = b.clock.pendingTimers
      for (let offset = 0; offset < 50; offset++) {
        const waiting = partition.read(offset, { maxBytes: 1_000, waitMs: 60_000, signal: abort.signal })
        await partition.append(batchOf(['a']), COMMITTED)
        expect((await waiting).nextOffset).toBe(offset + 1)
      }
      expect(getEventListeners(abort.signal, 'abort')).toHaveLength(0)
      expect(b.clock.pendingTimers - timers).toBeLessThan(10)
    }),
  )

  test(
    'what a read gave never changes',
    bench(async (b) => {
      const partition = await b.createPartition()
      const values = ['a', 'b', 'c']
      await partition.append(batchOf(values), COMMITTED)
      const read = await partition.read(0, { maxBytes: 1_000 })
      const copy = read.batches.map((buffer) => Buffer.from(buffer))
      for (let index = 0; index < 50; index++) await partition.append(batchOf(['x'.repeat(1_000)]), COMMITTED)
      await partition.truncateBefore(20)
      expect(read.batches.every((buffer, index) => buffer.equals(copy[index]!))).toBe(true)
    }),
  )
}
