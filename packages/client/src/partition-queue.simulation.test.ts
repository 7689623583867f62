import { MillraceError, RecordBatch } from '@millrace/record'
import {
  checkHistory,
  createMemoryEngine,
  type HistoryReport,
  ManualClock,
  type SeededRandom,
  type SendOutcome,
  seededRandom,
} from '@millrace/testkit'
import { describe, expect, test } from 'vitest'
import { ClientBatch, type ResultSink, type Run } from './client-batch.ts'
import { PartitionQueue, type PartitionQueueOptions } from './partition-queue.ts'

/** What may go wrong, each with its probability at a step. */
interface Weather {
  readonly cut?: number
  /** What was sent on a connection that was cut may still reach the broker, while the next one is in use. */
  readonly late?: boolean
  readonly busy?: number
  readonly refuse?: number
  /** The commit fails, and whether it is stored is anybody's guess. */
  readonly unknown?: number
  readonly broken?: number
  /** Time runs out. */
  readonly expire?: number
  /** The broker forgets the producer. */
  readonly forget?: number
  /** Batches of more than three records are too large, and so is each twentieth record by itself. */
  readonly tooLarge?: boolean
}

interface Answer {
  readonly batch: ClientBatch
  readonly result: { readonly baseOffset: number; readonly timestamp: number } | MillraceError
}

const TIMEOUT_MS = 100_000
const HUGE = 20

/** One partition's queue, a network and a broker, moved on step by step as a seed has it. */
class Simulation {
  private readonly random: SeededRandom
  private readonly weather: Weather
  private readonly clock = new ManualClock()
  private readonly engine = createMemoryEngine({ clock: this.clock })
  private readonly queue: PartitionQueue
  private topicId = ''
  private requests: { readonly batch: ClientBatch; readonly bytes: Buffer }[] = []
  private lateRequests: Buffer[] = []
  private answers: Answer[] = []
  private readonly outcomes: (SendOutcome | undefined)[] = []
  private readonly sink: ResultSink = {
    stored: (_, run, baseOffset) => {
      placesOf(run).forEach((place, index) => {
        this.settle(place, { acknowledgedAt: baseOffset < 0 ? undefined : baseOffset + run.from + index })
      })
    },
    failed: (_, run, error) => {
      const outcome = error.details.outcomeUnknown === true ? 'unknown' : 'refused'
      for (const place of placesOf(run)) this.settle(place, outcome)
    },
  }
  private calm = false

  constructor(seed: number, weather: Weather, options: Partial<PartitionQueueOptions> = {}) {
    this.random = seededRandom(seed)
    this.weather = weather
    this.queue = new PartitionQueue({
      idempotent: true,
      resendUnknown: false,
      maxInFlight: this.random.int(1, 8),
      maxBytes: 1_000_000,
      backoff: () => 5,
      host: {
        stored: (batch, baseOffset, timestamp) => batch.settleStored(baseOffset, timestamp),
        rejected: (batch, error) => batch.settleFailed(error),
        divided: () => {},
      },
      ...options,
    })
  }

  async run(steps: number, idempotent = true): Promise<HistoryReport> {
    this.topicId = (await this.engine.topics.create({ name: 't', partitions: 1, settings: {} })).id
    for (let step = 0; step < steps; step++) await this.step()
    this.calm = true
    for (let step = 0; this.outcomes.includes(undefined); step++) {
      if (step > 20_000) throw new Error('something is never settled')
      await this.step()
    }
    const sent = this.outcomes.map((outcome, place) => ({
      key: null,
      value: `${place}`,
      outcome: outcome as SendOutcome,
    }))
    return checkHistory([{ name: 't/0', sent, read: await this.readAll(), idempotent }])
  }

  private async step(): Promise<void> {
    const { random, queue, weather } = this
    const happens = (probability: number | undefined): boolean => !this.calm && random.bool(probability ?? 0)
    this.clock.advance(random.int(0, 3))
    if (happens(weather.cut)) this.cut()
    if (happens(weather.expire)) this.clock.advance(TIMEOUT_MS)
    if (happens(weather.forget)) await this.forget()
    queue.expire(this.clock.monotonicMs())
    switch (random.int(0, 4)) {
      case 0:
        if (!this.calm) queue.push(this.makeBatch())
        break
      case 1:
        if (queue.needsIdentity) queue.adopt(await this.engine.producers.allocate())
        this.send(random.int(1, 10))
        break
      case 2:
      case 3:
        await this.serve()
        break
      default:
        this.hear()
    }
  }

  private makeBatch(): ClientBatch {
    const batch = new ClientBatch({
      topic: 't',
      partition: 0,
      compression: 'none',
      deadlineMs: this.clock.monotonicMs() + TIMEOUT_MS,
      expectedBytes: 100,
    })
    for (let count = this.random.int(1, 5); count > 0; count--) {
      const place = this.outcomes.push(undefined) - 1
      const record = { key: null, value: Buffer.from(`${place}`), timestamp: 1_000 }
      batch.tryAppend(record, Number.POSITIVE_INFINITY, 1, this.sink, place)
    }
    return batch
  }

  private settle(place: number, outcome: SendOutcome): void {
    if (this.outcomes[place] !== undefined) throw new Error(`record ${place} is settled twice`)
    this.outcomes[place] = outcome
  }

  private send(count: number): void {
    for (let sent = 0; sent < count; sent++) {
      const batch = this.queue.take(this.clock.monotonicMs())
      if (batch === undefined) return
      this.requests.push({ batch, bytes: Buffer.from(batch.bytes) })
    }
  }

  /** The broker takes the next request. */
  private async serve(): Promise<void> {
    if (this.lateRequests.length > 0 && this.random.bool()) {
      await this.append(this.lateRequests.shift() as Buffer)
      return
    }
    const request = this.requests.shift()
    if (request === undefined) return
    const result = await this.answerTo(request.batch, request.bytes)
    this.answers.push({ batch: request.batch, result })
  }

  private async answerTo(batch: ClientBatch, bytes: Buffer): Promise<Answer['result']> {
    const { weather, random } = this
    const happens = (probability: number | undefined): boolean => !this.calm && random.bool(probability ?? 0)
    if (weather.tooLarge === true && isTooLarge(batch)) return new MillraceError('BATCH_TOO_LARGE', 'too large')
    if (happens(weather.busy)) return new MillraceError(random.pick(['LIMIT_REACHED', 'DISK_FULL'] as const), 'busy')
    if (happens(weather.refuse)) return new MillraceError('INVALID_BATCH', 'refused')
    const failure = happens(weather.unknown)
      ? new MillraceError(random.pick(['COMMIT_UNKNOWN', 'TIMED_OUT', 'SHUTTING_DOWN'] as const), 'unknown')
      : happens(weather.broken)
        ? new MillraceError(random.pick(['STORAGE_FAILED', 'INTERNAL'] as const), 'broken')
        : undefined
    if (failure !== undefined && random.bool()) return failure
    const result = await this.append(bytes)
    return failure ?? result
  }

  private append(bytes: Buffer): Promise<Answer['result']> {
    return this.partition.append(bytes, { acks: 'committed' }).catch((error) => error as MillraceError)
  }

  /** One of the answers arrives; those of failures may overtake others. */
  private hear(): void {
    const index = this.random.bool(0.8) ? 0 : this.random.int(0, Math.max(0, this.answers.length - 1))
    const [answer] = this.answers.splice(index, 1)
    if (answer === undefined) return
    const { batch, result } = answer
    const nowMs = this.clock.monotonicMs()
    if (result instanceof MillraceError) this.queue.failed(batch, result, nowMs)
    else this.queue.acknowledged(batch, result.baseOffset, result.timestamp, nowMs)
  }

  private cut(): void {
    const lost = this.requests.splice(0).map(({ bytes }) => bytes)
    if (this.weather.late === true) this.lateRequests.push(...lost)
    this.answers = []
    this.queue.disconnected(new MillraceError('CONNECTION_FAILED', 'cut'), this.clock.monotonicMs())
  }

  /** As after a crash of a topic that is not synced: the records are there, but none knows whose they are. */
  private async forget(): Promise<void> {
    const { topicId } = this
    const records = await this.readBytes()
    await this.engine.topics.delete(topicId)
    this.topicId = (await this.engine.topics.create({ name: 't', partitions: 1, settings: {} })).id
    for (const bytes of records) {
      RecordBatch.at(bytes).stampProducer({ producerId: -1, producerEpoch: -1, baseSequence: -1 })
      await this.append(bytes)
    }
  }

  private get partition() {
    return this.engine.partition(this.topicId, 0)
  }

  private async readBytes(): Promise<Buffer[]> {
    const { batches } = await this.partition.read(0, { maxBytes: Number.MAX_SAFE_INTEGER })
    return batches.map((batch) => Buffer.from(batch))
  }

  private async readAll(): Promise<{ key: null; value: string; offset: number }[]> {
    return (await this.readBytes()).flatMap((bytes) =>
      [...RecordBatch.at(bytes).records(1_000_000)].map(({ offset, value }) => ({
        key: null,
        value: `${value}`,
        offset,
      })),
    )
  }
}

function isTooLarge(batch: ClientBatch): boolean {
  return batch.recordCount > 3 || batch.runs.flatMap(placesOf).some((place) => place % HUGE === 0)
}

function placesOf({ from, to, place }: Run): number[] {
  return Array.from({ length: to - from }, (_, index) => place + index)
}

const SEEDS = Array.from({ length: 60 }, (_, index) => index + 1)

async function simulate(weather: Weather, options?: Partial<PartitionQueueOptions>): Promise<HistoryReport[]> {
  const reports: HistoryReport[] = []
  for (const seed of SEEDS) {
    const report = await new Simulation(seed, weather, options).run(400, options?.idempotent)
    expect(report.problems, `seed ${seed}`).toEqual([])
    reports.push(report)
  }
  return reports
}

function total(reports: readonly HistoryReport[], of: 'acknowledged' | 'unknown' | 'refused'): number {
  return reports.reduce((sum, report) => sum + report[of], 0)
}

describe('an idempotent queue neither loses, repeats nor moves a record', () => {
  test('when nothing goes wrong', async () => {
    const reports = await simulate({})
    expect(total(reports, 'unknown') + total(reports, 'refused')).toBe(0)
  })

  test('when connections break: everything arrives', async () => {
    const reports = await simulate({ cut: 0.05 })
    expect(total(reports, 'unknown') + total(reports, 'refused')).toBe(0)
  })

  test('when what was sent on a broken connection arrives late', async () => {
    const reports = await simulate({ cut: 0.05, late: true })
    expect(total(reports, 'unknown') + total(reports, 'refused')).toBe(0)
  })

  test('when the broker is busy: everything arrives', async () => {
    const reports = await simulate({ busy: 0.2, cut: 0.03 })
    expect(total(reports, 'unknown') + total(reports, 'refused')).toBe(0)
  })

  test('when commits fail: everything arrives', async () => {
    const reports = await simulate({ unknown: 0.2, cut: 0.03 })
    expect(total(reports, 'unknown') + total(reports, 'refused')).toBe(0)
  })

  test('when the broker refuses some: they are told so, and the others arrive', async () => {
    const reports = await simulate({ refuse: 0.1 })
    expect(total(reports, 'unknown')).toBe(0)
    expect(total(reports, 'refused')).toBeGreaterThan(100)
    expect(total(reports, 'acknowledged')).toBeGreaterThan(1_000)
  })

  test('when batches are too large: only records that are too large by themselves fail', async () => {
    const reports = await simulate({ tooLarge: true, busy: 0.05 })
    expect(total(reports, 'unknown')).toBe(0)
    const records = total(reports, 'acknowledged') + total(reports, 'refused')
    expect(total(reports, 'refused') / records).toBeLessThan(2 / HUGE)
  })

  test('when deliveries run out of time', async () => {
    const reports = await simulate({ expire: 0.02, cut: 0.03 })
    expect(total(reports, 'unknown')).toBeGreaterThan(50)
  })

  test('when the broker forgets the producer', async () => {
    const reports = await simulate({ forget: 0.02 })
    expect(total(reports, 'acknowledged')).toBeGreaterThan(1_000)
  })

  test('when all of it comes together', async () => {
    const reports = await simulate({
      cut: 0.04,
      busy: 0.05,
      refuse: 0.03,
      unknown: 0.05,
      broken: 0.02,
      expire: 0.005,
      tooLarge: true,
    })
    expect(total(reports, 'acknowledged')).toBeGreaterThan(1_000)
  })
})

describe('a queue without idempotence', () => {
  const options = { idempotent: false, maxInFlight: 1 }

  test('stores nothing twice: what may be stored is told to be unknown', async () => {
    const reports = await simulateOnce({ cut: 0.05, unknown: 0.05, busy: 0.1 }, options)
    expect(total(reports, 'unknown')).toBeGreaterThan(50)
    expect(reports.flatMap(({ problems }) => problems)).toEqual([])
  })

  test('loses nothing when it may send again', async () => {
    const reports = await simulate({ cut: 0.05, unknown: 0.05, busy: 0.1 }, { ...options, resendUnknown: true })
    expect(total(reports, 'unknown') + total(reports, 'refused')).toBe(0)
  })

  /** With the checks of an idempotent one. */
  async function simulateOnce(weather: Weather, queueOptions: Partial<PartitionQueueOptions>) {
    const reports: HistoryReport[] = []
    for (const seed of SEEDS) reports.push(await new Simulation(seed, weather, queueOptions).run(400))
    return reports
  }
})
