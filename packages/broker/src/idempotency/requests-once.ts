import type { Acks, Engine, ProducerIdentity } from '@millrace/engine'
import { asMillraceError, type Clock, type ErrorCode, type Limits, type Logger, MillraceError } from '@millrace/record'
import { groupByPartition, type Partitioner, partitionsOf } from '../produce/partitioner.ts'
import type { PlainRecord, ProduceResult } from '../produce/plain-record.ts'
import { ProduceTarget } from '../produce/produce-target.ts'
import type { TopicHandle } from '../topics/topic-handle.ts'
import type { Topics } from '../topics/topics.ts'
import type { LongWork } from '../work/long-work.ts'
import { fingerprintOf } from './idempotency-key.ts'
import { IdempotencyStore } from './idempotency-store.ts'
import { Lanes } from './lanes.ts'
import { errorOf, type Place, type Refusal, type RememberedRequest, refusalOf } from './remembered-request.ts'

export interface RequestsOnceOptions {
  readonly engine: Engine
  readonly clock: Clock
  readonly limits: Limits
  readonly longWork: LongWork
  readonly logger: Logger
  readonly topics: Topics
  readonly partitioner: Partitioner
}

/** What became of a request with an idempotency key. */
export interface OnceAnswer {
  /** One for each record, in their order. */
  readonly results: readonly ProduceResult[]
  /** Whether a request with this key had come before. */
  readonly isRepeat: boolean
}

interface Running {
  readonly fingerprint: string
  readonly results: Promise<readonly ProduceResult[]>
}

/** One request on its way. */
interface Work {
  readonly store: IdempotencyStore
  readonly handle: TopicHandle
  readonly id: string
  readonly records: readonly PlainRecord[]
  readonly acks: Acks
}

/** A request's batches by partition. */
type Batches = ReadonlyMap<number, { readonly target: ProduceTarget; readonly batch: Buffer }>

/** Errors after which nothing was stored. */
const NOTHING_STORED: ReadonlySet<ErrorCode> = new Set(['LIMIT_REACHED', 'DISK_FULL', 'BATCH_TOO_LARGE'])

/**
 * Requests that take effect once, however often they come. What is to be stored is written down, to the last byte, before
 * it is stored with a producer's id, epoch and sequence; so a repeat of a request whose end nobody knows sends the same
 * batches again, and partitions tell those that they have.
 */
export class RequestsOnce {
  private readonly options: RequestsOnceOptions
  private readonly lanes: Lanes
  private readonly running = new Map<string, Running>()
  private store: IdempotencyStore | undefined
  private opening: Promise<IdempotencyStore | undefined> | undefined
  private failure: MillraceError | undefined
  private isClosed = false

  constructor(options: RequestsOnceOptions) {
    this.options = options
    this.lanes = new Lanes(options.engine.producers)
  }

  /** Reads what an earlier broker kept. */
  async open(): Promise<void> {
    await this.opened(false)
  }

  /** Why keys cannot be told from each other, in words; empty when they can, or were not asked for. */
  problems(): string[] {
    return this.failure === undefined ? [] : [`idempotency keys cannot be read: ${this.failure.message}`]
  }

  async close(): Promise<void> {
    this.isClosed = true
    await this.opening?.catch(() => {})
    await Promise.allSettled(Array.from(this.running.values(), ({ results }) => results))
    await this.store?.close()
  }

  /**
   * Appends the records of a request, or answers as the request with this key was answered.
   * @throws MillraceError TOPIC_NOT_FOUND when the handle's topic is gone; see `Produce.recordsOnce`
   */
  async produce(
    handle: TopicHandle,
    records: readonly PlainRecord[],
    { acks, idempotencyKey }: { acks: Acks; idempotencyKey: string },
  ): Promise<OnceAnswer> {
    // The first may join an opening that makes no topic.
    const store = (await this.opened(true)) ?? (await this.opened(true))
    if (store === undefined)
      throw new MillraceError('INTERNAL', 'the topic of idempotency keys was made and is not there')
    // From here on nothing is awaited before the request is among those that run.
    const id = `${handle.description.id} ${idempotencyKey}`
    const fingerprint = fingerprintOf(records, acks)
    const running = this.running.get(id)
    const known = store.get(id)
    const first = running ?? known
    if (first !== undefined && first.fingerprint !== fingerprint) throw reused(idempotencyKey)
    if (running !== undefined) return { results: await running.results, isRepeat: true }
    if (known?.places !== undefined) return { results: resultsOf(known, records), isRepeat: true }
    this.checkRoom()
    const work: Work = { store, handle, id, records, acks }
    const results = known === undefined ? this.first(work, fingerprint) : this.again(work, known)
    this.running.set(id, { fingerprint, results })
    try {
      return { results: await results, isRepeat: known !== undefined }
    } finally {
      this.running.delete(id)
    }
  }

  private checkRoom(): void {
    const { idempotentRequests } = this.options.limits
    if (this.running.size < idempotentRequests) return
    throw new MillraceError(
      'LIMIT_REACHED',
      `${idempotentRequests} requests with idempotency keys are under way, which is as many as may be`,
    )
  }

  private async opened(create: boolean): Promise<IdempotencyStore | undefined> {
    if (this.isClosed) throw new MillraceError('SHUTTING_DOWN', 'the server is shutting down')
    if (this.store !== undefined) return this.store
    this.opening ??= this.load(create).finally(() => {
      this.opening = undefined
    })
    return this.opening
  }

  private async load(create: boolean): Promise<IdempotencyStore | undefined> {
    try {
      this.store = await IdempotencyStore.open(this.options, create)
      this.failure = undefined
      return this.store
    } catch (error) {
      this.failure = asMillraceError(error)
      throw error
    }
  }

  private async first(work: Work, fingerprint: string): Promise<readonly ProduceResult[]> {
    const { clock, partitioner } = this.options
    const { store, handle, id, records } = work
    const lane = await this.lanes.take()
    const { partitions } = handle.description
    const keyless = records.some(({ partition, key }) => partition === undefined && key === null)
      ? partitioner.takeTurn(handle)
      : undefined
    const appendTimes = handle.config.timestampType === 'LogAppendTime' ? true : undefined
    const plan: RememberedRequest = { ...lane, fingerprint, atMs: clock.nowMs(), partitions, keyless, appendTimes }
    const { batches, refused } = this.encode(work, plan, false)
    const request = refused.length === 0 ? plan : { ...plan, refused }
    if (batches.size === 0) {
      this.lanes.giveBack(lane)
      return resultsOf({ ...request, places: [] }, records)
    }
    try {
      await store.keep(id, request)
    } catch (error) {
      if (isNothingStored(error)) this.lanes.giveBack(lane)
      throw error
    }
    return this.append(work, request, batches, true)
  }

  /** A request whose end is not known: of a broker that is gone, or that failed in the middle. */
  private again(work: Work, request: RememberedRequest): Promise<readonly ProduceResult[]> {
    const { batches } = this.encode(work, request, true)
    return this.append(work, request, batches, false)
  }

  private encode(
    { handle, records }: Work,
    request: RememberedRequest,
    isRepeat: boolean,
  ): { batches: Batches; refused: readonly Refusal[] } {
    const { clock, topics, limits, longWork } = this.options
    const producer = { producerId: request.producerId, producerEpoch: request.producerEpoch, baseSequence: 0 }
    const skipped = new Set(request.refused?.map(([partition]) => partition))
    const batches = new Map<number, { target: ProduceTarget; batch: Buffer }>()
    const refused: Refusal[] = []
    for (const [partition, indexes] of groupByPartition(chosenPartitions(request, records))) {
      if (skipped.has(partition)) continue
      const own = indexes.map((index) => records[index] as PlainRecord)
      try {
        const engine = handle.partition(partition)
        const target = new ProduceTarget({ handle, partition: engine, clock, topics, limits, longWork })
        batches.set(partition, { target, batch: target.encode(own, { nowMs: request.atMs, producer, isRepeat }) })
      } catch (error) {
        if (isRepeat) throw error
        refused.push(refusalOf(partition, asMillraceError(error)))
      }
    }
    return { batches, refused }
  }

  private async append(
    { store, id, records, acks }: Work,
    request: RememberedRequest,
    batches: Batches,
    isFirst: boolean,
  ): Promise<readonly ProduceResult[]> {
    const places: Place[] = []
    const failures = new Map<number, MillraceError>()
    const appends = Array.from(batches, async ([partition, { target, batch }]) => {
      try {
        const { baseOffset, timestamp } = await target.appendEncoded(batch, acks)
        places.push(request.appendTimes ? [partition, baseOffset, timestamp] : [partition, baseOffset])
      } catch (error) {
        failures.set(partition, asMillraceError(error))
      }
    })
    await Promise.all(appends)
    const gone = [...failures.values()].find(({ code }) => code === 'TOPIC_NOT_FOUND')
    if (failures.size === 0) this.end(store, id, request, { ...request, places })
    // What failed is the server's side, which may be well again when a repeat comes.
    else if (gone !== undefined) this.end(store, id, request, undefined)
    else if (isFirst && places.length === 0 && [...failures.values()].every(isNothingStored)) {
      this.end(store, id, request, undefined)
    }
    if (gone !== undefined) throw gone
    return resultsOf({ ...request, places }, records, failures)
  }

  /** The request is over, and its lane free. */
  private end(
    store: IdempotencyStore,
    id: string,
    lane: ProducerIdentity,
    outcome: RememberedRequest | undefined,
  ): void {
    store.note(id, outcome)
    this.lanes.giveBack(lane)
  }
}

function isNothingStored(error: unknown): boolean {
  return error instanceof MillraceError && NOTHING_STORED.has(error.code)
}

function reused(key: string): MillraceError {
  return new MillraceError(
    'IDEMPOTENCY_KEY_REUSED',
    `the idempotency key ${JSON.stringify(key)} was used for another request; a repeat must be the same`,
  )
}

/** As it was when the request came first, also when the topic has more partitions now. */
function chosenPartitions({ partitions, keyless = 0 }: RememberedRequest, records: readonly PlainRecord[]): number[] {
  return partitionsOf(records, partitions, () => keyless)
}

function resultsOf(
  request: RememberedRequest,
  records: readonly PlainRecord[],
  failures: ReadonlyMap<number, MillraceError> = new Map(),
): ProduceResult[] {
  const errors = new Map([
    ...failures,
    ...(request.refused ?? []).map((refusal) => [refusal[0], errorOf(refusal)] as const),
  ])
  const places = new Map(request.places?.map((place) => [place[0], place]))
  const counts = new Map<number, number>()
  return chosenPartitions(request, records).map((partition, index) => {
    const error = errors.get(partition)
    if (error !== undefined) return { partition, error }
    const [, baseOffset, appendTimeMs] = places.get(partition) as Place
    const before = counts.get(partition) ?? 0
    counts.set(partition, before + 1)
    return {
      partition,
      offset: baseOffset + before,
      timestamp: appendTimeMs ?? records[index]?.timestamp ?? request.atMs,
    }
  })
}
