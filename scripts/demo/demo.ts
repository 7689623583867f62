// Takes a real history, produces it through the client over HTTP/2 into a server that is killed half-way, replays it
// from the first offset, from one in the middle and from a time in the middle, and compares what came back with what
// went in. Exits with 1 when anything differs.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Millrace, type ReadRecord } from '@millrace/client'
import { ReplayedLog, SentLog } from './event-logs.ts'
import { ServerProcess } from './server-process.ts'
import { Meter, say } from './show.ts'
import { number, openSource, type Source } from './sources.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const TOPIC = 'history'
const PARTITIONS = 4
/** Events that are sent at once, and how many such groups are on their way. */
const GROUP_EVENTS = 500
const GROUPS_IN_FLIGHT = 8

const USAGE = 'npm run demo [-- --file FILE]   the history of this clone, or the lines of FILE'

/** What the demo has started; all of it is ended however the demo ends. */
interface Stage {
  readonly data: string
  server?: ServerProcess
  client?: Millrace
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { file: { type: 'string' }, help: { type: 'boolean' } } })
  if (values.help) {
    say(USAGE)
    return 0
  }
  const stage: Stage = { data: await mkdtemp(join(tmpdir(), 'millrace-demo-')) }
  const interrupted = new Promise<number>((done) => {
    process.once('SIGINT', () => done(130)).once('SIGTERM', () => done(143))
    // Nobody reads any more, as after `| head`.
    process.stdout.on('error', () => done(1))
  })
  try {
    return await Promise.race([perform(stage, values.file), interrupted])
  } finally {
    await stage.server?.end('SIGKILL')
    await stage.client?.close().catch(() => {})
    await rm(stage.data, { recursive: true, force: true })
  }
}

async function perform(stage: Stage, file: string | undefined): Promise<number> {
  say('1. Events')
  const source = await openSource(ROOT, file === undefined ? undefined : resolve(file))
  for (const line of source.about) say(`   ${line}`)
  if (source.total === 0) throw new Error('there are no events to produce')

  say('2. A server')
  const server = await startServer(stage, '127.0.0.1:0')
  say(`   ${server.url}, process ${server.pid}, data in ${stage.data}`)
  const client = new Millrace({ url: server.url })
  stage.client = client
  // The times are the events' own, whatever this machine's clock says.
  const config = { 'message.timestamp.after.max.ms': String(Number.MAX_SAFE_INTEGER) }
  await client.admin.createTopic({ name: TOPIC, partitions: PARTITIONS, config })
  say(`   topic ${TOPIC} with ${PARTITIONS} partitions`)

  say(`3. Produce ${number(source.total)} events over HTTP/2, and kill the server half-way`)
  const sent = await produce(stage, client, source)

  say('4. Replay')
  return (await replayAll(client, sent)) ? 0 : 1
}

async function startServer(stage: Stage, http: string): Promise<ServerProcess> {
  const args = ['--data', stage.data, '--http', http, '--log-level', 'warn']
  stage.server = await ServerProcess.start({ args, nodeFlags: process.execArgv })
  return stage.server
}

async function produce(stage: Stage, client: Millrace, source: Source): Promise<SentLog> {
  const sent = new SentLog(PARTITIONS)
  const meter = new Meter(source.total)
  const producer = client.producer({ compression: 'zstd', lingerMs: 1 })
  const startedAtMs = performance.now()
  const groups: Promise<void>[] = []
  const restarted = Promise.withResolvers<void>()
  // Fails when the server does not come back, and otherwise stays open.
  const failure = restarted.promise.then(() => new Promise<never>(() => {}))
  failure.catch(() => {})
  let started = 0
  let isKilled = false
  const kill = (): void => {
    isKilled = true
    meter.say(`SIGKILL at ${number(sent.count)} acknowledged, ${number(started - sent.count)} on their way`)
    restart(stage, meter).then(restarted.resolve, restarted.reject)
  }
  let previous = Promise.resolve()
  for await (const group of inGroups(source.events(), groupSize(source.total))) {
    started += group.length
    const settled = producer.sendBatch(group.map((event) => ({ topic: TOPIC, ...event })))
    // Groups are noted in the order in which they were sent, whichever is answered first.
    previous = Promise.all([settled, previous]).then(([results]) => {
      sent.add(group, results)
      meter.update(sent.count)
    })
    // A failure is met where the group is awaited.
    previous.catch(() => {})
    groups.push(previous)
    if (groups.length < GROUPS_IN_FLIGHT) continue
    const isBusy = started - sent.count >= (group.length * GROUPS_IN_FLIGHT) / 2
    if (!isKilled && isBusy && sent.count >= source.total / 2) kill()
    await Promise.race([groups.shift(), failure])
  }
  if (!isKilled) kill()
  await Promise.race([Promise.all([...groups, restarted.promise]), failure])
  meter.stop()
  const seconds = (performance.now() - startedAtMs) / 1_000
  say(`   all ${number(sent.count)} acknowledged, ${seconds.toFixed(1)} s in all`)
  return sent
}

/** Small enough that something is on its way when half of the events are acknowledged. */
function groupSize(total: number): number {
  return Math.min(GROUP_EVENTS, Math.ceil(total / (4 * GROUPS_IN_FLIGHT)))
}

/** Kills the server and starts another on the same data and port. */
async function restart(stage: Stage, meter: Meter): Promise<void> {
  const { server } = stage
  if (server === undefined) throw new Error('there is no server')
  const { signal } = await server.end('SIGKILL')
  const startedAtMs = performance.now()
  const next = await startServer(stage, new URL(server.url).host)
  const tookMs = Math.round(performance.now() - startedAtMs)
  meter.say(
    `process ${server.pid} ended by ${signal}; process ${next.pid} serves after ${tookMs} ms; the client goes on`,
  )
}

async function* inGroups<T>(items: AsyncIterable<T>, size: number): AsyncGenerator<T[]> {
  let group: T[] = []
  for await (const item of items) {
    group.push(item)
    if (group.length < size) continue
    yield group
    group = []
  }
  if (group.length > 0) yield group
}

/** Replays from three places; true when every time exactly what was sent came back. */
async function replayAll(client: Millrace, sent: SentLog): Promise<boolean> {
  const all = sent.partitions.map(() => 0)
  const middle = sent.partitions.map((log) => Math.floor(log.count / 2))
  const time = sent.middleTime()
  const fromTime = sent.partitions.map((log) => log.indexAtTime(time))
  const results = [
    await compare('from offset 0', sent, all, client.read({ topic: TOPIC, from: { offset: 0 }, to: 'end' })),
    await compare(`from offsets ${middle.join(', ')}`, sent, middle, readEach(client, middle)),
    await compare(
      `from ${new Date(time).toISOString()}`,
      sent,
      fromTime,
      client.read({ topic: TOPIC, from: { timestamp: time }, to: 'end' }),
    ),
  ]
  const good = results.every((result) => result)
  say(
    good
      ? 'Exactly what went in came back: nothing lost, nothing changed, nothing twice, and in order.'
      : 'What came back is NOT what went in.',
  )
  return good
}

/** Reads each partition from an offset of its own. */
async function* readEach(client: Millrace, offsets: readonly number[]): AsyncGenerator<ReadRecord> {
  for (const [partition, offset] of offsets.entries()) {
    yield* client.read({ topic: TOPIC, partition, from: { offset }, to: 'end' })
  }
}

async function compare(
  name: string,
  sent: SentLog,
  starts: readonly number[],
  records: AsyncIterable<ReadRecord>,
): Promise<boolean> {
  const replayed = new ReplayedLog(starts)
  for await (const record of records) replayed.add(record)
  const expected = sent.summary(starts)
  const got = replayed.summary()
  const good = replayed.problem === undefined && expected.count === got.count && expected.sum === got.sum
  say(`   ${name}`)
  say(`     went in    ${number(expected.count).padStart(11)} events  SHA-256 ${expected.sum}`)
  say(
    `     came back  ${number(got.count).padStart(11)} events  SHA-256 ${got.sum}  ${good ? 'the same' : 'DIFFERENT'}`,
  )
  if (replayed.problem !== undefined) say(`     ${replayed.problem}`)
  return good
}

try {
  process.exitCode = await main()
} catch (error) {
  process.stderr.write(`The demo failed: ${(error as Error).message}\n`)
  process.exitCode = 1
}
