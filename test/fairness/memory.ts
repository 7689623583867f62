/**
 * Drives a server process with one load and tells the most memory that it ever had. To be run by hand:
 * `node --conditions=development test/fairness/memory.ts LOAD [SECONDS] [NODE FLAGS OF THE SERVER]`
 */
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Millrace } from '@millrace/client'
import { ServerProcess } from '../../scripts/demo/server-process.ts'
import { batchOf, Flood, Follower, openSession } from './raw-clients.ts'

const KiB = 1_024
const MiB = 1_024 * KiB

type Load = (url: string, forMs: number) => Promise<Record<string, unknown>>

async function createTopic(url: string, name: string, partitions = 1, config: Record<string, number> = {}) {
  await using client = new Millrace({ url })
  await client.admin.createTopic({ name, partitions, config })
}

async function floods(
  url: string,
  forMs: number,
  o: { connections: number; streams?: number; valueBytes: number; inFlight: number },
) {
  const batch = batchOf(o.valueBytes)
  const all = Array.from({ length: o.connections }, () => {
    const session = openSession(url)
    return Array.from({ length: o.streams ?? 1 }, () => new Flood(session, { topic: 't', batch, inFlight: o.inFlight }))
  }).flat()
  await sleep(forMs)
  let [answered, failed, broken, idle] = [0, 0, 0, 0]
  for (const flood of all) {
    answered += flood.answered
    failed += flood.failed
    if (flood.isBroken) broken++
    if (flood.answered === 0) idle++
  }
  return { answered, failed, broken, neverAnswered: idle, MBps: (answered * o.valueBytes) / 1e3 / forMs }
}

const LOADS: Readonly<Record<string, Load>> = {
  /** One record in flight on each of 200 connections. */
  async 'small-clients'(url, forMs) {
    await createTopic(url, 't')
    const end = performance.now() + forMs
    let records = 0
    const value = Buffer.alloc(100)
    await Promise.all(
      Array.from({ length: 200 }, async () => {
        const client = new Millrace({ url })
        const producer = client.producer()
        while (performance.now() < end) {
          await producer.send({ topic: 't', value })
          records++
        }
        await client.close()
      }),
    )
    return { recordsPerSecond: Math.round((records / forMs) * 1e3) }
  },
  /** Messages of nearly 8 MiB, which the topic takes. */
  async large(url, forMs) {
    await createTopic(url, 't', 1, { 'max.message.bytes': 8 * MiB })
    return floods(url, forMs, { connections: 200, valueBytes: 8 * MiB - 1_024, inFlight: 2 })
  },
  /** The same, and the topic refuses them. */
  async refused(url, forMs) {
    await createTopic(url, 't')
    return floods(url, forMs, { connections: 200, valueBytes: 8 * MiB - 1_024, inFlight: 2 })
  },
  async medium(url, forMs) {
    await createTopic(url, 't')
    return floods(url, forMs, { connections: 200, valueBytes: 256 * KiB, inFlight: 16 })
  },
  /** Twenty streams on each connection. */
  async streams(url, forMs) {
    await createTopic(url, 't', 1, { 'max.message.bytes': 8 * MiB })
    return floods(url, forMs, { connections: 50, streams: 20, valueBytes: 8 * MiB - 1_024, inFlight: 1 })
  },
  async batches(url, forMs) {
    await createTopic(url, 't')
    return floods(url, forMs, { connections: 1, valueBytes: 60_000, inFlight: 16 })
  },
  async one(url, forMs) {
    await createTopic(url, 't')
    return floods(url, forMs, { connections: 1, valueBytes: 256 * KiB, inFlight: 24 })
  },
  /** Readers of a backlog of 64 MiB that stop at once, and a producer beside them. */
  async stalled(url, forMs) {
    await createTopic(url, 't')
    const load = await floods(url, 2_000, { connections: 1, valueBytes: 256 * KiB, inFlight: 16 })
    const readers = Array.from({ length: 100 }, () => new Follower(openSession(url), { topic: 't' }))
    for (const { stream } of readers) stream.once('data', () => stream.pause())
    const beside = await floods(url, forMs, { connections: 1, valueBytes: 256 * KiB, inFlight: 16 })
    return { alone: load.MBps, beside: beside.MBps, cut: readers.filter(({ stream }) => stream.destroyed).length }
  },
  /** The same at the tail. */
  async 'stalled-tail'(url, forMs) {
    await createTopic(url, 't')
    const readers = Array.from({ length: 100 }, () => new Follower(openSession(url), { topic: 't' }))
    for (const { stream } of readers) stream.once('data', () => setTimeout(() => stream.pause(), 500))
    return floods(url, forMs, { connections: 1, valueBytes: 256 * KiB, inFlight: 16 })
  },
  /** Readers that keep up, at the tail. */
  async tail(url, forMs) {
    await createTopic(url, 't')
    const readers = Array.from({ length: 100 }, () => new Follower(openSession(url), { topic: 't' }))
    const sent = await floods(url, forMs, { connections: 1, valueBytes: 64 * KiB, inFlight: 4 })
    return { ...sent, readMBps: readers.reduce((sum, { bytes }) => sum + bytes, 0) / 1e3 / forMs }
  },
  async idle(url, forMs) {
    await createTopic(url, 't', 1_000)
    const followers = Array.from({ length: 10 }, () => openSession(url)).flatMap((session) =>
      Array.from({ length: 100 }, (_, partition) => new Follower(session, { topic: 't', partition, from: 'latest' })),
    )
    await sleep(forMs)
    return { open: followers.filter(({ stream }) => !stream.destroyed).length }
  },
  /** Records to 4,000 partitions in turn. */
  async partitions(url, forMs) {
    for (let index = 0; index < 4; index++) await createTopic(url, `t${index}`, 1_000)
    await using client = new Millrace({ url })
    const producer = client.producer()
    const end = performance.now() + forMs
    let records = 0
    while (performance.now() < end) {
      const sends = Array.from({ length: 4_000 }, (_, index) => ({
        topic: `t${index % 4}`,
        partition: Math.floor(index / 4),
        value: Buffer.alloc(100),
      }))
      await producer.sendBatch(sends)
      records += sends.length
    }
    return { recordsPerSecond: Math.round((records / forMs) * 1e3) }
  },
}

function statusOf(pid: number, name: string): number {
  const [, kB] = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kB) / 1_000
}

function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10
}

const [name = '', seconds = '5', ...nodeFlags] = process.argv.slice(2)
const load = LOADS[name]
if (load === undefined) throw new Error(`loads are ${Object.keys(LOADS).join(', ')}`)
const directory = await mkdtemp(join(tmpdir(), 'millrace-fairness-'))
const server = await ServerProcess.start({
  args: ['--http', '127.0.0.1:0', '--data', directory],
  nodeFlags: ['--conditions=development', ...nodeFlags],
})
try {
  const startMB = statusOf(server.pid, 'VmHWM')
  const startCpuMs = cpuMs(server.pid)
  const figures = await load(server.url, Number(seconds) * 1_000)
  const peakMB = statusOf(server.pid, 'VmHWM')
  console.log(name, {
    startMB,
    peakMB,
    nowMB: statusOf(server.pid, 'VmRSS'),
    cpuMs: cpuMs(server.pid) - startCpuMs,
    ...figures,
  })
} finally {
  await server.end('SIGKILL')
  await rm(directory, { recursive: true, force: true })
  process.exit()
}
