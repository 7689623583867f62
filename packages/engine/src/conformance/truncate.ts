import { expect, test } from 'vitest'
import { type BenchTest, batchesIn, batchOf, failure, readValues, recordsIn, sequenced } from './subject.ts'

const COMMITTED = { acks: 'committed' } as const

export function truncateTests(bench: BenchTest): void {
  test(
    'the records before the offset are gone, the others stay where they are',
    bench(async (b) => {
      const partition = await b.createPartition('orders', { 'segment.bytes': '1024' })
      const values = Array.from({ length: 50 }, (_, index) => `value ${index} ${'.'.repeat(40)}`)
      for (const value of values) await partition.append(batchOf([value]), COMMITTED)
      expect(await partition.truncateBefore(33)).toBe(33)
      expect(await partition.status()).toMatchObject({ logStartOffset: 33, highWatermark: 50 })
      await failure(partition.read(32, { maxBytes: 1_000 }), 'OFFSET_OUT_OF_RANGE')
      expect(await readValues(partition, 33)).toEqual(values.slice(33))
    }),
  )

  test(
    'inside a batch: the batch comes whole, but its first records are not there to be asked for',
    bench(async (b) => {
      const partition = await b.createPartition()
      await partition.append(batchOf(['a', 'b', 'c']), COMMITTED)
      expect(await partition.truncateBefore(1)).toBe(1)
      const read = await partition.read(1, { maxBytes: 1_000 })
      expect(batchesIn(read)[0]!.baseOffset).toBe(0)
      expect(recordsIn(read, 1).map(({ value }) => String(value))).toEqual(['b', 'c'])
      await failure(partition.read(0, { maxBytes: 1_000 }), 'OFFSET_OUT_OF_RANGE')
    }),
  )

  test(
    'an offset below the log start changes nothing',
    bench(async (b) => {
      const partition = await b.createPartition()
      await partition.append(batchOf(['a', 'b', 'c']), COMMITTED)
      await partition.truncateBefore(2)
      for (const offset of [0, 1, 2]) expect(await partition.truncateBefore(offset)).toBe(2)
      expect(await partition.status()).toMatchObject({ logStartOffset: 2, highWatermark: 3 })
    }),
  )

  test(
    'past the high watermark it fails and changes nothing',
    bench(async (b) => {
      const partition = await b.createPartition()
      await partition.append(batchOf(['a', 'b', 'c']), COMMITTED)
      const error = await failure(partition.truncateBefore(4), 'OFFSET_OUT_OF_RANGE')
      expect(error.details).toMatchObject({ logStartOffset: 0, highWatermark: 3 })
      expect(await readValues(partition)).toEqual(['a', 'b', 'c'])
    }),
  )

  test(
    'at the high watermark nothing is left, and offsets and sequences go on',
    bench(async (b) => {
      const partition = await b.createPartition()
      await partition.append(sequenced(1, 0, 3), COMMITTED)
      expect(await partition.truncateBefore(3)).toBe(3)
      expect(await partition.read(3, { maxBytes: 1_000 })).toMatchObject({ batches: [], nextOffset: 3 })
      expect(await partition.append(sequenced(1, 0, 3), COMMITTED)).toMatchObject({ baseOffset: 0, duplicate: true })
      expect(await partition.append(sequenced(1, 3), COMMITTED)).toMatchObject({ baseOffset: 3, duplicate: false })
      expect(await readValues(partition, 3)).toEqual(['1/0/3'])
    }),
  )

  test(
    'it outlives a restart',
    bench(async (b) => {
      const { id } = await b.createTopic('orders', 2, { 'segment.bytes': '1024' })
      for (const number of [0, 1]) {
        for (let index = 0; index < 30; index++) {
          await b.engine.partition(id, number).append(batchOf([`${index} ${'.'.repeat(60)}`]), COMMITTED)
        }
      }
      await b.engine.partition(id, 0).truncateBefore(17)
      await b.engine.partition(id, 1).truncateBefore(30)
      const engine = await b.reopen()
      expect(await engine.partition(id, 0).status()).toMatchObject({ logStartOffset: 17, highWatermark: 30 })
      await failure(engine.partition(id, 0).read(16, { maxBytes: 1_000 }), 'OFFSET_OUT_OF_RANGE')
      expect(await readValues(engine.partition(id, 0), 17)).toHaveLength(13)
      expect(await engine.partition(id, 1).status()).toMatchObject({ logStartOffset: 30, highWatermark: 30 })
      const { baseOffset } = await engine.partition(id, 1).append(batchOf(['x']), COMMITTED)
      expect(baseOffset).toBe(30)
    }),
  )
}
