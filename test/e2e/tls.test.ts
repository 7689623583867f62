import { once } from 'node:events'
import { rename, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { connect } from 'node:tls'
import { Millrace } from '@millrace/client'
import { type Logger, silentLogger } from '@millrace/record'
import { type ServerOptions, startServer } from '@millrace/server'
import { type Authority, type Certified, eventsOf, makeAuthority, openTail } from '@millrace/testkit'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { millrace, startMillrace, temporaryDirectory } from './harness.ts'

let authority: Authority
beforeAll(async () => {
  authority = await makeAuthority()
})

/** A folder with `cert.pem`, `key.pem` and `ca.pem`, and the settings that name the first two. */
async function prepared(certified: Certified) {
  const directory = await temporaryDirectory()
  const path = (name: string): string => join(directory, name)
  /** As certbot and Kubernetes do it: never half a file. */
  const put = async (name: string, content: string): Promise<void> => {
    await writeFile(path(`${name}.new`), content)
    await rename(path(`${name}.new`), path(name))
  }
  await put('cert.pem', certified.cert)
  await put('key.pem', certified.key)
  await put('ca.pem', authority.cert)
  return { path, put, settings: { tlsCert: path('cert.pem'), tlsKey: path('key.pem') } }
}

/** A server in this process, and the errors that it logged. */
async function start(settings: ServerOptions) {
  const errors: string[] = []
  const logger: Logger = { ...silentLogger, error: (_, message) => void errors.push(message) }
  const server = await startServer({ data: 'memory', http: '127.0.0.1:0', logger, ...settings })
  onTestFinished(() => server.close())
  const port = Number(new URL(server.url).port)
  return { server, errors, port }
}

/** What stands in the certificate that a server shows. */
function shown(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: 'localhost', ca: authority.cert }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN))
      socket.destroy()
    }).on('error', reject)
  })
}

const named = (name: string) => authority.issue({ names: [name, 'localhost'] })

describe('a server with TLS', () => {
  test('is https in its URL, and the client talks to it', async () => {
    const { settings } = await prepared(await named('one'))
    const { server } = await start(settings)
    expect(server.url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/)
    await using mr = new Millrace({ url: server.url, tls: { ca: authority.cert } })
    await mr.admin.createTopic({ name: 't' })
    expect(await mr.producer().send({ topic: 't', value: 'x' })).toMatchObject({ offset: 0 })
    for await (const record of mr.read({ topic: 't', to: 'end' })) expect(record.text()).toBe('x')
  })

  test.each<[string, (o: Awaited<ReturnType<typeof prepared>>) => Promise<ServerOptions>, RegExp]>([
    ['no file', async ({ path }) => ({ tlsCert: path('none') }), /^tlsCert=.*none: cannot be read: ENOENT/],
    [
      'no certificate',
      async ({ path }) => ({ tlsCert: path('key.pem') }),
      /^tlsCert=.*: there is no certificate in it/,
    ],
    ['no key', async ({ path }) => ({ tlsKey: path('cert.pem') }), /^tlsKey=.*: there is no private key in it/],
    [
      "another's key",
      async ({ put, path }) => {
        await put('other.pem', (await named('other')).key)
        return { tlsKey: path('other.pem') }
      },
      /^tlsKey=.*other\.pem: it is not the key of the first certificate in tlsCert=.*cert\.pem$/,
    ],
    [
      'an encrypted key',
      async ({ put, path }) => {
        const { cert, key } = await authority.issue({ passphrase: 'secret' })
        await put('locked.pem', key)
        await put('locked-cert.pem', cert)
        return { tlsKey: path('locked.pem'), tlsCert: path('locked-cert.pem') }
      },
      /^tlsKey=.*it is encrypted: is its passphrase in tlsKeyPassphraseFile\?$/,
    ],
    ['no authorities', async ({ path }) => ({ tlsClientCa: path('key.pem') }), /^tlsClientCa=.*no certificate in it/],
  ])('does not start with %s', async (_, change, message) => {
    const files = await prepared(await named('one'))
    await expect(start({ ...files.settings, ...(await change(files)) })).rejects.toMatchObject({
      code: 'INVALID_CONFIG',
      message: expect.stringMatching(message),
    })
  })

  test.each(['HTTP/1.1', 'HTTP/2'] as const)(
    'has live tails over %s, which outlive its certificate',
    async (protocol) => {
      const { settings, put } = await prepared(await named('one'))
      const { server, port } = await start(settings)
      await using mr = new Millrace({ url: server.url, tls: { ca: authority.cert } })
      await mr.admin.createTopic({ name: 't', partitions: 1 })
      const sse = { accept: 'text/event-stream' }
      const tail = openTail(port, protocol, '/v1/topics/t/partitions/0/records?from=latest', sse, authority.cert)
      expect(await tail.status).toBe(200)
      await tail.until((text) => text.includes('\n\n'))
      const told: unknown[] = []
      for (const value of ['before', 'after']) {
        await mr.producer().send({ topic: 't', value })
        await tail.until((text) => text.includes(value))
        const next = await named('two')
        await put('key.pem', next.key)
        await put('cert.pem', next.cert)
        await server.reload()
      }
      for (const { data } of eventsOf(tail.text())) if (data !== undefined) told.push(JSON.parse(data).value)
      expect(told).toEqual(['before', 'after'])
      expect(await shown(port)).toBe('two')
      await mr.close()
      await server.close()
      expect(await tail.ended).toBe(true)
    },
  )

  test('opens an encrypted key with the passphrase in a file', async () => {
    const { settings, put, path } = await prepared(await authority.issue({ names: ['locked'], passphrase: 'secret' }))
    await put('passphrase', 'secret\n')
    const { port } = await start({ ...settings, tlsKeyPassphraseFile: path('passphrase') })
    expect(await shown(port).catch(({ message }) => message)).toMatch(/altnames/)
  })

  test('loses no request while its files are replaced', async () => {
    const { settings, put } = await prepared(await named('first'))
    const { server, errors, port } = await start(settings)
    await using mr = new Millrace({ url: server.url, tls: { ca: authority.cert } })
    await mr.admin.createTopic({ name: 't' })
    let isOver = false
    let sent = 0
    const sending = (async () => {
      await using producer = mr.producer()
      for (; !isOver; sent++) await producer.send({ topic: 't', value: String(sent) })
    })()
    let connections = 0
    const connecting = (async () => {
      for (; !isOver; connections++) await shown(port)
    })()
    for (let round = 1; round <= 5; round++) {
      const next = await named(`round ${round}`)
      await put('cert.pem', next.cert)
      // The key of the one before does not fit: that stays in use, and is told of.
      await server.reload()
      expect(errors).toHaveLength(round)
      expect(await shown(port)).toBe(round === 1 ? 'first' : `round ${round - 1}`)
      await put('key.pem', next.key)
      await server.reload()
      expect(await shown(port)).toBe(`round ${round}`)
    }
    isOver = true
    await Promise.all([sending, connecting])
    expect(connections).toBeGreaterThan(5)
    const values: string[] = []
    for await (const record of mr.read({ topic: 't', to: 'end' })) values.push(String(record.text()))
    expect(values).toEqual(Array.from({ length: sent }, (_, index) => String(index)))
    expect(errors[0]).toMatch(/what was in use stays: tlsKey=.*it is not the key of the first certificate/)
  })

  test('sees by itself that a folder of links was turned to another, as in Kubernetes', {
    timeout: 30_000,
  }, async () => {
    const [first, second] = [await prepared(await named('first')), await prepared(await named('second'))]
    const folder = await temporaryDirectory()
    const data = join(folder, '..data')
    await symlink(first.path('.'), data)
    const { errors, port } = await start({ tlsCert: join(data, 'cert.pem'), tlsKey: join(data, 'key.pem') })
    expect(await shown(port)).toBe('first')
    await symlink(second.path('.'), `${data}_tmp`)
    await rename(`${data}_tmp`, data)
    while ((await shown(port)) === 'first') await new Promise((resolve) => setTimeout(resolve, 100))
    expect(await shown(port)).toBe('second')
    expect(errors).toEqual([])
  })
})

describe('the command', () => {
  test('talks TLS, with a client certificate where the server wants one', async () => {
    const clients = await makeAuthority('Clients')
    const files = await prepared(await named('one'))
    const { path, put } = files
    const client = await clients.issue()
    await put('clients.pem', clients.cert)
    await put('client.pem', client.cert)
    await put('client-key.pem', client.key)
    await put('both.pem', `${client.cert}\n${client.key}`)
    const { server } = await start({ ...files.settings, tlsClientCa: path('clients.pem') })
    const list = ['topic', 'list', '--url', server.url]
    const ca = ['--ca', path('ca.pem')]

    const done = await millrace([
      ...list,
      ...ca,
      '--client-cert',
      path('client.pem'),
      '--client-key',
      path('client-key.pem'),
    ])
    expect(done).toMatchObject({ code: 0 })
    const env = { MILLRACE_CA: path('ca.pem'), MILLRACE_CLIENT_CERT: path('both.pem') }
    expect(await millrace(list, { env })).toMatchObject({ code: 0 })

    const untrusted = await millrace(list)
    expect(untrusted).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^millrace: CONNECTION_FAILED: .*--ca FILE\)\n$/),
    })
    const anonymous = await millrace([...list, ...ca])
    expect(anonymous.stderr).toMatch(
      /^millrace: CONNECTION_FAILED: .* requires a client certificate .*--client-cert FILE/,
    )
    expect(await millrace([...list, '--ca', path('none')])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^millrace: --ca .*none: cannot be read: ENOENT/),
    })
    expect(await millrace([...list, '--ca', path('client-key.pem')])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^millrace: --ca .*: there is no certificate in it/),
    })
    const shown = (cert: string, ...key: string[]) => {
      const keyOption = key.flatMap((name) => ['--client-key', path(name)])
      return millrace([...list, ...ca, '--client-cert', path(cert), ...keyOption])
    }
    expect(await shown('client.pem')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^millrace: --client-cert .*client.pem: there is no key in it .*--client-key/),
    })
    expect(await shown('client.pem', 'ca.pem')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^millrace: --client-key .*ca.pem: there is no key in it/),
    })
    expect(await shown('clients.pem', 'client-key.pem')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^millrace: --client-key .*client-key.pem: its key is not that of .*clients.pem/),
    })
    const clear = await millrace([...list.slice(0, 3), server.url.replace('https', 'http')])
    expect(clear.stderr).toBe('millrace: CONNECTION_FAILED: the server answers over TLS only: use https://\n')
  })

  test('is told of --ca by the server that it starts', async () => {
    const { path } = await prepared(await named('one'))
    const files = ['--tls-cert', path('cert.pem'), '--tls-key', path('key.pem')]
    const server = startMillrace(['serve', '--data', 'memory', '--http', '127.0.0.1:0', ...files])
    const [told] = await once(server.stdout as Readable, 'data')
    expect(String(told)).toMatch(/--url https:\/\/127\.0\.0\.1:\d+\nThey need --ca FILE .*\nCtrl-C/)
  })
})
