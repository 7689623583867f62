import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Millrace } from '@millrace/client'
import { type SeededRandom, seededRandom } from '@millrace/testkit'
import { ServerProcess } from '../../scripts/demo/server-process.ts'
import { checkAtLeastOnce, checkExactlyOnce } from './checker.ts'
import { CuttableLink } from './cuttable-link.ts'
import { type HistoryEvent, nowMs } from './history.ts'
import { MemberProcess } from './member-process.ts'
import { Writers } from './writers.ts'

export interface ChaosOptions {
  readonly seed: number
  /** How long things go wrong; settling and checking come after. */
  readonly ms: number
  /** Whether the members are a pipe with transactions, or workers without. */
  readonly transactions: boolean
}

export interface ChaosReport {
  /** What was not kept; empty when all was. */
  readonly breaches: readonly string[]
  /** How often each thing was done, and how many events of each kind there are. */
  readonly counts: Readonly<Record<string, number>>
}

const GROUP = 'chaos'
const INPUT = 'input'
const OUTPUT = 'output'
const PARTITIONS = 6
const MEMBERS = 4
const KEYS = 24
const SESSION_TIMEOUT_MS = 1_500
/** Time to come to the end of the input when nothing goes wrong any more; stopped members' transactions end in it. */
const SETTLE_MS = 60_000

/** Writers, a group of member processes and a server that is killed, with what goes wrong drawn from a seed. */
export async function runChaos({ seed, ms, transactions }: ChaosOptions): Promise<ChaosReport> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-chaos-'))
  const link = await CuttableLink.open()
  const run = new Run(seededRandom(seed), link, directory, transactions)
  try {
    await run.start()
    await run.goWrong(ms)
    await run.settle()
    return await run.report()
  } finally {
    await run.end()
    await link.close()
    await rm(directory, { recursive: true, force: true })
  }
}

class Run {
  private readonly random: SeededRandom
  private readonly link: CuttableLink
  private readonly directory: string
  private readonly transactions: boolean
  private readonly history: HistoryEvent[] = []
  private readonly done: Record<string, number> = {}
  private readonly members: MemberProcess[] = []
  private readonly client: Millrace
  private readonly writers: Writers
  private readonly failures: string[] = []
  private server: ServerProcess | undefined
  private born = 0
  private observing: Promise<void> | undefined
  private isOver = false

  constructor(random: SeededRandom, link: CuttableLink, directory: string, transactions: boolean) {
    this.random = random
    this.link = link
    this.directory = directory
    this.transactions = transactions
    this.client = new Millrace({ url: link.url, requestTimeoutMs: 60_000, connectTimeoutMs: 60_000 })
    this.writers = new Writers(this.client, {
      topic: INPUT,
      keys: KEYS,
      note: (event) => this.history.push(event),
      pause: () => delay(random.int(0, 20)),
    })
  }

  async start(): Promise<void> {
    await this.startServer()
    for (const name of [INPUT, OUTPUT]) await this.client.admin.createTopic({ name, partitions: PARTITIONS })
    for (let slot = 0; slot < MEMBERS; slot++) this.members.push(this.newMember(slot))
    this.writers.start()
    this.observing = this.observe()
  }

  /** One thing after the other, with pauses that are sometimes longer than a session. */
  async goWrong(ms: number): Promise<void> {
    const end = nowMs() + ms
    while (nowMs() < end) {
      await delay(this.random.int(100, 2 * SESSION_TIMEOUT_MS))
      const what = this.random.pick([
        'kill',
        'kill',
        'replace',
        'stop',
        'stop',
        'cut',
        'cut',
        'crash',
        'restart',
      ] as const)
      this.done[what] = (this.done[what] ?? 0) + 1
      await this[what]()
    }
  }

  /** All is well again: the group must come to the end of what was written. */
  async settle(): Promise<void> {
    await this.writers.stop()
    for (const member of this.members) if (member.isStopped) member.continue()
    const end = nowMs() + SETTLE_MS
    while (nowMs() < end && !(await this.isFinished())) await delay(100)
  }

  async report(): Promise<ChaosReport> {
    this.isOver = true
    await this.observing
    for (const member of this.members) {
      if (member.failure !== undefined) this.failures.push(member.failure)
      await member.leave(10_000)
    }
    for (const { partition, offset, end } of await this.progress()) {
      this.history.push({ kind: 'finished', partition, offset, end })
    }
    if (this.transactions) await this.readOutput()
    const check = this.transactions ? checkExactlyOnce : checkAtLeastOnce
    const counts = { ...this.done }
    for (const { kind } of this.history) counts[kind] = (counts[kind] ?? 0) + 1
    return {
      breaches: [
        ...this.failures,
        ...this.writers.failures.map((error) => `a writer failed: ${error}`),
        ...check(this.history),
      ],
      counts,
    }
  }

  async end(): Promise<void> {
    this.isOver = true
    await this.writers.stop()
    await this.observing
    await Promise.all(this.members.map((member) => member.kill()))
    await this.client.close()
    await this.server?.end('SIGKILL')
  }

  private async kill(): Promise<void> {
    const slot = this.random.int(0, MEMBERS - 1)
    await this.members[slot]!.kill()
    await delay(this.random.int(0, 2 * SESSION_TIMEOUT_MS))
    this.members[slot] = this.newMember(slot)
  }

  private async replace(): Promise<void> {
    const slot = this.random.int(0, MEMBERS - 1)
    const member = this.members[slot]!
    if (member.isStopped) return
    if (member.failure !== undefined) this.failures.push(member.failure)
    await member.leave(30_000)
    this.members[slot] = this.newMember(slot)
  }

  /** A member that hangs, for less than its session or for longer, and then goes on as if nothing had been. */
  private async stop(): Promise<void> {
    const member = this.random.pick(this.members)
    if (member.isStopped) return
    member.stop()
    setTimeout(() => member.continue(), this.random.int(100, 4 * SESSION_TIMEOUT_MS))
  }

  private async cut(): Promise<void> {
    const chance = this.random.pick([0.3, 1])
    this.link.cut(() => this.random.bool(chance))
  }

  private async crash(): Promise<void> {
    await this.server?.end('SIGKILL')
    await delay(this.random.int(0, 500))
    await this.startServer()
  }

  private async restart(): Promise<void> {
    await this.server?.end('SIGTERM')
    await this.startServer()
  }

  private async startServer(): Promise<void> {
    this.server = await ServerProcess.start({
      args: ['--data', join(this.directory, 'data'), '--http', '127.0.0.1:0'],
      nodeFlags: ['--conditions=development'],
    })
    this.link.leadTo(this.server.url)
  }

  private newMember(slot: number): MemberProcess {
    const task = {
      url: this.link.url,
      group: GROUP,
      topic: INPUT,
      output: this.transactions ? OUTPUT : undefined,
      name: `m${slot}-${this.born++}`,
      slot,
      sessionTimeoutMs: SESSION_TIMEOUT_MS,
    }
    return new MemberProcess(task, (event) => this.history.push(event))
  }

  /** Looks again and again at what the group has committed: what the server says, not what members believe. */
  private async observe(): Promise<void> {
    while (!this.isOver) {
      const began = nowMs()
      const offsets = await this.client.admin.fetchOffsets({ group: GROUP, allowPending: true }).catch(() => [])
      const at = nowMs()
      for (const { partition, offset } of offsets) {
        this.history.push({ kind: 'committed', began, at, member: 'the observer', partition, offset })
      }
      await delay(20)
    }
  }

  private async isFinished(): Promise<boolean> {
    const progress = await this.progress()
    return progress.every(({ offset, end }) => offset === end)
  }

  private async progress(): Promise<{ partition: number; offset: number; end: number }[]> {
    const { partitions } = await this.client.admin.describeTopic(INPUT)
    const offsets = await this.client.admin.fetchOffsets({ group: GROUP, allowPending: true }).catch(() => [])
    return partitions.map(({ partition, highWatermark: end }) => ({
      partition,
      offset: offsets.find((committed) => committed.partition === partition)?.offset ?? 0,
      end,
    }))
  }

  private async readOutput(): Promise<void> {
    for await (const record of this.client.read({ topic: OUTPUT, from: 'earliest', to: 'end' })) {
      const { place, key, sequence } = record.json() as {
        place: { partition: number; offset: number }
        key: string
        sequence: number
      }
      const { partition, offset } = record
      this.history.push({ kind: 'output', output: { partition, offset }, place, key, sequence })
    }
  }
}
