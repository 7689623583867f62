import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { Broker } from '@millrace/broker'
import { Millrace, type SendFailure, type SendResult } from '@millrace/client'
import { createHttpGateway, type HttpGateway } from '@millrace/gateway-http'
import { COMPRESSION_CODECS, DEFAULT_LIMITS, type Limits, silentLogger, systemClock } from '@millrace/record'
import { checkHistory, createMemoryEngine, type MemoryEngine, type SendOutcome, seededRandom } from '@millrace/testkit'
import { describe, expect, onTestFinished, test } from 'vitest'

interface Gateway {
  readonly engine: MemoryEngine
  readonly url: string
  /** Cuts everything and comes back at the same port, with the same records. */
  restart(): Promise<void>
}

/** The real broker and gateway over the memory engine; they go when the test ends. */
async function startGateway(limits: Partial<Limits> = {}): Promise<Gateway> {
  const clock = systemClock
  const allLimits = { ...DEFAULT_LIMITS, ...limits }
  const engine = createMemoryEngine({ clock, limits: allLimits })
  const open = async (port: number): Promise<{ gateway: HttpGateway; port: number }> => {
    const broker = new Broker({ engine, clock, limits: allLimits })
    const gateway = createHttpGateway({ broker, clock, logger: silentLogger, limits: allLimits, checkHost: true })
    return { gateway, port: (await gateway.listen('127.0.0.1', port)).port }
  }
  let { gateway, port } = await open(0)
  onTestFinished(async () => {
    await gateway.close(0)
    await engine.close()
  })
  return {
    engine,
    url: `http://127.0.0.1:${port}`,
    async restart() {
      await gateway.close(0)
      gateway = (await open(port)).gateway
    },
  }
}

function clientOf(url: string): Millrace {
  const mr = new Millrace({ url, retryMs: 1 })
  onTestFinished(() => mr.close({ signal: AbortSignal.abort() }))
  return mr
}

async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = []
  for await (const item of source) items.push(item)
  return items
}

const numbers = (count: number, from = 0): string[] => Array.from({ length: count }, (_, index) => `${from + index}`)

describe('the client with the real gateway', () => {
  test('makes a topic, sends, and reads back from any place', async () => {
    const { url } = await startGateway()
    const mr = clientOf(url)
    await mr.admin.createTopic({ name: 'orders', partitions: 3 })
    const producer = mr.producer()
    const records = numbers(5_000).map((value) => ({ topic: 'orders', key: `k${Number(value) % 50}`, value }))
    const results = await producer.sendBatch(records)
    const read = await collect(mr.read({ topic: 'orders', to: 'end' }))
    const stored = new Map(read.map((record) => [record.text(), record]))
    for (const [index, { partition, offset, timestamp }] of results.entries()) {
      expect(stored.get(`${index}`)).toMatchObject({ partition, offset, timestamp })
    }
    const half = await collect(mr.read({ topic: 'orders', partition: 1, from: { offset: 100 }, to: { offset: 200 } }))
    expect(half.map(({ offset }) => offset)).toEqual(numbers(100, 100).map(Number))
    const ends = await mr.admin.offsets({ topic: 'orders', at: 'latest' })
    expect(ends.reduce((sum, { offset }) => sum + offset, 0)).toBe(5_000)
  })

  test.each(COMPRESSION_CODECS)('with %s', async (compression) => {
    const mr = clientOf((await startGateway()).url)
    await mr.admin.createTopic({ name: 't' })
    await mr.producer({ compression }).sendBatch(numbers(500).map((value) => ({ topic: 't', value })))
    expect((await collect(mr.read({ topic: 't', to: 'end' }))).map((record) => record.text())).toEqual(numbers(500))
  })

  test('follows what another client writes', async () => {
    const { url } = await startGateway()
    const mr = clientOf(url)
    await mr.admin.createTopic({ name: 't' })
    const reader = mr.read({ topic: 't', from: 'latest' })
    const first = reader.next()
    const producer = clientOf(url).producer()
    // The reader may begin after the first of them, but then none is missing.
    let last = 0
    const written = (async () => {
      for (; last < 1_000 && (await Promise.race([first, undefined])) === undefined; last++) {
        await producer.send({ topic: 't', value: `${last}` })
      }
      await producer.send({ topic: 't', value: 'end' })
    })()
    const seen = [(await first).value?.text()]
    for await (const record of reader) {
      seen.push(record.text())
      if (record.text() === 'end') break
    }
    await written
    expect(seen).toEqual([...numbers(last - Number(seen[0]), Number(seen[0])), 'end'])
  })

  test.each([0, -1, 1.5, 2 ** 32 + 1, Number.NaN, '2'])(
    'makes no topic of other partitions than asked for: %s',
    async (n) => {
      const { admin } = clientOf((await startGateway()).url)
      const partitions = n as number
      await expect(admin.createTopic({ name: 't', partitions })).rejects.toMatchObject({ code: 'INVALID_PARTITIONS' })
      await admin.createTopic({ name: 't' })
      await expect(admin.alterTopic('t', { partitions })).rejects.toMatchObject({ code: 'INVALID_PARTITIONS' })
    },
  )

  test('refuses what would otherwise be left out without a word', async () => {
    const { admin } = clientOf((await startGateway()).url)
    await admin.createTopic({ name: 't' })
    await admin.commitOffsets({ group: 'g', offsets: [{ topic: 't', partition: 0, offset: 0 }] })
    const refused = (member: string) => ({ code: 'INVALID_CONFIG', message: expect.stringContaining(`"${member}"`) })
    const slip = <T>(value: T, member: string): T => ({ ...value, [member]: true })
    const reset = { group: 'g', to: 'latest' } as const
    await expect(admin.createTopic(slip({ name: 'x' }, 'partition'))).rejects.toMatchObject(refused('partition'))
    await expect(admin.alterTopic('t', slip({}, 'partition'))).rejects.toMatchObject(refused('partition'))
    await expect(admin.resetOffsets(slip(reset, 'dryrun'))).rejects.toMatchObject(refused('dryrun'))
    await expect(admin.fetchOffsets(slip({ group: 'g' }, 'topics'))).rejects.toMatchObject(refused('topics'))
    await expect(admin.offsets(slip({ topic: 't', at: 'latest' }, 'time'))).rejects.toMatchObject(refused('time'))
    const first = { topic: 't', partition: 0 }
    await expect(admin.deleteRecords(slip({ ...first, before: 0 }, 'offset'))).rejects.toMatchObject(refused('offset'))
    const commit = { group: 'g', offsets: [{ ...first, offset: 0 }] }
    await expect(admin.commitOffsets(slip(commit, 'force'))).rejects.toMatchObject(refused('force'))
    await expect(admin.createBackup(slip({}, 'nome'))).rejects.toMatchObject(refused('nome'))
    expect(await admin.listTopics()).toHaveLength(1)
  })

  test.each([-1, 0.5, 2 ** 32])('takes no other partition for one that there is not: %s', async (partition) => {
    const mr = clientOf((await startGateway()).url)
    const { admin } = mr
    await admin.createTopic({ name: 't' })
    const group = 'g'
    const missing = { code: 'PARTITION_NOT_FOUND' }
    const offsets = [{ topic: 't', partition, offset: 0 }]
    await expect(admin.commitOffsets({ group, offsets })).rejects.toMatchObject(missing)
    const inTransaction = mr
      .producer({ transactionalId: 'p' })
      .transaction((tx) => tx.commitOffsets({ group, offsets }))
    await expect(inTransaction).rejects.toMatchObject(missing)
    await admin.commitOffsets({ group, offsets: [{ topic: 't', partition: 0, offset: 0 }] })
    const partitions = [{ topic: 't', partitions: [partition] }]
    await expect(admin.fetchOffsets({ group, partitions })).rejects.toMatchObject(missing)
    await expect(admin.resetOffsets({ group, to: 'latest', partitions })).rejects.toMatchObject(missing)
  })

  test("has the server's codes", async () => {
    const mr = clientOf((await startGateway()).url)
    await mr.admin.createTopic({ name: 't', config: { 'max.message.bytes': 2_000 } })
    const producer = mr.producer()
    const code = (error: unknown): unknown => expect.objectContaining({ name: 'MillraceError', code: error })
    await expect(mr.admin.createTopic({ name: 't' })).rejects.toEqual(code('TOPIC_EXISTS'))
    await expect(mr.admin.createTopic({ name: '../x' })).rejects.toEqual(code('INVALID_TOPIC_NAME'))
    await expect(mr.admin.createTopic({ name: 'x', partitions: 10_000 })).rejects.toEqual(code('INVALID_PARTITIONS'))
    await expect(producer.send({ topic: 'nope', value: '' })).rejects.toEqual(code('TOPIC_NOT_FOUND'))
    const late = { topic: 't', value: '', timestamp: 9_000_000_000_000 }
    await expect(producer.send(late)).rejects.toEqual(code('INVALID_TIMESTAMP'))
    await expect(collect(mr.read({ topic: 't', from: { offset: 7 } }))).rejects.toMatchObject({
      code: 'OFFSET_OUT_OF_RANGE',
      details: { logStartOffset: 0, highWatermark: 0 },
    })
    const records = [
      { topic: 't', value: 'a' },
      { topic: 't', value: 'x'.repeat(3_000) },
      { topic: 't', value: 'b' },
    ]
    const results = await producer.sendBatchSettled(records)
    expect(results.map((result) => ('error' in result ? result.error.code : result.offset))).toEqual([
      0,
      'BATCH_TOO_LARGE',
      1,
    ])
  })

  test('halves what is larger than the server takes in one message', async () => {
    const mr = clientOf((await startGateway({ requestBytes: 4_096 })).url)
    await mr.admin.createTopic({ name: 't' })
    const records = numbers(3_000).map((value) => ({ topic: 't', value }))
    expect(await mr.producer().sendBatch(records)).toHaveLength(3_000)
    expect((await collect(mr.read({ topic: 't', to: 'end' }))).map((record) => record.text())).toEqual(numbers(3_000))
  })

  test('goes on after the server was away', async () => {
    const gateway = await startGateway()
    const mr = clientOf(gateway.url)
    await mr.admin.createTopic({ name: 't' })
    const producer = mr.producer({ batchBytes: 200 })
    const seen: (string | null)[] = []
    const reader = mr.read({ topic: 't' })
    const reading = (async () => {
      for await (const record of reader) {
        seen.push(record.text())
        if (seen.length === 600) break
      }
    })()
    for (let round = 0; round < 6; round++) {
      const sent = producer.sendBatch(numbers(100, round * 100).map((value) => ({ topic: 't', value })))
      await gateway.restart()
      await sent
    }
    await reading
    expect(seen).toEqual(numbers(600))
  })
})

interface Proxy {
  readonly url: string
  readonly connections: number
}

/** Hands bytes on between clients and a server, and cuts each connection after as many bytes as it is told. */
async function startProxy(url: string, bytesUntilCut: () => number): Promise<Proxy> {
  const sockets = new Set<Socket>()
  const proxy = { url: '', connections: 0 }
  const server = createServer((client) => {
    proxy.connections++
    const upstream = connect(Number(new URL(url).port), '127.0.0.1')
    let left = bytesUntilCut()
    const cut = (): void => {
      client.destroy()
      upstream.destroy()
    }
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from)
      from.on('error', () => {})
      from.on('close', cut)
      from.on('data', (chunk) => {
        if (chunk.length < left) {
          left -= chunk.length
          to.write(chunk)
          return
        }
        // What comes before the cut still arrives, also the half of a message.
        to.write(chunk.subarray(0, left), cut)
        from.pause()
      })
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  proxy.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return proxy
}

describe('through connections that are cut at any byte', () => {
  const outcomeOf = (result: SendResult | SendFailure): SendOutcome =>
    'error' in result
      ? result.error.details.outcomeUnknown === true
        ? 'unknown'
        : 'refused'
      : { acknowledgedAt: result.offset < 0 ? undefined : result.offset }

  test.each(numbers(8, 1).map(Number))('all arrives, once, in order, and is read so (seed %i)', async (seed) => {
    const random = seededRandom(seed)
    const gateway = await startGateway()
    await clientOf(gateway.url).admin.createTopic({ name: 't', partitions: 2 })
    const proxy = await startProxy(gateway.url, () => random.int(500, 40_000))
    const mr = clientOf(proxy.url)
    const producer = mr.producer({ batchBytes: 300, maxInFlight: random.int(1, 8) })
    const rounds = Array.from({ length: 80 }, (_, round) =>
      numbers(random.int(1, 60), round * 1_000).map((number) => ({
        topic: 't',
        value: number.padEnd(50),
        partition: random.int(0, 1),
      })),
    )
    const total = rounds.flat().length
    const read: { partition: number; key: null; value: string; offset: number }[] = []
    const reading = (async () => {
      // Little at a time: a message that is larger than what a connection lives for never arrives.
      for await (const { partition, offset, value } of mr.read({ topic: 't', prefetchBytes: 16_000 })) {
        read.push({ partition, key: null, value: `${value}`, offset })
        if (read.length === total) break
      }
    })()
    const results = await Promise.all(rounds.map((records) => producer.sendBatchSettled(records)))
    await reading
    const sent = rounds.flatMap((records, round) =>
      records.map(({ value, partition }, index) => {
        const outcome = outcomeOf(results[round]?.[index] as SendResult | SendFailure)
        return { key: null, value, partition, outcome }
      }),
    )
    const report = checkHistory(
      [0, 1].map((partition) => ({
        name: `t/${partition}`,
        sent: sent.filter((record) => record.partition === partition),
        read: read.filter((record) => record.partition === partition),
      })),
    )
    expect(report.problems).toEqual([])
    expect(report.acknowledged).toBe(total)
    expect(proxy.connections).toBeGreaterThan(5)
  })
})
