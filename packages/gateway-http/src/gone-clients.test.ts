import { once } from 'node:events'
import { request } from 'node:http'
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type Http2ServerResponse,
} from 'node:http2'
import { type AddressInfo, connect as connectTcp, createServer, type Socket } from 'node:net'
import {
  encodeFetchStreamRequest,
  FETCH_STREAM_PATH,
  frameMessage,
  frameProduceStreamRequest,
  PRODUCE_STREAM_PATH,
  toInt64,
} from '@millrace/wire'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type RpcServer, serveRpc, until } from '../test/rpc-harness.ts'
import { isGone } from './rest/gone.ts'

const RECORDS = '/v1/topics/t/partitions/0/records'

let server: RpcServer
/** Takes nothing of what its streams are answered. */
let client: ClientHttp2Session

beforeEach(async () => {
  server = await serveRpc()
  await server.broker.topics.create({ name: 't', partitions: 1 })
  const value = Buffer.alloc(100_000, 'a')
  const record = { key: null, value, headers: [], partition: undefined, timestamp: undefined }
  await server.broker.produce.records('t', [record, record], { acks: 'committed' })
  client = connect(`http://127.0.0.1:${server.port}`, { settings: { initialWindowSize: 0 } })
  client.on('error', () => {})
  await once(client, 'remoteSettings')
})
afterEach(async () => {
  client.destroy()
  await server.close()
})

async function answered(headers: Record<string, string>): Promise<ClientHttp2Stream> {
  const stream = client.request(headers)
  stream.on('error', () => {}).pause()
  await once(stream, 'response')
  await expect.poll(() => server.gateway.stats().unsentBytes).toBeGreaterThan(0)
  return stream
}

/** Refused requests until their answers fill what may wait, so that the rest is not read. */
async function unread(): Promise<ClientHttp2Stream> {
  const headers = { ':method': 'POST', ':path': PRODUCE_STREAM_PATH, 'content-type': 'application/grpc' }
  const stream = client.request(headers)
  stream.on('error', () => {}).pause()
  const request = { topic: 'none', partition: 0, acks: 'committed', batch: undefined, records: [] } as const
  for (let id = 0; id < 6_000; id++) stream.write(Buffer.concat(frameProduceStreamRequest({ ...request, id })))
  await expect.poll(() => server.gateway.stats().unsentBytes).toBeGreaterThan(0)
  await expect.poll(() => server.gateway.stats().unreadBytes).toBeGreaterThan(0)
  return stream
}

const STREAMS = [
  ['whole answer', () => answered({ ':path': RECORDS })],
  ['live tail', () => answered({ ':path': RECORDS, accept: 'text/event-stream' })],
  ['call that is not read from', unread],
] as const

test.each(STREAMS)(
  'a %s that was not taken is given up when its client resets it, with whatever code',
  async (_, open) => {
    for (const code of [constants.NGHTTP2_CANCEL, constants.NGHTTP2_NO_ERROR]) {
      const stream = await open()
      stream.close(code)
      const nothing = { calls: [], liveTails: 0, unsentBytes: 0, unreadBytes: 0 }
      await expect.poll(() => server.gateway.stats()).toMatchObject(nothing)
    }
    client.destroy()
    await expect.poll(() => server.gateway.stats().connections.http2).toBe(0)
  },
)

test('a body counts no more, and its request is counted, when the client leaves before the answer', async () => {
  vi.spyOn(server.broker.produce, 'records').mockReturnValue(new Promise(() => {}))
  const body = JSON.stringify({ records: [{ value: 'v' }] })
  const path = '/v1/topics/t/records'
  const headers = { 'content-type': 'application/json' }
  const overHttp1 = request({ port: server.port, path, method: 'POST', headers }).on('error', () => {})
  overHttp1.end(body)
  const overHttp2 = client.request({ ':path': path, ':method': 'POST', ...headers }).on('error', () => {})
  overHttp2.end(body)
  await expect.poll(() => server.gateway.stats().bodyBytes).toBe(2 * body.length)
  overHttp1.destroy()
  client.destroy()
  await expect.poll(() => server.gateway.stats().bodyBytes).toBe(0)
  expect(server.gateway.stats().requests).toEqual([
    { protocol: 'rest', call: 'POST /v1/topics/:topic/records', outcome: 'CANCELLED', count: 2 },
  ])
})

test('a large body that waits for its turn is not looked at when its client has left', async () => {
  const produce = vi.spyOn(server.broker.produce, 'records')
  const before = Promise.withResolvers<void>()
  const work = server.broker.longWork.run('before', () => before.promise)
  const body = JSON.stringify({ records: [{ value: 'v'.repeat(100_000) }] })
  const headers = { 'content-type': 'application/json' }
  const overHttp1 = request({ port: server.port, path: '/v1/topics/t/records', method: 'POST', headers })
  overHttp1.on('error', () => {}).end(body)
  const head = { ':path': '/v1/topics/t/records', ':method': 'POST', ...headers }
  const overHttp2 = client.request(head).on('error', () => {})
  overHttp2.end(body)
  await expect.poll(() => server.gateway.stats().bodyBytes).toBe(2 * body.length)
  overHttp1.destroy()
  overHttp2.close(constants.NGHTTP2_CANCEL)
  await expect.poll(() => server.gateway.stats().bodyBytes).toBe(0)
  before.resolve()
  await work
  await server.broker.longWork.run('after', () => {})
  await server.broker.longWork.run('after', () => {})
  expect(produce).not.toHaveBeenCalled()
})

describe('a connection from which nothing is taken', () => {
  const proxy = createServer()
  let toServer: Socket
  let slow: RpcServer

  beforeEach(async () => {
    slow = await serveRpc({ limits: { stalledReaderTimeoutMs: 100 } })
    proxy.removeAllListeners('connection').on('connection', (socket) => {
      toServer = connectTcp(slow.port, '127.0.0.1')
      socket.on('error', () => {}).pipe(toServer)
      toServer.on('error', () => {}).pipe(socket)
    })
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
    await slow.broker.topics.create({ name: 't', partitions: 1, settings: { 'max.message.bytes': String(2 << 20) } })
    const record = { key: null, value: Buffer.alloc(1 << 20, 'a'), headers: [], partition: 0, timestamp: undefined }
    for (let count = 0; count < 16; count++) await slow.broker.produce.records('t', [record], { acks: 'committed' })
    const { port } = proxy.address() as AddressInfo
    client.destroy()
    client = connect(`http://127.0.0.1:${port}`, { settings: { initialWindowSize: 1 << 30 } })
    client.on('error', () => {})
    await once(client, 'remoteSettings')
    client.setLocalWindowSize(1 << 30)
  })
  afterEach(async () => {
    client.destroy()
    proxy.close()
    await slow.close()
  })

  const fetchStream = (): ClientHttp2Stream => {
    const headers = { ':method': 'POST', ':path': FETCH_STREAM_PATH, 'content-type': 'application/grpc' }
    const stream = client.request(headers)
    const add = { subscription: 1, topic: 't', partition: 0, bytes: toInt64(1 << 30) }
    stream.write(frameMessage(encodeFetchStreamRequest({ add })))
    return stream
  }
  const liveTail = (): ClientHttp2Stream => client.request({ ':path': RECORDS, accept: 'text/event-stream' })

  test.each([
    ['fetch stream', fetchStream],
    ['live tail', liveTail],
  ] as const)('keeps no %s', async (_, open) => {
    toServer.pause()
    open().on('error', () => {})
    await until(() => slow.lines.some(({ message }) => message.includes('was cut off: its client does not read')))
    await expect.poll(() => slow.gateway.stats()).toMatchObject({ calls: [], liveTails: 0, unsentBytes: 0 })
  })
})

test('nobody gets an answer on a stream that was reset, also before it is destroyed', () => {
  const response = (closed: boolean, destroyed: boolean) =>
    ({ stream: { closed, destroyed } }) as unknown as Http2ServerResponse
  expect(isGone(response(false, false))).toBe(false)
  expect(isGone(response(true, false))).toBe(true)
  expect(isGone(response(true, true))).toBe(true)
})
