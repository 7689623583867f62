import { createServer as createHttp2Server } from 'node:http2'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { MillraceError, systemClock } from '@millrace/record'
import { createMemoryEngine } from '@millrace/testkit'
import { describe, expect, test } from 'vitest'
import { Millrace, type MillraceOptions } from './millrace.ts'
import type { ProducerOptions } from './options.ts'
import type { ReadOptions } from './read-options.ts'
import { type Harness, startHarness } from './testing/harness.ts'

const start = (options?: MillraceOptions): Promise<Harness> =>
  startHarness(createMemoryEngine({ clock: systemClock }), options)

describe('options', () => {
  const invalid = (message: string): unknown =>
    expect.objectContaining({ code: 'INVALID_CONFIG', message: expect.stringContaining(message) })

  test.each<[Record<string, unknown>, string]>([
    [{ url: 'not a url' }, 'url="not a url"'],
    [{ url: 'ftp://127.0.0.1' }, 'http://HOST:PORT'],
    [{ uri: 'http://127.0.0.1' }, '"uri" is not an option of Millrace'],
    [{ requestTimeoutMs: 0 }, 'requestTimeoutMs=0'],
    [{ connectTimeoutMs: 1.5 }, 'connectTimeoutMs=1.5'],
    [{ keepaliveMs: -1 }, 'keepaliveMs=-1'],
    [{ retryMs: 'x' }, 'retryMs="x"'],
    [{ serializer: {} }, 'serializer'],
  ])('of a client: %j', (options, message) => {
    expect(() => new Millrace(options as MillraceOptions)).toThrow(invalid(message) as Error)
  })

  test.each<[Record<string, unknown>, string]>([
    [{ acks: 'all' }, 'acks="all": allowed is committed, none'],
    [{ compression: 'brotli' }, 'compression="brotli": allowed is none, gzip, snappy, lz4, zstd'],
    [{ lingerMs: -1 }, 'lingerMs=-1'],
    [{ batchBytes: 0 }, 'batchBytes=0'],
    [{ batchBytes: 5_000_000 }, 'batchBytes=5000000'],
    [{ maxInFlight: 32 }, 'a whole number from 1 to 31'],
    [{ maxInFlight: 0 }, 'maxInFlight=0'],
    [{ bufferBytes: Number.POSITIVE_INFINITY }, 'bufferBytes=Infinity'],
    [{ deliveryTimeoutMs: 0 }, 'deliveryTimeoutMs=0'],
    [{ idempotent: 'yes' }, 'idempotent="yes"'],
    [{ resendUnknown: true }, 'only false with idempotent: true'],
    [{ partitioner: 'murmur2' }, 'a function'],
    [{ linger: 5 }, '"linger" is not an option of producer'],
  ])('of a producer: %j', async (options, message) => {
    await using mr = new Millrace()
    expect(() => mr.producer(options as ProducerOptions)).toThrow(invalid(message) as Error)
  })

  test.each<[Record<string, unknown>, string]>([
    [{ topic: '' }, 'topic=""'],
    [{ topic: 't', from: 'start' }, "'earliest', 'latest', { offset } or { timestamp }"],
    [{ topic: 't', from: { offset: -1 } }, 'from={"offset":-1}'],
    [{ topic: 't', from: { offset: 1, timestamp: 1 } }, 'from='],
    [{ topic: 't', from: { timestamp: 0.5 } }, 'from='],
    [{ topic: 't', from: { timestamp: new Date(Number.NaN) } }, 'or a Date'],
    [{ topic: 't', to: 'never' }, 'to="never"'],
    [{ topic: 't', to: { offset: 1.5 } }, 'to={"offset":1.5}'],
    [{ topic: 't', partition: [] }, 'at least one partition'],
    [{ topic: 't', isolation: 'dirty' }, 'isolation="dirty"'],
    [{ topic: 't', onOutOfRange: 'none' }, 'onOutOfRange="none"'],
    [{ topic: 't', prefetchBytes: 0 }, 'prefetchBytes=0'],
    [{ topic: 't', reconnectTimeoutMs: -1 }, 'reconnectTimeoutMs=-1'],
    [{ topic: 't', offset: 1 }, '"offset" is not an option of read'],
  ])('of a read: %j', async (options, message) => {
    await using mr = new Millrace()
    expect(() => mr.read(options as unknown as ReadOptions)).toThrow(invalid(message) as Error)
  })

  test.each([-1, 0.5, Number.NaN, 'x'])('of a read: partition %s', async (partition) => {
    await using mr = new Millrace()
    const options = { topic: 't', partition } as unknown as ReadOptions
    expect(() => mr.read(options)).toThrow(expect.objectContaining({ code: 'PARTITION_NOT_FOUND' }))
  })
})

describe('admin', () => {
  test('makes, lists, describes and deletes topics', async () => {
    await using h = await start()
    const { admin } = h.mr
    const orders = await admin.createTopic({ name: 'orders', partitions: 3, config: { 'segment.bytes': 2_048 } })
    expect(orders).toMatchObject({ name: 'orders', partitions: 3, id: expect.stringMatching(/^[0-9a-f-]{36}$/) })
    expect(Math.abs(orders.createdAtMs - Date.now())).toBeLessThan(60_000)
    await admin.createTopic({ name: 'audit' })
    expect((await admin.listTopics()).map(({ name, partitions }) => [name, partitions])).toEqual([
      ['audit', 1],
      ['orders', 3],
    ])
    await h.mr.producer().sendBatch([{ topic: 'orders', value: 'a', partition: 2 }])
    const details = await admin.describeTopic('orders')
    expect(details).toMatchObject({ name: 'orders', id: orders.id, config: { 'segment.bytes': '2048' } })
    expect(details.partitions.map(({ partition, highWatermark }) => [partition, highWatermark])).toEqual([
      [0, 0],
      [1, 0],
      [2, 1],
    ])
    await admin.deleteTopic('orders')
    await expect(admin.describeTopic('orders')).rejects.toMatchObject({ code: 'TOPIC_NOT_FOUND' })
  })

  test('finds offsets', async () => {
    await using h = await start()
    await h.mr.admin.createTopic({ name: 't', partitions: 2 })
    const producer = h.mr.producer()
    for (const timestamp of [1_000, 2_000, 3_000]) {
      await producer.send({ topic: 't', value: 'x', partition: 1, timestamp })
    }
    const at = async (position: Parameters<typeof h.mr.admin.offsets>[0]['at']) =>
      (await h.mr.admin.offsets({ topic: 't', at: position })).map(({ offset, found }) => [offset, found])
    expect(await at('earliest')).toEqual([
      [0, true],
      [0, true],
    ])
    expect(await at('latest')).toEqual([
      [0, true],
      [3, true],
    ])
    expect(await at({ timestamp: 1_500 })).toEqual([
      [0, false],
      [1, true],
    ])
    expect(await h.mr.admin.offsets({ topic: 't', partition: 1, at: { timestamp: new Date(2_500) } })).toEqual([
      { partition: 1, offset: 2, timestamp: 3_000, found: true },
    ])
  })

  test.each<[string, (mr: Millrace) => Promise<unknown>, string]>([
    ['a topic that exists', (mr) => mr.admin.createTopic({ name: 't' }), 'TOPIC_EXISTS'],
    ['a topic that differs in case', (mr) => mr.admin.createTopic({ name: 'T' }), 'TOPIC_NAME_CONFLICT'],
    ['a setting', (mr) => mr.admin.createTopic({ name: 'x', config: { a: 1 } }), 'INVALID_CONFIG'],
    ['a topic that is not there', (mr) => mr.admin.deleteTopic('nope'), 'TOPIC_NOT_FOUND'],
    ['a partition', (mr) => mr.admin.offsets({ topic: 't', partition: 3, at: 'latest' }), 'PARTITION_NOT_FOUND'],
  ])("has the server's code for %s", async (_, call, code) => {
    await using h = await start()
    await h.mr.admin.createTopic({ name: 't' })
    await expect(call(h.mr)).rejects.toMatchObject({ name: 'MillraceError', code })
  })
})

describe('calls', () => {
  test('that only read are repeated when the connection breaks', async () => {
    await using h = await start()
    let cuts = 2
    h.server.faults.unary = () => (cuts-- > 0 ? 'cut' : undefined)
    expect(await h.mr.admin.listTopics()).toEqual([])
    expect(h.server.connections).toBe(3)
  })

  test('that change something are not, once they are sent', async () => {
    await using h = await start()
    h.server.faults.unary = () => 'cut'
    await expect(h.mr.admin.createTopic({ name: 't' })).rejects.toMatchObject({ code: 'CONNECTION_FAILED' })
    expect(h.server.calls).toHaveLength(1)
  })

  test('that change something are, as long as the server is not there', async () => {
    await using h = await start()
    await h.server.stop()
    const created = h.mr.admin.createTopic({ name: 't' })
    await h.server.start()
    expect(await created).toMatchObject({ name: 't' })
  })

  test('a server that is not there is given up after connectTimeoutMs', async () => {
    await using h = await start({ connectTimeoutMs: 30 })
    await h.server.stop()
    await expect(h.mr.admin.listTopics()).rejects.toMatchObject({
      code: 'CONNECTION_FAILED',
      message: expect.stringContaining('ECONNREFUSED'),
    })
    await h.server.start()
  })

  test('a server that does not answer is given up after requestTimeoutMs', async () => {
    await using h = await start({ requestTimeoutMs: 30 })
    h.server.faults.unary = () => 'silent'
    await expect(h.mr.admin.listTopics()).rejects.toMatchObject({ code: 'TIMED_OUT' })
    await expect(h.mr.admin.listTopics({ timeoutMs: 10 })).rejects.toMatchObject({ code: 'TIMED_OUT' })
  })

  test('end with their signal', async () => {
    await using h = await start()
    h.server.faults.unary = () => 'silent'
    const abort = new AbortController()
    const call = h.mr.admin.listTopics({ signal: abort.signal })
    await expect.poll(() => h.server.calls.length).toBe(1)
    abort.abort(new Error('enough'))
    await expect(call).rejects.toThrow('enough')
    await expect.poll(() => h.server.openStreams).toBe(0)
    await expect(h.mr.admin.listTopics({ signal: abort.signal })).rejects.toThrow('enough')
  })

  test('end when the client closes', async () => {
    await using h = await start()
    h.server.faults.unary = () => 'silent'
    const call = h.mr.admin.listTopics()
    const failure = expect(call).rejects.toMatchObject({ code: 'CLOSED' })
    await expect.poll(() => h.server.calls.length).toBe(1)
    await h.mr.close()
    await failure
    await expect(h.mr.admin.listTopics()).rejects.toMatchObject({ code: 'CLOSED' })
  })

  test('keep the code, message and details of an error', async () => {
    await using h = await start()
    const error = new MillraceError('LIMIT_REACHED', 'viele Grüße: 100%', { details: { limit: 5, kind: 'topics' } })
    h.server.faults.unary = () => error
    await expect(h.mr.admin.createTopic({ name: 't' })).rejects.toMatchObject({
      code: 'LIMIT_REACHED',
      message: 'viele Grüße: 100%',
      details: { limit: 5, kind: 'topics' },
    })
  })
})

describe('a peer that is no Millrace server', () => {
  async function listening(onSocket: (socket: Socket) => void): Promise<{ url: string } & AsyncDisposable> {
    const sockets = new Set<Socket>()
    const server = createServer((socket) => {
      sockets.add(socket)
      socket.on('error', () => {})
      onSocket(socket)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return {
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      async [Symbol.asyncDispose]() {
        for (const socket of sockets) socket.destroy()
        await new Promise((resolve) => server.close(resolve))
      },
    }
  }

  test('one that says nothing', async () => {
    await using peer = await listening(() => {})
    await using mr = new Millrace({ url: peer.url, connectTimeoutMs: 30, retryMs: 1 })
    await expect(mr.admin.listTopics()).rejects.toMatchObject({ code: 'CONNECTION_FAILED' })
  })

  test('one that speaks HTTP/1.1', async () => {
    await using peer = await listening((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
    await using mr = new Millrace({ url: peer.url, connectTimeoutMs: 30, retryMs: 1 })
    await expect(mr.admin.listTopics()).rejects.toMatchObject({ code: 'CONNECTION_FAILED' })
  })

  test.each([
    [{ ':status': 503 }, 'CONNECTION_FAILED'],
    [{ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '14' }, 'CONNECTION_FAILED'],
    [{ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '12' }, 'UNIMPLEMENTED'],
    [
      { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '9', 'millrace-code': 'NEWER_CODE' },
      'INTERNAL',
    ],
  ])('one that answers %j', async (headers, code) => {
    const server = createHttp2Server()
    server.on('stream', (stream) => stream.respond(headers, { endStream: true }))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    await using mr = new Millrace({ url, connectTimeoutMs: 30, retryMs: 1 })
    const failure = await mr.admin.listTopics().catch((error) => error as MillraceError)
    expect(failure).toMatchObject({ name: 'MillraceError', code })
    if (code === 'INTERNAL')
      expect(JSON.stringify([String(failure), (failure as MillraceError).details])).toContain('NEWER_CODE')
    await mr.close()
    await new Promise((resolve) => server.close(resolve))
  })

  test('one that falls silent is noticed, and what waited goes on with the next connection', async () => {
    await using h = await start({ keepaliveMs: 20 })
    await h.mr.admin.createTopic({ name: 't' })
    let connections = 0
    // The first connection works until the client has sent its first batch; from then on nothing comes back on it.
    await using proxy = await listening((socket) => {
      const isFirst = ++connections === 1
      const upstream = connect(Number(new URL(h.server.url).port), '127.0.0.1')
      upstream.on('error', () => {})
      upstream.on('close', () => socket.destroy())
      socket.on('close', () => upstream.destroy())
      socket.pipe(upstream)
      upstream.on('data', (chunk) => {
        if (!isFirst || !h.server.calls.includes('/millrace.v1.Records/ProduceStream')) socket.write(chunk)
      })
    })
    await using mr = new Millrace({ url: proxy.url, keepaliveMs: 20, retryMs: 1 })
    expect(await mr.producer().send({ topic: 't', value: 'a' })).toMatchObject({ offset: 0 })
    expect(connections).toBe(2)
    expect(await h.texts('t')).toEqual(['a'])
  })
})
