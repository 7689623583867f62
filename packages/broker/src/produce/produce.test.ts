import {
  BatchBuilder,
  controlBatch,
  DEFAULT_LIMITS,
  MillraceError,
  type ProducerStamp,
  partitionOfKey,
  RecordBatch,
  readBatches,
  type StoredRecord,
} from '@millrace/record'
import { batchOf, createMemoryEngine, ManualClock } from '@millrace/testkit'
import { describe, expect, test, vi } from 'vitest'
import { Broker } from '../broker.ts'
import type { PlainRecord } from './plain-record.ts'

const NOW = Date.UTC(2026, 5, 1)
const NO_PRODUCER: ProducerStamp = { producerId: -1, producerEpoch: -1, baseSequence: -1 }

function setUp(limits = DEFAULT_LIMITS) {
  const clock = new ManualClock(NOW)
  const engine = createMemoryEngine({ clock })
  const broker = new Broker({ engine, clock, limits })
  return { clock, engine, broker }
}

type SetUp = ReturnType<typeof setUp>

function plain(value: string, more: Partial<PlainRecord> = {}): PlainRecord {
  return { key: null, value: Buffer.from(value), ...more }
}

async function stored({ engine }: SetUp, topic: string, partition = 0): Promise<StoredRecord[]> {
  const { id } = (await engine.topics.find(topic))!
  const { logStartOffset } = await engine.partition(id, partition).status()
  const read = await engine.partition(id, partition).read(logStartOffset, { maxBytes: 1 << 30 })
  return read.batches.flatMap((bytes) => [...readBatches(bytes)].flatMap((batch) => [...batch.records(1 << 30)]))
}

const values = (records: readonly StoredRecord[]) => records.map(({ value }) => String(value))

describe('a produce target', () => {
  test('appends in the order of the calls, with nothing awaited in between', async () => {
    const s = setUp()
    await s.broker.topics.create({ name: 'orders' })
    const target = await s.broker.produce.target('orders', 0)
    const lookUps = vi.spyOn(s.engine, 'partition')
    const sent = Array.from({ length: 50 }, (_, index) => `${index}`)
    const results = sent.map((value, index) =>
      index % 2 === 0 ? target.append(batchOf([value]), 'committed') : target.appendRecords([plain(value)], 'none'),
    )
    expect(lookUps).not.toHaveBeenCalled()
    for (const [index, { baseOffset }] of (await Promise.all(results)).entries()) expect(baseOffset).toBe(index)
    expect(values(await stored(s, 'orders'))).toEqual(sent)
  })

  test('gives the batch to the engine before it returns', async () => {
    const s = setUp()
    const { id } = await s.broker.topics.create({ name: 'orders' })
    const target = await s.broker.produce.target('orders', 0)
    const appended = target.append(batchOf(['through the broker']), 'committed')
    const direct = await s.engine.partition(id, 0).append(batchOf(['around it']), { acks: 'committed' })
    expect([(await appended).baseOffset, direct.baseOffset]).toEqual([0, 1])
  })

  test.each<[string, string, (batch: Buffer) => Buffer]>([
    ['nothing at all', 'CORRUPT_BATCH', () => Buffer.alloc(0)],
    ['less than a header', 'CORRUPT_BATCH', (batch) => batch.subarray(0, 60)],
    ['a batch that is cut off', 'CORRUPT_BATCH', (batch) => batch.subarray(0, -1)],
    ['a batch with a wrong CRC', 'CORRUPT_BATCH', (batch) => corrupt(batch, batch.length - 1)],
    ['two batches', 'INVALID_BATCH', (batch) => Buffer.concat([batch, batch])],
    ['bytes after the batch', 'INVALID_BATCH', (batch) => Buffer.concat([batch, Buffer.alloc(3)])],
    ['another magic', 'INVALID_BATCH', (batch) => corrupt(batch, 16)],
    ['a count that contradicts the offsets', 'INVALID_BATCH', (batch) => signed(batch, (b) => b.writeInt32BE(2, 57))],
    ['a control batch', 'INVALID_BATCH', (batch) => signed(batch, (b) => b.writeInt16BE(0x20, 21))],
    [
      'a marker',
      'INVALID_BATCH',
      () => controlBatch({ producerId: 0, producerEpoch: 0, outcome: 'commit' }, NOW).buffer,
    ],
    ['a batch of no transaction', 'INVALID_BATCH', (batch) => signed(batch, (b) => b.writeInt16BE(0x10, 21))],
    ['a codec that nobody knows', 'UNSUPPORTED_COMPRESSION', (batch) => signed(batch, (b) => b.writeInt16BE(7, 21))],
    ['a batch that is too large', 'BATCH_TOO_LARGE', () => batchOf(['x'.repeat(2_000)])],
    ['a time before 1970', 'INVALID_TIMESTAMP', (batch) => signed(batch, (b) => b.writeBigInt64BE(-5n, 27))],
    ['a time too far ahead', 'INVALID_TIMESTAMP', () => batchOf(['x'], { timestamp: NOW + 60_001 })],
    ['a time too far behind', 'INVALID_TIMESTAMP', () => batchOf(['x'], { timestamp: NOW - 120_001 })],
  ])('refuses %s and leaves the log as it was', async (_, code, spoil) => {
    const s = setUp()
    const settings = {
      'max.message.bytes': '1000',
      'message.timestamp.after.max.ms': '60000',
      'message.timestamp.before.max.ms': '120000',
    }
    await s.broker.topics.create({ name: 'orders', settings })
    const target = await s.broker.produce.target('orders', 0)
    const batch = spoil(batchOf(['fine'], { timestamp: NOW }))
    await expect(target.append(batch, 'committed')).rejects.toMatchObject({ code })
    expect(await stored(s, 'orders')).toEqual([])
    await target.append(batchOf(['fine'], { timestamp: NOW + 60_000 }), 'committed')
    await target.append(batchOf(['fine'], { timestamp: NOW - 120_000 }), 'committed')
  })

  test('refuses a time before 1970 behind a first one that is in bounds', async () => {
    const s = setUp()
    await s.broker.topics.create({ name: 'orders' })
    const target = await s.broker.produce.target('orders', 0)
    const record = { key: null, value: Buffer.from('x') }
    const batch = new BatchBuilder().append({ ...record, timestamp: NOW }).append({ ...record, timestamp: NOW - 2_000 })
    const early = signed(batch.build().buffer, (copy) => copy.writeBigInt64BE(1_999n, 27))
    await expect(target.append(early, 'committed')).rejects.toMatchObject({ code: 'INVALID_TIMESTAMP' })
    expect(await stored(s, 'orders')).toEqual([])
  })

  test('takes the batch of an open transaction, and no transactional batch of another producer', async () => {
    const { broker } = setUp()
    await broker.topics.create({ name: 'orders' })
    const target = await broker.produce.target('orders', 0)
    const append = (identity: { producerId: number; producerEpoch: number }, baseSequence = 0) => {
      const batch = batchOf(['x'], { transactional: true, producer: { ...identity, baseSequence } })
      return target.append(batch, 'committed')
    }
    const identity = await broker.transactions.init('one')
    expect(await append(identity)).toMatchObject({ baseOffset: 0, duplicate: false })
    await expect(append(identity, -1)).rejects.toMatchObject({ code: 'INVALID_BATCH' })
    const plain = await broker.produce.initProducer()
    await expect(append(plain)).rejects.toMatchObject({ code: 'INVALID_TRANSACTION_STATE' })
  })

  test('bounds of timestamps move with the clock', async () => {
    const { broker, clock } = setUp()
    await broker.topics.create({ name: 'orders', settings: { 'message.timestamp.after.max.ms': '0' } })
    const target = await broker.produce.target('orders', 0)
    const batch = () => batchOf(['x'], { timestamp: NOW + 10 })
    await expect(target.append(batch(), 'committed')).rejects.toMatchObject({ code: 'INVALID_TIMESTAMP' })
    clock.advance(10)
    expect(await target.append(batch(), 'committed')).toMatchObject({ baseOffset: 0 })
  })

  test('never writes into a topic that was made again under its name', async () => {
    const s = setUp()
    await s.broker.topics.create({ name: 'orders' })
    const old = await s.broker.produce.target('orders', 0)
    await s.broker.topics.delete('orders')
    await s.broker.topics.create({ name: 'orders' })
    await expect(old.append(batchOf(['x']), 'committed')).rejects.toMatchObject({ code: 'TOPIC_NOT_FOUND' })
    await expect(old.appendRecords([plain('x')], 'none')).rejects.toMatchObject({ code: 'TOPIC_NOT_FOUND' })
    expect(await stored(s, 'orders')).toEqual([])
    const made = await s.broker.produce.target('orders', 0)
    expect(await made.append(batchOf(['y']), 'committed')).toMatchObject({ baseOffset: 0 })
  })

  test('that fails because somebody else deleted the topic lets the next one find the new topic', async () => {
    const s = setUp()
    const { id } = await s.broker.topics.create({ name: 'orders' })
    const old = await s.broker.produce.target('orders', 0)
    await s.engine.topics.delete(id)
    await s.engine.topics.create({ name: 'orders', partitions: 1, settings: {} })
    await expect(old.append(batchOf(['x']), 'committed')).rejects.toMatchObject({ code: 'TOPIC_NOT_FOUND' })
    const made = await s.broker.produce.target('orders', 0)
    await made.append(batchOf(['y']), 'committed')
    expect(values(await stored(s, 'orders'))).toEqual(['y'])
  })

  test('tells duplicates and passes on what the engine refuses', async () => {
    const { broker, engine } = setUp()
    await broker.topics.create({ name: 'orders' })
    const target = await broker.produce.target('orders', 0)
    const { producerId, producerEpoch } = await broker.produce.initProducer()
    const batch = (baseSequence: number) => batchOf(['x'], { producer: { producerId, producerEpoch, baseSequence } })
    expect(await target.append(batch(0), 'committed')).toMatchObject({ baseOffset: 0, duplicate: false })
    expect(await target.append(batch(0), 'committed')).toMatchObject({ baseOffset: 0, duplicate: true })
    await expect(target.append(batch(2), 'committed')).rejects.toMatchObject({ code: 'OUT_OF_ORDER_SEQUENCE' })
    engine.failAppends(new MillraceError('DISK_FULL', 'full'))
    await expect(target.append(batch(1), 'committed')).rejects.toMatchObject({ code: 'DISK_FULL' })
  })

  test('is refused for what is not there and what is Millrace’s own', async () => {
    const { broker, engine } = setUp()
    await engine.topics.create({ name: '__millrace_groups', partitions: 1, settings: {} })
    await broker.topics.create({ name: 'orders', partitions: 2 })
    await expect(broker.produce.target('nope', 0)).rejects.toMatchObject({ code: 'TOPIC_NOT_FOUND' })
    await expect(broker.produce.target('orders', 2)).rejects.toMatchObject({ code: 'PARTITION_NOT_FOUND' })
    await expect(broker.produce.target('__millrace_groups', 0)).rejects.toMatchObject({ code: 'INVALID_TOPIC_NAME' })
    const records = broker.produce.records('__millrace_groups', [plain('x')], { acks: 'committed' })
    await expect(records).rejects.toMatchObject({ code: 'INVALID_TOPIC_NAME' })
  })
})

describe('producing the records of a request', () => {
  test('keys go where Kafka’s clients send them, and each record is told its place', async () => {
    const s = setUp()
    await s.broker.topics.create({ name: 'orders', partitions: 4 })
    const keys = Array.from({ length: 40 }, (_, index) => `key ${index % 7}`)
    const records = keys.map((key, index) => plain(`${index}`, { key: Buffer.from(key), timestamp: NOW - index }))
    const results = await s.broker.produce.records('orders', records, { acks: 'committed' })
    const contents = await Promise.all([0, 1, 2, 3].map((partition) => stored(s, 'orders', partition)))
    for (const [index, result] of results.entries()) {
      if ('error' in result) throw result.error
      expect(result.partition).toBe(partitionOfKey(Buffer.from(keys[index]!), 4))
      const record = contents[result.partition]![result.offset]!
      expect([String(record.key), String(record.value)]).toEqual([keys[index], `${index}`])
      expect([record.timestamp, result.timestamp]).toEqual([NOW - index, NOW - index])
    }
    expect(contents.flat()).toHaveLength(40)
  })

  test('keyless records of a request stay together; requests take turns, for each topic by itself', async () => {
    const { broker } = setUp()
    for (const name of ['a', 'b']) await broker.topics.create({ name, partitions: 3 })
    const turns: Record<string, number[]> = { a: [], b: [] }
    for (let request = 0; request < 6; request++) {
      for (const name of ['a', 'b']) {
        const records = [plain('1'), plain('keyed', { key: Buffer.from('k') }), plain('2')]
        const results = await broker.produce.records(name, records, { acks: 'committed' })
        expect(results[0]!.partition).toBe(results[2]!.partition)
        turns[name]!.push(results[0]!.partition)
      }
    }
    expect(turns).toEqual({ a: [0, 1, 2, 0, 1, 2], b: [0, 1, 2, 0, 1, 2] })
  })

  test('a partition that the record names beats its key, and records without a time get the clock’s', async () => {
    const s = setUp()
    await s.broker.topics.create({ name: 'orders', partitions: 3 })
    const headers = [{ key: 'h', value: Buffer.from('1') }]
    const record = plain('x', { key: Buffer.from('k'), partition: 2, headers })
    expect(await s.broker.produce.records('orders', [record], { acks: 'committed' })).toEqual([
      { partition: 2, offset: 0, timestamp: NOW },
    ])
    expect(await stored(s, 'orders', 2)).toEqual([
      { offset: 0, timestamp: NOW, key: Buffer.from('k'), value: Buffer.from('x'), headers },
    ])
  })

  test('all or nothing for each partition: one that fails leaves the others alone', async () => {
    const s = setUp()
    await s.broker.topics.create({ name: 'orders', partitions: 3, settings: { 'max.message.bytes': '500' } })
    const records = [
      plain('a', { partition: 0 }),
      plain('b', { partition: 1 }),
      plain('x'.repeat(600), { partition: 1 }),
      plain('c', { partition: 2, timestamp: -1 }),
      plain('d', { partition: 9 }),
      plain('e', { partition: 0 }),
    ]
    const results = await s.broker.produce.records('orders', records, { acks: 'committed' })
    expect(results).toMatchObject([
      { partition: 0, offset: 0 },
      { partition: 1, error: { code: 'BATCH_TOO_LARGE' } },
      { partition: 1, error: { code: 'BATCH_TOO_LARGE' } },
      { partition: 2, error: { code: 'INVALID_TIMESTAMP' } },
      { partition: 9, error: { code: 'PARTITION_NOT_FOUND' } },
      { partition: 0, offset: 1 },
    ])
    expect(values(await stored(s, 'orders', 0))).toEqual(['a', 'e'])
    expect(await stored(s, 'orders', 1)).toEqual([])
    expect(await stored(s, 'orders', 2)).toEqual([])
  })

  test('the largest batch that is allowed is allowed', async () => {
    const s = setUp()
    const record = { key: null, value: Buffer.alloc(300), timestamp: NOW }
    const { sizeBytes } = new BatchBuilder().append(record).append(record).build()
    await s.broker.topics.create({ name: 'fits', settings: { 'max.message.bytes': `${sizeBytes}` } })
    await s.broker.topics.create({ name: 'not', settings: { 'max.message.bytes': `${sizeBytes - 1}` } })
    const produce = (topic: string) => s.broker.produce.records(topic, [record, record], { acks: 'committed' })
    expect(await produce('fits')).toMatchObject([{ offset: 0 }, { offset: 1 }])
    expect(await produce('not')).toMatchObject([{ error: { code: 'BATCH_TOO_LARGE' } }, {}])
  })

  test('times are held against the topic’s bounds, each record’s', async () => {
    const { broker } = setUp()
    const settings = { 'message.timestamp.after.max.ms': '10', 'message.timestamp.before.max.ms': '20' }
    await broker.topics.create({ name: 'orders', settings })
    const send = (...timestamps: number[]) => {
      const records = timestamps.map((timestamp) => plain('x', { timestamp }))
      return broker.produce.records('orders', records, { acks: 'committed' })
    }
    expect(await send(NOW - 20, NOW, NOW + 10)).toMatchObject([{ offset: 0 }, { offset: 1 }, { offset: 2 }])
    for (const timestamp of [NOW - 21, NOW + 11, NOW + 0.5, Number.NaN]) {
      expect(await send(NOW, timestamp)).toMatchObject([
        { error: { code: 'INVALID_TIMESTAMP' } },
        { error: { code: 'INVALID_TIMESTAMP' } },
      ])
    }
  })

  test('too many records, and none, are refused', async () => {
    const { broker } = setUp({ ...DEFAULT_LIMITS, recordsPerRequest: 2 })
    await broker.topics.create({ name: 'orders' })
    const send = (count: number) => broker.produce.records('orders', Array(count).fill(plain('x')), { acks: 'none' })
    await expect(send(0)).rejects.toMatchObject({ code: 'INVALID_REQUEST' })
    await expect(send(3)).rejects.toMatchObject({ code: 'REQUEST_TOO_LARGE' })
    expect(await send(2)).toHaveLength(2)
  })

  test('an unknown topic fails the request', async () => {
    const { broker } = setUp()
    const records = broker.produce.records('nope', [plain('x')], { acks: 'committed' })
    await expect(records).rejects.toMatchObject({ code: 'TOPIC_NOT_FOUND' })
  })

  test('goes to the topic that has the name now, without a lookup while that stays', async () => {
    const s = setUp()
    const { id } = await s.broker.topics.create({ name: 'orders', partitions: 3 })
    const find = vi.spyOn(s.engine.topics, 'find')
    const send = (value: string) =>
      s.broker.produce.records('orders', [plain(value, { partition: 0 })], { acks: 'committed' })
    for (const value of ['a', 'b', 'c']) await send(value)
    expect(find).toHaveBeenCalledTimes(1)
    await s.engine.topics.delete(id)
    await s.engine.topics.create({ name: 'orders', partitions: 1, settings: {} })
    expect(await send('d')).toMatchObject([{ partition: 0, offset: 0 }])
    expect(values(await stored(s, 'orders'))).toEqual(['d'])
  })
})

/** The batch with one byte changed, in a copy. */
function corrupt(batch: Buffer, at: number): Buffer {
  const copy = Buffer.from(batch)
  copy[at] = copy[at]! ^ 0x5a
  return copy
}

/** The batch with another header, and the CRC that goes with it. */
function signed(batch: Buffer, change: (copy: Buffer) => void, stamp: ProducerStamp = NO_PRODUCER): Buffer {
  const copy = Buffer.from(batch)
  change(copy)
  RecordBatch.at(copy).stampProducer(stamp)
  return copy
}
