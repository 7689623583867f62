import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { type ClientHttp2Session, connect, constants, type ServerHttp2Stream } from 'node:http2'
import { connect as connectTcp, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { Broker } from '@millrace/broker'
import { DEFAULT_LIMITS, type Timer } from '@millrace/record'
import { createMemoryEngine, ManualClock } from '@millrace/testkit'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  askHttp2,
  type LogLine,
  PROTOCOLS,
  type RestServer,
  recordingLogger,
  restApp,
  serveRest,
} from '../../test/rest-harness.ts'

const REQUEST_BYTES = 64 * 1024
const TIMEOUT_MS = 5_000

/** A clock that says when a timer is set: the moment at which the server begins to read a body. */
class WatchedClock extends ManualClock {
  readonly armed = Promise.withResolvers<void>()
  override setTimer(delayMs: number, callback: () => void): Timer {
    this.armed.resolve()
    return super.setTimer(delayMs, callback)
  }
}

let clock: WatchedClock
let broker: Broker
let lines: LogLine[]
let waitForLine: (code: string) => Promise<void>

async function serve(protocol: (typeof PROTOCOLS)[number]): Promise<RestServer> {
  clock = new WatchedClock()
  const recorder = recordingLogger()
  lines = recorder.lines
  const waiting = new Map<string, () => void>()
  waitForLine = (code) => new Promise((resolve) => waiting.set(code, resolve))
  const logger = {
    ...recorder.logger,
    info(fields: { code?: string }, message: string) {
      recorder.logger.info(fields, message)
      waiting.get(fields.code ?? '')?.()
    },
  }
  const limits = { ...DEFAULT_LIMITS, requestBytes: REQUEST_BYTES, requestTimeoutMs: TIMEOUT_MS }
  broker = new Broker({ engine: createMemoryEngine({ clock, limits }), clock, limits })
  return serveRest(await restApp({ broker, clock, logger, limits }), protocol)
}

const bodyOf = (bytes: number) => `{"name":"x"${' '.repeat(bytes - 12)}}`

describe.each(PROTOCOLS)('bodies over %s', (protocol) => {
  let rest: RestServer
  beforeEach(async () => {
    rest = await serve(protocol)
  })
  afterEach(() => rest.close())

  const headers = { 'content-type': 'application/json' }

  test('of the largest size are taken, one byte more is not', async () => {
    const more = await rest.ask('POST', '/v1/topics', { headers, body: bodyOf(REQUEST_BYTES + 1) })
    expect([more.status, more.json.code, more.json.maxBytes]).toEqual([413, 'REQUEST_TOO_LARGE', REQUEST_BYTES])
    const largest = await rest.ask('POST', '/v1/topics', { headers, body: bodyOf(REQUEST_BYTES) })
    expect(largest.status).toBe(201)
    expect(lines.map(({ fields }) => fields.code)).toEqual(['REQUEST_TOO_LARGE'])
  })

  test('leave no timer behind', async () => {
    await rest.ask('POST', '/v1/topics', { headers, body: bodyOf(100) })
    await rest.ask('POST', '/v1/topics', { headers, body: bodyOf(REQUEST_BYTES * 2) })
    await vi.waitFor(() => expect(clock.pendingTimers).toBe(0))
  })
})

describe('bodies in pieces over HTTP/1.1', () => {
  let rest: RestServer
  let sockets: Socket[]
  beforeEach(async () => {
    rest = await serve('HTTP/1.1')
    sockets = []
  })
  afterEach(async () => {
    for (const socket of sockets) socket.destroy()
    await rest.close()
  })

  async function raw(start: string): Promise<Socket> {
    const socket = connectTcp(rest.port, '127.0.0.1')
    sockets.push(socket)
    socket.on('error', () => {})
    await once(socket, 'connect')
    socket.write(start)
    return socket
  }
  const head = (length: string) =>
    `POST /v1/topics HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${length}\r\n\r\n`
  const chunk = (content: string) => `${content.length.toString(16)}\r\n${content}\r\n`

  test('are put together', async () => {
    const socket = await raw(`${head('Transfer-Encoding: chunked')}${chunk('{"na')}`)
    await clock.armed.promise
    socket.end(`${chunk('me":"x"}')}0\r\n\r\n`)
    expect(await text(socket)).toMatch(/^HTTP\/1.1 201 /)
  })

  test('that grow past the limit are refused; what is left is read, and the connection goes on', async () => {
    const socket = await raw(head('Transfer-Encoding: chunked'))
    socket.write(chunk(' '.repeat(REQUEST_BYTES + 1)))
    await once(socket, 'data')
    socket.end(
      `${chunk(' '.repeat(1_000))}0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
    )
    expect(await text(socket)).toMatch(/HTTP\/1.1 200 OK/)
  })

  test('that never end are cut off', async () => {
    const request = httpRequest({
      port: rest.port,
      host: '127.0.0.1',
      method: 'POST',
      path: '/v1/topics',
      headers: { 'content-type': 'application/json' },
      agent: false,
    })
    const closed = new Promise((resolve) => request.on('close', resolve))
    // The client may learn that it is cut off before it has read the answer.
    request.on('error', () => {})
    request.on('response', (response) => response.on('error', () => {}).resume())
    const piece = Buffer.alloc(REQUEST_BYTES / 4, ' ')
    const pump = (): void => {
      for (let wrote = 0; wrote < 64 && !request.destroyed; wrote++) if (!request.write(piece)) break
    }
    request.on('drain', pump)
    pump()
    await closed
    expect(request.writableFinished).toBe(false)
    expect(lines.map(({ fields }) => fields.code)).toEqual(['REQUEST_TOO_LARGE'])
    expect(await broker.topics.list()).toEqual([])
  })

  test('that stall are refused when the time is up, and the connection is closed', async () => {
    const socket = await raw(`${head('Content-Length: 20')}{"name":`)
    await clock.armed.promise
    clock.advance(TIMEOUT_MS)
    const answer = await text(socket)
    expect(answer).toMatch(/^HTTP\/1.1 408 /)
    expect(answer).toMatch(/connection: close/i)
    expect(answer).toContain('"code":"TIMED_OUT"')
    expect(lines.map(({ level, fields }) => [level, fields.code])).toEqual([['warn', 'TIMED_OUT']])
  })

  test('whose sender vanishes do nothing', async () => {
    const socket = await raw(`${head('Content-Length: 20')}{"name":`)
    await clock.armed.promise
    const logged = waitForLine('CANCELLED')
    socket.destroy()
    await logged
    expect(await broker.topics.list()).toEqual([])
    expect(clock.pendingTimers).toBe(0)
    expect(lines).toHaveLength(1)
  })
})

describe('bodies in pieces over HTTP/2', () => {
  let rest: RestServer
  let session: ClientHttp2Session
  beforeEach(async () => {
    rest = await serve('HTTP/2')
    session = connect(`http://127.0.0.1:${rest.port}`)
    session.on('error', () => {})
  })
  afterEach(async () => {
    session.destroy()
    await rest.close()
  })

  const open = () => session.request({ ':method': 'POST', ':path': '/v1/topics', 'content-type': 'application/json' })

  test('need no content length', async () => {
    const stream = open()
    stream.write('{"na')
    await clock.armed.promise
    stream.end('me":"x"}')
    const [response] = await once(stream, 'response')
    expect(response[':status']).toBe(201)
  })

  test('that never end are refused, and their stream alone is closed', async () => {
    const stream = open()
    stream.on('error', () => {})
    const opened = once(rest.server, 'stream') as Promise<[ServerHttp2Stream]>
    const piece = Buffer.alloc(REQUEST_BYTES / 4, ' ')
    const pump = (): void => {
      for (let wrote = 0; wrote < 64 && !stream.destroyed; wrote++) if (!stream.write(piece)) break
    }
    stream.on('drain', pump)
    pump()
    const [served] = await opened
    const closed = once(served, 'close')
    const [response] = await once(stream, 'response')
    expect(response[':status']).toBe(413)
    expect(await text(stream)).toContain('"code":"REQUEST_TOO_LARGE"')
    await closed
    expect(served.rstCode).toBe(constants.NGHTTP2_NO_ERROR)
    expect((await askHttp2(session, 'GET', '/healthz', {}, undefined)).status).toBe(200)
  })

  test('that stall are refused when the time is up', async () => {
    const opened = once(rest.server, 'stream') as Promise<[ServerHttp2Stream]>
    const stream = open()
    stream.write('{"name":')
    const [served] = await opened
    const closed = once(served, 'close')
    await clock.armed.promise
    clock.advance(TIMEOUT_MS)
    const [response] = await once(stream, 'response')
    expect(response[':status']).toBe(408)
    expect(await text(stream)).toContain('"code":"TIMED_OUT"')
    expect(served.closed).toBe(false)
    clock.advance(TIMEOUT_MS)
    await closed
    expect(served.rstCode).toBe(constants.NGHTTP2_NO_ERROR)
  })

  test('whose sender vanishes do nothing', async () => {
    const stream = open()
    stream.on('error', () => {})
    stream.write('{"name":')
    await clock.armed.promise
    const logged = waitForLine('CANCELLED')
    session.destroy()
    await logged
    expect(await broker.topics.list()).toEqual([])
    expect(clock.pendingTimers).toBe(0)
  })
})
