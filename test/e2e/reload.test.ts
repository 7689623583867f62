import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Millrace } from '@millrace/client'
import type { Limits } from '@millrace/record'
import { loadSettings, SETTINGS, type Server, startServer, toConfig } from '@millrace/server'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { GrpcFailure, grpcCall } from './grpc.ts'

const OPTIONS = { data: 'memory', http: '127.0.0.1:0' }
const BASE = toConfig(loadSettings({ flags: OPTIONS, env: {}, file: undefined, cwd: import.meta.dirname }))
const isLive = (limit: string): boolean => SETTINGS.some(({ key, isLive }) => key === `limits.${limit}` && isLive)

/** Has the server read a configuration with these limits. */
const change = (server: Server, limits: Partial<Limits>): Promise<void> =>
  server.reload(() => ({ ...BASE, limits: { ...BASE.limits, ...limits } }))

interface Answer {
  readonly status: number
  readonly code: string | undefined
  readonly records: number
}

let server: Server
let made = 0

async function rest(method: string, path: string, body?: unknown, headers: object = {}): Promise<Answer> {
  const answer = await fetch(server.url + path, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    signal: AbortSignal.timeout(20_000),
  })
  if (answer.headers.get('content-type')?.startsWith('text/event-stream')) {
    await answer.body?.cancel()
    return { status: answer.status, code: undefined, records: 0 }
  }
  const { code, records = [] } = JSON.parse((await answer.text()) || '{}')
  return { status: answer.status, code, records: records.length }
}

const codeOf = async (call: Promise<unknown>): Promise<string | undefined> => {
  try {
    await call
    return undefined
  } catch (error) {
    if (error instanceof GrpcFailure) return error.code
    throw error
  }
}

/** Makes a topic, and deletes it again. */
async function createTopic(partitions: number): Promise<string | undefined> {
  const name = `made-${made++}`
  const { code } = await rest('POST', '/v1/topics', { name, partitions })
  if (code === undefined) await rest('DELETE', `/v1/topics/${name}`)
  return code
}

async function commitOfGroup(metadata = ''): Promise<string | undefined> {
  const group = `made-${made++}`
  const offsets = [{ topic: 't', partition: 0, offset: 1, metadata }]
  return codeOf(grpcCall(server.url, 'Groups', 'commitOffsets', { group, offsets }))
}

const initProducer = (transactionTimeoutMs: number): Promise<string | undefined> =>
  codeOf(grpcCall(server.url, 'Records', 'initProducer', { transactionalId: `made-${made++}`, transactionTimeoutMs }))

const RECORDS = '/v1/topics/t/records'
const READ = '/v1/topics/t/partitions/0/records?from=earliest'
const LARGE = { records: [{ value: 'x'.repeat(5_000) }] }
const keyed = () => rest('POST', RECORDS, { records: [{ value: 'x' }] }, { 'idempotency-key': `made-${made++}` })

/** Limits with a value that shows, and what is told then of a call that goes well with the default. */
const PROBES: readonly (readonly [keyof Limits, number, () => Promise<unknown>, unknown])[] = [
  ['requestBytes', 1_024, async () => (await rest('POST', RECORDS, LARGE)).code, 'REQUEST_TOO_LARGE'],
  [
    'requestBytes',
    1_024,
    () => codeOf(grpcCall(server.url, 'Records', 'produce', { topic: 't', records: [{ value: Buffer.alloc(5_000) }] })),
    'REQUEST_TOO_LARGE',
  ],
  ['decompressedBytes', 1_024, async () => (await rest('GET', READ.replace('/0/', '/1/'))).code, 'BATCH_TOO_LARGE'],
  [
    'recordsPerRequest',
    1,
    async () => (await rest('POST', RECORDS, { records: [{ value: '' }, { value: '' }] })).code,
    'REQUEST_TOO_LARGE',
  ],
  ['fetchRecords', 1, async () => (await rest('GET', `${READ}&limit=2`)).records === 1 || undefined, true],
  ['fetchBytes', 1_024, async () => (await rest('GET', `${READ}&limit=2`)).records === 1 || undefined, true],
  ['inFlightBytes', 1_024, async () => (await rest('POST', RECORDS, LARGE)).code, 'LIMIT_REACHED'],
  [
    'liveTails',
    0,
    async () => (await rest('GET', READ, undefined, { accept: 'text/event-stream' })).code,
    'LIMIT_REACHED',
  ],
  [
    'waitingFetches',
    1,
    async () => {
      const wait = () => rest('GET', '/v1/topics/t/partitions/0/records?from=latest&waitMs=1000')
      const codes = (await Promise.all([wait(), wait()])).map(({ code }) => code)
      return codes.find((code) => code !== undefined)
    },
    'LIMIT_REACHED',
  ],
  ['topics', 1, () => createTopic(1), 'LIMIT_REACHED'],
  ['partitions', 1, () => createTopic(1), 'LIMIT_REACHED'],
  ['partitionsPerTopic', 1, () => createTopic(2), 'INVALID_PARTITIONS'],
  ['idempotencyKeys', 1, async () => (await keyed()).code, 'LIMIT_REACHED'],
  ['groups', 1, () => commitOfGroup(), 'LIMIT_REACHED'],
  ['transactionalIds', 1, () => initProducer(1_000), 'LIMIT_REACHED'],
  ['transactionTimeoutMs', 1, () => initProducer(1_000), 'INVALID_REQUEST'],
  ['tableBytes', 1_024, () => commitOfGroup('x'.repeat(2_000)), 'LIMIT_REACHED'],
]

describe('a limit that is called live', () => {
  beforeAll(async () => {
    server = await startServer(OPTIONS)
    await rest('POST', '/v1/topics', { name: 't', partitions: 2 })
    for (const value of ['a', 'b']) {
      await rest('POST', RECORDS, { records: [{ value: value.repeat(2_000), partition: 0 }] })
    }
    const client = new Millrace({ url: server.url })
    await client.producer({ compression: 'gzip' }).send({ topic: 't', partition: 1, value: 'c'.repeat(5_000) })
    await client.close()
    await keyed()
    await commitOfGroup()
    await initProducer(1_000)
  })
  afterAll(() => server.close())

  test.each(PROBES)('holds when it is lowered to what shows, and raised again: %s', async (limit, low, probe, told) => {
    expect(isLive(limit)).toBe(true)
    expect(await probe()).toBe(undefined)
    await change(server, { [limit]: low })
    expect(await probe()).toBe(told)
    await change(server, {})
    expect(await probe()).toBe(undefined)
  })

  test('holds when it is the time of a request, and is raised', async () => {
    const brief = { headersTimeoutMs: 300, requestTimeoutMs: 300 }
    const patient = await startServer({ ...OPTIONS, limits: brief })
    onTestFinished(() => patient.close())
    await change(patient, { ...brief, requestTimeoutMs: 60_000 })
    const socket = connect(Number(new URL(patient.url).port), '127.0.0.1')
    const body = JSON.stringify({ name: 't' })
    const head = 'POST /v1/topics HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nconnection: close'
    socket.write(`${head}\r\ncontent-length: ${body.length}\r\n\r\n${body.slice(0, 5)}`)
    // Longer than the old time, and than Node.js takes to look for requests that are late.
    await new Promise((resolve) => setTimeout(resolve, 3_000))
    socket.write(body.slice(5))
    let answer = ''
    socket.setEncoding('utf8').on('data', (text) => {
      answer += text
    })
    await once(socket, 'close')
    expect(answer).toContain('HTTP/1.1 201')
  })

  test('is not copied to where it would stay as it was at the start', () => {
    const copies = sources().flatMap(({ path, text }) => {
      const found = text.matchAll(/(?:this\.\w+ = |new (?!MillraceError)\w+\()(?:(?!=>).)*\blimits\.(\w+)(?!\()/g)
      return Array.from(found, ([, limit = '']) => ({ path, limit }))
    })
    // Those that are not live, so that the search is seen to find something.
    expect(copies.length).toBeGreaterThan(5)
    expect(copies.filter(({ path, limit }) => isLive(limit) && !PER_USE.has(`${path} ${limit}`))).toEqual([])
  })
})

/** Copies for one use: a call, a message, a round. */
const PER_USE: ReadonlySet<string> = new Set([
  'gateway-http/rest/tail-writer.ts stalledReaderTimeoutMs',
  'gateway-http/rpc/call.ts stalledReaderTimeoutMs',
  'gateway-http/rpc/inbound.ts requestTimeoutMs',
  'gateway-http/rpc/produce-stream.ts requestBytes',
  'log/compaction-pass.ts compactionMapBytes',
  'log/verify/verify-partition.ts decompressedBytes',
  'table/table.ts decompressedBytes',
])
const PACKAGES = fileURLToPath(new URL('../../packages', import.meta.url))

function sources(): { path: string; text: string }[] {
  return ['broker', 'engine-local', 'gateway-http', 'log', 'server', 'table'].flatMap((name) => {
    const directory = join(PACKAGES, name, 'src')
    const paths = readdirSync(directory, { recursive: true, encoding: 'utf8' })
    return paths
      .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts'))
      .map((path) => ({ path: join(name, path), text: readFileSync(join(directory, path), 'utf8') }))
  })
}
