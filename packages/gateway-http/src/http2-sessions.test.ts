import { once } from 'node:events'
import { connect } from 'node:http2'
import { type AddressInfo, createServer } from 'node:net'
import { DEFAULT_LIMITS, systemClock } from '@millrace/record'
import { ManualClock } from '@millrace/testkit'
import { PRODUCE_STREAM_PATH, UNARY } from '@millrace/wire'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { liveMemory } from '../test/live-memory.ts'
import { recordingLogger } from '../test/rest-harness.ts'
import { batchOf, type RpcServer, serveRpc, until } from '../test/rpc-harness.ts'
import { Http2Sessions } from './http2-sessions.ts'
import { InFlight } from './in-flight.ts'
import { RequestTurns } from './request-turns.ts'

let server: RpcServer

beforeEach(async () => {
  server = await serveRpc()
})
afterEach(() => server.close())

test('a call that was broken off keeps nothing of the message that it was in, as long as its client does not know', async () => {
  const clock = new ManualClock()
  const slow = await serveRpc({ clock })
  try {
    const start = liveMemory()
    const heldMiB = (): number => (liveMemory().externalBytes - start.externalBytes) / (1 << 20)
    // Half of each: by then its Buffer is there, for all of it.
    const calls = Array.from({ length: 4 }, () => slow.connect().open(PRODUCE_STREAM_PATH))
    for (const call of calls) call.write([Buffer.concat([Buffer.from([0, 0, 0x40, 0, 0]), Buffer.alloc(2 << 20)])])
    await until(() => slow.gateway.stats().reservedBytes === 16 << 20)
    await until(() => calls.every(({ stream }) => stream.writableLength === 0))
    await expect.poll(heldMiB).toBeGreaterThan(15)
    const statuses = calls.map(({ stream }) => once(stream, 'trailers'))
    clock.advance(slow.limits.requestTimeoutMs)
    for (const [trailers] of await Promise.all(statuses)) expect(trailers['grpc-status']).not.toBe('0')
    await expect.poll(heldMiB).toBeLessThan(4)
    expect(calls.some(({ stream }) => stream.closed)).toBe(false)
  } finally {
    await slow.close()
  }
})

test('an open call does not keep its headers', async () => {
  const client = server.connect()
  await client.unary(UNARY.listTopics, {})
  const before = liveMemory()
  // All together less than what is noise.
  const long = 'y'.repeat(15_000)
  const calls = Array.from({ length: 60 }, () => client.open(PRODUCE_STREAM_PATH, { 'x-long': long }))
  await until(() => server.gateway.stats().calls.some(({ count }) => count === calls.length))
  await client.unary(UNARY.listTopics, {})
  await expect
    .poll(() => liveMemory().externalBytes - before.externalBytes)
    .toBeLessThan((calls.length * long.length) / 2)
  for (const call of calls) call.end()
  for (const { outcome } of calls) expect((await outcome).error).toBeUndefined()
})

test('an answer that its client does not take is kept once', async () => {
  await server.broker.topics.create({ name: 't', partitions: 1, settings: { 'max.message.bytes': String(2 << 20) } })
  const producing = server.connect().produceStream()
  producing.send({ id: 1, batch: batchOf(Buffer.alloc(1 << 20, 'a')) })
  expect(await producing.next()).toMatchObject({ id: 1, error: undefined })
  const reader = connect(`http://127.0.0.1:${server.port}`, { settings: { initialWindowSize: 0 } })
  await once(reader, 'remoteSettings')
  const before = liveMemory()
  const path = '/v1/topics/t/partitions/0/records?maxBytes=1048576'
  const streams = Array.from({ length: 16 }, () => reader.request({ ':path': path }))
  const answers = await Promise.all(streams.map((stream) => once(stream, 'response')))
  expect(answers.map(([headers]) => headers[':status'])).toEqual(streams.map(() => 200))
  await server.connect().unary(UNARY.listTopics, {})
  const { heapBytes, externalBytes } = liveMemory()
  const heldBytes = heapBytes - before.heapBytes + externalBytes - before.externalBytes
  expect(heldBytes).toBeLessThan((streams.length << 20) * 1.5)
  expect(server.gateway.stats().unsentBytes).toBeGreaterThan(streams.length << 20)
  reader.destroy()
  await until(() => server.gateway.stats().unsentBytes === 0)
})

test('a stream that is reset while it waits for its turn is not answered', async () => {
  const waiting: (() => void)[] = []
  class LateTurns extends RequestTurns {
    override take(_owner: object, start: () => void): void {
      waiting.push(start)
    }
  }
  class NoRoom extends InFlight {
    // Its stream is reset then. The turn comes before Node.js has told the client.
    override addPartial(): boolean {
      queueMicrotask(() => {
        for (const start of waiting.splice(0)) start()
      })
      return false
    }
  }
  let taken = 0
  const sessions = new Http2Sessions({
    limits: DEFAULT_LIMITS,
    clock: systemClock,
    logger: recordingLogger().logger,
    inFlight: new NoRoom(DEFAULT_LIMITS),
    turns: new LateTurns(systemClock),
    onMisuse() {},
    isWary: () => false,
    onRequest() {},
    onStream() {
      taken++
      return true
    },
  })
  const port = createServer((socket) => sessions.take(socket)).listen(0, '127.0.0.1')
  await once(port, 'listening')
  const { port: number } = port.address() as AddressInfo
  const client = connect(`http://127.0.0.1:${number}`)
  const stream = client.request({ ':method': 'POST', ':path': '/' })
  stream.on('error', () => {})
  await once(client, 'remoteSettings')
  while (!stream.closed) {
    stream.write('x')
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect({ waiting, taken }).toEqual({ waiting: [], taken: 0 })
  client.destroy()
  sessions.destroy()
  port.close()
})
