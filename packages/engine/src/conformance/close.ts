import { expect, test } from 'vitest'
import { type BenchTest, batchOf, failure, readValues } from './subject.ts'

export function closeTests(bench: BenchTest): void {
  test(
    'a healthy engine has no problems',
    bench(async (b) => {
      await b.createPartition()
      expect(await b.engine.problems()).toEqual([])
    }),
  )

  test(
    'its figures name each topic, with its partitions and the bytes in them',
    bench(async (b) => {
      const topics = [await b.createTopic('orders', 3), await b.createTopic('clicks')]
      const batch = batchOf(['a'])
      await b.engine.partition(topics[0]?.id ?? '', 1).append(batch, { acks: 'committed' })
      const { topics: usages, unopenedPartitions } = await b.engine.stats()
      const wanted = [
        { id: topics[0]?.id, name: 'orders', partitions: 3, sizeBytes: batch.length },
        { id: topics[1]?.id, name: 'clicks', partitions: 1, sizeBytes: 0 },
      ]
      expect([...usages].sort((one, other) => other.sizeBytes - one.sizeBytes)).toMatchObject(wanted)
      expect(unopenedPartitions).toBe(0)
      await b.engine.topics.delete(topics[0]?.id ?? '')
      expect((await b.engine.stats()).topics.map(({ name }) => name)).toEqual(['clicks'])
    }),
  )

  test(
    'afterwards every call fails with SHUTTING_DOWN',
    bench(async (b) => {
      const { id } = await b.createTopic()
      const partition = b.engine.partition(id, 0)
      await partition.append(batchOf(['a']), { acks: 'committed' })
      await b.engine.close()
      for (const handle of [partition, b.engine.partition(id, 0)]) {
        await failure(handle.append(batchOf(['b']), { acks: 'none' }), 'SHUTTING_DOWN')
        await failure(handle.read(0, { maxBytes: 1_000 }), 'SHUTTING_DOWN')
        await failure(handle.status(), 'SHUTTING_DOWN')
        await failure(handle.offsetForTimestamp(0), 'SHUTTING_DOWN')
        await failure(handle.truncateBefore(0), 'SHUTTING_DOWN')
      }
      await failure(b.createTopic('other'), 'SHUTTING_DOWN')
      await failure(b.engine.topics.find('orders'), 'SHUTTING_DOWN')
      await failure(b.engine.topics.list(), 'SHUTTING_DOWN')
      await failure(b.engine.topics.delete(id), 'SHUTTING_DOWN')
      await failure(b.engine.producers.allocate(), 'SHUTTING_DOWN')
      await failure(b.engine.stats(), 'SHUTTING_DOWN')
      expect(await b.engine.problems()).not.toEqual([])
    }),
  )

  test(
    'it ends the reads that wait',
    bench(async (b) => {
      const partition = await b.createPartition()
      const ended = Promise.all(
        [0, 0, 0].map((offset) =>
          failure(partition.read(offset, { maxBytes: 1_000, waitMs: 60_000 }), 'SHUTTING_DOWN'),
        ),
      )
      await b.engine.close()
      await ended
    }),
  )

  test(
    'it may be called twice, also at the same time',
    bench(async (b) => {
      await b.createPartition()
      await Promise.all([b.engine.close(), b.engine.close()])
      await b.engine.close()
    }),
  )

  test(
    'it commits what was appended before',
    bench(async (b) => {
      const partition = await b.createPartition()
      const appends = Array.from({ length: 50 }, (_, index) =>
        partition.append(batchOf([`${index}`]), { acks: 'committed' }),
      )
      await b.engine.close()
      for (const [index, { baseOffset }] of (await Promise.all(appends)).entries()) expect(baseOffset).toBe(index)
    }),
  )

  test(
    'what it committed is there after a restart, with acks none too',
    bench(async (b) => {
      const { id } = await b.createTopic()
      const values = Array.from({ length: 50 }, (_, index) => `${index}`)
      const partition = b.engine.partition(id, 0)
      const appends = values.map((value) => partition.append(batchOf([value]), { acks: 'none' }))
      await Promise.all(appends)
      const engine = await b.reopen()
      expect(await readValues(engine.partition(id, 0))).toEqual(values)
    }),
  )
}
