import { expect, test } from 'vitest'
import { parseTopicConfig } from '../topic-config.ts'
import { type BenchTest, batchOf, failure, readValues, recordsIn } from './subject.ts'

const UNKNOWN = '00000000-0000-4000-8000-000000000000'

export function alterTests(bench: BenchTest): void {
  test(
    'altering sets some settings, takes others back and leaves the rest',
    bench(async (b) => {
      const made = await b.createTopic('orders', 2, { 'segment.ms': '7', 'retention.ms': '8', 'flush.policy': 'os' })
      const altered = await b.engine.topics.alter(made.id, {
        set: { 'retention.ms': '9', 'max.message.bytes': '2000' },
        unset: ['segment.ms', 'segment.bytes'],
      })
      const settings = { 'retention.ms': '9', 'flush.policy': 'os', 'max.message.bytes': '2000' }
      expect(altered).toEqual({ ...made, settings })
      expect(await b.engine.topics.find('orders')).toEqual(altered)
      expect(await b.engine.topics.list()).toEqual([altered])
      expect(await b.engine.topics.alter(made.id, {})).toEqual(altered)
    }),
  )

  test(
    'an alteration that is not allowed changes nothing of the topic',
    bench(
      async (b) => {
        const made = await b.createTopic('orders', 2, { 'max.compaction.lag.ms': '100' })
        const refused = [
          [{ set: { 'no.such.setting': '1' } }, 'INVALID_CONFIG'],
          [{ set: { 'retention.ms': '1', 'segment.bytes': '-1' } }, 'INVALID_CONFIG'],
          [{ unset: ['no.such.setting'] }, 'INVALID_CONFIG'],
          [{ unset: ['constructor'] }, 'INVALID_CONFIG'],
          [{ set: { 'retention.ms': '1' }, unset: ['retention.ms'] }, 'INVALID_CONFIG'],
          // Only the whole shows that it cannot be.
          [{ set: { 'min.compaction.lag.ms': '101' } }, 'INVALID_CONFIG'],
          [{ partitions: 3, set: { 'segment.bytes': 'x' } }, 'INVALID_CONFIG'],
          [{ partitions: 1, set: { 'retention.ms': '1' } }, 'INVALID_PARTITIONS'],
          [{ partitions: 5 }, 'INVALID_PARTITIONS'],
          [{ partitions: 2.5 }, 'INVALID_PARTITIONS'],
          [{ partitions: Number.NaN }, 'INVALID_PARTITIONS'],
        ] as const
        for (const [change, code] of refused) await failure(b.engine.topics.alter(made.id, change), code)
        expect(await b.engine.topics.list()).toEqual([made])
        await failure(b.engine.partition(made.id, 2).status(), 'PARTITION_NOT_FOUND')
        await b.engine.topics.alter(made.id, {
          set: { 'min.compaction.lag.ms': '101' },
          unset: ['max.compaction.lag.ms'],
        })
      },
      { partitionsPerTopic: 4 },
    ),
  )

  test(
    'a topic that is not there, or no longer, cannot be altered',
    bench(async (b) => {
      await failure(b.engine.topics.alter(UNKNOWN, {}), 'TOPIC_NOT_FOUND')
      const { id } = await b.createTopic()
      await b.engine.topics.delete(id)
      await failure(b.engine.topics.alter(id, { partitions: 2 }), 'TOPIC_NOT_FOUND')
      await b.createTopic()
      await failure(b.engine.topics.alter(id, { partitions: 2 }), 'TOPIC_NOT_FOUND')
    }),
  )

  test(
    'added partitions are empty and can be used at once, and those that were there keep their records',
    bench(async (b) => {
      const made = await b.createTopic('orders', 2)
      const added = b.engine.partition(made.id, 3)
      await failure(added.status(), 'PARTITION_NOT_FOUND')
      const first = b.engine.partition(made.id, 1)
      await first.append(batchOf(['before']), { acks: 'committed' })
      expect(await b.engine.topics.alter(made.id, { partitions: 4 })).toEqual({ ...made, partitions: 4 })
      expect(await added.status()).toMatchObject({ logStartOffset: 0, highWatermark: 0 })
      await added.append(batchOf(['added']), { acks: 'committed' })
      await first.append(batchOf(['after']), { acks: 'committed' })
      expect(await readValues(added)).toEqual(['added'])
      expect(await readValues(first)).toEqual(['before', 'after'])
      await failure(b.engine.partition(made.id, 4).status(), 'PARTITION_NOT_FOUND')
    }),
  )

  test(
    'added partitions count among all, and go with the topic',
    bench(
      async (b) => {
        const { id } = await b.createTopic('a', 2)
        await b.createTopic('b', 1)
        await failure(b.engine.topics.alter(id, { partitions: 5, set: { 'retention.ms': '1' } }), 'LIMIT_REACHED')
        expect((await b.engine.topics.find('a'))?.settings).toEqual({})
        await b.engine.topics.alter(id, { partitions: 4 })
        await failure(b.createTopic('c', 1), 'LIMIT_REACHED')
        await b.engine.topics.delete(id)
        await failure(b.engine.partition(id, 3).status(), 'TOPIC_NOT_FOUND')
        const again = await b.createTopic('a', 4)
        expect(await b.engine.partition(again.id, 3).status()).toMatchObject({ highWatermark: 0 })
      },
      { partitions: 5 },
    ),
  )

  test(
    'alterations that are called side by side all hold, in their order',
    bench(async (b) => {
      const { id } = await b.createTopic()
      const calls = [2, 3, 4].map((partitions) =>
        b.engine.topics.alter(id, { partitions, set: { 'segment.ms': `${partitions}`, 'retention.ms': '5' } }),
      )
      expect((await Promise.all(calls)).map(({ partitions }) => partitions)).toEqual([2, 3, 4])
      const settings = { 'segment.ms': '4', 'retention.ms': '5' }
      expect(await b.engine.topics.find('orders')).toMatchObject({ partitions: 4, settings })
    }),
  )

  test(
    'what was altered outlives a restart',
    bench(async (b) => {
      const { id } = await b.createTopic('orders', 1, { 'retention.ms': '5' })
      await b.engine.partition(id, 0).append(batchOf(['a']), { acks: 'committed' })
      const altered = await b.engine.topics.alter(id, {
        partitions: 3,
        set: { 'segment.bytes': '2048' },
        unset: ['retention.ms'],
      })
      await b.engine.partition(id, 2).append(batchOf(['b']), { acks: 'committed' })
      const engine = await b.reopen()
      expect(await engine.topics.list()).toEqual([altered])
      expect(await readValues(engine.partition(id, 0))).toEqual(['a'])
      expect(await readValues(engine.partition(id, 2))).toEqual(['b'])
    }),
  )

  test(
    'every flush policy may follow every other while records come in',
    bench(async (b) => {
      const { id } = await b.createTopic()
      const partition = b.engine.partition(id, 0)
      const sent: string[] = []
      const appends: Promise<unknown>[] = []
      for (const policy of ['os', 'commit', 'interval', 'os', 'interval', 'commit']) {
        for (let count = 0; count < 3; count++) {
          sent.push(`${sent.length}`)
          appends.push(partition.append(batchOf([sent.at(-1)!]), { acks: 'committed' }))
        }
        await b.engine.topics.alter(id, { set: { 'flush.policy': policy } })
      }
      await Promise.all(appends)
      expect(await readValues(partition)).toEqual(sent)
    }),
  )

  test(
    'what is larger than a new segment.bytes still has its place',
    bench(async (b) => {
      const { id } = await b.createTopic()
      const partition = b.engine.partition(id, 0)
      const values = ['x'.repeat(3_000), 'y'.repeat(3_000), 'z']
      await partition.append(batchOf([values[0]!]), { acks: 'committed' })
      await b.engine.topics.alter(id, { set: { 'segment.bytes': '1024', 'index.interval.bytes': '256' } })
      for (const value of values.slice(1)) await partition.append(batchOf([value]), { acks: 'committed' })
      expect(await readValues(partition)).toEqual(values)
      expect(parseTopicConfig((await b.engine.topics.find('orders'))!.settings).segmentBytes).toBe(1_024)
    }),
  )

  test(
    'with LogAppendTime records bear the time of their append, from the alteration on',
    bench(async (b) => {
      const { id } = await b.createTopic()
      const partition = b.engine.partition(id, 0)
      const nowMs = b.clock.nowMs()
      expect(await partition.append(batchOf(['own']), { acks: 'committed' })).toMatchObject({ timestamp: 1_000 })
      await b.engine.topics.alter(id, { set: { 'message.timestamp.type': 'LogAppendTime' } })
      b.clock.advance(10)
      const stamped = batchOf(['a', 'b'], { timestamps: [5, 7], compression: 'gzip' })
      expect(await partition.append(stamped, { acks: 'committed' })).toMatchObject({ timestamp: nowMs + 10 })
      await b.engine.topics.alter(id, { unset: ['message.timestamp.type'] })
      await partition.append(batchOf(['own again']), { acks: 'committed' })
      const times = recordsIn(await partition.read(0, { maxBytes: 1 << 20 })).map(({ timestamp }) => timestamp)
      expect(times).toEqual([1_000, nowMs + 10, nowMs + 10, 1_000])
      expect(await partition.offsetForTimestamp(1_001)).toEqual({ offset: 1, timestamp: nowMs + 10 })
      expect(await partition.offsetForTimestamp(nowMs + 11)).toBeUndefined()
    }),
  )
}
