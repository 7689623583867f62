import { COMPRESSION_CODECS } from '@millrace/record'
import { expect, test } from 'vitest'
import { type BenchTest, batchOf } from './subject.ts'

const COMMITTED = { acks: 'committed' } as const

export function timestampTests(bench: BenchTest): void {
  test(
    'an empty partition has none',
    bench(async (b) => {
      expect(await (await b.createPartition()).offsetForTimestamp(0)).toBeUndefined()
    }),
  )

  test(
    'the first record at or after the time, also inside a batch and among equal times',
    bench(async (b) => {
      const partition = await b.createPartition()
      await partition.append(batchOf(['a', 'b', 'c'], { timestamps: [100, 200, 200] }), COMMITTED)
      await partition.append(batchOf(['d', 'e'], { timestamps: [200, 300] }), COMMITTED)
      expect(await partition.offsetForTimestamp(0)).toEqual({ offset: 0, timestamp: 100 })
      expect(await partition.offsetForTimestamp(100)).toEqual({ offset: 0, timestamp: 100 })
      expect(await partition.offsetForTimestamp(101)).toEqual({ offset: 1, timestamp: 200 })
      expect(await partition.offsetForTimestamp(200)).toEqual({ offset: 1, timestamp: 200 })
      expect(await partition.offsetForTimestamp(201)).toEqual({ offset: 4, timestamp: 300 })
      expect(await partition.offsetForTimestamp(301)).toBeUndefined()
    }),
  )

  test(
    'times out of order, within a batch and between batches',
    bench(async (b) => {
      const partition = await b.createPartition()
      const times = [[10, 300, 20], [250], [5], [200, 400], [350]]
      for (const timestamps of times) {
        await partition.append(batchOf(timestamps.map(String), { timestamps }), COMMITTED)
      }
      const flat = times.flat()
      for (let time = 0; time <= 405; time += 5) {
        const offset = flat.findIndex((timestamp) => timestamp >= time)
        expect(await partition.offsetForTimestamp(time)).toEqual(
          offset === -1 ? undefined : { offset, timestamp: flat[offset] },
        )
      }
    }),
  )

  test(
    'across many segments',
    bench(async (b) => {
      const partition = await b.createPartition('orders', { 'segment.bytes': '1024', 'index.interval.bytes': '256' })
      const times = Array.from({ length: 120 }, (_, index) => 1_000 + ((index * 37) % 50) + index * 10)
      for (const time of times) await partition.append(batchOf([`${time}`], { timestamps: [time] }), COMMITTED)
      for (let time = 990; time < 2_300; time += 7) {
        const offset = times.findIndex((timestamp) => timestamp >= time)
        expect(await partition.offsetForTimestamp(time)).toEqual(
          offset === -1 ? undefined : { offset, timestamp: times[offset] },
        )
      }
    }),
  )

  test(
    'inside compressed batches',
    bench(async (b) => {
      const partition = await b.createPartition()
      for (const [index, compression] of COMPRESSION_CODECS.entries()) {
        const timestamps = [0, 1, 2].map((record) => (index * 3 + record) * 10)
        await partition.append(batchOf(['a', 'b', 'c'], { timestamps, compression }), COMMITTED)
      }
      for (let offset = 0; offset < COMPRESSION_CODECS.length * 3; offset++) {
        expect(await partition.offsetForTimestamp(offset * 10 - 5)).toEqual({ offset, timestamp: offset * 10 })
      }
    }),
  )

  test(
    'not before the log start',
    bench(async (b) => {
      const partition = await b.createPartition()
      await partition.append(batchOf(['a', 'b', 'c'], { timestamps: [500, 100, 600] }), COMMITTED)
      await partition.append(batchOf(['d'], { timestamps: [200] }), COMMITTED)
      await partition.truncateBefore(1)
      expect(await partition.offsetForTimestamp(0)).toEqual({ offset: 1, timestamp: 100 })
      expect(await partition.offsetForTimestamp(400)).toEqual({ offset: 2, timestamp: 600 })
      await partition.truncateBefore(3)
      expect(await partition.offsetForTimestamp(0)).toEqual({ offset: 3, timestamp: 200 })
      expect(await partition.offsetForTimestamp(400)).toBeUndefined()
      await partition.truncateBefore(4)
      expect(await partition.offsetForTimestamp(0)).toBeUndefined()
    }),
  )

  test(
    'not what is not committed',
    bench(async (b) => {
      const partition = await b.createPartition()
      await partition.append(batchOf(['a'], { timestamps: [100] }), COMMITTED)
      const release = b.holdCommits()
      const append = partition.append(batchOf(['b'], { timestamps: [200] }), COMMITTED)
      expect(await partition.offsetForTimestamp(150)).toBeUndefined()
      release()
      await append
      expect(await partition.offsetForTimestamp(150)).toEqual({ offset: 1, timestamp: 200 })
    }),
  )

  test(
    'the same after a restart',
    bench(async (b) => {
      const { id } = await b.createTopic('orders', 1, { 'segment.bytes': '1024', 'index.interval.bytes': '256' })
      const times = Array.from({ length: 50 }, (_, index) => (index * 31) % 47)
      for (const time of times) {
        await b.engine.partition(id, 0).append(batchOf(['x'.repeat(50)], { timestamps: [time] }), COMMITTED)
      }
      const partition = (await b.reopen()).partition(id, 0)
      for (let time = 0; time < 50; time++) {
        const offset = times.findIndex((timestamp) => timestamp >= time)
        expect(await partition.offsetForTimestamp(time)).toEqual(
          offset === -1 ? undefined : { offset, timestamp: times[offset] },
        )
      }
    }),
  )
}
