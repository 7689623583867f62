import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { get, type RequestOptions } from 'node:https'
import { connect as connectTcp } from 'node:net'
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls'
import { Client, credentials, status } from '@grpc/grpc-js'
import type { Limits } from '@millrace/record'
import { type Authority, type Certified, ManualClock, makeAuthority } from '@millrace/testkit'
import { UNARY } from '@millrace/wire'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type RpcServer, readAll, serveRpc, until } from '../test/rpc-harness.ts'
import type { TlsCredentials } from './tls-door.ts'

let authority: Authority
let own: Certified
let server: RpcServer

beforeAll(async () => {
  authority = await makeAuthority()
  own = await authority.issue()
})
afterEach(() => server.close())

const serve = async (
  options: { clientCa?: string; clock?: ManualClock; limits?: Partial<Limits> } = {},
): Promise<void> => {
  const { clientCa, ...others } = options
  const tls: TlsCredentials = clientCa === undefined ? own : { ...own, clientCa }
  server = await serveRpc({ tls, ...others })
}
const to = (options: ConnectionOptions = {}): ConnectionOptions & { host: string } => ({
  port: server.port,
  ca: authority.cert,
  ...options,
  host: 'localhost',
})

function http1Status(path: string, options: RequestOptions = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    get({ ...to(options as ConnectionOptions), path, agent: false } as RequestOptions, (response) => {
      response.resume().on('end', () => resolve(response.statusCode!))
    }).on('error', reject)
  })
}

async function http2Status(path: string, options: ConnectionOptions = {}): Promise<number> {
  const session = connectHttp2(`https://localhost:${server.port}`, to(options))
  const failed = new Promise<never>((_, reject) => {
    session.on('error', reject).on('close', () => reject(new Error('closed')))
  })
  failed.catch(() => {})
  const stream = session.request({ ':path': path })
  stream.on('error', () => {})
  const [headers] = await Promise.race([once(stream, 'response'), failed])
  stream.resume()
  await once(stream, 'end')
  session.close()
  return headers[':status']
}

async function secure(options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connectTls(to(options))
  await once(socket, 'secureConnect')
  return socket
}

/** Time passes when it is looked at, but no timer falls due by that: what is done takes a while, and others are busy. */
class BusyClock extends ManualClock {
  private looks = 0

  override monotonicMs(): number {
    return super.monotonicMs() + this.looks++ * 0.001
  }
}

describe('a port with TLS', () => {
  test('shakes hands with a few at a time while others are busy, and with all in the end', async () => {
    const clock = new BusyClock()
    await serve({ clock })
    const secured: TLSSocket[] = []
    const sockets = Array.from({ length: 12 }, () => connectTls(to()))
    const all = sockets.map((socket) => once(socket, 'secureConnect').then(() => secured.push(socket)))
    await Promise.race(all)
    for (let turn = 0; turn < 500; turn++) await new Promise((resolve) => setImmediate(resolve))
    const atFirst = secured.length
    const advancing = setInterval(() => clock.advance(1), 1)
    await Promise.all(all)
    clearInterval(advancing)
    for (const socket of sockets) socket.destroy()
    expect(atFirst).toBeLessThanOrEqual(4)
  })

  test('answers HTTP/1.1 and HTTP/2 as the client asks for', async () => {
    await serve()
    expect(await http1Status('/v1/topics')).toBe(200)
    expect(await http2Status('/v1/topics')).toBe(200)
    for (const [asked, agreed] of [
      [['h2', 'http/1.1'], 'h2'],
      [['http/1.1', 'h2'], 'h2'],
      [['http/1.1'], 'http/1.1'],
      [undefined, false],
    ] as const) {
      const socket = await secure(asked === undefined ? {} : { ALPNProtocols: [...asked] })
      expect(socket.alpnProtocol).toBe(agreed)
      socket.destroy()
    }
  })

  test('answers gRPC of other libraries', async () => {
    await serve()
    const ssl = credentials.createSsl(Buffer.from(authority.cert))
    const client = new Client(`localhost:${server.port}`, ssl)
    const plain = new Client(`localhost:${server.port}`, credentials.createInsecure())
    const listTopics = (from: Client): Promise<Buffer> =>
      new Promise((resolve, reject) => {
        const { path, encodeRequest } = UNARY.listTopics
        from.makeUnaryRequest(
          path,
          (request: object) => Buffer.from(encodeRequest(request)),
          (bytes: Buffer) => bytes,
          {},
          (error, response) => (error === null ? resolve(response!) : reject(error)),
        )
      })
    expect(UNARY.listTopics.decodeResponse(await listTopics(client))).toMatchObject({ topics: [] })
    // What gRPC makes of INADEQUATE_SECURITY.
    await expect(listTopics(plain)).rejects.toMatchObject({ code: status.PERMISSION_DENIED })
    client.close()
    plain.close()
  })

  test('speaks HTTP/1.1 with a client that asks for nothing, also when it ends its side first', async () => {
    await serve()
    const socket = await secure({ allowHalfOpen: true } as ConnectionOptions)
    const answer = readAll(socket)
    socket.end('GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
    expect(await answer).toMatch(/^HTTP\/1\.1 200 /)
  })

  test('refuses TLS before 1.2 and protocols that it does not speak', async () => {
    await serve()
    const older = { maxVersion: 'TLSv1.1', minVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const
    await expect(secure(older)).rejects.toMatchObject({ code: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION' })
    await expect(secure({ ALPNProtocols: ['gopher'] })).rejects.toMatchObject({
      code: 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL',
    })
    expect((await secure({ maxVersion: 'TLSv1.2' })).destroy().getProtocol()).not.toBe('TLSv1.1')
    expect(await http2Status('/healthz', { maxVersion: 'TLSv1.2' })).toBe(200)
    await until(() => server.lines.length === 2)
    expect(server.lines).toMatchObject([{ level: 'debug' }, { level: 'debug' }])
  })

  test('tells a client in clear text to use https', async () => {
    await serve()
    const http1 = connectTcp(server.port, '127.0.0.1')
    http1.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
    expect(await readAll(http1)).toMatch(/^HTTP\/1\.1 400 INVALID_REQUEST\r\n[\s\S]*use https:\/\//)

    const http2 = connectHttp2(`http://127.0.0.1:${server.port}`)
    const [[code, , reason], [error]] = await Promise.all([once(http2, 'goaway'), once(http2, 'error')])
    expect(code).toBe(12)
    expect(String(reason)).toBe('this port speaks TLS only: use https://')
    expect(error.code).toBe('ERR_HTTP2_SESSION_ERROR')
  })

  test('refuses pages of its own address that came in clear text', async () => {
    await serve()
    const status = (origin: string) => http1Status('/v1/topics', { headers: { origin } })
    expect(await status(`https://localhost:${server.port}`)).toBe(200)
    expect(await status(`http://localhost:${server.port}`)).toBe(403)
    expect(await status('https://elsewhere.example')).toBe(403)
    expect(await http1Status('/v1/topics', { headers: { host: 'elsewhere.example' }, servername: 'localhost' })).toBe(
      403,
    )
  })

  test('cuts a handshake that takes too long, however it dawdles', async () => {
    const clock = new ManualClock()
    await serve({ clock })
    const sockets = ['', '\x16', '\x16\x03\x01\x02\x00\x01'].map((start) => {
      const socket = connectTcp(server.port, '127.0.0.1')
      socket.write(start)
      return socket
    })
    const refused = connectTcp({ port: server.port, host: '127.0.0.1', allowHalfOpen: true })
    refused.write('GET / HTTP/1.1\r\n\r\n')
    const [answer] = await once(refused, 'data')
    expect(String(answer)).toMatch(/^HTTP\/1\.1 400 /)
    await until(() => clock.pendingTimers === 4)
    const ended = Promise.all(sockets.map(readAll))
    clock.advance(server.limits.headersTimeoutMs)
    await ended
    await until(() => clock.pendingTimers === 0)
    refused.destroy()
    expect(await http2Status('/healthz')).toBe(200)
  })

  test('bears a connection that ends in the handshake', async () => {
    const clock = new ManualClock()
    await serve({ clock })
    for (const bytes of ['', '\x16', '\x16\x03\x01\x00\x05hello', '\x16\x03\x01\x02\x00\x01']) {
      const socket = connectTcp(server.port, '127.0.0.1')
      socket.end(bytes, 'latin1')
      await readAll(socket)
    }
    await until(() => clock.pendingTimers === 0)
    expect(await http1Status('/healthz')).toBe(200)
  })

  test('counts connections in the handshake', async () => {
    const clock = new ManualClock()
    await serve({ clock, limits: { connections: 3 } })
    const open = ['\x16', '\x16\x03', '\x16\x03\x01'].map((start) => {
      const socket = connectTcp(server.port, '127.0.0.1')
      socket.write(start)
      return socket
    })
    await until(() => clock.pendingTimers === 3)
    await expect(secure()).rejects.toMatchObject({ code: 'ECONNRESET' })
    for (const socket of open) socket.destroy()
    await until(() => clock.pendingTimers === 0)
    const held = [await secure(), await secure(), await secure()]
    await expect(secure()).rejects.toMatchObject({ code: 'ECONNRESET' })
    for (const socket of held) socket.destroy()
  })

  test('ends connections of every kind when it closes', async () => {
    await serve()
    const idle = await secure()
    idle.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await once(idle, 'data')
    const session = connectHttp2(`https://localhost:${server.port}`, to())
    await once(session, 'remoteSettings')
    const undecided = connectTcp(server.port, '127.0.0.1')
    undecided.write('\x16\x03')
    await once(undecided, 'connect')
    const ended = [readAll(idle), readAll(undecided), once(session, 'close')]
    await server.gateway.close(60_000)
    await Promise.all(ended)
  })
})

describe('new credentials', () => {
  test('are shown to new connections, and open ones stay', async () => {
    await serve()
    const before = await secure({ ALPNProtocols: ['http/1.1'] })
    const shown = before.getPeerCertificate().fingerprint
    const next = await authority.issue()
    server.gateway.setTls(next)
    const after = await secure()
    expect(after.getPeerCertificate().fingerprint).not.toBe(shown)
    before.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
    expect(String((await once(before, 'data'))[0])).toMatch(/^HTTP\/1\.1 200 /)
    expect(() => server.gateway.setTls({ ...next, key: own.key })).toThrow()
    expect((await secure()).getPeerCertificate().fingerprint).toBe(after.getPeerCertificate().fingerprint)
  })
})

describe('client certificates', () => {
  test('are required once there is an authority for them', async () => {
    const clients = await makeAuthority('Clients')
    await serve({ clientCa: clients.cert })
    expect(await http1Status('/healthz', await clients.issue())).toBe(200)
    expect(await http2Status('/healthz', await clients.issue())).toBe(200)

    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      await expect(http1Status('/healthz', { maxVersion })).rejects.toThrow()
      await expect(http2Status('/healthz', { maxVersion })).rejects.toThrow()
      const stranger = { ...(await authority.issue()), maxVersion }
      await expect(http1Status('/healthz', stranger)).rejects.toThrow()
      await expect(http2Status('/healthz', stranger)).rejects.toThrow()
    }
    const expired = await clients.issue({ from: new Date('2020-01-01'), to: new Date('2021-01-01') })
    await expect(http1Status('/healthz', expired)).rejects.toThrow()
    const reasons = server.lines.map(({ fields }) => fields.reason)
    expect(reasons).toContain('CERT_HAS_EXPIRED')
    expect(reasons).toContain('SELF_SIGNED_CERT_IN_CHAIN')
    expect(reasons.some((reason) => /peer did not return a certificate/.test(String(reason)))).toBe(true)
  })

  test('are judged by the authority that is set last', async () => {
    const [before, after] = [await makeAuthority('Before'), await makeAuthority('After')]
    await serve({ clientCa: before.cert })
    const client = await after.issue()
    await expect(http2Status('/healthz', client)).rejects.toThrow()
    server.gateway.setTls({ ...own, clientCa: after.cert })
    expect(await http2Status('/healthz', client)).toBe(200)
    await expect(http2Status('/healthz', await before.issue())).rejects.toThrow()
  })
})
