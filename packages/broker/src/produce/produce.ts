import type { Acks, Engine } from '@millrace/engine'
import { asMillraceError, type Clock, type Limits, type Logger, MillraceError } from '@millrace/record'
import { checkIdempotencyKey } from '../idempotency/idempotency-key.ts'
import { type OnceAnswer, RequestsOnce } from '../idempotency/requests-once.ts'
import type { TopicHandle } from '../topics/topic-handle.ts'
import { refuseInternal, type Topics } from '../topics/topics.ts'
import type { LongWork } from '../work/long-work.ts'
import { groupByPartition, Partitioner } from './partitioner.ts'
import type { PlainRecord, ProduceResult } from './plain-record.ts'
import { ProduceTarget } from './produce-target.ts'

export interface ProduceOptions {
  readonly engine: Engine
  readonly clock: Clock
  readonly limits: Limits
  readonly logger: Logger
  readonly topics: Topics
  readonly longWork: LongWork
}

/** Writing records: batches one by one through a target, or the plain records of one request. */
export class Produce {
  private readonly engine: Engine
  private readonly clock: Clock
  private readonly limits: Limits
  private readonly topics: Topics
  private readonly longWork: LongWork
  private readonly partitioner = new Partitioner()
  private readonly once: RequestsOnce

  constructor({ engine, clock, limits, logger, topics, longWork }: ProduceOptions) {
    this.longWork = longWork
    this.engine = engine
    this.clock = clock
    this.limits = limits
    this.topics = topics
    this.once = new RequestsOnce({ engine, clock, limits, logger, topics, longWork, partitioner: this.partitioner })
  }

  /** Takes up the requests with idempotency keys that an earlier broker kept. */
  open(): Promise<void> {
    return this.once.open()
  }

  /** Why not all requests can be taken, in words; empty when they can. */
  problems(): string[] {
    return this.once.problems()
  }

  /** Waits for requests with idempotency keys that are under way, and keeps what became of them. */
  close(): Promise<void> {
    return this.once.close()
  }

  /**
   * The way into one partition. When the target of a kept handle fails with TOPIC_NOT_FOUND, another call gives the one
   * of the topic that has the name now, if there is one.
   * @throws MillraceError TOPIC_NOT_FOUND, PARTITION_NOT_FOUND; INVALID_TOPIC_NAME for one of Millrace's own topics
   */
  async target(topic: string, partition: number): Promise<ProduceTarget> {
    refuseInternal(topic)
    return this.targetOf(await this.topics.handle(topic), partition)
  }

  /**
   * Appends the records of one request: one batch per partition, all or nothing for each.
   * @returns what became of each record, in their order
   * @throws MillraceError TOPIC_NOT_FOUND; INVALID_TOPIC_NAME for one of Millrace's own topics; INVALID_REQUEST without
   *   a record; REQUEST_TOO_LARGE for too many
   */
  async records(topic: string, records: readonly PlainRecord[], { acks }: { acks: Acks }): Promise<ProduceResult[]> {
    this.checkRequest(topic, records)
    return this.topics.use(topic, (handle) => this.appendAll(handle, records, acks))
  }

  /**
   * The same, once for each key within `idempotencyWindowMs`: a repeat is answered as the first was, and stores nothing
   * again; one of a request whose end is not known, or that was stored in part, stores what is missing. What failed and
   * stored nothing is not remembered.
   * @throws MillraceError as `records` does; INVALID_REQUEST for a key that is not 1 to 255 visible ASCII characters;
   *   IDEMPOTENCY_KEY_REUSED; LIMIT_REACHED for too many keys or too many such requests at once; what writing down the
   *   request failed with
   */
  async recordsOnce(
    topic: string,
    records: readonly PlainRecord[],
    options: { acks: Acks; idempotencyKey: string },
  ): Promise<OnceAnswer> {
    this.checkRequest(topic, records)
    checkIdempotencyKey(options.idempotencyKey)
    return this.topics.use(topic, (handle) => this.once.produce(handle, records, options))
  }

  private checkRequest(topic: string, records: readonly PlainRecord[]): void {
    refuseInternal(topic)
    if (records.length === 0) throw new MillraceError('INVALID_REQUEST', 'there is no record in the request')
    const { recordsPerRequest } = this.limits
    if (records.length > recordsPerRequest) {
      throw new MillraceError(
        'REQUEST_TOO_LARGE',
        `${records.length} records; a request may have ${recordsPerRequest}`,
        { details: { recordsPerRequest } },
      )
    }
  }

  /** An id and epoch for an idempotent producer, which no other has. */
  initProducer(): Promise<{ producerId: number; producerEpoch: number }> {
    return this.engine.producers.allocate()
  }

  private targetOf(handle: TopicHandle, partition: number): ProduceTarget {
    return new ProduceTarget({
      handle,
      partition: handle.partition(partition),
      clock: this.clock,
      limits: this.limits,
      topics: this.topics,
      longWork: this.longWork,
    })
  }

  /** @throws MillraceError TOPIC_NOT_FOUND when the handle's topic is gone */
  private async appendAll(handle: TopicHandle, records: readonly PlainRecord[], acks: Acks): Promise<ProduceResult[]> {
    const places = groupByPartition(this.partitioner.choose(handle, records))
    const nowMs = this.clock.nowMs()
    const appendTimes = handle.config.timestampType === 'LogAppendTime'
    const results = new Array<ProduceResult>(records.length)
    const appends = Array.from(places, async ([partition, indexes]) => {
      const batch = places.size === 1 ? records : indexes.map((index) => records[index]!)
      try {
        const { baseOffset, timestamp } = await this.targetOf(handle, partition).appendRecords(batch, acks, nowMs)
        for (const [at, index] of indexes.entries()) {
          const given = batch[at]!.timestamp ?? nowMs
          results[index] = { partition, offset: baseOffset + at, timestamp: appendTimes ? timestamp : given }
        }
      } catch (cause) {
        const error = asMillraceError(cause)
        if (error.code === 'TOPIC_NOT_FOUND') throw error
        for (const index of indexes) results[index] = { partition, error }
      }
    })
    await (appends.length === 1 ? appends[0] : Promise.all(appends))
    return results
  }
}
