import { Broker, type OnceAnswer, type PlainRecord } from '@millrace/broker'
import type { Engine, EnginePartition } from '@millrace/engine'
import { openLocalEngine } from '@millrace/engine-local'
import {
  DEFAULT_LIMITS,
  type Limits,
  MillraceError,
  type RecordBatch,
  readBatches,
  silentLogger,
} from '@millrace/record'
import { CrashDisk, type DiskFault, ManualClock, type SeededRandom, seededRandom } from '@millrace/testkit'
import { expect, test } from 'vitest'

const SEEDS = Number(process.env.MILLRACE_IDEMPOTENCY_SEEDS ?? 150)
const FIRST_SEED = Number(process.env.MILLRACE_IDEMPOTENCY_SEED ?? 1)
const WINDOW_MS = 60_000
const LIMITS: Limits = { ...DEFAULT_LIMITS, journalBytes: 16_384, idempotencyWindowMs: WINDOW_MS }
const PARTITIONS = 3
const KEYS = ['a', 'b', 'c', 'd', 'e', 'f']
const FAULTS: readonly DiskFault[] = [
  { operation: 'write', path: '.log', code: 'ENOSPC' },
  { operation: 'write', path: 'journal', code: 'ENOSPC' },
  { operation: 'datasync', path: '.log', code: 'EIO' },
  { operation: 'datasync', path: 'journal', code: 'EIO' },
]
/** What a request may fail with and succeed later. That a producer is fenced, or out of order, is none of them. */
const PASSING: readonly string[] = ['COMMIT_UNKNOWN', 'DISK_FULL', 'LIMIT_REACHED', 'SHUTTING_DOWN', 'STORAGE_FAILED']

/** One request that its sender may send again, always the same, as long as the first time is not too long ago. */
interface Request {
  readonly key: string
  readonly values: readonly string[]
  readonly records: readonly PlainRecord[]
  /** The earliest time at which it was sent, by a clock that may have gone back. */
  firstSentMs: number
  /** Where each record is, or what it was refused with, as answers have said so far. */
  readonly told: (string | undefined)[]
  /** Some of it, as far as answers have said. */
  isStored: boolean
  isAnswered: boolean
}

interface Counts {
  crashes: number
  answered: number
  repeated: number
  failed: number
  partly: number
  reused: number
  reusedLate: number
}

/** Clients that send requests with idempotency keys, again and again, to a broker over a disk that loses things. */
class Run {
  private readonly random: SeededRandom
  private readonly disk: CrashDisk
  private readonly counts: Counts
  private clock = new ManualClock()
  private engine!: Engine
  private broker!: Broker
  private topicId = ''
  private readonly current = new Map<string, Request>()
  private readonly all: Request[] = []
  private readonly pending = new Set<Promise<void>>()
  private defect: unknown
  private life = 0
  private latestMs = 0

  constructor(seed: number, counts: Counts) {
    this.random = seededRandom(seed)
    this.disk = new CrashDisk(this.random)
    this.counts = counts
  }

  async run(): Promise<void> {
    await this.open()
    this.topicId = (await this.broker.topics.create({ name: 'orders', partitions: PARTITIONS })).id
    for (let life = 0; life < 5; life++) {
      for (let step = this.random.int(5, 50); step > 0; step--) {
        if (this.random.bool(0.05)) this.disk.failNext(this.random.pick(FAULTS))
        if (this.random.bool(0.15)) await this.letTimePass()
        this.act()
        await ticks(this.random.int(0, 8))
        if (this.defect !== undefined) throw this.defect
      }
      await this.end()
      await this.open()
      await this.check()
    }
    for (const request of this.current.values()) if (this.isInTime(request)) this.send(request)
    await Promise.all(this.pending)
    if (this.defect !== undefined) throw this.defect
    await this.check()
    await this.broker.close()
    await this.engine.close()
  }

  private act(): void {
    const { random } = this
    const key = random.pick(KEYS)
    const request = this.current.get(key)
    if (request === undefined || !this.isInTime(request)) this.send(this.newRequest(key))
    else if (random.bool(0.1)) this.reuse(request)
    else this.send(request)
  }

  /** What was sent in time arrives in time. */
  private async letTimePass(): Promise<void> {
    await Promise.all(this.pending)
    this.clock.advance(this.random.pick([1, 10_000, WINDOW_MS / 3, WINDOW_MS]))
    this.latestMs = Math.max(this.latestMs, this.clock.nowMs())
  }

  /** What was over once is over for good, though the clock may go back. */
  private isInTime({ firstSentMs }: Request): boolean {
    return this.latestMs - firstSentMs < WINDOW_MS
  }

  private newRequest(key: string): Request {
    const { random } = this
    const number = this.all.length
    const values = Array.from({ length: random.int(1, 4) }, (_, index) => `${key} ${number} ${index}`)
    const records = values.map((value): PlainRecord => {
      const partition = random.pick([undefined, undefined, 0, 1, 2, PARTITIONS])
      return { key: random.bool() ? Buffer.from(`${random.int(0, 9)}`) : null, value: Buffer.from(value), partition }
    })
    const told = values.map(() => undefined)
    const request = { key, values, records, firstSentMs: this.clock.nowMs(), told, isStored: false, isAnswered: false }
    this.current.set(key, request)
    this.all.push(request)
    return request
  }

  private produce(key: string, records: readonly PlainRecord[]): Promise<OnceAnswer> {
    return this.broker.produce.recordsOnce('orders', records, { acks: 'committed', idempotencyKey: key })
  }

  private send(request: Request): void {
    const { life } = this
    const { isAnswered, isStored } = request
    request.firstSentMs = Math.min(request.firstSentMs, this.clock.nowMs())
    this.follow(
      this.produce(request.key, request.records).then(
        (answer) => {
          if (life === this.life) this.heard(request, answer, isAnswered)
        },
        (error: unknown) => {
          if (life !== this.life || isPassing(error)) this.counts.failed++
          // The one before with this key may have taken effect late, or the clock have gone back into its time.
          else if (!isStored && codeOf(error) === 'IDEMPOTENCY_KEY_REUSED') this.counts.reusedLate++
          else throw error
        },
      ),
    )
  }

  private heard(request: Request, { results, isRepeat }: OnceAnswer, mustBeRepeat: boolean): void {
    let isOver = true
    for (const [index, result] of results.entries()) {
      if ('error' in result && isPassing(result.error)) {
        isOver = false
        continue
      }
      if ('offset' in result) request.isStored = true
      const told = 'error' in result ? result.error.message : `${result.partition}/${result.offset} ${result.timestamp}`
      request.told[index] ??= told
      expect(told, `place of ${request.values[index]}`).toBe(request.told[index])
    }
    if (mustBeRepeat) expect(isRepeat, `${request.values[0]} is a repeat`).toBe(true)
    if (!isOver) this.counts.partly++
    else if (isRepeat) this.counts.repeated++
    else this.counts.answered++
    // What was refused as a whole is not remembered.
    if (isOver && request.isStored) request.isAnswered = true
  }

  /** The same key for something else. */
  private reuse(request: Request): void {
    const { life } = this
    const { key, isAnswered } = request
    if (!isAnswered) return
    const other = this.produce(key, [{ key: null, value: Buffer.from('other') }])
    this.follow(
      other.then(
        () => {
          if (life === this.life) throw new Error(`${key} was taken for another request`)
        },
        (error: unknown) => {
          if (life !== this.life) return
          expect(codeOf(error)).toBe('IDEMPOTENCY_KEY_REUSED')
          this.counts.reused++
        },
      ),
    )
  }

  private follow(work: Promise<void>): void {
    const followed = work
      .catch((error: unknown) => {
        this.defect ??= error
      })
      .finally(() => this.pending.delete(followed))
    this.pending.add(followed)
  }

  /** Each record is there once at most; each that was acknowledged is where the answer said. */
  private async check(): Promise<void> {
    const found = new Map<string, string>()
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const log = this.engine.partition(this.topicId, partition)
      for (const batch of await allBatches(log)) {
        for (const { offset, value, timestamp } of batch.records(1 << 30)) {
          const text = String(value)
          expect(found.get(text), `${text} is there twice`).toBeUndefined()
          found.set(text, `${partition}/${offset} ${timestamp}`)
        }
      }
    }
    for (const { values, told, records } of this.all) {
      for (const [index, value] of values.entries()) {
        if (records[index]?.partition === PARTITIONS) expect(found.get(value)).toBeUndefined()
        else if (told[index] !== undefined) expect(found.get(value), `place of ${value}`).toBe(told[index])
      }
    }
    expect(found.get('other')).toBeUndefined()
  }

  private async end(): Promise<void> {
    this.disk.clearFaults()
    this.life++
    const end = this.random.pick(['crash', 'crash', 'kill', 'close'])
    if (end === 'close') {
      await this.broker.close()
      await this.engine.close()
    } else {
      this.counts.crashes++
      if (end === 'crash') this.disk.crash()
      else this.disk.kill()
    }
  }

  private async open(): Promise<void> {
    // The timers of one that is dead do not fire; and a clock may go back a little over a restart.
    const nowMs = this.clock.nowMs() + this.random.pick([0, 0, 10, WINDOW_MS / 2, -1_000])
    this.clock = new ManualClock(nowMs)
    this.latestMs = Math.max(this.latestMs, nowMs)
    const surroundings = { clock: this.clock, limits: LIMITS, logger: silentLogger }
    this.engine = await openLocalEngine({ disk: this.disk.mount(), dataDir: '/data', ...surroundings })
    this.broker = new Broker({ engine: this.engine, ...surroundings })
    await this.broker.open()
  }
}

async function allBatches(log: EnginePartition): Promise<RecordBatch[]> {
  const { highWatermark } = await log.status()
  const all: RecordBatch[] = []
  for (let offset = 0; offset < highWatermark; ) {
    const { batches, nextOffset } = await log.read(offset, { maxBytes: 1 << 20 })
    all.push(...batches.flatMap((bytes) => [...readBatches(bytes)]))
    offset = nextOffset
  }
  return all
}

function codeOf(error: unknown): string | undefined {
  return error instanceof MillraceError ? error.code : undefined
}

function isPassing(error: unknown): boolean {
  return PASSING.includes(codeOf(error) ?? '')
}

async function ticks(turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
}

test('a request with an idempotency key takes effect once, over crashes and faults', { timeout: 300_000 }, async () => {
  const counts: Counts = { crashes: 0, answered: 0, repeated: 0, failed: 0, partly: 0, reused: 0, reusedLate: 0 }
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
    try {
      await new Run(seed, counts).run()
    } catch (error) {
      const { message } = error as Error
      throw new Error(`seed ${seed} (MILLRACE_IDEMPOTENCY_SEED=${seed}): ${message}`, { cause: error })
    }
  }
  process.stdout.write(`idempotency keys in ${SEEDS} simulated histories: ${JSON.stringify(counts)}\n`)
  const { reusedLate: _, ...must } = counts
  if (SEEDS >= 50) for (const [what, count] of Object.entries(must)) expect(count, what).toBeGreaterThan(0)
})
