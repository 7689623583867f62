import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Connect, Producer } from '../harness/client.ts'
import { makeValues } from '../harness/client-program.ts'
import { adopt, kill } from '../harness/processes.ts'
import type { Progress, RebalanceTask, TaskFigures } from '../harness/tasks.ts'
import { type FromWorker, machineMs, type ToWorker, type WorkerTask } from './worker-messages.ts'

const LOOK_EVERY_MS = 5
const VALUE_BYTES = 100

/** A member of the group, a process of its own. */
class Worker {
  readonly owned = new Set<number>()
  /** So many times a partition was given to it. */
  taken: { readonly atMs: number; readonly partition: number }[] = []
  private readonly child: ChildProcess
  private failure: Error | undefined

  constructor(program: URL, task: WorkerTask) {
    this.child = adopt(fork(program, [JSON.stringify(task)]))
    this.child.on('message', (message: FromWorker) => {
      if (message.kind === 'assigned') {
        for (const partition of message.partitions) {
          this.owned.add(partition)
          this.taken.push({ atMs: message.atMs, partition })
        }
      } else if (message.kind === 'revoked') for (const partition of message.partitions) this.owned.delete(partition)
      else if (message.kind === 'failed') this.failure = new Error(message.why)
    })
  }

  async ready(): Promise<void> {
    await once(this.child, 'message')
  }

  tell(message: ToWorker): void {
    this.child.send(message)
  }

  /** @throws Error what the consumer failed with */
  check(): void {
    if (this.failure !== undefined) throw this.failure
  }

  async kill(): Promise<void> {
    await kill(this.child)
  }

  /** When it handled records of which partition. */
  async handled(): Promise<Extract<FromWorker, { kind: 'handled' }>> {
    this.tell('report')
    for (;;) {
      const [message] = (await once(this.child, 'message')) as [FromWorker]
      if (message.kind === 'handled') return message
    }
  }
}

/** Sends a record to each partition at a time, whether those before are acknowledged or not, until it is told to end. */
class SteadySender {
  private isOver = false
  private readonly sent: Promise<void>

  constructor(producer: Producer, { partitions, recordsPerSecond }: RebalanceTask) {
    this.sent = this.run(producer, partitions, 1_000 / recordsPerSecond)
  }

  async end(): Promise<void> {
    this.isOver = true
    await this.sent
  }

  private async run(producer: Producer, partitions: number, everyMs: number): Promise<void> {
    const [value] = makeValues(1, VALUE_BYTES)
    const pending = new Set<Promise<unknown>>()
    for (let dueMs = performance.now(); !this.isOver; dueMs += everyMs) {
      await sleep(Math.max(0, dueMs - performance.now()))
      for (let partition = 0; partition < partitions; partition++) {
        const sending = producer.send(value!, partition)
        pending.add(sending)
        sending.then(() => pending.delete(sending))
      }
    }
    await Promise.all(pending)
  }
}

/** How long partitions are not handled while members come and go. */
export async function rebalance(
  connect: Connect,
  url: string,
  task: RebalanceTask,
  progress: Progress,
): Promise<TaskFigures> {
  const { topic, change, members, partitions, sessionTimeoutMs } = task
  const client = await connect(url)
  if (client.worker === undefined) throw new Error('this client has no consumer groups')
  await client.createTopic(topic, partitions)
  const settings = { valueBytes: VALUE_BYTES, batchRecords: 1, inFlight: partitions, clientDefaults: true }
  const sender = new SteadySender(await client.producer(topic, settings), task)
  const program = client.worker
  const workers = Array.from(
    { length: members + (change === 'join' ? 1 : 0) },
    () => new Worker(program, { url, group: `${topic}-group`, topic, sessionTimeoutMs }),
  )
  await Promise.all(workers.map((worker) => worker.ready()))
  const first = workers.slice(0, members)
  for (const worker of first) worker.tell('join')
  const share = partitions / members
  while (!first.every(({ owned }) => owned.size === share)) {
    for (const worker of workers) worker.check()
    await sleep(LOOK_EVERY_MS)
  }
  await sleep(task.warmupMs)
  progress(0.5)
  const killed = change === 'kill' ? workers[0] : undefined
  const lost = new Set(killed?.owned)
  const changedMs = machineMs()
  if (killed !== undefined) await killed.kill()
  if (change === 'join') workers.at(-1)!.tell('join')
  await sleep(task.ms)
  const overMs = machineMs()
  await sender.end()
  const left = workers.filter((worker) => worker !== killed)
  for (const worker of left) worker.check()
  const reports = await Promise.all(left.map((worker) => worker.handled()))
  const moves = workers.flatMap(({ taken }) => taken).filter(({ atMs }) => atMs >= changedMs)
  await Promise.all(left.map((worker) => worker.kill()))
  await client.close()
  const moved = new Set(moves.map(({ partition }) => partition))
  const times = Array.from({ length: partitions }, (_, partition) => (lost.has(partition) ? [changedMs] : []))
  for (const { partitionsOf, timesMs } of reports) {
    for (const [index, partition] of partitionsOf.entries()) times[partition]!.push(timesMs[index]!)
  }
  const longest = (isMoved: boolean): number =>
    Math.max(
      ...times.map((of, partition) => (moved.has(partition) === isMoved ? longestPause(of, changedMs, overMs) : 0)),
    )
  const records = times.reduce((sum, { length }) => sum + length, 0)
  return {
    records,
    othersMs: longest(false),
    // Nothing has moved: there is no such pause.
    movedMs: moved.size === 0 ? Number.NaN : longest(true),
    moves: moves.length,
  }
}

/** The longest time without a record between `fromMs` and `toMs`; what began before it, or goes on after it, counts. */
function longestPause(timesMs: readonly number[], fromMs: number, toMs: number): number {
  let longest = 0
  let lastMs: number | undefined
  for (const atMs of [...timesMs.toSorted((a, b) => a - b), toMs]) {
    if (atMs > toMs) break
    if (lastMs !== undefined && atMs > fromMs) longest = Math.max(longest, atMs - lastMs)
    lastMs = atMs
  }
  return longest
}
