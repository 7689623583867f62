import { fileURLToPath } from 'node:url'
import {
  type ClientDuplexStream,
  credentials,
  loadPackageDefinition,
  Metadata,
  type ServiceClientConstructor,
  type ServiceError,
} from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { BatchBuilder, type ProducerStamp, RecordBatch, readBatches } from '@millrace/record'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { batchOf, type RpcServer, serveRpc } from '../../test/rpc-harness.ts'

/** Clients that know Millrace by `proto/` only. */
const PROTO = fileURLToPath(new URL('../../../../proto', import.meta.url))
const definition = loadSync(['millrace/v1/topics.proto', 'millrace/v1/records.proto'], {
  includeDirs: [PROTO],
  longs: Number,
  enums: String,
  oneofs: true,
})
const { v1 } = loadPackageDefinition(definition).millrace as unknown as {
  v1: { Topics: ServiceClientConstructor; Records: ServiceClientConstructor }
}

// biome-ignore lint/suspicious/noExplicitAny: messages come without types from proto-loader
type Message = any
type Client = InstanceType<ServiceClientConstructor>

let server: RpcServer
let topics: Client
let records: Client

beforeEach(async () => {
  server = await serveRpc()
  topics = new v1.Topics(`127.0.0.1:${server.port}`, credentials.createInsecure())
  records = new v1.Records(`127.0.0.1:${server.port}`, credentials.createInsecure())
})
afterEach(async () => {
  topics.close()
  records.close()
  await server.close()
})

function call(client: Client, method: string, request: Message): Promise<Message> {
  return new Promise((resolve, reject) => {
    client[method]!(request, (error: ServiceError | null, response: Message) =>
      error === null ? resolve(response) : reject(error),
    )
  })
}

function open(method: string): { stream: ClientDuplexStream<Message, Message>; next: () => Promise<Message> } {
  const stream = records[method]!(new Metadata()) as ClientDuplexStream<Message, Message>
  stream.on('error', () => {})
  const messages = stream[Symbol.asyncIterator]()
  return { stream, next: async () => (await messages.next()).value }
}

function codeOf(error: ServiceError): unknown {
  return error.metadata.get('millrace-code')[0]
}

function transactionalBatch(value: string, producer: ProducerStamp): Buffer {
  const record = { key: null, value: Buffer.from(value), timestamp: Date.UTC(2026, 0, 1) }
  return new BatchBuilder().append(record).build({ transactional: true, producer }).buffer
}

describe('a client of @grpc/grpc-js', () => {
  test('creates a topic, produces, fetches and finds offsets', async () => {
    const { topic } = await call(topics, 'CreateTopic', { name: 'orders', partitions: 2 })
    expect(topic).toMatchObject({ name: 'orders', partitions: 2 })
    const produced = await call(records, 'Produce', {
      topic: 'orders',
      records: [
        { key: Buffer.from('k'), value: Buffer.from('v'), headers: [{ key: 'h', value: Buffer.from('x') }] },
        { key: Buffer.from('k') },
      ],
    })
    const [{ partition }] = produced.results
    expect(produced.results.map(({ offset }: Message) => offset ?? 0)).toEqual([0, 1])
    const fetched = await call(records, 'Fetch', { topic: 'orders', partition, from: { earliest: true } })
    expect(fetched).toMatchObject({ nextOffset: 2, highWatermark: 2 })
    const stored = Array.from(RecordBatch.at(fetched.batches).records(1e6))
    expect(stored).toMatchObject([
      { key: Buffer.from('k'), value: Buffer.from('v'), headers: [{ key: 'h', value: Buffer.from('x') }] },
      { key: Buffer.from('k'), value: null },
    ])
    expect(await call(records, 'GetOffset', { topic: 'orders', partition, at: { latest: true } })).toMatchObject({
      offset: 2,
      found: true,
    })
    const described = await call(topics, 'DescribeTopic', { name: 'orders' })
    expect(described.partitions).toHaveLength(2)
    await call(topics, 'DeleteTopic', { name: 'orders' })
    expect((await call(topics, 'ListTopics', {})).topics ?? []).toEqual([])
  })

  test('writes in transactions and reads what came of them', async () => {
    await call(topics, 'CreateTopic', { name: 't' })
    const init = { transactionalId: 'pipe', transactionTimeoutMs: 9_000 }
    let identity = await call(records, 'InitProducer', init)
    const fetch = open('FetchStream')
    fetch.stream.write({ add: { subscription: 1, topic: 't', bytes: 1_000_000 } })
    expect(await fetch.next()).toMatchObject({ subscription: 1 })
    const produce = open('ProduceStream')
    const transactionalId = 'pipe'
    for (const commit of [false, true]) {
      const producer = { producerId: 0, producerEpoch: 0, ...identity, baseSequence: 0 }
      const batch = transactionalBatch(String(commit), producer)
      produce.stream.write({ id: 1, topic: 't', batch })
      expect((await produce.next()).acks[0].error ?? null).toBeNull()
      const { transactions } = await call(records, 'ListTransactions', {})
      expect(transactions).toMatchObject([{ transactionalId, state: 'open', timeoutMs: 9_000, partitions: 1 }])
      identity = await call(records, 'EndTransaction', { transactionalId, ...producer, commit })
    }
    expect(identity).toMatchObject({ producerEpoch: 2 })
    const aborted: Message[] = []
    const bytes: Buffer[] = []
    for (let nextOffset = 0; nextOffset < 4; ) {
      const response = await fetch.next()
      nextOffset = response.nextOffset
      aborted.push(...(response.abortedTransactions ?? []))
      if (response.batches !== undefined) bytes.push(response.batches)
      expect(response.lastStableOffset).toBe(response.highWatermark)
    }
    expect(aborted.length).toBeGreaterThan(0)
    for (const { producerId, firstOffset } of aborted) {
      expect([producerId ?? 0, firstOffset ?? 0]).toEqual([identity.producerId ?? 0, 0])
    }
    const kinds = [...readBatches(Buffer.concat(bytes))].map(({ isControl, producerEpoch }) => [
      isControl,
      producerEpoch,
    ])
    expect(kinds).toEqual([
      [false, 0],
      [true, 0],
      [false, 1],
      [true, 1],
    ])
    const fetched = await call(records, 'Fetch', { topic: 't', from: { earliest: true } })
    expect(fetched).toMatchObject({ nextOffset: 4, lastStableOffset: 4 })
    expect(fetched.abortedTransactions).toHaveLength(1)
    const all = await call(records, 'Fetch', {
      topic: 't',
      from: { earliest: true },
      isolation: 'ISOLATION_UNCOMMITTED',
    })
    expect(all.abortedTransactions ?? []).toEqual([])
    produce.stream.end()
    fetch.stream.end()
  })

  test.each([
    ['a stale epoch', { producerEpoch: 0, commit: true }, 'PRODUCER_FENCED'],
    ['an epoch that nobody was given', { producerEpoch: 9, commit: true }, 'INVALID_TRANSACTION_STATE'],
    ['another id', { transactionalId: 'other', producerEpoch: 1 }, 'INVALID_TRANSACTION_STATE'],
    ['no id', { transactionalId: '', producerEpoch: 1 }, 'INVALID_TRANSACTION_STATE'],
    ['another producer', { producerId: 77, producerEpoch: 1 }, 'INVALID_TRANSACTION_STATE'],
  ])('cannot end a transaction with %s', async (_, wrong, code) => {
    const transactionalId = 'pipe'
    const { producerId = 0 } = await call(records, 'InitProducer', { transactionalId })
    await call(records, 'InitProducer', { transactionalId })
    const ended = call(records, 'EndTransaction', { transactionalId, producerId, ...wrong })
    expect(codeOf(await ended.catch((error) => error))).toBe(code)
  })

  test.each([
    [{ transactionalId: 'x'.repeat(256) }, 'INVALID_TRANSACTIONAL_ID'],
    [{ transactionalId: 'x', transactionTimeoutMs: -1 }, 'INVALID_REQUEST'],
    [{ transactionalId: 'x', transactionTimeoutMs: 900_001 }, 'INVALID_REQUEST'],
  ])('cannot begin with %o', async (request, code) => {
    const begun = call(records, 'InitProducer', request)
    expect(codeOf(await begun.catch((error) => error))).toBe(code)
  })

  test('uses both streams', async () => {
    await call(topics, 'CreateTopic', { name: 't' })
    const produce = open('ProduceStream')
    const fetch = open('FetchStream')
    fetch.stream.write({ add: { subscription: 1, topic: 't', bytes: 1_000_000 } })
    expect(await fetch.next()).toMatchObject({ subscription: 1 })
    for (let id = 1; id <= 3; id++) produce.stream.write({ id, topic: 't', batch: batchOf(`v${id}`) })
    produce.stream.write({ id: 4, topic: 't', records: [{ value: Buffer.from('v4') }] })
    const acks: Message[] = []
    while (acks.length < 4) acks.push(...(await produce.next()).acks)
    expect(acks.map(({ id, baseOffset }) => [id, baseOffset ?? 0])).toEqual([
      [1, 0],
      [2, 1],
      [3, 2],
      [4, 3],
    ])
    const values: string[] = []
    while (values.length < 4) {
      for (const batch of readBatches((await fetch.next()).batches)) {
        for (const { value } of batch.records(1e6)) values.push(String(value))
      }
    }
    expect(values).toEqual(['v1', 'v2', 'v3', 'v4'])
    produce.stream.end()
    expect(await produce.next()).toBeUndefined()
    fetch.stream.write({ remove: { subscription: 1 } })
    fetch.stream.end()
    expect(await fetch.next()).toBeUndefined()
  })

  test('learns what went wrong', async () => {
    const error: ServiceError = await call(topics, 'DescribeTopic', { name: 'none' }).catch((e) => e)
    expect(error.code).toBe(5)
    expect(error.metadata.get('millrace-code')).toEqual(['TOPIC_NOT_FOUND'])
    await call(topics, 'CreateTopic', { name: 't' })
    const range: ServiceError = await call(records, 'Fetch', { topic: 't', from: { offset: 3 } }).catch((e) => e)
    expect(range.code).toBe(11)
    expect(JSON.parse(decodeURIComponent(String(range.metadata.get('millrace-details')[0])))).toEqual({
      logStartOffset: 0,
      highWatermark: 0,
    })
    const stream = open('ProduceStream')
    stream.stream.write({ id: 1, topic: 'none', batch: batchOf('a') })
    expect((await stream.next()).acks).toMatchObject([{ id: 1, error: { code: 'TOPIC_NOT_FOUND' } }])
    stream.stream.cancel()
  })
})
