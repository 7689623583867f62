import { DEFAULT_LIMITS, type Limits } from '@millrace/record'
import { batchOf, createMemoryEngine, ManualClock } from '@millrace/testkit'
import { expect, test } from 'vitest'
import { Broker } from '../broker.ts'
import type { BrokerStats, TopicFigures } from './broker-stats.ts'

function setUp(limits: Partial<Limits> = {}): Broker {
  const clock = new ManualClock()
  const all = { ...DEFAULT_LIMITS, ...limits }
  return new Broker({ engine: createMemoryEngine({ clock, limits: all }), clock, limits: all })
}

async function produce(broker: Broker, topic: string, ...values: string[]): Promise<number> {
  const batch = batchOf(values)
  const { length } = batch
  await (await broker.produce.target(topic, 0)).append(batch, 'committed')
  return length
}

const figuresOf = ({ topics }: BrokerStats, name: string | undefined): TopicFigures | undefined =>
  topics.find((topic) => topic.name === name)

test('what is appended and read is counted by topic, and over all of them', async () => {
  const broker = setUp()
  for (const name of ['a', 'b']) await broker.topics.create({ name })
  const bytes = await produce(broker, 'a', '1', '2', '3')
  const more = await produce(broker, 'b', '1')
  await broker.fetch.records('a', 0, { at: 'earliest' })
  const source = await broker.fetch.source('a', 0)
  source.given(await source.read(0, { maxBytes: 0 }))
  const stats = await broker.stats()
  expect(figuresOf(stats, 'a')?.traffic).toMatchObject({
    producedBatches: 1,
    producedRecords: 3,
    producedBytes: bytes,
    fetchedBatches: 2,
    fetchedRecords: 6,
    fetchedBytes: 2 * bytes,
  })
  expect(stats.traffic).toMatchObject({ producedRecords: 4, producedBytes: bytes + more, fetchedRecords: 6 })
  expect(stats.produceMs.counts.reduce((sum, count) => sum + count)).toBe(2)
})

test('a batch that was there already is counted as repeated, and not as appended', async () => {
  const broker = setUp()
  await broker.topics.create({ name: 'a' })
  const producer = { ...(await broker.produce.initProducer()), baseSequence: 0 }
  const target = await broker.produce.target('a', 0)
  for (let repeat = 0; repeat < 3; repeat++) await target.append(batchOf(['1', '2'], { producer }), 'committed')
  expect((await broker.stats()).traffic).toMatchObject({ producedRecords: 2, duplicates: 2 })
})

test('topics past the limit share one count; one that goes leaves its place, and the totals stay', async () => {
  const broker = setUp({ metricsTopics: 2 })
  for (const name of ['a', 'b', 'c', 'd']) await broker.topics.create({ name })
  for (const name of ['a', 'b', 'c', 'd']) await produce(broker, name, '1')
  const before = await broker.stats()
  expect(before.topics.map(({ name }) => name)).toEqual(['a', 'b', undefined])
  expect(figuresOf(before, undefined)).toMatchObject({ partitions: 2, traffic: { producedRecords: 2 } })

  await broker.topics.delete('a')
  await produce(broker, 'c', '2')
  const after = await broker.stats()
  expect(after.topics.map(({ name }) => name)).toEqual(['b', 'c', undefined])
  expect(figuresOf(after, undefined)?.traffic.producedRecords).toBe(3)
  expect(after.traffic.producedRecords).toBe(5)

  await produce(broker, 'c', '3')
  expect(figuresOf(await broker.stats(), 'c')?.traffic.producedRecords).toBe(1)
})

test('nothing is lost of a topic that is made while figures are collected', async () => {
  const broker = setUp()
  const rounds = 20
  for (let round = 0; round < rounds; round++) {
    const collecting = broker.stats()
    for (let step = 0; step < round; step++) await Promise.resolve()
    const name = `t${round}`
    await broker.topics.create({ name })
    await produce(broker, name, '1')
    await collecting
    await produce(broker, name, '2')
  }
  expect((await broker.stats()).traffic.producedRecords).toBe(2 * rounds)
})

test('without places, nothing is named', async () => {
  const broker = setUp({ metricsTopics: 0 })
  await broker.topics.create({ name: 'a' })
  expect((await broker.stats()).topics.map(({ name }) => name)).toEqual([undefined])
})

test('the lag is that of the live reader that is furthest behind', async () => {
  const broker = setUp()
  for (const name of ['a', 'b']) await broker.topics.create({ name })
  await produce(broker, 'a', '1', '2')
  await produce(broker, 'a', '3')
  const source = await broker.fetch.source('a', 0)
  const [slow, fast] = [source.reader(), source.reader()]
  const other = (await broker.fetch.source('b', 0)).reader()
  other.position = 0
  expect(await broker.stats()).toMatchObject({ readers: 3, slowestReaderLag: 0 })
  slow.given(await source.read(0, { maxBytes: 1 }))
  fast.given(await source.read(0, { maxBytes: 0 }))
  const stats = await broker.stats()
  expect(stats.slowestReaderLag).toBe(1)
  expect([figuresOf(stats, 'a')?.readerLag, figuresOf(stats, 'b')?.readerLag]).toEqual([1, 0])
  slow.close()
  expect(await broker.stats()).toMatchObject({ readers: 2, slowestReaderLag: 0 })
  await broker.topics.delete('a')
  expect((await broker.stats()).slowestReaderLag).toBe(0)
})

test('groups past the limit are counted together; those with the greatest lag are named', async () => {
  const broker = setUp({ metricsGroups: 1 })
  await broker.topics.create({ name: 'a' })
  await produce(broker, 'a', '1', '2', '3')
  for (const [group, offset] of [
    ['near', 2],
    ['far', 0],
    ['middle', 1],
  ] as const) {
    await broker.groups.commit({
      group,
      offsets: [{ topic: 'a', partition: 0, offset, metadata: '' }],
      member: undefined,
    })
  }
  const { groups, groupCount } = await broker.stats()
  expect(groupCount).toBe(3)
  expect(groups).toMatchObject([
    { name: 'far', lag: 3 },
    { name: undefined, lag: 3 },
  ])
})

test('a full table of groups is a problem', async () => {
  const clock = new ManualClock()
  const engine = createMemoryEngine({ clock })
  const first = new Broker({ engine, clock })
  await first.topics.create({ name: 'a' })
  const offsets = [{ topic: 'a', partition: 0, offset: 0, metadata: '' }]
  await first.groups.commit({ group: 'workers', offsets, member: undefined })
  const { groupTableBytes: tableBytes } = await first.stats()
  expect(await first.problems()).toEqual([])

  const second = new Broker({ engine, clock, limits: { ...DEFAULT_LIMITS, tableBytes } })
  await second.open()
  expect(await second.problems()).toEqual([
    `the table of consumer groups is full: ${tableBytes} of ${tableBytes} bytes (tableBytes)`,
  ])
})
