import { join } from 'node:path'
import { checkHistory, fingerprint, type ReadRecord, type SentRecord } from '@millrace/testkit'
import { expect, test } from 'vitest'
import type { ServerProcess } from '../../scripts/demo/server-process.ts'
import { startProcess } from '../e2e/harness.ts'
import { SPEAKERS } from '../e2e/speakers.ts'
import { type FileSystemKind, SmallFileSystem, whyNoMount } from './small-file-system.ts'

const speak = SPEAKERS['HTTP/2']!
const TOPIC = 'orders'
const VALUE_BYTES = 150_000
const BALLAST_BYTES = 8 * 2 ** 20
/** More produces than fit by far. */
const MAX_ROUNDS = 2_000

type Sent = SentRecord & { readonly partition: number }

/** A server, what was sent to it, and what became of that. */
class Client {
  readonly sent: Sent[] = []
  private readonly url: string
  private readonly partitions: number

  constructor(url: string, partitions: number, before: readonly Sent[] = []) {
    this.url = url
    this.partitions = partitions
    this.sent.push(...before)
  }

  async createTopic(): Promise<void> {
    const body = { name: TOPIC, partitions: this.partitions, config: { 'segment.bytes': String(2 ** 20) } }
    const { status } = await speak(this.url, { method: 'POST', path: '/v1/topics', body: JSON.stringify(body) })
    expect(status).toBe(201)
  }

  /** Sends a record to each partition at once. @returns the codes of those that failed */
  async produce(): Promise<string[]> {
    const results = Array.from({ length: this.partitions }, (_, partition) => this.produceTo(partition))
    return (await Promise.all(results)).filter((code) => code !== undefined)
  }

  /** Sends until something fails. @returns the codes */
  async produceUntilFull(): Promise<string[]> {
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const codes = await this.produce()
      if (codes.length > 0) return codes
    }
    throw new Error('the file system does not fill up')
  }

  /** Reads everything and holds it against what was promised. */
  async check(): Promise<void> {
    for (let partition = 0; partition < this.partitions; partition++) {
      const sent = this.sent.filter((record) => record.partition === partition)
      const read = await this.read(partition)
      // Records of one round are sent side by side, and none is sent again.
      const { problems } = checkHistory([{ name: `${TOPIC}-${partition}`, sent, read }])
      expect(problems).toEqual([])
    }
  }

  async status(path: string): Promise<number> {
    return (await speak(this.url, { path })).status
  }

  private async produceTo(partition: number): Promise<string | undefined> {
    const value = `${this.sent.length} `.padEnd(VALUE_BYTES, 'x')
    const at = this.sent.length
    const record: Sent = { key: null, value: fingerprint(Buffer.from(value)), partition, outcome: 'unknown' }
    this.sent.push(record)
    const body = JSON.stringify({ records: [{ value, partition }] })
    const answer = await speak(this.url, { method: 'POST', path: `/v1/topics/${TOPIC}/records`, body })
    if (answer.status === 200) {
      const { results } = answer.body as { results: { offset: number }[] }
      this.sent[at] = { ...record, outcome: { acknowledgedAt: results[0]?.offset } }
      return undefined
    }
    expect(answer).toMatchObject({ status: 507, type: 'application/problem+json' })
    const { code } = answer.body as { code: string }
    if (code !== 'COMMIT_UNKNOWN') this.sent[at] = { ...record, outcome: 'refused' }
    return code
  }

  private async read(partition: number): Promise<ReadRecord[]> {
    const read: ReadRecord[] = []
    for (let offset = 0; ; ) {
      const path = `/v1/topics/${TOPIC}/partitions/${partition}/records?offset=${offset}`
      const { status, body } = await speak(this.url, { path })
      expect(status).toBe(200)
      const answer = body as {
        records: { offset: number; value: string }[]
        nextOffset: number
        highWatermark: number
      }
      for (const { offset: at, value } of answer.records)
        read.push({ offset: at, key: null, value: fingerprint(Buffer.from(value)) })
      if (answer.nextOffset >= answer.highWatermark) return read
      expect(answer.nextOffset).toBeGreaterThan(offset)
      offset = answer.nextOffset
    }
  }
}

/** With few partitions each file is synced; with many the journal takes what they get. */
const CASES: readonly (readonly [FileSystemKind, partitions: number])[] = [
  ['ext4', 1],
  ['tmpfs', 8],
]

for (const [kind, partitions] of CASES) {
  const why = whyNoMount(kind)
  if (why !== undefined && process.env.CI === 'true' && process.getuid?.() === 0)
    throw new Error(`no ${kind} can be mounted: ${why}`)
  const title = `a full ${kind}, partitions: ${partitions}: produces fail, fetches go on, and with room again all goes on`
  test.skipIf(why !== undefined)(why === undefined ? title : `${title} (skipped: ${why})`, { timeout: 120_000 }, () =>
    fillAndGoOn(kind, partitions),
  )
}

async function fillAndGoOn(kind: FileSystemKind, partitions: number): Promise<void> {
  using fileSystem = new SmallFileSystem(kind)
  const start = () =>
    startProcess('--data', join(fileSystem.path, 'data'), '--log-level', 'error', '--limit-min-free-bytes', '0')
  const ballast = fileSystem.fill('ballast', BALLAST_BYTES)
  let server: ServerProcess = await start()
  try {
    const client = new Client(server.url, partitions)
    await client.createTopic()
    const first = await client.produceUntilFull()
    // What was on its way into the journal when that could not grow is told of as unknown.
    for (const code of first) expect(['DISK_FULL', 'COMMIT_UNKNOWN']).toContain(code)
    const full = Array.from({ length: partitions }, () => 'DISK_FULL')
    await expect.poll(() => client.produce(), { timeout: 30_000, interval: 0 }).toEqual(full)
    expect(await client.status('/readyz')).toBe(503)
    expect(await client.status('/healthz')).toBe(200)
    await client.check()

    ballast()
    await expect.poll(() => client.status('/readyz'), { timeout: 30_000 }).toBe(200)
    expect(await client.produce()).toEqual([])
    await client.check()

    // A process that dies on a full disk loses nothing either.
    const second = await client.produceUntilFull()
    expect(second.length).toBeGreaterThan(0)
    const makeRoom = fileSystem.fill('ballast')
    await server.end('SIGKILL')
    makeRoom()
    server = await start()
    const afterKill = new Client(server.url, partitions, client.sent)
    await afterKill.check()

    expect(await server.end('SIGTERM')).toEqual({ code: 0, signal: null })
    server = await start()
    await new Client(server.url, partitions, client.sent).check()
  } finally {
    await server.end('SIGKILL')
  }
}
