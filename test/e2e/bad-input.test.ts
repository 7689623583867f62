import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { connect as connectTcp } from 'node:net'
import { BatchBuilder, checksum, type Logger } from '@millrace/record'
import { type Server, startServer } from '@millrace/server'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { GrpcFailure, grpcCall, grpcClient, type Message } from './grpc.ts'
import { frame, type RawCall, RECORDS, rawGrpc, TOPICS } from './raw-grpc.ts'
import { type Answer, type Asked, SPEAKERS } from './speakers.ts'

const REQUEST_BYTES = 100_000
const BATCH_BYTES = 1_000
const STALL_MS = 300
const BEYOND_EXACT = '9007199254740993'

/** What one way of asking was answered: the permanent code, and the facts that came with it. */
interface Refusal {
  readonly code: string
  readonly details: Readonly<Record<string, unknown>>
}

let server: Server
let url = ''
const logged: { code?: string }[] = []
const note = (fields: object): void => void logged.push(fields)
const logger: Logger = { debug: note, info: note, warn: note, error: note }

beforeAll(async () => {
  const limits = { requestBytes: REQUEST_BYTES, requestTimeoutMs: STALL_MS, headersTimeoutMs: STALL_MS }
  server = await startServer({ data: 'memory', http: '127.0.0.1:0', logger, limits })
  url = server.url
  await grpcCall(url, 'Topics', 'createTopic', {
    name: 'Orders',
    partitions: 1,
    config: { 'max.message.bytes': String(BATCH_BYTES) },
  })
  await grpcCall(url, 'Records', 'produce', { topic: 'Orders', records: [{ value: Buffer.from('kept') }] })
})
afterAll(() => server.close())
beforeEach(() => {
  logged.length = 0
})

const rest1 = async (asked: Asked) => restRefusal(await SPEAKERS['HTTP/1.1']!(url, asked))
const rest2 = async (asked: Asked) => restRefusal(await SPEAKERS['HTTP/2']!(url, asked))

function restRefusal({ status, type, body }: Answer): Refusal {
  expect(type).toBe('application/problem+json')
  const { code, type: _, title: __, status: inBody, detail, ...details } = body as Record<string, unknown>
  expect(inBody).toBe(status)
  expect(detail).not.toBe('')
  return { code: String(code), details }
}

const post = (path: string, body: string, headers: Record<string, string> = {}): Asked => ({
  method: 'POST',
  path,
  body,
  headers,
})

/** Over both versions of HTTP. */
const rest = (asked: Asked) => [() => rest1(asked), () => rest2(asked)]

async function grpc(service: 'Records' | 'Topics', method: string, request: Message): Promise<Refusal> {
  try {
    const response = await grpcCall(url, service, method, request)
    const error = response.results?.[0]?.error
    return { code: error?.code ?? 'none', details: error?.details ?? {} }
  } catch (error) {
    if (!(error instanceof GrpcFailure)) throw error
    return error
  }
}

/** Sends one request over ProduceStream and gives its acknowledgement's error. */
async function produceStream(request: Message): Promise<Refusal> {
  const client = grpcClient(url, 'Records')
  const call = (client as unknown as Record<string, () => Message>).produceStream?.()
  try {
    return await new Promise((resolve) => {
      call.on('data', ({ acks }: Message) =>
        resolve({ code: acks[0].error?.code ?? 'none', details: acks[0].error?.details }),
      )
      call.on('error', (error: ConstructorParameters<typeof GrpcFailure>[0]) => resolve(new GrpcFailure(error)))
      call.write({ id: 1, topic: 'Orders', partition: 0, ...request })
      call.end()
    })
  } finally {
    client.close()
  }
}

async function raw(call: RawCall): Promise<Refusal> {
  const { trailers } = await rawGrpc(url, call)
  return { code: String(trailers['millrace-code']), details: JSON.parse(String(trailers['millrace-details'] ?? '{}')) }
}

function batchOf(...values: string[]): Buffer {
  const builder = new BatchBuilder()
  for (const value of values)
    builder.tryAppend({ key: null, value: Buffer.from(value), timestamp: 1 }, Number.MAX_SAFE_INTEGER)
  return builder.build().buffer
}

/** A batch whose bytes were changed; with `crc`, its checksum fits them again. */
function spoiled(change: (batch: Buffer) => void, crc: boolean): Buffer {
  const batch = batchOf('a', 'b')
  change(batch)
  if (crc) batch.writeUInt32BE(checksum(batch.subarray(21)), 17)
  return batch
}

const records = (...list: unknown[]) => post('/v1/topics/Orders/records', JSON.stringify({ records: list }))
const at = (path: string): Asked => ({ path: `/v1/topics/Orders/partitions/0/${path}` })
const create = (name: string): (() => Promise<Refusal>)[] => [
  ...rest(post('/v1/topics', JSON.stringify({ name }))),
  () => grpc('Topics', 'createTopic', { name }),
]
const CASES: readonly (readonly [name: string, code: string, ways: (() => Promise<Refusal>)[], details?: object])[] = [
  [
    'an unknown topic, to write',
    'TOPIC_NOT_FOUND',
    [
      ...rest(post('/v1/topics/none/records', '{"records":[{"value":"x"}]}')),
      () => grpc('Records', 'produce', { topic: 'none', records: [{ value: Buffer.from('x') }] }),
      () => produceStream({ topic: 'none', batch: batchOf('x') }),
    ],
  ],
  [
    'an unknown topic, to read',
    'TOPIC_NOT_FOUND',
    [
      ...rest({ path: '/v1/topics/none/partitions/0/records' }),
      ...rest({ path: '/v1/topics/none' }),
      ...rest({ method: 'DELETE', path: '/v1/topics/none' }),
      () => grpc('Records', 'fetch', { topic: 'none' }),
      () => grpc('Records', 'getOffset', { topic: 'none' }),
      () => grpc('Topics', 'describeTopic', { name: 'none' }),
      () => grpc('Topics', 'deleteTopic', { name: 'none' }),
    ],
  ],
  [
    'an unknown partition',
    'PARTITION_NOT_FOUND',
    [
      ...rest({ path: '/v1/topics/Orders/partitions/7/records' }),
      ...rest(records({ value: 'x', partition: 7 })),
      () => grpc('Records', 'fetch', { topic: 'Orders', partition: 7 }),
      () => grpc('Records', 'produce', { topic: 'Orders', records: [{ value: Buffer.from('x'), partition: 7 }] }),
      () => produceStream({ partition: 7, batch: batchOf('x') }),
    ],
  ],
  [
    'an offset out of range',
    'OFFSET_OUT_OF_RANGE',
    [...rest(at('records?offset=99')), () => grpc('Records', 'fetch', { topic: 'Orders', from: { offset: 99 } })],
    { logStartOffset: 0, highWatermark: 1 },
  ],
  [
    'a batch larger than the topic allows',
    'BATCH_TOO_LARGE',
    [
      ...rest(records({ value: 'x'.repeat(BATCH_BYTES) })),
      () => grpc('Records', 'produce', { topic: 'Orders', records: [{ value: Buffer.alloc(BATCH_BYTES) }] }),
      () => produceStream({ batch: batchOf('x'.repeat(BATCH_BYTES)) }),
    ],
  ],
  [
    'a body larger than the server allows',
    'REQUEST_TOO_LARGE',
    [
      ...rest(records({ value: 'x'.repeat(REQUEST_BYTES) })),
      () => grpc('Records', 'produce', { topic: 'Orders', records: [{ value: Buffer.alloc(REQUEST_BYTES) }] }),
      () => produceStream({ batch: Buffer.alloc(REQUEST_BYTES) }),
    ],
  ],
  [
    'a batch with a wrong CRC',
    'CORRUPT_BATCH',
    [() => produceStream({ batch: spoiled((batch) => batch.writeUInt8(batch.at(-1)! ^ 1, batch.length - 1), false) })],
  ],
  ['a batch that is cut off', 'CORRUPT_BATCH', [() => produceStream({ batch: batchOf('a', 'b').subarray(0, -1) })]],
  [
    'a count that disagrees with the offsets',
    'INVALID_BATCH',
    [() => produceStream({ batch: spoiled((batch) => batch.writeInt32BE(5, 57), true) })],
  ],
  [
    'a message or body that is cut off or makes no sense',
    'INVALID_REQUEST',
    [
      ...rest(post('/v1/topics', '{"name":"cut')),
      ...rest(post('/v1/topics', '{"name":"a"} b')),
      ...rest(post('/v1/topics', '{"nome":"a"}')),
      () => raw({ path: `${TOPICS}/CreateTopic`, bytes: frame(Buffer.from('0a0361', 'hex')) }),
      () => raw({ path: `${TOPICS}/CreateTopic`, bytes: frame(Buffer.from('0a0161', 'hex')).subarray(0, -1) }),
      () => raw({ path: `${RECORDS}/ProduceStream`, bytes: frame(Buffer.from('0a0361', 'hex')) }),
      () => raw({ path: `${RECORDS}/ProduceStream`, bytes: Buffer.from([0, 0, 0]) }),
      () => raw({ path: `${RECORDS}/FetchStream`, bytes: Buffer.from('\u0002GET / HTTP/1.1') }),
    ],
  ],
  [
    'a content type that is not taken',
    'UNSUPPORTED_MEDIA_TYPE',
    [
      ...rest(post('/v1/topics', '{"name":"a"}', { 'content-type': 'text/plain' })),
      ...rest(post('/v1/topics', 'name=a', { 'content-type': 'application/x-www-form-urlencoded' })),
      () =>
        raw({
          path: `${TOPICS}/ListTopics`,
          headers: { 'content-type': 'application/grpc+json' },
          bytes: frame(Buffer.alloc(0)),
        }),
    ],
  ],
  [
    'integers that would change',
    'NUMBER_NOT_EXACT',
    [
      ...rest(post('/v1/topics/Orders/records', `{"records":[{"value":{"id":${BEYOND_EXACT}}}]}`)),
      ...rest(post('/v1/topics/Orders/records', `{"records":[{"value":"x","timestamp":${BEYOND_EXACT}}]}`)),
      ...rest(at(`records?offset=${BEYOND_EXACT}`)),
      () => grpc('Records', 'fetch', { topic: 'Orders', from: { offset: BEYOND_EXACT } }),
      () => grpc('Records', 'produce', { topic: 'Orders', records: [{ value: null, timestamp: BEYOND_EXACT }] }),
    ],
  ],
  ['a topic name that is a path', 'INVALID_TOPIC_NAME', [...create('../escape'), ...create('a/b'), ...create('/etc')]],
  ['a topic name of dots', 'INVALID_TOPIC_NAME', [...create('.'), ...create('..')]],
  ['a topic name that is too long', 'INVALID_TOPIC_NAME', create('x'.repeat(250))],
  [
    'a topic name that is empty, or not ASCII',
    'INVALID_TOPIC_NAME',
    [...create(''), ...create('größe'), ...create('a\0')],
  ],
  ['a topic name that differs only in case', 'TOPIC_NAME_CONFLICT', create('ORDERS')],
  ['a topic that exists', 'TOPIC_EXISTS', create('Orders')],
  [
    'a foreign Host',
    'HOST_NOT_ALLOWED',
    [
      () => rest1({ path: '/v1/topics', headers: { host: 'evil.example' } }),
      () => rest2({ path: '/v1/topics', headers: { ':authority': 'evil.example' } }),
      () =>
        raw({ path: `${TOPICS}/ListTopics`, headers: { ':authority': 'evil.example' }, bytes: frame(Buffer.alloc(0)) }),
    ],
  ],
  [
    'a foreign Origin',
    'ORIGIN_NOT_ALLOWED',
    [
      ...rest({ path: '/v1/topics', headers: { origin: 'https://evil.example' } }),
      ...rest(post('/v1/topics', '{"name":"a"}', { origin: 'null' })),
      () =>
        raw({
          path: `${TOPICS}/ListTopics`,
          headers: { origin: 'https://evil.example' },
          bytes: frame(Buffer.alloc(0)),
        }),
    ],
  ],
  [
    'a stream that stalls',
    'TIMED_OUT',
    [
      () => stalledHttp1(),
      () => raw({ path: `${RECORDS}/ProduceStream`, bytes: frame(Buffer.alloc(100)).subarray(0, 50), end: false }),
      () => raw({ path: `${TOPICS}/CreateTopic`, bytes: Buffer.from([0]), end: false }),
    ],
  ],
]

/** Announces a body and sends half of it. */
async function stalledHttp1(): Promise<Refusal> {
  const socket = connectTcp(Number(new URL(url).port), '127.0.0.1')
  socket.write(
    `POST /v1/topics HTTP/1.1\r\nhost: ${new URL(url).host}\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"name"`,
  )
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  await once(socket, 'close')
  const [, body = ''] = Buffer.concat(chunks).toString().split('\r\n\r\n')
  return { code: JSON.parse(body).code, details: {} }
}

/** The log as it was, and a server that does its work. */
async function expectUnharmed(): Promise<void> {
  const { topics } = await grpcCall(url, 'Topics', 'listTopics', {})
  expect(topics.map(({ name }: Message) => name)).toEqual(['Orders'])
  const { body } = await SPEAKERS['HTTP/1.1']!(url, at('records'))
  expect(body).toMatchObject({ records: [{ offset: 0, value: 'kept' }], highWatermark: 1 })
}

describe('bad input gets one code everywhere, is logged once, and harms nothing', () => {
  const ways = CASES.flatMap(([name, code, list, details]) =>
    list.map((ask, index) => ({ name: `${name} (${index + 1} of ${list.length})`, code, ask, details })),
  )
  it.each(ways)('$name: $code', async ({ code, ask, details = {} }) => {
    const refusal = await ask()
    expect(refusal.code).toBe(code)
    expect(refusal.details).toMatchObject(details)
    expect(logged.filter((entry) => entry.code !== undefined)).toEqual([expect.objectContaining({ code })])
    await expectUnharmed()
  })
})

describe('a client that vanishes harms nobody', () => {
  it.each([
    [
      'in the middle of a REST body',
      'POST /v1/topics HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"name"',
    ],
    ['in the middle of its headers', 'GET /v1/topics HTTP/1.1\r\nho'],
    ['in the middle of the HTTP/2 preface', 'PRI * HTTP'],
    ['before it said anything', ''],
  ])('%s', async (_, text) => {
    const socket = connectTcp(Number(new URL(url).port), '127.0.0.1')
    await once(socket, 'connect')
    if (text !== '') await new Promise((done) => socket.write(text, done))
    socket.resetAndDestroy()
    await once(socket, 'close')
    await expectUnharmed()
  })

  it('in the middle of a batch on a stream', async () => {
    const session = connectHttp2(url)
    session.on('error', () => {})
    const stream = session.request({
      ':method': 'POST',
      ':path': `${RECORDS}/ProduceStream`,
      'content-type': 'application/grpc',
    })
    stream.on('error', () => {})
    stream.write(frame(Buffer.alloc(1_000)).subarray(0, 500))
    await once(stream, 'response')
    session.destroy()
    await expectUnharmed()
  })

  it('while it waits for records', async () => {
    const session = connectHttp2(url)
    session.on('error', () => {})
    const stream = session.request({ ':path': '/v1/topics/Orders/partitions/0/records?offset=1&waitMs=60000' })
    stream.on('error', () => {})
    await new Promise((done) => session.ping(done))
    session.destroy()
    await expectUnharmed()
  })
})
