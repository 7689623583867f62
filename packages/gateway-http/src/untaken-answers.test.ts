import { once } from 'node:events'
import { type ClientHttp2Session, type ClientHttp2Stream, connect, type OutgoingHttpHeaders } from 'node:http2'
import { connect as connectTcp } from 'node:net'
import { ManualClock } from '@millrace/testkit'
import { frameMessage, UNARY } from '@millrace/wire'
import { expect, onTestFinished, test } from 'vitest'
import { type RpcServer, serveRpc, until } from '../test/rpc-harness.ts'

const PIECE_BYTES = 65_536
const RECORDS = '/v1/topics/t/partitions/0/records'

/** A client that takes nothing of what its streams are answered. */
async function greedy({ port }: RpcServer): Promise<ClientHttp2Session> {
  const client = connect(`http://127.0.0.1:${port}`, { settings: { initialWindowSize: 0 } })
  client.on('error', () => {})
  onTestFinished(() => client.destroy())
  await once(client, 'remoteSettings')
  return client
}

/** @returns the status, once there are headers */
async function statusOf(stream: ClientHttp2Stream): Promise<unknown> {
  const [headers] = await once(stream.on('error', () => {}).pause(), 'response')
  return headers['grpc-status'] === undefined ? headers[':status'] : `grpc ${headers['grpc-status']}`
}

const LISTS: readonly (readonly [string, OutgoingHttpHeaders, string])[] = [
  ['REST', { ':path': '/v1/topics' }, '429'],
  ['gRPC', { ':method': 'POST', ':path': UNARY.listTopics.path, 'content-type': 'application/grpc' }, 'grpc 8'],
]

test.each(LISTS)('long lists by %s that nobody takes do not fill the memory', async (_, headers, refusal) => {
  const server = await serveRpc({ limits: { unsentBytes: 1 << 20 } })
  onTestFinished(() => server.close())
  const { topics } = server.broker
  for (let number = 0; number < 1_500; number++) await topics.create({ name: `topic-${number}`, partitions: 1 })
  const ask = (client: ClientHttp2Session): Promise<unknown> => {
    const stream = client.request(headers)
    if (!stream.writableEnded) stream.end(frameMessage(Buffer.alloc(0)))
    return statusOf(stream)
  }
  const first = await greedy(server)
  expect(await ask(first)).toBe(200)
  const answerBytes = server.gateway.stats().unsentBytes
  expect(answerBytes).toBeGreaterThan(PIECE_BYTES)

  const statuses: string[] = []
  for (let count = 0; count < 40; count++) statuses.push(String(await ask(first)))
  // It has its share, and others have theirs.
  expect(new Set(statuses)).toEqual(new Set(['200', refusal]))
  expect(server.gateway.stats().unsentBytes).toBeLessThan((1 << 19) + answerBytes)
  const others = await Promise.all(Array.from({ length: 20 }, () => greedy(server)))
  const more = await Promise.all(others.map(ask))
  expect(new Set(more.map(String))).toEqual(new Set(['200', refusal]))
  expect(server.gateway.stats().unsentBytes).toBeLessThan((1 << 20) + answerBytes)
  // What is small is answered, and what cannot be taken back.
  const last = await greedy(server)
  expect(await statusOf(last.request({ ':path': '/v1/topics/topic-1' }))).toBe(200)
  const path = '/v1/topics/topic-1/records'
  const producing = last.request({ ':method': 'POST', ':path': path, 'content-type': 'application/json' })
  producing.end(JSON.stringify({ records: Array.from({ length: 10_000 }, () => ({ value: 'v' })) }))
  expect(await statusOf(producing)).toBe(200)
  expect(server.gateway.stats().unsentBytes).toBeGreaterThan(1 << 20)

  for (const client of [first, ...others, last]) client.destroy()
  await until(() => server.gateway.stats().unsentBytes === 0)
})

async function withLargeAnswer(): Promise<{ server: RpcServer; clock: ManualClock }> {
  const clock = new ManualClock()
  const server = await serveRpc({ clock })
  onTestFinished(() => server.close())
  const { topics, produce } = server.broker
  await topics.create({ name: 't', partitions: 1, settings: { 'max.message.bytes': String(8 << 20) } })
  const record = { key: null, value: Buffer.alloc(7 << 20, 'a'), headers: [], partition: 0, timestamp: undefined }
  await produce.records('t', [record], { acks: 'committed' })
  return { server, clock }
}

test.each(['HTTP/1.1', 'HTTP/2'])(
  'an answer by %s of which nothing is taken is cut off, in time for its length',
  async (version) => {
    const { server, clock } = await withLargeAnswer()
    if (version === 'HTTP/2') await statusOf((await greedy(server)).request({ ':path': RECORDS }))
    else {
      const socket = connectTcp(server.port, '127.0.0.1')
      onTestFinished(() => void socket.destroy())
      socket.on('error', () => {}).pause()
      socket.write(`GET ${RECORDS} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
    }
    await until(() => server.gateway.stats().unsentBytes > 7 << 20)
    const { unsentBytes } = server.gateway.stats()
    const allowedMs = Math.ceil(unsentBytes / PIECE_BYTES) * server.limits.stalledReaderTimeoutMs
    clock.advance(allowedMs - 1)
    expect(server.gateway.stats().unsentBytes).toBe(unsentBytes)
    clock.advance(1)
    await until(() => server.gateway.stats().unsentBytes === 0)
    expect(server.lines.some(({ message }) => message === 'an answer was cut off: its client does not read')).toBe(true)
  },
)

test.each([
  ['large', 0],
  ['small', 1],
])('a %s answer that was taken leaves nothing', async (_, offset) => {
  const { server, clock } = await withLargeAnswer()
  const before = clock.pendingTimers
  const answer = await fetch(`http://127.0.0.1:${server.port}${RECORDS}?offset=${offset}`)
  expect((await answer.arrayBuffer()).byteLength > 7 << 20).toBe(offset === 0)
  await until(() => clock.pendingTimers === before && server.gateway.stats().unsentBytes === 0)
})

test('files of the page that nobody takes do not use up file handles, and are cut off', async () => {
  const clock = new ManualClock()
  const server = await serveRpc({ clock })
  onTestFinished(() => server.close())
  const client = await greedy(server)
  const path = '/docs/static/swagger-ui-bundle.js'
  const ask = (): Promise<unknown> => statusOf(client.request({ ':path': path }))
  const statuses = await Promise.all(Array.from({ length: 100 }, ask))
  expect(statuses.filter((status) => status === 200)).toHaveLength(64)
  expect(statuses.filter((status) => status === 429)).toHaveLength(36)
  clock.advance(server.limits.stalledReaderTimeoutMs)
  await expect.poll(ask).toBe(200)
  const whole = await fetch(`http://127.0.0.1:${server.port}${path}`)
  expect((await whole.text()).length).toBeGreaterThan(1 << 20)
})
