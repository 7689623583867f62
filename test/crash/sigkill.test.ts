import { setImmediate as nextTurn } from 'node:timers/promises'
import { Millrace } from '@millrace/client'
import {
  checkHistory,
  fingerprint,
  type HistoryReport,
  type ReadRecord,
  type SeededRandom,
  type SentRecord,
  seededRandom,
} from '@millrace/testkit'
import { expect, it, onTestFinished } from 'vitest'
import type { ServerProcess } from '../../scripts/demo/server-process.ts'
import { startProcess, temporaryDirectory } from '../e2e/harness.ts'

const KILLS = 20
const SENDERS = 3
const PARTITIONS = 4
const TOPIC = 'orders'
/** Calls of one sender that wait for their answer. */
const CALLS_IN_FLIGHT = 6
const MAX_RECORDS_PER_CALL = 40
const MAX_VALUE_BYTES = 2_000
/** Acknowledged records between a start of the server and its end, at most. */
const MAX_ACKNOWLEDGED_PER_LIFE = 2_000

/** What a record was sent as, and what became of it. */
type Sent = SentRecord & { readonly partition: number; outcome: SentRecord['outcome'] }

/** A producer that sends as fast as it is answered, and notes everything. */
class Sender {
  readonly sent: Sent[] = []
  acknowledged = 0
  waiting = 0
  private readonly name: string
  private readonly client: Millrace
  private readonly random: SeededRandom
  private stopping = false

  constructor(name: string, url: string, random: SeededRandom) {
    this.name = name
    this.random = random
    this.client = new Millrace({ url, requestTimeoutMs: 60_000, connectTimeoutMs: 60_000 })
  }

  async run(): Promise<void> {
    const producer = this.client.producer({
      lingerMs: this.random.int(0, 2),
      compression: this.random.pick(['none', 'lz4']),
    })
    const lane = async (): Promise<void> => {
      while (!this.stopping) await this.sendSome((records) => producer.sendBatch(records))
    }
    try {
      await Promise.all(Array.from({ length: CALLS_IN_FLIGHT }, lane))
    } finally {
      await this.client.close()
    }
  }

  stop(): void {
    this.stopping = true
  }

  private async sendSome(send: ReturnType<Millrace['producer']>['sendBatch']): Promise<void> {
    const { random, name } = this
    const calls = Array.from({ length: random.int(1, MAX_RECORDS_PER_CALL) }, () => {
      const key = `${name}-${this.sent.length}`
      const value = random.bytes(random.int(0, MAX_VALUE_BYTES))
      const partition = random.int(0, PARTITIONS - 1)
      const note: Sent = { key, value: fingerprint(value), partition, producer: name, outcome: 'unknown' }
      this.sent.push(note)
      return { note, record: { topic: TOPIC, key, value, partition } }
    })
    this.waiting += calls.length
    const results = await send(calls.map(({ record }) => record))
    this.waiting -= calls.length
    this.acknowledged += calls.length
    for (const [index, { note }] of calls.entries()) note.outcome = { acknowledgedAt: results[index]!.offset }
  }
}

/** Records by partition, as they are read. */
class Reading {
  readonly partitions: ReadRecord[][] = Array.from({ length: PARTITIONS }, () => [])
  private readonly client: Millrace

  constructor(url: string) {
    this.client = new Millrace({ url, connectTimeoutMs: 60_000 })
  }

  async run(to: 'end' | 'follow'): Promise<void> {
    for await (const { partition, offset, key, value } of this.client.read({ topic: TOPIC, to })) {
      this.partitions[partition]!.push({ offset, key: String(key), value: fingerprint(value) })
    }
  }

  close(): Promise<void> {
    return this.client.close()
  }
}

/** Returns when `condition` holds; it is looked at in every turn of the event loop. */
async function until(condition: () => boolean, failure: Promise<never>): Promise<void> {
  while (!condition()) await Promise.race([nextTurn(), failure])
}

function check(senders: readonly Sender[], { partitions }: Reading): HistoryReport {
  return checkHistory(
    partitions.map((read, partition) => ({
      name: `partition ${partition}`,
      sent: senders.flatMap(({ sent }) => sent.filter((record) => record.partition === partition)),
      read,
    })),
  )
}

async function readAll(url: string): Promise<Reading> {
  const reading = new Reading(url)
  await reading.run('end')
  await reading.close()
  return reading
}

it(`${KILLS} times SIGKILL under load: what was acknowledged is there, unchanged, in order and once`, async () => {
  const random = seededRandom(Number(process.env.MILLRACE_CRASH_SEED ?? Date.now() % 2 ** 31))
  console.log(`seed ${random.seed}`)
  const data = await temporaryDirectory()
  let server: ServerProcess = await startProcess('--data', data, '--log-level', 'warn')
  onTestFinished(async () => {
    await server.end('SIGKILL')
  })
  const { url } = server
  const { host } = new URL(url)
  const admin = new Millrace({ url })
  // Small segments, so that kills fall into rolls too.
  await admin.admin.createTopic({ name: TOPIC, partitions: PARTITIONS, config: { 'segment.bytes': 1_000_000 } })
  await admin.close()

  const senders = Array.from(
    { length: SENDERS },
    (_, index) => new Sender(`s${index}`, url, seededRandom(random.int(0, 2 ** 31))),
  )
  const follower = new Reading(url)
  const following = follower.run('follow')
  const sending = Promise.all(senders.map((sender) => sender.run()))
  const failure = Promise.all([sending, following]).then(() => new Promise<never>(() => {}))
  failure.catch(() => {})

  const acknowledged = () => senders.reduce((sum, sender) => sum + sender.acknowledged, 0)
  const waitingAtKill: number[] = []
  for (let kill = 0; kill < KILLS; kill++) {
    const enough = acknowledged() + (random.bool(0.2) ? 0 : random.int(1, MAX_ACKNOWLEDGED_PER_LIFE))
    await until(() => acknowledged() >= enough && senders.every(({ waiting }) => waiting > 0), failure)
    waitingAtKill.push(senders.reduce((sum, sender) => sum + sender.waiting, 0))
    expect(await server.end('SIGKILL')).toEqual({ code: null, signal: 'SIGKILL' })
    server = await startProcess('--data', data, '--http', host, '--log-level', 'warn')
  }
  for (const sender of senders) sender.stop()
  await Promise.race([sending, failure])

  const report = check(senders, await readAll(url))
  expect(report.problems).toEqual([])
  expect(report).toMatchObject({ acknowledged: acknowledged(), unknown: 0, refused: 0, read: acknowledged() })
  expect(waitingAtKill).toHaveLength(KILLS)
  expect(Math.min(...waitingAtKill)).toBeGreaterThan(0)

  // The one who read all along saw the same, over all reconnects.
  const seen = () => follower.partitions.reduce((sum, { length }) => sum + length, 0)
  await until(() => seen() >= report.read, failure)
  await follower.close()
  await following.catch(() => {})
  expect(check(senders, follower).problems).toEqual([])

  // And it is there after a clean end.
  expect(await server.end('SIGTERM')).toEqual({ code: 0, signal: null })
  server = await startProcess('--data', data, '--http', host, '--log-level', 'warn')
  expect(check(senders, await readAll(url))).toEqual(report)
  console.log(
    `${report.acknowledged} records acknowledged over ${KILLS} kills, ${waitingAtKill.join(' ')} on their way`,
  )
}, 180_000)
