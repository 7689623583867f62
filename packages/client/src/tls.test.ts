import {
  constants,
  createServer as createHttp2Server,
  createSecureServer,
  type SecureServerOptions,
  type ServerHttp2Session,
} from 'node:http2'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { type Authority, makeAuthority } from '@millrace/testkit'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { Millrace, type MillraceOptions } from './millrace.ts'

let authority: Authority
beforeAll(async () => {
  authority = await makeAuthority()
})

/** A server that answers no call, and how often it was called. */
async function listening(options: SecureServerOptions): Promise<{ url: string; attempts: () => number }> {
  let attempts = 0
  const sessions = new Set<ServerHttp2Session>()
  const server = createSecureServer(options)
  server.on('connection', () => attempts++)
  server.on('tlsClientError', (_, socket) => socket.destroy())
  server.on('session', (session) => {
    sessions.add(session)
    session.on('error', () => {})
  })
  server.on('stream', (stream) => {
    stream.respond({ ':status': 200, 'grpc-status': '12' }, { endStream: true })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    for (const session of sessions) session.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  return { url: `https://localhost:${(server.address() as AddressInfo).port}`, attempts: () => attempts }
}

/** What a call fails with. */
async function failure(url: string, options: MillraceOptions = {}): Promise<unknown> {
  const mr = new Millrace({ url, retryMs: 1, ...options })
  onTestFinished(() => mr.close())
  return mr.admin.listTopics().then(
    () => undefined,
    (error) => error,
  )
}
const hopeless = (message: RegExp) => ({
  code: 'CONNECTION_FAILED',
  retriable: false,
  message: expect.stringMatching(message),
})

test('a server whose authority is given is talked to', async () => {
  const { url } = await listening(await authority.issue())
  expect(await failure(url, { tls: { ca: authority.cert } })).toMatchObject({ code: 'UNIMPLEMENTED' })
})

test.each([
  ['is not trusted', {}, {}, /not signed by an authority that is trusted here .* give the authority's .*--ca FILE/],
  ['has expired', { from: new Date('2020-01-01'), to: new Date('2021-01-01') }, { ca: true }, /has expired: renew it/],
  ['is not valid yet', { from: new Date('2090-01-01'), to: new Date('2091-01-01') }, { ca: true }, /not valid yet/],
  [
    'is for another host',
    { names: ['a.example'], addresses: [] },
    { ca: true },
    /not for localhost but for DNS:a\.example: .*tls\.servername/,
  ],
])('a server whose certificate %s is told of at once', async (_, certificate, { ca }: { ca?: boolean }, message) => {
  const { url, attempts } = await listening(await authority.issue(certificate))
  expect(await failure(url, { tls: ca ? { ca: authority.cert } : {} })).toMatchObject(hopeless(message))
  expect(attempts()).toBe(1)
})

test('a certificate for another host is taken when that host is expected', async () => {
  const { url } = await listening(await authority.issue({ names: ['a.example'], addresses: [] }))
  const tls = { ca: authority.cert, servername: 'a.example' }
  expect(await failure(url, { tls })).toMatchObject({ code: 'UNIMPLEMENTED' })
})

test.each(['TLSv1.2', 'TLSv1.3'] as const)(
  'a server that requires a client certificate, with %s',
  async (maxVersion) => {
    const clients = await makeAuthority('Clients')
    const own = await authority.issue()
    const { url } = await listening({ ...own, ca: clients.cert, requestCert: true, maxVersion })
    expect(await failure(url, { tls: { ca: authority.cert }, connectTimeoutMs: 50 })).toMatchObject({
      code: 'CONNECTION_FAILED',
      message: expect.stringMatching(/requires? a client certificate .*--client-cert FILE/),
    })
    const tls = { ca: authority.cert, ...(await clients.issue()) }
    expect(await failure(url, { tls })).toMatchObject({ code: 'UNIMPLEMENTED' })
  },
)

test('a server that speaks TLS only is told of at once to who tries clear text', async () => {
  let attempts = 0
  const server = createHttp2Server()
  server.on('session', (session) => {
    attempts++
    session.on('error', () => {}).goaway(constants.NGHTTP2_INADEQUATE_SECURITY)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  expect(await failure(url)).toMatchObject(hopeless(/^the server answers over TLS only: use https:\/\/$/))
  expect(attempts).toBe(1)
})

test('a server in clear text', async () => {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).end('HTTP/1.1 400 Bad Request\r\n\r\n')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const message = new RegExp(`does not answer with TLS; for a server in clear text it is http://127.0.0.1:${port}$`)
  expect(await failure(`https://127.0.0.1:${port}`)).toMatchObject(hopeless(message))
})

test('a producer does not wait for what cannot get better', async () => {
  const { url, attempts } = await listening(await authority.issue())
  const mr = new Millrace({ url, retryMs: 1 })
  onTestFinished(() => mr.close())
  await expect(mr.producer().send({ topic: 't', value: 'x' })).rejects.toMatchObject(hopeless(/not signed by/))
  await expect(mr.read({ topic: 't' })[Symbol.asyncIterator]().next()).rejects.toMatchObject(hopeless(/not signed by/))
  await expect(mr.consumer({ group: 'g', topics: ['t'] }).run(() => {})).rejects.toMatchObject(
    hopeless(/not signed by/),
  )
  expect(attempts()).toBeLessThan(10)
})

test('after a connection that worked, a certificate may get better again', async () => {
  const good = await authority.issue()
  const bad = await authority.issue({ from: new Date('2020-01-01'), to: new Date('2021-01-01') })
  let attempts = 0
  let session: ServerHttp2Session | undefined
  const server = createSecureServer(good)
  server.on('session', (opened) => {
    session = opened
    opened.on('error', () => {})
  })
  server.on('connection', () => {
    if (++attempts === 4) server.setSecureContext(good)
  })
  server.on('stream', (stream) => stream.respond({ ':status': 200, 'grpc-status': '12' }, { endStream: true }))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const mr = new Millrace({
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    retryMs: 1,
    tls: { ca: authority.cert },
  })
  onTestFinished(async () => {
    await mr.close()
    session?.destroy()
    server.close()
  })
  const unimplemented = { code: 'UNIMPLEMENTED' }
  await expect(mr.admin.listTopics()).rejects.toMatchObject(unimplemented)
  server.setSecureContext(bad)
  session?.destroy()
  await expect(mr.admin.listTopics()).rejects.toMatchObject(unimplemented)
  expect(attempts).toBeGreaterThanOrEqual(4)
})

test.each([{ cert: 'x' }, { key: 'x' }])('certificates and keys that cannot be read are refused at once: %j', (tls) => {
  expect(() => new Millrace({ url: 'https://localhost', tls })).toThrow(
    expect.objectContaining({ code: 'INVALID_CONFIG', message: expect.stringMatching(/^tls: /) }),
  )
})
