import { once } from 'node:events'
import { request } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import { connect } from 'node:net'
import { ManualClock } from '@millrace/testkit'
import { PRODUCE_STREAM_PATH, UNARY } from '@millrace/wire'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type RpcServer, readAll, serveRpc, until } from '../test/rpc-harness.ts'

let clock: ManualClock
let server: RpcServer

beforeEach(async () => {
  clock = new ManualClock()
  server = await serveRpc({ clock, limits: { connections: 4 } })
})
afterEach(() => server.close())

function http1Status(path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    request({ port: server.port, path, agent: false }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode!))
    })
      .on('error', reject)
      .end()
  })
}

async function http2Status(path: string): Promise<number> {
  const session = connectHttp2(`http://127.0.0.1:${server.port}`)
  const stream = session.request({ ':path': path })
  const [headers] = await once(stream, 'response')
  stream.resume()
  await once(stream, 'end')
  session.close()
  return headers[':status']
}

describe('one port', () => {
  test('answers REST over HTTP/1.1 and HTTP/2, and gRPC', async () => {
    expect(await http1Status('/healthz')).toBe(200)
    expect(await http2Status('/healthz')).toBe(200)
    expect(await http1Status('/v1/topics')).toBe(200)
    expect(await http2Status('/v1/topics')).toBe(200)
    expect(await server.connect().unary(UNARY.listTopics, {})).toMatchObject({ topics: [] })
  })

  test('knows HTTP/1.1 when its first bytes come one by one', async () => {
    const socket = connect(server.port, '127.0.0.1').setNoDelay(true)
    const answer = readAll(socket)
    for (const byte of 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n') {
      socket.write(byte)
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(await answer).toMatch(/^HTTP\/1\.1 200 /)
  })

  test('knows HTTP/2 when its first bytes come one by one', async () => {
    const socket = connect(server.port, '127.0.0.1').setNoDelay(true)
    const answer = once(socket, 'data')
    for (const byte of Buffer.concat([
      Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
      Buffer.alloc(9).fill(4, 3, 4),
    ])) {
      socket.write(Buffer.from([byte]))
      await new Promise((resolve) => setImmediate(resolve))
    }
    // The server's own settings frame.
    expect((await answer)[0][3]).toBe(4)
    socket.destroy()
  })

  test('takes an answer to a client that has ended its side', async () => {
    const socket = connect({ port: server.port, host: '127.0.0.1', allowHalfOpen: true })
    const answer = readAll(socket)
    socket.end('GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
    await once(socket, 'end')
    socket.destroy()
    expect(await answer).toMatch(/^HTTP\/1\.1 200 /)
  })

  test.each([
    ['INVALID_REQUEST', 'not http at all\r\n\r\n', 400],
    ['REQUEST_TOO_LARGE', `GET / HTTP/1.1\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 413],
  ])('answers what is no request with %s', async (code, bytes, status) => {
    const socket = connect(server.port, '127.0.0.1')
    const answer = readAll(socket)
    socket.write(bytes)
    expect(await answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} [^]*"code":"${code}"`))
  })

  test('drops a connection that does not say what it is', async () => {
    const silent = connect(server.port, '127.0.0.1')
    const undecided = connect(server.port, '127.0.0.1')
    undecided.write('PR')
    await until(() => clock.pendingTimers === 2)
    const ended = Promise.all([readAll(silent), readAll(undecided)])
    clock.advance(server.limits.headersTimeoutMs)
    expect(await ended).toEqual(['', ''])
    expect(clock.pendingTimers).toBe(0)
  })

  test('bears a connection that ends before it says what it is', async () => {
    for (const bytes of ['', 'P', 'PRI']) {
      const socket = connect(server.port, '127.0.0.1')
      socket.end(bytes)
      await readAll(socket)
    }
    await until(() => clock.pendingTimers === 0)
    expect(await http1Status('/healthz')).toBe(200)
  })

  test('refuses connections past its limit, says so once, and takes new ones when there is room', async () => {
    const open = Array.from({ length: 4 }, () => connect(server.port, '127.0.0.1'))
    await until(() => clock.pendingTimers === 4)
    for (let extra = 0; extra < 3; extra++) expect(await readAll(connect(server.port, '127.0.0.1'))).toBe('')
    expect(server.lines).toMatchObject([{ level: 'warn', fields: { connections: 4 } }])
    for (const socket of open) socket.destroy()
    await until(() => clock.pendingTimers === 0)
    expect(await http1Status('/healthz')).toBe(200)
  })
})

test('a connection that breaks HTTP/2 in the moment that it opens a stream ends alone', async () => {
  for (const path of ['/v1/topics', PRODUCE_STREAM_PATH]) {
    const socket = connect(server.port, '127.0.0.1')
    const ended = readAll(socket)
    // One that comes after another was ended for its behaviour has to wait.
    await once(socket, 'connect')
    await until(() => clock.pendingTimers > 0)
    clock.advance(50)
    const windowUpdate = Buffer.from([0, 0, 4, 8, 0, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff])
    const headers = Object.entries({ ':method': 'POST', ':scheme': 'http', ':path': path, ':authority': 'localhost' })
    const fields = [...headers, ['content-type', 'application/grpc']].flatMap(([name = '', value = '']) => [
      Buffer.from([0x10, name.length]),
      Buffer.from(name),
      Buffer.from([value.length]),
      Buffer.from(value),
    ])
    const block = Buffer.concat(fields)
    socket.write(
      Buffer.concat([
        Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
        Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]),
        Buffer.from([0, 0, block.length, 1, 4, 0, 0, 0, 1]),
        block,
        // Together more than a window may be.
        windowUpdate,
        windowUpdate,
      ]),
    )
    await ended
  }
  const status = http1Status('/healthz')
  await until(() => clock.pendingTimers === 2)
  clock.advance(50)
  expect(await status).toBe(200)
})

describe('close', () => {
  test('ends idle connections of both kinds at once and accepts no more', async () => {
    const client = server.connect()
    await client.unary(UNARY.listTopics, {})
    const kept = connect(server.port, '127.0.0.1')
    kept.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await once(kept, 'data')
    const undecided = connect(server.port, '127.0.0.1')
    await once(undecided, 'connect')
    const ended = [readAll(kept), readAll(undecided), once(client.session, 'close')]
    await server.gateway.close(60_000)
    await Promise.all(ended)
    const refused = connect(server.port, '127.0.0.1')
    const [error] = await once(refused, 'error')
    expect(error.code).toBe('ECONNREFUSED')
    expect(clock.pendingTimers).toBe(0)
  })

  test('ends a wait for data with an answer', async () => {
    await server.broker.topics.create({ name: 't' })
    const client = server.connect()
    const fetched = client.unary(UNARY.fetch, { topic: 't', waitMs: 60_000 })
    const rest = http1Status('/v1/topics/t/partitions/0/records?offset=0&waitMs=60000')
    await until(() => server.reads.open === 2)
    await server.gateway.close(60_000)
    expect((await fetched).batches).toHaveLength(0)
    expect(await rest).toBe(200)
  })

  test('cuts what has not ended when the time is up', async () => {
    await server.broker.topics.create({ name: 't' })
    const stuck = server.connect().produceStream()
    const half = connect(server.port, '127.0.0.1')
    half.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await once(half, 'data')
    half.write(
      'POST /v1/topics HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{',
    )
    // The time that the body may take.
    await until(() => clock.pendingTimers === 1)
    const closed = server.gateway.close(5_000)
    const ended = Promise.all([readAll(half), stuck.call.outcome])
    clock.advance(5_000)
    await closed
    await ended
  })
})
