import { BatchBuilder, MillraceError, RecordBatch, readBatches } from '@millrace/record'
import { type ProduceAck, UNARY } from '@millrace/wire'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { batchOf, type ProduceCall, type RawClient, type RpcServer, serveRpc, until } from '../../test/rpc-harness.ts'

let server: RpcServer
let client: RawClient

beforeEach(async () => {
  server = await serveRpc({ limits: { inFlightBytesPerConnection: 100_000 } })
  client = server.connect()
  await server.broker.topics.create({ name: 't', partitions: 3 })
})
afterEach(() => server.close())

async function acksOf(stream: ProduceCall, count: number): Promise<ProduceAck[]> {
  const acks: ProduceAck[] = []
  while (acks.length < count) {
    const ack = await stream.next()
    if (ack === undefined) break
    acks.push(ack)
  }
  return acks
}

async function valuesIn(partition: number): Promise<string[]> {
  const source = await server.broker.fetch.source('t', partition)
  const { batches } = await source.read(0, { maxBytes: 1e8 })
  return batches.flatMap((bytes) =>
    Array.from(readBatches(bytes)).flatMap((batch) => Array.from(batch.records(1e8), ({ value }) => String(value))),
  )
}

describe('a produce stream', () => {
  test('keeps the order of each partition, also while its target is looked up', async () => {
    const find = server.broker.produce.target.bind(server.broker.produce)
    const open: (() => void)[] = []
    server.broker.produce.target = async (topic, partition) => {
      await new Promise<void>((resolve) => open.push(resolve))
      return find(topic, partition)
    }
    const stream = client.produceStream()
    for (let id = 0; id < 30; id++) stream.send({ id, partition: id % 3, batch: batchOf(`v${id}`) })
    await until(() => open.length === 3)
    // The last partition is found first; nothing of the others may wait for that, or pass it.
    for (const found of open.reverse()) found()
    for (let id = 30; id < 60; id++) stream.send({ id, partition: id % 3, batch: batchOf(`v${id}`) })
    const acks = await acksOf(stream, 60)
    expect(new Set(acks.map(({ id }) => id)).size).toBe(60)
    for (const partition of [0, 1, 2]) {
      const ids = Array.from({ length: 20 }, (_, index) => index * 3 + partition)
      expect(await valuesIn(partition)).toEqual(ids.map((id) => `v${id}`))
      for (const [offset, id] of ids.entries()) expect(acks.find((ack) => ack.id === id)?.baseOffset).toBe(offset)
    }
    stream.call.end()
    expect((await stream.call.outcome).error).toBeUndefined()
  })

  test('keeps the order of a partition whose batch is being unpacked, however many other partitions come', async () => {
    const small = await serveRpc({ limits: { partitions: 2 } })
    try {
      const settings = { 'cleanup.policy': 'compact' }
      await small.broker.topics.create({ name: 't', partitions: 1, settings })
      await small.broker.topics.create({ name: 'u', partitions: 1, settings })
      const keyed = (count: number) => {
        const builder = new BatchBuilder()
        const record = { key: Buffer.from('k'), value: Buffer.alloc(100), timestamp: Date.UTC(2026, 0, 1) }
        for (let added = 0; added < count; added++) builder.append(record)
        return builder.build({ compression: count > 1 ? 'zstd' : 'none' }).buffer
      }
      const stream = small.connect().produceStream()
      // The target is known then.
      stream.send({ id: 0, batch: keyed(1) })
      expect(await stream.next()).toMatchObject({ id: 0, baseOffset: 0 })
      stream.send({ id: 1, batch: keyed(20_000) })
      stream.send({ id: 2, topic: 'u', batch: keyed(1) })
      stream.send({ id: 3, topic: 'nope', batch: keyed(1) })
      stream.send({ id: 4, batch: keyed(1) })
      const acks = await acksOf(stream, 4)
      expect(acks.find(({ id }) => id === 1)).toMatchObject({ baseOffset: 1, error: undefined })
      expect(acks.find(({ id }) => id === 4)).toMatchObject({ baseOffset: 20_001, error: undefined })
    } finally {
      await small.close()
    }
  })

  test('answers what is committed together in one message', async () => {
    const release = server.engine.holdCommits()
    const stream = client.produceStream()
    for (let id = 0; id < 20; id++) stream.send({ id, batch: batchOf(`v${id}`) })
    await untilAppended(20)
    release()
    await acksOf(stream, 20)
    stream.call.end()
    expect((await stream.call.outcome).messages).toHaveLength(1)
  })

  test('answers a bad batch under its id and goes on', async () => {
    const broken = batchOf('x')
    broken[broken.length - 1]! ^= 1
    const counted = batchOf('x')
    counted.writeInt32BE(7, 57)
    const stream = client.produceStream()
    stream.send({ id: 1, batch: broken })
    stream.send({ id: 2, batch: counted })
    stream.send({ id: 3, batch: batchOf('a').subarray(0, 65) })
    stream.send({ id: 4, batch: Buffer.concat([batchOf('a'), batchOf('b')]) })
    stream.send({ id: 5, batch: batchOf(Buffer.alloc(1_100_000)) })
    stream.send({ id: 6, topic: 'none', batch: batchOf('a') })
    stream.send({ id: 7, partition: 3, batch: batchOf('a') })
    stream.send({ id: 8, topic: '__millrace_x', batch: batchOf('a') })
    stream.send({ id: 9, batch: batchOf('a'), records: [{ key: null, value: null }] })
    stream.send({ id: 10 })
    stream.send({ id: 11, records: [{ key: null, value: null, partition: 2 }] })
    stream.send({ id: 12, batch: batchOf('good') })
    const acks = await acksOf(stream, 12)
    const codes = new Map(acks.map(({ id, error }) => [id, error?.code]))
    expect(codes.get(1)).toBe('CORRUPT_BATCH')
    expect(['CORRUPT_BATCH', 'INVALID_BATCH']).toContain(codes.get(2))
    expect(codes.get(3)).toBe('CORRUPT_BATCH')
    expect(codes.get(4)).toBe('INVALID_BATCH')
    expect(codes.get(5)).toBe('BATCH_TOO_LARGE')
    expect(codes.get(6)).toBe('TOPIC_NOT_FOUND')
    expect(codes.get(7)).toBe('PARTITION_NOT_FOUND')
    expect(codes.get(8)).toBe('INVALID_TOPIC_NAME')
    expect(codes.get(9)).toBe('INVALID_REQUEST')
    expect(codes.get(10)).toBe('INVALID_REQUEST')
    expect(codes.get(11)).toBe('INVALID_REQUEST')
    expect(codes.get(12)).toBeUndefined()
    expect(await valuesIn(0)).toEqual(['good'])
    // Each failure stands in the log once.
    const failures = server.lines.map(({ fields }) => (fields as { id?: number }).id)
    expect(failures.sort((a, b) => a! - b!)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
  })

  test('takes records and makes a batch of them', async () => {
    const stream = client.produceStream()
    const records = ['a', 'b'].map((value) => ({ key: null, value: Buffer.from(value), partition: 1 }))
    stream.send({ id: 1, partition: 1, records, acks: 'none' })
    expect(await acksOf(stream, 1)).toMatchObject([{ id: 1, baseOffset: 0, error: undefined }])
    expect(await valuesIn(1)).toEqual(['a', 'b'])
  })

  test('answers a repeated batch of an idempotent producer with its first place', async () => {
    const { producerId } = await server.broker.produce.initProducer()
    const build = (baseSequence: number) =>
      new BatchBuilder()
        .append({ key: null, value: Buffer.from(`${baseSequence}`), timestamp: Date.UTC(2026, 0, 1) })
        .build({ producer: { producerId, producerEpoch: 0, baseSequence } }).buffer
    const stream = client.produceStream()
    for (const [id, sequence] of [0, 1, 0, 1, 5].entries()) stream.send({ id, batch: build(sequence) })
    const acks = await acksOf(stream, 5)
    expect(acks.map(({ duplicate }) => duplicate).filter(Boolean)).toHaveLength(2)
    expect(acks.filter(({ duplicate }) => duplicate).map(({ baseOffset }) => baseOffset)).toEqual([0, 1])
    expect(acks.find(({ id }) => id === 4)?.error).toMatchObject({ code: 'OUT_OF_ORDER_SEQUENCE' })
    expect(await valuesIn(0)).toEqual(['0', '1'])
  })

  test('finds a topic that was made anew after the old one is gone', async () => {
    const stream = client.produceStream()
    stream.send({ id: 1, batch: batchOf('old') })
    await acksOf(stream, 1)
    await client.unary(UNARY.deleteTopic, { name: 't' })
    await client.unary(UNARY.createTopic, { name: 't' })
    stream.send({ id: 2, batch: batchOf('lost') })
    expect(await acksOf(stream, 1)).toMatchObject([{ id: 2, error: { code: 'TOPIC_NOT_FOUND' } }])
    stream.send({ id: 3, batch: batchOf('new') })
    expect(await acksOf(stream, 1)).toMatchObject([{ id: 3, baseOffset: 0, error: undefined }])
    expect(await valuesIn(0)).toEqual(['new'])
  })

  test('passes on what storage says', async () => {
    server.engine.failAppends(new MillraceError('DISK_FULL', 'no space'))
    const stream = client.produceStream()
    stream.send({ id: 1, batch: batchOf('a') })
    expect(await acksOf(stream, 1)).toMatchObject([{ id: 1, error: { code: 'DISK_FULL', retriable: true } }])
    expect(server.lines).toMatchObject([{ level: 'error', fields: { code: 'DISK_FULL' } }])
    server.engine.failAppends()
    stream.send({ id: 2, batch: batchOf('a') })
    expect(await acksOf(stream, 1)).toMatchObject([{ id: 2, baseOffset: 0, error: undefined }])
  })

  test('finishes what came when its client vanishes', async () => {
    const release = server.engine.holdCommits()
    const gone = server.connect()
    const stream = gone.produceStream()
    for (let id = 0; id < 10; id++) stream.send({ id, batch: batchOf(`v${id}`) })
    await untilAppended(10)
    gone.destroy()
    await until(() => gone.session.destroyed)
    release()
    expect(await valuesIn(0)).toHaveLength(10)
    expect(server.lines.filter(({ level }) => level !== 'debug')).toEqual([])
  })
})

describe('back-pressure', () => {
  test('stops reading a connection that has too much unanswered, and goes on when it is answered', async () => {
    const release = server.engine.holdCommits()
    const batch = batchOf(Buffer.alloc(20_000))
    const streams = [client.produceStream(), client.produceStream()]
    let sent = 0
    for (; sent < 200; sent++) streams[sent % 2]!.send({ id: sent, partition: sent % 2, batch: Buffer.from(batch) })
    // What may be in flight, and on each stream the batch that overstepped it.
    await untilAppended(5)
    await until(() => server.appends.open >= 5)
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
    expect(server.appends.open).toBeLessThanOrEqual(8)
    release()
    const acks = await Promise.all(streams.map((stream) => acksOf(stream, 100)))
    for (const [index, answered] of acks.entries()) {
      expect(answered.map(({ id }) => id)).toEqual(Array.from({ length: 100 }, (_, n) => n * 2 + index))
    }
  })

  test('bounds the memory behind a client that sends without end and reads no answer', async () => {
    const stream = client.produceStream()
    stream.call.stream.pause()
    const batch = batchOf('v')
    let sent = 0
    // Until the client itself is told to wait, for good.
    for (let idle = 0; idle < 200; ) {
      if (stream.call.stream.writableNeedDrain) {
        idle++
        await new Promise((resolve) => setImmediate(resolve))
      } else {
        idle = 0
        stream.send({ id: sent++, batch: Buffer.from(batch) })
        if (sent > 1_000_000) throw new Error('the server reads on and on')
      }
    }
    expect(sent).toBeGreaterThan(100)
    stream.call.stream.resume()
    expect((await acksOf(stream, sent)).map(({ id }) => id)).toEqual(Array.from({ length: sent }, (_, id) => id))
  })
})

test('a shutdown answers what came, then says so', async () => {
  const release = server.engine.holdCommits()
  const stream = client.produceStream()
  for (let id = 0; id < 5; id++) stream.send({ id, batch: batchOf(`v${id}`) })
  await untilAppended(5)
  const closed = server.gateway.close(10_000)
  release()
  expect(await acksOf(stream, 5)).toHaveLength(5)
  expect((await stream.call.endAfterServer()).error?.code).toBe('SHUTTING_DOWN')
  await closed
})

async function untilAppended(count: number): Promise<void> {
  await until(() => server.appends.started >= count)
}

test('a batch reaches the engine as the bytes that came', async () => {
  const stream = client.produceStream()
  const sent = batchOf('a', 'b')
  stream.send({ id: 1, batch: Buffer.from(sent) })
  await acksOf(stream, 1)
  const { batches } = await (await server.broker.fetch.source('t', 0)).read(0, { maxBytes: 1e6 })
  const stored = RecordBatch.at(batches[0]!)
  // All that the broker decides is the base offset, 0 here too, and the leader epoch.
  stored.buffer.writeInt32BE(-1, 12)
  expect(stored.buffer.equals(sent)).toBe(true)
})
