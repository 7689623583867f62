import { once } from 'node:events'
import { request as http1Request } from 'node:http'
import { MillraceError } from '@millrace/record'
import { ManualClock } from '@millrace/testkit'
import { frameMessage, fromInt64, type millrace, toInt64, UNARY } from '@millrace/wire'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  batchOf,
  type Outcome,
  PORT_TIMERS,
  type RawCall,
  type RawClient,
  type RpcServer,
  serveRpc,
  until,
} from '../../test/rpc-harness.ts'

let clock: ManualClock
let server: RpcServer
let client: RawClient

beforeEach(async () => {
  clock = new ManualClock()
  server = await serveRpc({ clock, limits: { requestBytes: 500_000 } })
  client = server.connect()
})
afterEach(() => server.close())

async function failureOf(call: Promise<unknown>): Promise<MillraceError> {
  const error = await call.then(
    () => undefined,
    (e: unknown) => e,
  )
  expect(error).toBeInstanceOf(MillraceError)
  return error as MillraceError
}

async function makeTopic(name = 't', partitions = 2): Promise<void> {
  await client.unary(UNARY.createTopic, { name, partitions })
}

describe('topics', () => {
  test('are made, listed, described and deleted', async () => {
    const made = await client.unary(UNARY.createTopic, {
      name: 'orders',
      partitions: 3,
      config: { 'flush.policy': 'os' },
    })
    expect(made.topic).toMatchObject({ name: 'orders', partitions: 3 })
    expect(fromInt64(made.topic!.createdAtMs)).toBe(clock.nowMs())
    const { topics } = await client.unary(UNARY.listTopics, {})
    expect(topics.map(({ name, id }) => [name, id])).toEqual([['orders', made.topic!.id]])
    const described = await client.unary(UNARY.describeTopic, { name: 'orders' })
    expect(described.config).toMatchObject({ 'flush.policy': 'os', 'max.message.bytes': '1048588' })
    expect(described.partitions.map(({ partition }) => partition)).toEqual([0, 1, 2])
    await client.unary(UNARY.deleteTopic, { name: 'orders' })
    expect((await client.unary(UNARY.listTopics, {})).topics).toEqual([])
  })

  test('are altered, and the answer is what describe says', async () => {
    await client.unary(UNARY.createTopic, { name: 't', config: { 'flush.policy': 'os' } })
    const change = { name: 't', partitions: 3, config: { 'retention.ms': '60000' }, unset: ['flush.policy'] }
    const altered = await client.unary(UNARY.alterTopic, change)
    expect(altered.topic).toMatchObject({ name: 't', partitions: 3 })
    expect(altered.config).toMatchObject({ 'retention.ms': '60000', 'flush.policy': 'commit' })
    const described = await client.unary(UNARY.describeTopic, { name: 't' })
    expect({ ...altered }).toEqual({ ...described })
    expect((await client.unary(UNARY.alterTopic, { name: 't' })).partitions).toHaveLength(3)
  })

  test.each([
    ['INVALID_PARTITIONS', { partitions: 1 }],
    ['INVALID_PARTITIONS', { partitions: -1 }],
    ['INVALID_CONFIG', { config: { 'no.such': '1' } }],
    ['INVALID_CONFIG', { unset: ['no.such'] }],
    ['TOPIC_NOT_FOUND', { name: 'none' }],
    ['INVALID_TOPIC_NAME', { name: '__millrace_groups' }],
  ] as const)('are not altered: %s for %j', async (code, change) => {
    await makeTopic()
    expect(await failureOf(client.unary(UNARY.alterTopic, { name: 't', ...change } as never))).toMatchObject({ code })
  })

  test('lose the records before an offset', async () => {
    await makeTopic()
    const record = { partition: 1, value: Buffer.from('x') }
    await client.unary(UNARY.produce, { topic: 't', records: [record, record] } as never)
    const remove = (before: number, partition = 1) =>
      client.unary(UNARY.deleteRecords, { topic: 't', partition, before: toInt64(before) })
    expect(fromInt64((await remove(1)).logStartOffset)).toBe(1)
    expect(fromInt64((await remove(0)).logStartOffset)).toBe(1)
    expect(await failureOf(remove(3))).toMatchObject({ code: 'OFFSET_OUT_OF_RANGE' })
    expect(await failureOf(remove(-1))).toMatchObject({ code: 'INVALID_REQUEST' })
    expect(await failureOf(remove(0, 7))).toMatchObject({ code: 'PARTITION_NOT_FOUND' })
  })

  test('get one partition when none are asked for', async () => {
    expect((await client.unary(UNARY.createTopic, { name: 't' })).topic).toMatchObject({ partitions: 1 })
  })

  test.each([
    ['INVALID_TOPIC_NAME', { name: '../etc' }],
    ['INVALID_PARTITIONS', { name: 'a', partitions: -1 }],
    ['INVALID_CONFIG', { name: 'a', config: { 'no.such': '1' } }],
    ['TOPIC_EXISTS', { name: 'Taken' }],
    ['TOPIC_NAME_CONFLICT', { name: 'taken' }],
  ] as const)('are refused with %s', async (code, request) => {
    await makeTopic('Taken')
    expect(await failureOf(client.unary(UNARY.createTopic, request))).toMatchObject({ code })
    expect(server.lines).toEqual([
      expect.objectContaining({ level: 'debug', fields: expect.objectContaining({ code }) }),
    ])
  })
})

describe('records', () => {
  const value = (text: string): millrace.v1.Record.$Properties => ({ value: Buffer.from(text) })
  const produce = (request: millrace.v1.ProduceRequest.$Properties) =>
    client.unary(UNARY.produce, { topic: 't', ...request } as never)

  test('are produced with keys, headers and times, and fetched as batches', async () => {
    await makeTopic()
    const timestamp = clock.nowMs() - 5
    const { results } = await produce({
      records: [
        {
          key: Buffer.from('k'),
          value: null,
          headers: [{ key: 'h', value: Buffer.from('x') }] as never,
          timestamp: toInt64(timestamp),
          partition: 1,
        },
        { ...value('b'), partition: 1 },
      ] as never,
    })
    expect(results.map(({ partition, offset }) => [partition, fromInt64(offset)])).toEqual([
      [1, 0],
      [1, 1],
    ])
    const records = await server.broker.fetch.records('t', 1, { at: 'earliest' })
    expect(records.records).toMatchObject([
      { key: Buffer.from('k'), value: null, headers: [{ key: 'h', value: Buffer.from('x') }], timestamp },
      { key: null, value: Buffer.from('b'), timestamp: clock.nowMs() },
    ])
    const fetched = await client.unary(UNARY.fetch, { topic: 't', partition: 1 })
    const [batch] = (await server.broker.fetch.source('t', 1).then((s) => s.read(0, { maxBytes: 1e6 }))).batches
    expect(batch!.equals(fetched.batches)).toBe(true)
    expect(fromInt64(fetched.nextOffset)).toBe(2)
    expect(fromInt64(fetched.highWatermark)).toBe(2)
  })

  test('of several partitions fail one by one', async () => {
    await makeTopic()
    const large = { value: Buffer.alloc(300), partition: 1 }
    await client.unary(UNARY.createTopic, { name: 'small', partitions: 2, config: { 'max.message.bytes': '300' } })
    const { results } = await client.unary(UNARY.produce, {
      topic: 'small',
      records: [{ ...value('ok'), partition: 0 }, large] as never,
    })
    expect(results[0]!.error).toBeNull()
    expect(results[1]!.error).toMatchObject({ code: 'BATCH_TOO_LARGE' })
  })

  test.each([
    ['TOPIC_NOT_FOUND', { topic: 'none', records: [value('a')] }],
    ['INVALID_REQUEST', { records: [] }],
    ['INVALID_REQUEST', { acks: 7, records: [value('a')] }],
    ['NUMBER_NOT_EXACT', { records: [{ timestamp: { low: 0, high: 0x7fff_ffff, unsigned: false } }] }],
    ['REQUEST_TOO_LARGE', { records: [{ value: Buffer.alloc(500_001) }] }],
  ] as const)('are refused with %s', async (code, request) => {
    await makeTopic()
    expect(await failureOf(produce(request as never))).toMatchObject({ code })
  })

  test('offsets are found by name and by time', async () => {
    await makeTopic()
    for (const at of [10, 20, 30]) {
      await produce({ records: [{ timestamp: toInt64(clock.nowMs() + at), partition: 0 }] as never })
    }
    const find = async (at: millrace.v1.Position.$Properties) => {
      const { offset, timestamp, found } = await client.unary(UNARY.getOffset, { topic: 't', at })
      return [fromInt64(offset), timestamp === null ? null : fromInt64(timestamp) - clock.nowMs(), found]
    }
    expect(await find({ earliest: true })).toEqual([0, null, true])
    expect(await find({})).toEqual([0, null, true])
    expect(await find({ latest: true })).toEqual([3, null, true])
    expect(await find({ timestamp: toInt64(clock.nowMs() + 15) })).toEqual([1, 20, true])
    expect(await find({ timestamp: toInt64(clock.nowMs() + 31) })).toEqual([3, null, false])
  })

  test('a fetch outside of the partition names its range', async () => {
    await makeTopic()
    await produce({ records: [{ ...value('a'), partition: 0 }] as never })
    const error = await failureOf(client.unary(UNARY.fetch, { topic: 't', from: { offset: toInt64(9) } }))
    expect(error).toMatchObject({
      code: 'OFFSET_OUT_OF_RANGE',
      details: { logStartOffset: 0, highWatermark: 1 },
    })
  })

  test('a fetch waits for data, and is woken by it', async () => {
    await makeTopic()
    const fetched = client.unary(UNARY.fetch, { topic: 't', waitMs: 60_000 })
    await until(() => clock.pendingTimers > PORT_TIMERS)
    await server.broker.produce.target('t', 0).then((target) => target.append(batchOf('late'), 'committed'))
    expect(fromInt64((await fetched).nextOffset)).toBe(1)
  })

  test('every producer gets an id of its own', async () => {
    const ids = await Promise.all([1, 2, 3].map(() => client.unary(UNARY.initProducer, {})))
    expect(new Set(ids.map(({ producerId }) => fromInt64(producerId))).size).toBe(3)
  })
})

describe('a call', () => {
  test('to nowhere is UNIMPLEMENTED', async () => {
    for (const path of ['/millrace.v1.Topics/Nope', '/millrace.v1.Topics', '/', '/other.Service/Call']) {
      const call = client.open(path)
      call.end()
      const { error, trailers } = await call.outcome
      expect(error?.code).toBe('UNIMPLEMENTED')
      expect(trailers['grpc-status']).toBe('12')
    }
  })

  test.each([
    ['HOST_NOT_ALLOWED', { ':authority': 'evil.example' }, '7'],
    ['ORIGIN_NOT_ALLOWED', { origin: 'http://evil.example' }, '7'],
    ['UNSUPPORTED_MEDIA_TYPE', { 'content-type': 'application/grpc+json' }, '3'],
    ['METHOD_NOT_ALLOWED', { ':method': 'PUT' }, '12'],
    ['UNIMPLEMENTED', { 'grpc-encoding': 'gzip' }, '12'],
  ] as const)('is refused with %s before its message is read', async (code, headers, status) => {
    const call = client.open(UNARY.listTopics.path, headers)
    const { error, trailers } = await outcomeOfUnfinished(call)
    expect(error?.code).toBe(code)
    expect(trailers[':status']).toBe(200)
    expect(trailers['grpc-status']).toBe(status)
  })

  test.each(['application/grpc', 'application/grpc+proto', 'application/grpc; charset=utf-8'])(
    'may come as %s',
    async (type) => {
      expect(await client.unary(UNARY.listTopics, {}, { 'content-type': type })).toMatchObject({ topics: [] })
    },
  )

  test('that has no message, or two, is INVALID_REQUEST', async () => {
    const empty = client.open(UNARY.listTopics.path)
    empty.end()
    expect((await empty.outcome).error?.code).toBe('INVALID_REQUEST')
    const twice = client.open(UNARY.listTopics.path)
    const frame = frameMessage(UNARY.listTopics.encodeRequest({}))
    twice.write([frame, frame])
    expect((await outcomeOfUnfinished(twice)).error?.code).toBe('INVALID_REQUEST')
  })

  test('ends at its deadline, and what it waits for with it', async () => {
    await makeTopic()
    const waiting = failureOf(client.unary(UNARY.fetch, { topic: 't', waitMs: 60_000 }, { 'grpc-timeout': '5S' }))
    await until(() => clock.pendingTimers >= 2 + PORT_TIMERS)
    clock.advance(5_000)
    expect((await waiting).code).toBe('TIMED_OUT')
    await until(() => clock.pendingTimers === PORT_TIMERS)
  })

  test('leaves nothing behind when its client vanishes', async () => {
    await makeTopic()
    const gone = server.connect()
    gone.unary(UNARY.fetch, { topic: 't', waitMs: 60_000 }).catch(() => {})
    await until(() => clock.pendingTimers > PORT_TIMERS)
    gone.destroy()
    await until(() => clock.pendingTimers === PORT_TIMERS)
    expect(server.lines.filter(({ level }) => level !== 'debug')).toEqual([])
  })

  test('that meets a defect says so to the log and not to its client', async () => {
    await makeTopic()
    server.broker.topics.describe = () => Promise.reject(new TypeError('secret of the code'))
    const error = await failureOf(client.unary(UNARY.describeTopic, { name: 't' }))
    expect(error.code).toBe('INTERNAL')
    expect(error.message).not.toContain('secret')
    expect(server.lines).toEqual([expect.objectContaining({ level: 'error', message: 'secret of the code' })])
  })

  test('over HTTP/1.1 is told to use HTTP/2', async () => {
    const { status, body } = await new Promise<{ status: number; body: string }>((resolve, reject) => {
      const request = http1Request(
        {
          port: server.port,
          method: 'POST',
          path: UNARY.listTopics.path,
          headers: { 'content-type': 'application/grpc' },
        },
        (response) => {
          let body = ''
          response.setEncoding('utf8').on('data', (text: string) => {
            body += text
          })
          response.on('end', () => resolve({ status: response.statusCode!, body }))
        },
      )
      request.on('error', reject).end()
    })
    expect(status).toBe(415)
    expect(JSON.parse(body)).toMatchObject({ code: 'UNSUPPORTED_MEDIA_TYPE' })
  })
})

/** The outcome of a call that was answered although its client has not sent all: its stream is reset after a time. */
async function outcomeOfUnfinished(call: RawCall): Promise<Outcome> {
  await once(call.stream, 'end')
  expect(call.stream.writableEnded).toBe(false)
  clock.advance(1_000)
  return call.outcome
}
