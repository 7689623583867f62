import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Client, Connect, Reading } from '../harness/client.ts'
import { endToEnd } from './end-to-end.ts'
import { fanOut } from './fan-out.ts'
import { groups } from './groups.ts'
import { produce, shareOf, spread } from './produce.ts'
import { read } from './read.ts'
import { send } from './send.ts'

/** A contender in memory; `store` may do harm to what is stored. */
function fake(store: (values: Buffer[], value: Buffer) => void = (values, value) => values.push(value)) {
  const topics = new Map<string, Buffer[][]>()
  const waiting: (() => void)[] = []
  const append = async (topic: string, partition: number, value: Buffer): Promise<void> => {
    store(topics.get(topic)![partition]!, Buffer.from(value))
    for (const wake of waiting.splice(0)) wake()
    await new Promise((resolve) => setImmediate(resolve))
  }
  const follow = async (values: readonly Buffer[], { by, takeRecord, takeBatch }: Reading): Promise<void> => {
    for (let next = 0; ; ) {
      if (next === values.length) await new Promise<void>((resolve) => waiting.push(resolve))
      else if (by === 'record' ? takeRecord(values[next++]!) : await takeBatch(++next > 0 ? 1 : 0)) return
    }
  }
  const connect: Connect = async (): Promise<Client> => ({
    async createTopic(topic, partitions) {
      topics.set(
        topic,
        Array.from({ length: partitions }, () => []),
      )
    },
    producer: async (topic) => ({
      batch: (values, partitions) => () =>
        Promise.all(values.map((value, index) => append(topic, partitions[index]!, value))),
      send: (value, partition) => append(topic, partition, value),
    }),
    read: (topic, reading) => follow(topics.get(topic)![0]!, reading),
    async close() {},
  })
  return { connect, topics }
}

const nothing = (): void => {}
const load = { topic: 't', warmupMs: 5, ms: 30, valueBytes: 20 }
const batches = {
  kind: 'produce',
  ...load,
  maxRecords: 1e9,
  batchRecords: 10,
  inFlight: 4,
  clientDefaults: false,
} as const
const reading = { kind: 'read', by: 'record', batchRecords: 10, warmup: true, ...load, ms: 0 } as const

test('what produce says it sent is there, and read finds it', async () => {
  const { connect, topics } = fake()
  const produced = await produce(connect, '', { ...batches, partitions: 1 }, nothing)
  expect(topics.get('t')![0]).toHaveLength(produced.records)
  expect(produced.recordsPerSecond).toBeGreaterThan(0)
  const result = await read(connect, '', { ...reading, records: produced.records }, nothing)
  expect(result.records).toBe(2 * produced.records)
})

test('produce stops at the most records that it may send', async () => {
  const { connect } = fake()
  const task = { ...batches, partitions: 1, ms: 1e9, maxRecords: 500 }
  expect((await produce(connect, '', task, nothing)).records).toBe(500)
})

test('produce reaches every partition', async () => {
  const { connect, topics } = fake()
  await produce(connect, '', { ...batches, partitions: 7 }, nothing)
  for (const values of topics.get('t')!) expect(values.length).toBeGreaterThan(0)
})

test('read fails when a record was changed on its way', async () => {
  const { connect } = fake((values, value) => {
    if (values.length === 33) value[19]! ^= 1
    values.push(value)
  })
  const { records } = await produce(connect, '', { ...batches, partitions: 1 }, nothing)
  await expect(read(connect, '', { ...reading, records }, nothing)).rejects.toThrow('record 33 is not what was sent')
})

test('send uses all of its connections', async () => {
  const { connect, topics } = fake()
  let connections = 0
  const counting: Connect = (url) => {
    connections++
    return connect(url)
  }
  const task = { kind: 'send', ...load, connections: 3, groups: 2, groupRecords: 5 } as const
  const { records, p50 } = await send(counting, '', task, nothing)
  expect(connections).toBe(3)
  expect(records).toBe(topics.get('t')![0]!.length)
  expect(p50).toBeGreaterThan(0)
})

const paced = { kind: 'endToEnd', ...load, recordsPerSecond: 2_000 } as const

test('end to end measures each record once', async () => {
  const { connect } = fake()
  const { records, p50, max } = await endToEnd(connect, '', paced, nothing)
  expect(records).toBe(70)
  expect(p50).toBeLessThanOrEqual(max!)
})

test('end to end fails when a record is lost', async () => {
  const { connect } = fake((values, value) => {
    if (value.readUInt32LE(0) !== 12) values.push(value)
  })
  await expect(endToEnd(connect, '', paced, nothing)).rejects.toThrow('13 came in place of 12')
})

test('all readers get all that is sent, beside one that stalls', async () => {
  const { connect, topics } = fake()
  const task = { kind: 'fanOut', ...load, readers: 3, stalledReaders: 1, batchRecords: 10, window: 4 } as const
  const { records, recordsPerSecond } = await fanOut(connect, '', task, nothing)
  expect(records).toBe(topics.get('t')![0]!.length)
  expect(recordsPerSecond).toBeGreaterThan(0)
})

test('lanes share all partitions, and a batch is spread over those of its lane', () => {
  const few = fc.integer({ min: 1, max: 60 })
  fc.assert(
    fc.property(few, few, (partitions, lanes) => {
      const shares = Array.from({ length: lanes }, (_, index) => shareOf(partitions, lanes, index))
      expect(new Set(shares.flat()).size).toBe(partitions)
      for (const share of shares) {
        const spreadOut = spread(120, share)
        const counts = share.map((partition) => spreadOut.filter((one) => one === partition).length)
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1)
        expect(spreadOut).toHaveLength(120)
      }
    }),
  )
})

test.each(['commit', 'heartbeat'] as const)('groups counts each %s of each member', async (action) => {
  const { connect } = fake()
  const members = new Map<string, { commits: number; heartbeats: number }[]>()
  const connectMember: Connect = async (url) => ({
    ...(await connect(url)),
    async member(group) {
      const counts = { commits: 0, heartbeats: 0 }
      members.set(group, [...(members.get(group) ?? []), counts])
      return {
        owned: 1,
        settled: async () => {},
        async commit() {
          counts.commits++
          await new Promise((resolve) => setImmediate(resolve))
        },
        heartbeat: () => void counts.heartbeats++,
      }
    },
  })
  const task = { kind: 'groups', ...load, connections: 2, groups: 3, membersEach: 2, inFlight: 2, action } as const
  const { records, recordsPerSecond } = await groups(connectMember, '', task, nothing)
  const counts = [...members.values()].flat()
  expect([members.size, counts.length]).toEqual([3, 6])
  const done = counts.map((count) => (action === 'commit' ? count.commits : count.heartbeats))
  expect(Math.min(...done)).toBeGreaterThan(0)
  expect(records).toBe(done.reduce((sum, one) => sum + one, 0))
  expect(recordsPerSecond).toBeGreaterThan(0)
})
