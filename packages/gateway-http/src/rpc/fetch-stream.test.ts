import { readBatches } from '@millrace/record'
import { ManualClock } from '@millrace/testkit'
import { type FetchStreamResponse, frameMessage, toInt64, UNARY } from '@millrace/wire'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  batchOf,
  type FetchCall,
  PORT_TIMERS,
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
  server = await serveRpc({ clock, limits: { partitionsPerFetchStream: 3 } })
  client = server.connect()
  await server.broker.topics.create({ name: 't', partitions: 4 })
})
afterEach(() => server.close())

async function append(partition: number, ...values: (string | Buffer)[]): Promise<void> {
  const target = await server.broker.produce.target('t', partition)
  for (const value of values) await target.append(batchOf(value), 'committed')
}

function valuesOf(response: FetchStreamResponse | undefined): string[] {
  const batches = Array.from(readBatches(response!.batches))
  return batches.flatMap((batch) => Array.from(batch.records(1e8), ({ value }) => String(value)))
}

/** Responses of one subscription until `count` batches came. */
async function batchesOf(stream: FetchCall, count: number): Promise<string[]> {
  const values: string[] = []
  while (values.length < count) {
    const response = await stream.next()
    if (response === undefined) break
    values.push(...valuesOf(response))
  }
  return values
}

/** Long enough for anything that could still come to have come. */
async function settle(): Promise<void> {
  await client.unary(UNARY.listTopics, {})
  await client.unary(UNARY.listTopics, {})
}

describe('a fetch stream', () => {
  test('first says where reading begins, then sends what is stored, then follows', async () => {
    await append(0, 'a', 'b')
    const stream = client.fetchStream()
    stream.add(7, { offset: 1 })
    expect(await stream.next()).toMatchObject({
      subscription: 7,
      generation: 0,
      nextOffset: 1,
      logStartOffset: 0,
      highWatermark: 2,
      lastStableOffset: 2,
      batches: Buffer.alloc(0),
      error: undefined,
    })
    const response = await stream.next()
    expect(valuesOf(response)).toEqual(['b'])
    expect(response).toMatchObject({ subscription: 7, nextOffset: 2 })
    await append(0, 'c')
    expect(valuesOf(await stream.next())).toEqual(['c'])
  })

  test('sends the very bytes that are stored', async () => {
    await append(0, 'a', 'b', 'c')
    const stream = client.fetchStream()
    stream.add(1)
    await stream.next()
    const source = await server.broker.fetch.source('t', 0)
    const { batches } = await source.read(0, { maxBytes: 1e6 })
    expect(Buffer.concat(batches).equals((await stream.next())!.batches)).toBe(true)
  })

  test('follows several partitions, a paused one without holding up another', async () => {
    await append(0, 'a0', 'a1')
    await append(1, 'b0', 'b1')
    const stream = client.fetchStream()
    stream.add(1, { bytes: 0 })
    stream.add(2, { partition: 1 })
    const responses = [await stream.next(), await stream.next(), await stream.next()]
    expect(responses.filter((r) => r?.subscription === 1).map(valuesOf)).toEqual([[]])
    expect(responses.filter((r) => r?.subscription === 2).flatMap(valuesOf)).toEqual(['b0', 'b1'])
    stream.grant(1, 1 << 20)
    expect(await batchesOf(stream, 2)).toEqual(['a0', 'a1'])
  })

  test('sends what was granted, the last batch whole, and takes the excess off the next grant', async () => {
    const size = batchOf('0').length
    await append(0, '0', '1', '2', '3', '4', '5')
    const stream = client.fetchStream()
    stream.add(1, { bytes: size + 1 })
    await stream.next()
    // One byte is left after the first batch; the second goes over by all but that.
    expect(await batchesOf(stream, 2)).toEqual(['0', '1'])
    stream.grant(1, size - 1)
    await settle()
    stream.grant(1, 1)
    expect(await batchesOf(stream, 1)).toEqual(['2'])
    await settle()
    stream.grant(1, 3 * size)
    expect(await batchesOf(stream, 3)).toEqual(['3', '4', '5'])
  })

  test('obeys a seek, and sends nothing of an older generation after it', async () => {
    await append(0, 'a', 'b', 'c')
    const stream = client.fetchStream()
    stream.add(1)
    await stream.next()
    expect(await batchesOf(stream, 3)).toEqual(['a', 'b', 'c'])
    stream.seek(1, 1, 1)
    expect(await stream.next()).toMatchObject({ generation: 1, nextOffset: 1, batches: Buffer.alloc(0) })
    expect(await batchesOf(stream, 2)).toEqual(['b', 'c'])
    for (let generation = 2; generation <= 20; generation++) stream.seek(1, generation % 3, generation)
    let last = 1
    for (let values: string[] = []; last < 20 || values.length === 0; ) {
      const response = await stream.next()
      expect(response!.generation).toBeGreaterThanOrEqual(last)
      last = response!.generation
      values = valuesOf(response)
    }
    await append(0, 'd')
    expect(await stream.next()).toMatchObject({ generation: 20, nextOffset: 4 })
  })

  test('leaves a subscription out of range waiting for a seek, and tells the range', async () => {
    await append(0, 'a')
    const stream = client.fetchStream()
    stream.add(1, { offset: 5 })
    const { error } = (await stream.next())!
    expect(error).toMatchObject({ code: 'OFFSET_OUT_OF_RANGE', details: { logStartOffset: 0, highWatermark: 1 } })
    stream.seek(1, 0, 1)
    expect(await stream.next()).toMatchObject({ generation: 1, nextOffset: 0, error: undefined })
    expect(await batchesOf(stream, 1)).toEqual(['a'])
  })

  test('ends one subscription with its error and keeps the others', async () => {
    await append(0, 'a')
    const stream = client.fetchStream()
    stream.add(1, { topic: 'none' })
    expect(await stream.next()).toMatchObject({ subscription: 1, error: { code: 'TOPIC_NOT_FOUND' } })
    stream.add(1, { partition: 9 })
    expect(await stream.next()).toMatchObject({ subscription: 1, error: { code: 'PARTITION_NOT_FOUND' } })
    stream.add(1)
    await stream.next()
    expect(await batchesOf(stream, 1)).toEqual(['a'])
    // Requests that crossed the end of their subscription are no mistake.
    stream.grant(5, 10)
    stream.seek(5, 0, 1)
    stream.remove(5)
    await server.broker.topics.delete('t')
    expect(await stream.next()).toMatchObject({ subscription: 1, error: { code: 'TOPIC_NOT_FOUND' } })
  })

  test('forgets a partition that is removed', async () => {
    const stream = client.fetchStream()
    stream.add(1)
    stream.add(2, { partition: 1 })
    await stream.next()
    await stream.next()
    stream.remove(1)
    await until(() => clock.pendingTimers === 1 + PORT_TIMERS)
    await append(0, 'unseen')
    await append(1, 'seen')
    expect(await batchesOf(stream, 1)).toEqual(['seen'])
    stream.add(1, { offset: 0 })
    await stream.next()
    expect(await batchesOf(stream, 1)).toEqual(['unseen'])
  })

  test('follows no more partitions than it may', async () => {
    const stream = client.fetchStream()
    for (let number = 0; number < 4; number++) stream.add(number, { partition: number })
    const responses = [await stream.next(), await stream.next(), await stream.next(), await stream.next()]
    const refused = responses.filter((response) => response?.error !== undefined)
    expect(refused).toMatchObject([{ subscription: 3, error: { code: 'LIMIT_REACHED' } }])
  })

  test('goes on waiting past the longest wait of a fetch', async () => {
    const stream = client.fetchStream()
    stream.add(1)
    await stream.next()
    for (let wait = 0; wait < 3; wait++) {
      await until(() => clock.pendingTimers > PORT_TIMERS)
      clock.advance(server.limits.fetchWaitMs)
    }
    await append(0, 'late')
    expect(await batchesOf(stream, 1)).toEqual(['late'])
  })

  test('whose client sends no more ends when nothing granted is left to send', async () => {
    await append(0, 'a', 'b')
    const stream = client.fetchStream()
    const size = batchOf('a').length
    stream.add(1, { bytes: 3 * size })
    stream.call.end()
    await stream.next()
    expect(await batchesOf(stream, 2)).toEqual(['a', 'b'])
    await append(0, 'c')
    expect(await batchesOf(stream, 1)).toEqual(['c'])
    expect((await stream.call.outcome).error).toBeUndefined()
  })

  test.each([
    ['a number in use', (stream: FetchCall) => stream.add(1)],
    ['a generation that is not new', (stream: FetchCall) => stream.seek(1, 0, 0)],
    ['a grant of less than nothing', (stream: FetchCall) => stream.grant(1, -1)],
    ['no action', (stream: FetchCall) => stream.request({})],
    [
      'an unknown isolation',
      (stream: FetchCall) => stream.request({ add: { subscription: 9, isolation: 5 as never } }),
    ],
    ['a broken message', (stream: FetchCall) => stream.call.write([frameMessage(Buffer.from([0x0a, 0xff]))])],
  ])('ends with INVALID_REQUEST at %s', async (_, misbehave) => {
    const stream = client.fetchStream()
    stream.add(1)
    await stream.next()
    misbehave(stream)
    stream.call.end()
    expect((await stream.call.outcome).error?.code).toBe('INVALID_REQUEST')
  })

  test('waits for a slow reader, holds little for it, and goes on where it was', async () => {
    const values = Array.from({ length: 60 }, (_, index) => Buffer.alloc(200_000, index))
    await append(0, ...values)
    const stream = client.fetchStream()
    stream.add(1)
    await stream.next()
    stream.call.stream.pause()
    await settle()
    // A megabyte at a time, and none while one waits to be read.
    expect(server.reads.started).toBeLessThan(6)
    stream.call.stream.resume()
    const seen = await batchesOf(stream, 60)
    expect(seen).toEqual(values.map(String))
  })

  test('is cut off when its client does not read for too long', async () => {
    await append(0, ...Array.from({ length: 40 }, () => Buffer.alloc(500_000)))
    const stream = client.fetchStream()
    stream.call.stream.pause()
    stream.add(1)
    await settle()
    await until(() => clock.pendingTimers > PORT_TIMERS)
    clock.advance(server.limits.stalledReaderTimeoutMs)
    await until(() => server.lines.some(({ level }) => level === 'info'))
    stream.call.stream.resume()
    expect((await stream.call.outcome).error?.code).toBe('CONNECTION_FAILED')
    await until(() => clock.pendingTimers === PORT_TIMERS)
  })

  test('leaves nothing behind when its client vanishes', async () => {
    const gone = server.connect()
    const stream = gone.fetchStream()
    for (const number of [0, 1, 2]) stream.add(number, { partition: number })
    await until(() => clock.pendingTimers === 3 + PORT_TIMERS)
    gone.destroy()
    await until(() => clock.pendingTimers === PORT_TIMERS)
    expect(server.lines.filter(({ level }) => level !== 'debug')).toEqual([])
  })

  test('ends when the server shuts down', async () => {
    const stream = client.fetchStream()
    stream.add(1)
    await stream.next()
    const closed = server.gateway.close(10_000)
    expect((await stream.call.endAfterServer()).error?.code).toBe('SHUTTING_DOWN')
    await closed
    expect(clock.pendingTimers).toBe(0)
  })
})

test('a position is an offset, an end, or a time', async () => {
  await append(0, 'a')
  const stream = client.fetchStream()
  const positions = [
    { earliest: true },
    { latest: true },
    { timestamp: toInt64(Date.UTC(2026, 0, 1)) },
    { timestamp: toInt64(Date.UTC(2027, 0, 1)) },
  ]
  const begins: number[] = []
  for (const from of positions) {
    stream.request({ add: { subscription: 1, topic: 't', from } })
    begins.push((await stream.next())!.nextOffset)
    stream.remove(1)
  }
  expect(begins).toEqual([0, 1, 0, 1])
})
