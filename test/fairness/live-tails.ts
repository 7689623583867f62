/**
 * What live tails cost a server of its own process: events per second with so many readers of one partition, and memory of
 * those that are idle or do not read. `node --conditions=development test/fairness/live-tails.ts`, after a build; it takes under a minute.
 */
import { readFile } from 'node:fs/promises'
import { Agent, get } from 'node:http'
import { loadavg } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { ServerProcess } from '../../scripts/demo/server-process.ts'

const PATH = '/v1/topics/t/partitions/0/records'
const RECORDS = 100_000
const RECORD_BYTES = 100
const RECORDS_PER_REQUEST = 5_000
/** A rate is taken over so many events in all, or over one pass of the log, whichever is more. */
const EVENTS = 400_000
const IDLE_TAILS = 1_000

const started = await ServerProcess.start({
  args: ['--data', 'memory', '--http', '127.0.0.1:0', '--log-level', 'silent', '--limit-live-tails', `${IDLE_TAILS}`],
})
const agent = new Agent({ keepAlive: false })
const leave: (() => void)[] = []

try {
  await post('/v1/topics', { name: 't' })
  // First, because a process keeps the memory that it once had.
  await measureIdle()
  const value = 'x'.repeat(RECORD_BYTES)
  for (let done = 0; done < RECORDS; done += RECORDS_PER_REQUEST) {
    await post('/v1/topics/t/records', { records: Array.from({ length: RECORDS_PER_REQUEST }, () => ({ value })) })
  }
  await measureStalled()
  console.log(`load ${loadavg()[0]?.toFixed(1)}; ${RECORDS} records of ${RECORD_BYTES} bytes`)
  for (const accept of ['text/event-stream', 'application/x-ndjson']) {
    for (const tails of [1, 10, 100]) await measureBacklog(accept, tails)
  }
  for (const tails of [1, 100]) await measureLive(tails)
  console.log(`load ${loadavg()[0]?.toFixed(1)}`)
} finally {
  for (const end of leave) end()
  await started.end('SIGTERM')
}

/** Tails that read what is there, as fast as they can. */
async function measureBacklog(accept: string, tails: number): Promise<void> {
  const each = Math.min(RECORDS, Math.ceil(EVENTS / tails))
  const cpu = await cpuSeconds()
  const begunMs = performance.now()
  let newlines = 0
  const count = (chunk: string): void => {
    for (let at = chunk.indexOf('\n'); at >= 0; at = chunk.indexOf('\n', at + 1)) newlines++
  }
  const open = await Promise.all(Array.from({ length: tails }, () => readTail(`?limit=${each}`, accept, count)))
  await Promise.all(open.map(({ ended }) => ended))
  const seconds = (performance.now() - begunMs) / 1_000
  const events = each * tails
  const [linesOfOpening, linesOfEvent] = accept === 'text/event-stream' ? [3, 3] : [1, 1]
  if (newlines !== tails * linesOfOpening + events * linesOfEvent) throw new Error(`${newlines} lines came`)
  const microseconds = (((await cpuSeconds()) - cpu) / events) * 1e6
  console.log(
    `${accept}, ${tails} tails with a backlog: ${perSecond(events / seconds)} events/s, ${microseconds.toFixed(1)} µs CPU each`,
  )
}

/** Tails at the end of the log, and one writer of one record at a time. */
async function measureLive(tails: number): Promise<void> {
  let received = 0
  const opened = Array.from({ length: tails }, () =>
    readTail('?from=latest', 'text/event-stream', (text) => {
      received += text.split('\ndata: ').length - 1
    }),
  )
  const open = await Promise.all(opened)
  const value = 'x'.repeat(RECORD_BYTES)
  const latencies: number[] = []
  const endMs = performance.now() + 3_000
  const begunMs = performance.now()
  let sent = 0
  while (performance.now() < endMs) {
    const sentMs = performance.now()
    await post('/v1/topics/t/records', { records: [{ value }] })
    sent++
    while (received < sent * tails) await new Promise(setImmediate)
    latencies.push(performance.now() - sentMs)
  }
  const seconds = (performance.now() - begunMs) / 1_000
  latencies.sort((a, b) => a - b)
  const at = (part: number) => latencies[Math.floor(latencies.length * part)]?.toFixed(1)
  console.log(
    `${tails} live tails, one record after another: ${perSecond(received / seconds)} events/s; from the writer's request until all have it ${at(0.5)} ms (p99 ${at(0.99)} ms)`,
  )
  await endAll(open)
}

async function measureIdle(): Promise<void> {
  const warm = await readTail('?from=latest', 'text/event-stream', () => {})
  warm.end()
  const before = await residentBytes()
  const open = await Promise.all(
    Array.from({ length: IDLE_TAILS }, () => readTail('?from=latest', 'text/event-stream', () => {})),
  )
  await sleep(1_000)
  const after = await residentBytes()
  console.log(
    `${IDLE_TAILS} idle tails: ${MB(after - before)} MB, ${MB(before)} MB without them; most ever ${MB(await residentBytes('VmHWM'))} MB`,
  )
  await endAll(open)
}

/** Tails whose clients read nothing of a backlog. */
async function measureStalled(): Promise<void> {
  const before = await residentBytes('VmHWM')
  const open = await Promise.all(
    Array.from({ length: IDLE_TAILS }, () => readTail('', 'text/event-stream', () => {}, true)),
  )
  await sleep(3_000)
  const after = await residentBytes('VmHWM')
  console.log(`${IDLE_TAILS} tails that are not read: most ever ${MB(after)} MB, ${MB(before)} MB before`)
  await endAll(open)
}

/** What comes next must not find these open, nor be measured beside the server's tidying up. */
async function endAll(open: readonly { end: () => void }[]): Promise<void> {
  for (const { end } of open) end()
  await sleep(2_000)
}

/** Opens a tail, once its first bytes are there. */
function readTail(
  query: string,
  accept: string,
  take: (text: string) => void,
  stalls = false,
): Promise<{ ended: Promise<void>; end: () => void }> {
  return new Promise((resolve, reject) => {
    const request = get(`${started.url}${PATH}${query}`, { agent, headers: { accept } }, (response) => {
      if (response.statusCode !== 200) return reject(new Error(`status ${response.statusCode}`))
      const ended = new Promise<void>((done) => response.on('close', done))
      response.setEncoding('latin1').on('error', () => {})
      response.once('data', () => resolve({ ended, end: () => request.destroy() }))
      response.on('data', take)
      if (stalls) response.once('data', () => response.pause())
    })
    request.on('error', reject)
    leave.push(() => request.destroy())
  })
}

async function post(path: string, body: unknown): Promise<void> {
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(`${started.url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
  if (!answer.ok) throw new Error(await answer.text())
  await answer.arrayBuffer()
}

/** Of the server so far, user and system. */
async function cpuSeconds(): Promise<number> {
  const fields = (await readFile(`/proc/${started.pid}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? []
  const TICKS_PER_SECOND = 100
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}

async function residentBytes(line: 'VmRSS' | 'VmHWM' = 'VmRSS'): Promise<number> {
  const status = await readFile(`/proc/${started.pid}/status`, 'utf8')
  return Number(new RegExp(`${line}:\\s+(\\d+)`).exec(status)?.[1]) * 1_024
}

function perSecond(rate: number): string {
  return Math.round(rate).toLocaleString('en')
}

function MB(bytes: number): string {
  return (bytes / 1e6).toFixed(0)
}
