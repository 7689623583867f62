import { expect, test } from 'vitest'
import { type BenchTest, batchOf, failure, readValues, sequenced } from './subject.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

export function topicTests(bench: BenchTest): void {
  test(
    'a topic is found as it was made, with an id of its own',
    bench(async (b) => {
      b.clock.advance(1_234)
      const settings = { 'max.message.bytes': '2000', 'flush.policy': 'os' }
      const made = await b.createTopic('orders', 3, settings)
      expect(made).toEqual({ id: made.id, name: 'orders', partitions: 3, settings, createdAtMs: b.clock.nowMs() })
      expect(made.id).toMatch(UUID)
      expect(await b.engine.topics.find('orders')).toEqual(made)
      expect((await b.createTopic('others')).id).not.toBe(made.id)
    }),
  )

  test(
    'names are compared exactly',
    bench(async (b) => {
      await b.createTopic('orders')
      for (const name of ['Orders', 'order', 'orders ', '', '..', '../orders', 'constructor', '__proto__']) {
        expect(await b.engine.topics.find(name)).toBeUndefined()
      }
    }),
  )

  test(
    "the list is in the order of the names and holds Millrace's own topics",
    bench(async (b) => {
      for (const name of ['b', 'a.b', '__millrace_groups', 'a-b', 'C', 'a']) await b.createTopic(name)
      const names = (await b.engine.topics.list()).map((topic) => topic.name)
      expect(names).toEqual(['C', '__millrace_groups', 'a', 'a-b', 'a.b', 'b'])
    }),
  )

  test(
    'a name can be used once, also when two ask at the same time',
    bench(async (b) => {
      const made = await Promise.allSettled([b.createTopic(), b.createTopic(), b.createTopic('ORDERS')])
      const won = made.filter((outcome) => outcome.status === 'fulfilled')
      expect(won).toHaveLength(1)
      await failure(b.createTopic(won[0]!.value.name), 'TOPIC_EXISTS')
      expect(await b.engine.topics.list()).toEqual([won[0]!.value])
    }),
  )

  test(
    'a name that differs only in case is refused until the other topic is gone',
    bench(async (b) => {
      const made = await b.createTopic('Orders')
      await failure(b.createTopic('orders'), 'TOPIC_NAME_CONFLICT')
      await b.engine.topics.delete(made.id)
      await b.createTopic('orders')
    }),
  )

  test(
    'settings and partition counts that are not allowed leave nothing behind',
    bench(
      async (b) => {
        await failure(b.createTopic('t', 1, { 'no.such.setting': '1' }), 'INVALID_CONFIG')
        await failure(b.createTopic('t', 1, { 'segment.bytes': '-1' }), 'INVALID_CONFIG')
        for (const partitions of [0, -1, 1.5, Number.NaN, 5]) {
          await failure(b.createTopic('t', partitions), 'INVALID_PARTITIONS')
        }
        expect(await b.engine.topics.list()).toEqual([])
        await b.createTopic('t', 4)
      },
      { partitionsPerTopic: 4 },
    ),
  )

  test(
    'there are no more topics than the limit says',
    bench(
      async (b) => {
        const first = await b.createTopic('a')
        await b.createTopic('b')
        await failure(b.createTopic('c'), 'LIMIT_REACHED')
        await b.engine.topics.delete(first.id)
        await b.createTopic('c')
      },
      { topics: 2 },
    ),
  )

  test(
    'there are no more partitions than the limit says',
    bench(
      async (b) => {
        const first = await b.createTopic('a', 3)
        await failure(b.createTopic('b', 3), 'LIMIT_REACHED')
        await b.createTopic('b', 2)
        await failure(b.createTopic('c'), 'LIMIT_REACHED')
        await b.engine.topics.delete(first.id)
        await b.createTopic('c', 3)
      },
      { partitions: 5 },
    ),
  )

  test(
    'names that look like those of partitions do not get in each other’s way',
    bench(async (b) => {
      const names = ['a', 'a-1', 'a-1-0', 'a.1', `${'n'.repeat(249)}`]
      const topics = await Promise.all(names.map((name) => b.createTopic(name, 2)))
      for (const { id, name } of topics) {
        for (const partition of [0, 1]) {
          await b.engine.partition(id, partition).append(batchOf([`${name}/${partition}`]), { acks: 'committed' })
        }
      }
      for (const { id, name } of topics) {
        for (const partition of [0, 1]) {
          expect(await readValues(b.engine.partition(id, partition))).toEqual([`${name}/${partition}`])
        }
      }
    }),
  )

  test(
    'a partition that is not there fails each call, not the making of the handle',
    bench(async (b) => {
      const { id } = await b.createTopic('orders', 2)
      for (const number of [-1, 2, 0.5, Number.NaN]) {
        const partition = b.engine.partition(id, number)
        await failure(partition.append(batchOf(['x']), { acks: 'committed' }), 'PARTITION_NOT_FOUND')
        await failure(partition.read(0, { maxBytes: 1_000 }), 'PARTITION_NOT_FOUND')
        await failure(partition.status(), 'PARTITION_NOT_FOUND')
        await failure(partition.offsetForTimestamp(0), 'PARTITION_NOT_FOUND')
        await failure(partition.truncateBefore(0), 'PARTITION_NOT_FOUND')
      }
      await failure(b.engine.partition('00000000-0000-4000-8000-000000000000', 0).status(), 'TOPIC_NOT_FOUND')
    }),
  )

  test(
    'a deleted topic is gone for every call',
    bench(async (b) => {
      const { id } = await b.createTopic()
      const partition = b.engine.partition(id, 0)
      await partition.append(batchOf(['x']), { acks: 'committed' })
      await b.engine.topics.delete(id)
      expect(await b.engine.topics.find('orders')).toBeUndefined()
      expect(await b.engine.topics.list()).toEqual([])
      for (const handle of [partition, b.engine.partition(id, 0)]) {
        await failure(handle.append(batchOf(['x']), { acks: 'none' }), 'TOPIC_NOT_FOUND')
        await failure(handle.read(0, { maxBytes: 1_000 }), 'TOPIC_NOT_FOUND')
        await failure(handle.status(), 'TOPIC_NOT_FOUND')
        await failure(handle.offsetForTimestamp(0), 'TOPIC_NOT_FOUND')
        await failure(handle.truncateBefore(0), 'TOPIC_NOT_FOUND')
      }
      await failure(b.engine.topics.delete(id), 'TOPIC_NOT_FOUND')
    }),
  )

  test(
    'deleting a topic ends the reads that wait on it, and only those',
    bench(async (b) => {
      const { id } = await b.createTopic('doomed', 2)
      const kept = await b.createPartition('kept')
      const waiting = [0, 1].map((number) =>
        b.engine.partition(id, number).read(0, { maxBytes: 1_000, waitMs: 60_000 }),
      )
      const ended = Promise.all(waiting.map((read) => failure(read, 'TOPIC_NOT_FOUND')))
      const other = kept.read(0, { maxBytes: 1_000, waitMs: 60_000 })
      await b.engine.topics.delete(id)
      await ended
      await kept.append(batchOf(['x']), { acks: 'committed' })
      expect((await other).nextOffset).toBe(1)
    }),
  )

  test(
    'deleting a topic leaves no append waiting: each is committed before, or ends',
    bench(async (b) => {
      const { id } = await b.createTopic()
      const release = b.holdCommits()
      const appends = [0, 1, 2].map(() => b.engine.partition(id, 0).append(batchOf(['x']), { acks: 'committed' }))
      const settled = Promise.allSettled(appends)
      const deleted = b.engine.topics.delete(id)
      release()
      await deleted
      for (const outcome of await settled) {
        if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'TOPIC_NOT_FOUND' })
      }
    }),
  )

  test(
    'a topic that is made again inherits nothing',
    bench(async (b) => {
      const old = await b.createTopic('orders', 1, { 'max.message.bytes': '5000' })
      const oldPartition = b.engine.partition(old.id, 0)
      await oldPartition.append(sequenced(7, 0, 3), { acks: 'committed' })
      await oldPartition.truncateBefore(2)
      await b.engine.topics.delete(old.id)

      const made = await b.createTopic('orders')
      expect(made.id).not.toBe(old.id)
      expect(made.settings).toEqual({})
      const partition = b.engine.partition(made.id, 0)
      expect(await partition.status()).toMatchObject({ logStartOffset: 0, highWatermark: 0, sizeBytes: 0 })
      const again = await partition.append(sequenced(7, 0, 3), { acks: 'committed' })
      expect(again).toMatchObject({ baseOffset: 0, duplicate: false })
      await failure(oldPartition.append(batchOf(['x']), { acks: 'none' }), 'TOPIC_NOT_FOUND')
      await failure(oldPartition.read(0, { maxBytes: 1_000 }), 'TOPIC_NOT_FOUND')
      expect(await readValues(partition)).toHaveLength(3)
    }),
  )

  test(
    'topics, and that one is gone, outlive a restart',
    bench(async (b) => {
      const kept = await b.createTopic('kept', 2, { 'segment.bytes': '2048' })
      const gone = await b.createTopic('gone')
      await b.engine.partition(gone.id, 0).append(batchOf(['x']), { acks: 'committed' })
      await b.engine.topics.delete(gone.id)
      const engine = await b.reopen()
      expect(await engine.topics.list()).toEqual([kept])
      expect(await engine.topics.find('kept')).toEqual(kept)
      await failure(engine.partition(gone.id, 0).status(), 'TOPIC_NOT_FOUND')
      const again = await b.createTopic('gone')
      expect(await engine.partition(again.id, 0).status()).toMatchObject({ highWatermark: 0 })
    }),
  )
}
