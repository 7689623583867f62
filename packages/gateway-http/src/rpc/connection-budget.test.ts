import { ManualClock } from '@millrace/testkit'
import { PRODUCE_STREAM_PATH, UNARY } from '@millrace/wire'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { batchOf, type ProduceCall, type RpcServer, serveRpc, until } from '../../test/rpc-harness.ts'
import { InFlight } from '../in-flight.ts'
import { ConnectionBudget } from './connection-budget.ts'

const LIMITS = { inFlightBytes: 400_000, unreadBytes: 2 << 20, requestBytes: 1 << 20 }

let clock: ManualClock
let server: RpcServer

beforeEach(async () => {
  clock = new ManualClock()
  server = await serveRpc({ clock, limits: LIMITS })
  await server.broker.topics.create({ name: 't', partitions: 1, settings: { 'max.message.bytes': String(1 << 20) } })
})
afterEach(() => server.close())

/** Sends `count` batches of so many bytes on a connection of its own. */
function flood(count: number, bytes: number): ProduceCall {
  const stream = server.connect().produceStream()
  const batch = batchOf(Buffer.alloc(bytes))
  for (let id = 0; id < count; id++) stream.send({ id, batch: Buffer.from(batch) })
  return stream
}

/** Long enough for anything that could still come to have come. */
async function settle(): Promise<void> {
  const client = server.connect()
  for (let call = 0; call < 20; call++) await client.unary(UNARY.listTopics, {})
}

test.each([20_000, 150_000])(
  'many connections with batches of %i bytes wait for each other, and one with little does not',
  async (bytes) => {
    const release = server.engine.holdCommits()
    const streams = Array.from({ length: 12 }, () => flood(20, bytes))
    await settle()
    const { open } = server.appends
    expect(open * bytes).toBeGreaterThan(LIMITS.inFlightBytes / 2)
    // What may be in flight, what was coming then, and a chunk from each.
    expect(open * bytes).toBeLessThan(LIMITS.inFlightBytes * 1.5 + streams.length * 64 * 1_024 + bytes)
    const polite = flood(1, 100)
    await until(() => server.appends.open > open)
    release()
    expect(await polite.next()).toMatchObject({ id: 0, error: undefined })
    for (const stream of streams)
      for (let id = 0; id < 20; id++) expect(await stream.next()).toMatchObject({ id, error: undefined })
  },
)

test('a large message that trickles in does not keep others waiting for longer than a request may take', async () => {
  const slow = server.connect().open(PRODUCE_STREAM_PATH)
  slow.write([Buffer.from([0, 0, 8, 0, 0, 1, 2, 3])])
  await settle()
  const other = flood(1, 700_000)
  await settle()
  expect(server.appends.started).toBe(0)
  clock.advance(server.limits.requestTimeoutMs)
  slow.end()
  expect((await slow.outcome).error?.code).toBe('TIMED_OUT')
  expect(await other.next()).toMatchObject({ id: 0, error: undefined })
})

test('streams that are not read from are refused once their windows are too many', async () => {
  const release = server.engine.holdCommits()
  const streams = Array.from({ length: 40 }, () => flood(20, 30_000))
  const outcomes = streams.map(({ call }) => call.outcome)
  await settle()
  release()
  for (const { call } of streams) call.end()
  const codes = (await Promise.all(outcomes)).map(({ error }) => error?.code)
  expect(new Set(codes)).toEqual(new Set([undefined, 'LIMIT_REACHED']))
})

test('a stream that is not read from counts with its window, and with what Node.js reads ahead of it', () => {
  const inFlight = new InFlight({ inFlightBytes: 1, unreadBytes: 300_000 })
  const budget = new ConnectionBudget({ inFlightBytesPerConnection: 1 }, inFlight, { bytes: 100_000 })
  expect(budget.addUnread()).toBe(165_536)
  expect(budget.addUnread()).toBeUndefined()
  budget.removeUnread(165_536)
  expect(inFlight.unreadBytes).toBe(0)
})
