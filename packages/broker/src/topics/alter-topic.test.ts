import { BatchBuilder, COMPRESSION_CODECS, RecordBatch } from '@millrace/record'
import { batchOf, createMemoryEngine, ManualClock } from '@millrace/testkit'
import { describe, expect, test, vi } from 'vitest'
import { Broker } from '../broker.ts'
import type { TopicChange } from './topics.ts'

const NOW = Date.UTC(2026, 5, 1)

function setUp() {
  const clock = new ManualClock(NOW)
  const engine = createMemoryEngine({ clock })
  return { clock, engine, broker: new Broker({ engine, clock }) }
}

const keyless = (value = 'x') => ({ key: null, value: Buffer.from(value) })
const fromProducer = (producer: { producerId: number; producerEpoch: number }) =>
  batchOf(['x'], { timestamp: NOW, producer: { ...producer, baseSequence: 0 } })

describe('altering a topic', () => {
  test('gives its details, with what is set, what is back to its default, and the added partitions', async () => {
    const { broker } = setUp()
    const made = await broker.topics.create({ name: 'orders', settings: { 'segment.ms': '5', 'retention.ms': '6' } })
    const details = await broker.topics.alter('orders', {
      set: { 'retention.ms': '7' },
      unset: ['segment.ms'],
      partitions: 2,
    })
    expect(details.topic).toEqual({ ...made, partitions: 2, settings: { 'retention.ms': '7' } })
    expect(details.settings).toMatchObject({ 'retention.ms': '7', 'segment.ms': '604800000' })
    expect(details.partitions).toHaveLength(2)
    expect(await broker.topics.describe('orders')).toEqual(details)
  })

  test('is refused for what is not there, what is Millrace’s own, and what is not allowed', async () => {
    const { broker, engine } = setUp()
    const own = await engine.topics.create({ name: '__millrace_groups', partitions: 1, settings: {} })
    await broker.topics.create({ name: 'orders', partitions: 3 })
    const change = { partitions: 5 }
    await expect(broker.topics.alter('nope', change)).rejects.toMatchObject({ code: 'TOPIC_NOT_FOUND' })
    await expect(broker.topics.alter(own.name, change)).rejects.toMatchObject({ code: 'INVALID_TOPIC_NAME' })
    for (const partitions of [2, 0, 1_001, 3.5]) {
      await expect(broker.topics.alter('orders', { partitions })).rejects.toMatchObject({ code: 'INVALID_PARTITIONS' })
    }
    await expect(broker.topics.alter('orders', { set: { a: '1' } })).rejects.toMatchObject({ code: 'INVALID_CONFIG' })
    expect((await engine.topics.find(own.name))?.partitions).toBe(1)
  })

  test('is told to those who watch', async () => {
    const { broker } = setUp()
    await broker.topics.create({ name: 'orders' })
    const changes: TopicChange[] = []
    broker.topics.watch((change) => changes.push(change))
    const { topic } = await broker.topics.alter('orders', { partitions: 4 })
    expect(changes).toEqual([{ topic, isDeleted: false }])
  })

  test('a look-up that was under way meanwhile gives the topic as it is then', async () => {
    const { broker, engine } = setUp()
    await broker.topics.create({ name: 'orders' })
    const found = await engine.topics.find('orders')
    const slow = Promise.withResolvers<void>()
    vi.spyOn(engine.topics, 'find').mockImplementationOnce(() => slow.promise.then(() => found))
    const handle = broker.topics.handle('orders')
    await engine.topics.find('orders')
    await broker.topics.alter('orders', { partitions: 3 })
    slow.resolve()
    expect((await handle).description.partitions).toBe(3)
  })
})

describe('streams that are open when a topic is altered', () => {
  test('go by a new max.message.bytes and new bounds of timestamps', async () => {
    const { broker } = setUp()
    await broker.topics.create({ name: 'orders', settings: { 'max.message.bytes': '300' } })
    const target = await broker.produce.target('orders', 0)
    const large = () => batchOf(['x'.repeat(400)], { timestamp: NOW })
    const late = () => batchOf(['x'], { timestamp: NOW - 1_000 })
    await expect(target.append(large(), 'committed')).rejects.toMatchObject({ code: 'BATCH_TOO_LARGE' })
    await target.append(late(), 'committed')
    const set = { 'max.message.bytes': '500', 'message.timestamp.before.max.ms': '999' }
    await broker.topics.alter('orders', { set })
    await target.append(large(), 'committed')
    await expect(target.append(late(), 'committed')).rejects.toMatchObject({ code: 'INVALID_TIMESTAMP' })
    await expect(target.appendRecords([{ ...keyless(), timestamp: NOW - 1_000 }], 'none')).rejects.toMatchObject({
      code: 'INVALID_TIMESTAMP',
    })
    await broker.topics.alter('orders', { unset: Object.keys(set) })
    await target.append(late(), 'committed')
  })

  test('go on reading, and reach added partitions through the same topic', async () => {
    const { broker } = setUp()
    await broker.topics.create({ name: 'orders' })
    const source = await broker.fetch.source('orders', 0)
    const waiting = source.read(0, { maxBytes: 0, waitMs: 1_000 })
    await expect(broker.fetch.source('orders', 1)).rejects.toMatchObject({ code: 'PARTITION_NOT_FOUND' })
    await broker.topics.alter('orders', { partitions: 2 })
    await (await broker.produce.target('orders', 1)).append(batchOf(['b']), 'committed')
    await (await broker.produce.target('orders', 0)).append(batchOf(['a']), 'committed')
    expect(await waiting).toMatchObject({ nextOffset: 1 })
    expect(await broker.fetch.records('orders', 1, { at: 'earliest' })).toMatchObject({ nextOffset: 1 })
  })

  test('the turns of keyless records go on over all partitions that there are', async () => {
    const { broker } = setUp()
    await broker.topics.create({ name: 'orders', partitions: 2 })
    const turn = async () => (await broker.produce.records('orders', [keyless()], { acks: 'none' }))[0]!.partition
    expect([await turn(), await turn(), await turn()]).toEqual([0, 1, 0])
    await broker.topics.alter('orders', { partitions: 4 })
    expect([await turn(), await turn(), await turn(), await turn()]).toEqual([1, 2, 3, 0])
  })
})

describe('with LogAppendTime', () => {
  test('the broker’s time counts for plain records and batches, whatever theirs is; repeats get that of the first', async () => {
    const { broker, clock } = setUp()
    const settings = { 'message.timestamp.type': 'LogAppendTime', 'message.timestamp.after.max.ms': '0' }
    await broker.topics.create({ name: 'orders', settings })
    const records = [
      { ...keyless(), timestamp: 5 },
      { ...keyless(), timestamp: NOW + 9_999_999 },
    ]
    expect(await broker.produce.records('orders', records, { acks: 'committed' })).toEqual([
      { partition: 0, offset: 0, timestamp: NOW },
      { partition: 0, offset: 1, timestamp: NOW },
    ])
    const target = await broker.produce.target('orders', 0)
    const producer = await broker.produce.initProducer()
    clock.advance(7)
    expect(await target.append(fromProducer(producer), 'committed')).toMatchObject({ timestamp: NOW + 7 })
    clock.advance(7)
    expect(await target.append(fromProducer(producer), 'committed')).toMatchObject({
      timestamp: NOW + 7,
      duplicate: true,
    })
    const { records: read } = await broker.fetch.records('orders', 0, { at: 'earliest' })
    expect(read.map(({ timestamp }) => timestamp)).toEqual([NOW, NOW, NOW + 7])
    expect(await (await broker.fetch.source('orders', 0)).offsetAt({ timestampMs: NOW + 1 })).toMatchObject({
      offset: 2,
      timestamp: NOW + 7,
    })
  })

  test('a client cannot claim it', async () => {
    const { broker } = setUp()
    await broker.topics.create({ name: 'orders', settings: { 'message.timestamp.type': 'LogAppendTime' } })
    const batch = RecordBatch.at(batchOf(['x']))
    batch.stampAppendTime(NOW)
    const target = await broker.produce.target('orders', 0)
    await expect(target.append(batch.buffer, 'committed')).rejects.toMatchObject({ code: 'INVALID_BATCH' })
  })
})

describe('records without a key', () => {
  test.each(COMPRESSION_CODECS)(
    'are refused by a topic that is compacted, in batches of codec %s',
    async (compression) => {
      const { broker } = setUp()
      await broker.topics.create({ name: 'plain' })
      await broker.topics.create({ name: 'both', settings: { 'cleanup.policy': 'compact,delete' } })
      const batch = (keys: readonly (string | null)[]) => {
        const builder = new BatchBuilder()
        for (const key of keys)
          builder.append({ key: key === null ? null : Buffer.from(key), value: null, timestamp: NOW })
        return builder.build({ compression }).buffer
      }
      const [plain, both] = [await broker.produce.target('plain', 0), await broker.produce.target('both', 0)]
      await plain.append(batch(['a', null]), 'committed')
      await expect(both.append(batch(['a', null]), 'committed')).rejects.toMatchObject({ code: 'INVALID_RECORD' })
      await both.append(batch(['a', 'b']), 'committed')
      await broker.topics.alter('plain', { set: { 'cleanup.policy': 'compact' } })
      await expect(plain.append(batch([null]), 'committed')).rejects.toMatchObject({ code: 'INVALID_RECORD' })
      await broker.topics.alter('plain', { unset: ['cleanup.policy'] })
      expect(await plain.append(batch([null]), 'committed')).toMatchObject({ baseOffset: 2 })
    },
  )

  test.each(COMPRESSION_CODECS)(
    'are looked for at once in batches as clients send them, codec %s',
    async (compression) => {
      const { broker } = setUp()
      await broker.topics.create({ name: 'orders', settings: { 'cleanup.policy': 'compact' } })
      const target = await broker.produce.target('orders', 0)
      const builder = new BatchBuilder()
      for (let count = 0; count < 1_000; count++) {
        builder.append({ key: Buffer.from('k'), value: Buffer.from(`${Math.sqrt(count)}`.repeat(12)), timestamp: NOW })
      }
      const appended = target.append(builder.build({ compression }).buffer, 'committed')
      expect(target.isWaiting).toBe(false)
      await appended
    },
  )

  test('are looked for in packed batches that get large, too, and what follows does not pass those', async () => {
    const { broker } = setUp()
    await broker.topics.create({ name: 'orders', settings: { 'cleanup.policy': 'compact' } })
    const target = await broker.produce.target('orders', 0)
    const packed = (key: string | null) => {
      const builder = new BatchBuilder()
      for (let count = 0; count < 20_000; count++) {
        builder.append({ key: Buffer.from('k'), value: Buffer.alloc(100), timestamp: NOW })
      }
      builder.append({ key: key === null ? null : Buffer.from(key), value: null, timestamp: NOW })
      return builder.build({ compression: 'zstd' }).buffer
    }
    const one = () => new BatchBuilder().append({ key: Buffer.from('k'), value: null, timestamp: NOW }).build().buffer
    const appends = [
      target.append(one(), 'committed'),
      target.append(packed('k'), 'committed'),
      target.append(packed(null), 'committed'),
      target.append(one(), 'committed'),
      target.appendRecords([{ key: Buffer.from('k'), value: null }], 'committed'),
    ]
    const outcomes = await Promise.all(appends.map((append) => append.catch((error: unknown) => error)))
    expect(outcomes).toMatchObject([
      { baseOffset: 0 },
      { baseOffset: 1 },
      { code: 'INVALID_RECORD', message: expect.stringContaining('record 20000') },
      { baseOffset: 20_002 },
      { baseOffset: 20_003 },
    ])
    expect(await target.append(one(), 'committed')).toMatchObject({ baseOffset: 20_004 })
  })

  test('are refused as plain records too, those of their partition with them', async () => {
    const { broker } = setUp()
    await broker.topics.create({ name: 'orders', partitions: 2, settings: { 'cleanup.policy': 'compact' } })
    const keyed = { key: Buffer.from('k'), value: null, partition: 1 }
    const records = [{ ...keyless(), partition: 0 }, keyed, { ...keyed, partition: 0 }]
    expect(await broker.produce.records('orders', records, { acks: 'committed' })).toMatchObject([
      { partition: 0, error: { code: 'INVALID_RECORD' } },
      { partition: 1, offset: 0 },
      { partition: 0, error: { code: 'INVALID_RECORD' } },
    ])
  })
})

describe('deleting records', () => {
  async function setUpRecords() {
    const s = setUp()
    await s.broker.topics.create({ name: 'orders', partitions: 2 })
    const target = await s.broker.produce.target('orders', 1)
    for (const value of ['a', 'b', 'c', 'd']) await target.append(batchOf([value]), 'committed')
    return s
  }

  test('before an offset leaves those from it on; again, or below it, changes nothing', async () => {
    const { broker } = await setUpRecords()
    const source = await broker.fetch.source('orders', 1)
    expect(await broker.topics.deleteRecords('orders', 1, 2)).toBe(2)
    expect(await broker.topics.deleteRecords('orders', 1, 2)).toBe(2)
    expect(await broker.topics.deleteRecords('orders', 1, 0)).toBe(2)
    await expect(source.read(1, { maxBytes: 0 })).rejects.toMatchObject({
      code: 'OFFSET_OUT_OF_RANGE',
      details: { logStartOffset: 2, highWatermark: 4 },
    })
    expect(await source.read(2, { maxBytes: 0 })).toMatchObject({ nextOffset: 4 })
    expect(await broker.topics.deleteRecords('orders', 1, 4)).toBe(4)
    expect(await broker.topics.describe('orders')).toMatchObject({
      partitions: [{ logStartOffset: 0 }, { logStartOffset: 4, highWatermark: 4 }],
    })
  })

  test.each([
    ['past the end', 'orders', 1, 5, 'OFFSET_OUT_OF_RANGE'],
    ['before no offset', 'orders', 1, -1, 'INVALID_REQUEST'],
    ['before half an offset', 'orders', 1, 0.5, 'INVALID_REQUEST'],
    ['of a partition that is not there', 'orders', 2, 0, 'PARTITION_NOT_FOUND'],
    ['of a topic that is not there', 'nope', 0, 0, 'TOPIC_NOT_FOUND'],
    ['of one of Millrace’s own', '__millrace_groups', 0, 0, 'INVALID_TOPIC_NAME'],
  ])('%s is refused', async (_, topic, partition, before, code) => {
    const { broker } = await setUpRecords()
    await expect(broker.topics.deleteRecords(topic, partition, before)).rejects.toMatchObject({ code })
    expect(await broker.fetch.records('orders', 1, { at: 'earliest' })).toMatchObject({ nextOffset: 4 })
  })
})
