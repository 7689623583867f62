/**
 * Measures what a polite client has of a server alone, and beside a greedy one that is a process of its own. To be run
 * by hand: `node --conditions=development test/fairness/beside.ts [SECONDS] [NODE FLAGS OF THE SERVER]`
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Millrace } from '@millrace/client'
import { ServerProcess } from '../../scripts/demo/server-process.ts'
import { batchOf, Flood, Follower, openSession } from './raw-clients.ts'

const BATCH_BYTES = 256 * 1_024
const EVERY_MS = 5

type Greed = 'none' | 'default' | 'most' | 'connections' | 'reader'

/** What the greedy process does until it is killed; it tells its rate on the way. */
async function beGreedy(url: string, greed: Greed): Promise<void> {
  const batch = batchOf(BATCH_BYTES)
  let bytes = (): number => 0
  if (greed === 'reader') {
    let done = 0
    let follower: Follower | undefined
    // From the start again whenever the end is near, so that the backlog is always large.
    const again = (): void => {
      done += follower?.bytes ?? 0
      follower?.stream.session?.destroy()
      follower = new Follower(openSession(url), { topic: 'backlog' })
    }
    again()
    setInterval(() => (follower?.bytes ?? 0) > 400e6 && again(), 20)
    bytes = () => done + (follower?.bytes ?? 0)
  } else {
    const connections = greed === 'connections' ? 20 : 1
    const inFlight = greed === 'default' ? 8 : 120
    const floods = Array.from(
      { length: connections },
      () => new Flood(openSession(url), { topic: 'greedy', batch, inFlight }),
    )
    bytes = () => floods.reduce((sum, { answered }) => sum + answered, 0) * BATCH_BYTES
  }
  const startMs = performance.now()
  setInterval(() => process.send?.(bytes() / 1e3 / (performance.now() - startMs)), 100)
}

/** One record every few milliseconds; times to its acknowledgement, and to its arrival at a reader at the tail. */
async function bePolite(url: string, forMs: number) {
  await using client = new Millrace({ url })
  await using readingClient = new Millrace({ url })
  const producer = client.producer()
  const acked: number[] = []
  const arrived: number[] = []
  const ended = new AbortController()
  const reading = (async () => {
    const { signal } = ended
    for await (const { value } of readingClient.read({ topic: 'polite', partition: 0, from: 'latest', signal }))
      arrived.push(performance.now() - (value as Buffer).readDoubleLE())
  })().catch(() => {})
  await sleep(200)
  const startMs = performance.now()
  const sends: Promise<unknown>[] = []
  for (let index = 0; index * EVERY_MS < forMs; index++) {
    const dueMs = startMs + index * EVERY_MS
    await sleep(Math.max(0, dueMs - performance.now()))
    const value = Buffer.alloc(100)
    const sentMs = performance.now()
    value.writeDoubleLE(sentMs)
    sends.push(producer.send({ topic: 'polite', value }).then(() => acked.push(performance.now() - sentMs)))
  }
  await Promise.all(sends)
  await sleep(100)
  ended.abort()
  await reading
  return { acked: percentiles(acked), arrived: percentiles(arrived) }
}

function percentiles(values: number[]): { count: number; p50: number; p99: number; max: number } {
  values.sort((a, b) => a - b)
  const at = (share: number): number => Number(values[Math.floor(share * (values.length - 1))]?.toFixed(2))
  return { count: values.length, p50: at(0.5), p99: at(0.99), max: at(1) }
}

async function main(seconds: number, nodeFlags: readonly string[]): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-fairness-'))
  const server = await ServerProcess.start({
    args: ['--http', '127.0.0.1:0', '--data', directory],
    nodeFlags: ['--conditions=development', ...nodeFlags],
  })
  try {
    const { url } = server
    await using client = new Millrace({ url })
    for (const name of ['polite', 'greedy', 'backlog']) await client.admin.createTopic({ name, partitions: 1 })
    const fill = new Flood(openSession(url), { topic: 'backlog', batch: batchOf(BATCH_BYTES), inFlight: 16 })
    while (fill.answered * BATCH_BYTES < 500e6) await sleep(20)
    fill.stop()
    await bePolite(url, 500)
    for (const greed of ['none', 'default', 'most', 'connections', 'reader'] as const) {
      const child = greed === 'none' ? undefined : fork(fileURLToPath(import.meta.url), ['greedy', url, greed])
      let MBps = 0
      child?.on('message', (rate: number) => {
        MBps = Math.round(rate)
      })
      if (child !== undefined) await sleep(400)
      const polite = await bePolite(url, seconds * 1_000)
      if (child !== undefined) {
        child.kill('SIGKILL')
        await once(child, 'exit')
        await sleep(300)
      }
      console.log(greed.padEnd(12), JSON.stringify({ MBps, ...polite }))
    }
  } finally {
    await server.end('SIGKILL')
    await rm(directory, { recursive: true, force: true })
  }
}

if (process.argv[2] === 'greedy') {
  await beGreedy(process.argv[3] as string, process.argv[4] as Greed)
} else {
  const [seconds = '2', ...nodeFlags] = process.argv.slice(2)
  await main(Number(seconds), nodeFlags)
  process.exit()
}
