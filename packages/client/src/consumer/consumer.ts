import { MillraceError } from '@millrace/record'
import { abortable, aborted, onAbort } from '../abort.ts'
import { closedError } from '../connection.ts'
import { choice, invalid, whole } from '../options.ts'
import type { Producer } from '../producer.ts'
import type { ReadRecord } from '../read-record.ts'
import type { ReadBatch } from '../reader.ts'
import type { Serializer } from '../serializer.ts'
import type { TransactionalOffsets } from '../transaction.ts'
import type { Transport } from '../transport.ts'
import type { AssignedPartition, Given } from './assigned-partition.ts'
import type { CheckedConsumerOptions } from './consumer-options.ts'
import { FailurePolicy, type HandlerContext } from './failure-policy.ts'
import { GroupMember } from './group-member.ts'
import { HandlerRunner, keyLane, partitionLane, type RunnerParts } from './handler-runner.ts'
import type { OffsetToCommit } from './membership.ts'
import { RecordLoop } from './record-loop.ts'
import { keyOf, type TopicPartition, type TopicPartitionOffset } from './topic-partition.ts'

export interface RunOptions {
  /** Handlers that run at once. Default 1. */
  readonly concurrency?: number | undefined
  /**
   * What is handled one after the other: records of one `key` (default; those without a key are free), or of one
   * `partition`.
   */
  readonly order?: 'key' | 'partition' | undefined
  /** Ends it with the signal's reason, once the handlers that run have ended. */
  readonly signal?: AbortSignal | undefined
}

export interface BatchesOptions {
  /** Records of one array, at most. Default 1,000. */
  readonly size?: number | undefined
  /** How long the first record of an array waits for others, in ms. Default 100. */
  readonly timeMs?: number | undefined
  readonly signal?: AbortSignal | undefined
}

export interface CloseOptions {
  /** When it aborts, handlers that still run are no longer waited for. */
  readonly signal?: AbortSignal | undefined
  /** A static member will not come back: others may have its partitions at once. */
  readonly forGood?: boolean | undefined
}

export interface ConsumerParts {
  readonly transport: Transport
  readonly serializer: Serializer
  readonly options: CheckedConsumerOptions
  readonly random: () => number
  /** Makes a producer that keeps bytes as they are. */
  readonly producer: () => Producer
  /** Called once it is closed. */
  readonly closed: (consumer: Consumer) => void
}

/**
 * A member of a consumer group. It joins when it is first read from: by a loop over its records, `batches`, `run` or
 * `runBatches`, one of them and once. When that ends, however it ends, it has left the group.
 *
 * Each record is handled at least once. What fails for good ends it with a MillraceError: HANDLER_FAILED,
 * INVALID_SUBSCRIPTION, INVALID_GROUP_NAME, INSTANCE_ID_IN_USE, CORRUPT_BATCH, CONNECTION_FAILED, CLOSED; or with what a
 * hook fails with. A membership that is over is begun anew by itself.
 */
export class Consumer implements AsyncIterable<ReadRecord, undefined>, AsyncDisposable, TransactionalOffsets {
  private readonly parts: ConsumerParts
  private readonly member: GroupMember
  private readonly failures: FailurePolicy
  private isUsed = false
  /** All that was given out is in the hands of one caller at a time. */
  private isSingle = true
  private failure: { readonly reason: unknown } | undefined
  private closing: Promise<void> | undefined
  private runner: HandlerRunner | undefined
  private hasLeft = false
  private wakes: (() => void)[] = []
  /** Take listeners off what lives longer. */
  private readonly forgets: (() => void)[] = []

  constructor(parts: ConsumerParts) {
    const { transport, serializer, random, producer } = parts
    const options = { ...parts.options, onWarning: (warning: MillraceError) => this.warn(warning) }
    this.parts = parts
    this.member = new GroupMember({
      transport,
      serializer,
      options,
      changed: () => this.changed(),
      failed: (reason) => this.fail(reason),
    })
    this.failures = new FailurePolicy({
      transport,
      random,
      producer,
      options: options.onFailure,
      warn: options.onWarning,
    })
  }

  /** The records of all partitions that the member owns, in order within each. */
  [Symbol.asyncIterator](): AsyncIterableIterator<ReadRecord, undefined> {
    return this.loop(undefined, 1, 0, (given) => given[0]?.records[0] as ReadRecord)
  }

  /**
   * The records by the array, for sinks: as many as there are when it is full or its time is up, at least one.
   * @throws MillraceError INVALID_CONFIG
   */
  batches(options: BatchesOptions = {}): AsyncIterableIterator<readonly ReadRecord[], undefined> {
    const size = whole('size', options.size, 1_000, 1, 1_000_000)
    const timeMs = whole('timeMs', options.timeMs, 100, 0, 2 ** 31 - 1)
    return this.loop(options.signal, size, timeMs, (given) => given.map(({ records }) => records[0] as ReadRecord))
  }

  /**
   * Has each record handled by `handler`. Resolves when the consumer is closed.
   * @throws what ended it; the signal's reason
   */
  async run(
    handler: (record: ReadRecord, context: HandlerContext) => unknown,
    options: RunOptions = {},
  ): Promise<void> {
    const order = choice('order', options.order, ['key', 'partition'], 'key')
    await this.runWith(handler, options, {
      take: () => this.member.intake.takeRecord(),
      laneOf: order === 'key' ? keyLane : partitionLane,
      handle: (given) => this.failures.handle(given, (context) => handler(given.records[0] as ReadRecord, context)),
    })
  }

  /**
   * Has records handled as they were stored together, those of one partition in order. They fail and are tried again
   * together. Resolves when the consumer is closed.
   * @throws as `run`
   */
  async runBatches(
    handler: (batch: ReadBatch, context: HandlerContext) => unknown,
    options: Omit<RunOptions, 'order'> = {},
  ): Promise<void> {
    await this.runWith(handler, options, {
      take: () => this.member.intake.takeBatch(),
      laneOf: partitionLane,
      handle: (given) => {
        const { topic, partition } = given.from
        const { records } = given
        return this.failures.handle(given, (context) => handler({ topic, partition, records }, context))
      },
    })
  }

  /**
   * Commits these offsets, each that of the next record that is wanted. Without any: of what was given out, the records
   * that are being handled now included; with `concurrency`, of what is handled. Resolves once they are on disk. With
   * `autoCommit` they hold until more is handled than they say, and than now.
   * @throws MillraceError PARTITION_NOT_OWNED, OFFSET_OUT_OF_RANGE, METADATA_TOO_LARGE, UNKNOWN_MEMBER,
   *   STALE_MEMBER_EPOCH: the partitions are others' meanwhile; the signal's reason, with the outcome unknown
   */
  async commit(
    offsets?: readonly OffsetToCommit[],
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<void> {
    options.signal?.throwIfAborted()
    const named = offsets ?? this.present()
    const partitions = named.map((offset) => this.owned(offset))
    for (const { offset } of named) checkOffset(offset)
    await abortable(this.member.committer.commit(named, partitions), options.signal)
  }

  /** The partitions that the member owns now. */
  assigned(): TopicPartition[] {
    return this.member.intake.all().map(({ topic, partition }) => ({ topic, partition }))
  }

  /** Gives out no more records of these until `resume`; they stay the member's. @throws MillraceError PARTITION_NOT_OWNED */
  pause(partitions: readonly TopicPartition[]): void {
    for (const partition of partitions.map((it) => this.owned(it))) partition.isPaused = true
  }

  /** Ends `pause`. @throws MillraceError PARTITION_NOT_OWNED */
  resume(partitions: readonly TopicPartition[]): void {
    for (const partition of partitions.map((it) => this.owned(it))) partition.isPaused = false
    this.changed()
  }

  /**
   * Reads a partition on from elsewhere. Records that are being handled meanwhile count for nothing.
   * @throws MillraceError PARTITION_NOT_OWNED
   */
  seek({ topic, partition, offset }: TopicPartitionOffset): void {
    checkOffset(offset)
    this.member.intake.seek(this.owned({ topic, partition }), offset)
  }

  /**
   * The offsets of all that was given out, what is being handled now included. From now on the consumer does not commit
   * by itself.
   * @throws MillraceError PARTITION_NOT_OWNED when records that were given out are others' meanwhile: what came of them
   *   must not be stored; UNKNOWN_MEMBER, CLOSED; INVALID_REQUEST with `concurrency`, where the records of one handler are
   *   few of many
   */
  offsetsForTransaction(): ReturnType<TransactionalOffsets['offsetsForTransaction']> {
    const { memberId, memberEpoch } = this.member.membership
    if (this.hasLeft) throw closedError()
    if (!this.isSingle) {
      throw new MillraceError('INVALID_REQUEST', 'handlers that run at once cannot commit offsets in transactions')
    }
    const isBehind = this.runner === undefined ? this.member.intake.isBehind : this.runner.hasLost
    if (isBehind) throw new MillraceError('PARTITION_NOT_OWNED', "records that were given out are others' meanwhile")
    if (memberEpoch === 0) throw new MillraceError('UNKNOWN_MEMBER', 'the consumer is not a member of its group')
    const offsets = this.present()
    this.member.committer.leaveToTransactions()
    for (const offset of offsets) this.owned(offset).claimed = offset.offset
    return { group: this.parts.options.group, memberId, memberEpoch, offsets }
  }

  /**
   * Waits for handlers that run, or for a loop to ask for more, commits what is handled, and leaves the group; at most for
   * `rebalanceTimeoutMs`. So neither a handler nor the body of a loop may wait for it; a loop is better left.
   */
  close(options: CloseOptions = {}): Promise<void> {
    this.closing ??= this.end(options)
    return this.closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  private loop<T>(
    signal: AbortSignal | undefined,
    size: number,
    timeMs: number,
    make: (given: readonly Given[]) => T,
  ): RecordLoop<T> {
    this.use(signal)
    const source = {
      clock: this.parts.transport.clock,
      take: () => this.take(),
      change: () => this.change(),
      wake: () => this.changed(),
      leave: () => this.close(),
    }
    return new RecordLoop(source, { size, timeMs, make })
  }

  private async runWith(
    handler: unknown,
    { concurrency, signal }: RunOptions,
    parts: Pick<RunnerParts, 'take' | 'laneOf' | 'handle'>,
  ): Promise<void> {
    if (typeof handler !== 'function') throw invalid('handler', typeof handler, 'a function')
    const count = whole('concurrency', concurrency, 1, 1, 100_000)
    this.isSingle = count === 1
    this.use(signal)
    this.runner = new HandlerRunner({ ...parts, concurrency: count, failed: (reason) => this.fail(reason) })
    while (this.closing === undefined && this.failure === undefined) await this.change()
    await this.close().catch((reason) => {
      if (this.failure === undefined) throw reason
    })
    if (this.failure !== undefined) throw this.failure.reason
  }

  /** @throws MillraceError INVALID_REQUEST, CLOSED; the signal's reason */
  private use(signal: AbortSignal | undefined): void {
    signal?.throwIfAborted()
    if (this.closing !== undefined) throw closedError()
    if (this.isUsed) throw new MillraceError('INVALID_REQUEST', 'a consumer is read from in one way, and once')
    this.isUsed = true
    this.forgets.push(
      onAbort(signal, () => this.fail(signal?.reason)),
      onAbort(this.parts.transport.closing, () => this.fail(closedError())),
    )
    this.member.start()
  }

  /** The next record for a loop. @throws what the consumer failed with */
  private take(): Given | undefined | 'done' {
    if (this.failure !== undefined) throw this.failure.reason
    if (this.closing !== undefined) return 'done'
    try {
      return this.member.intake.takeRecord()
    } catch (reason) {
      this.fail(reason)
      throw reason
    }
  }

  private change(): Promise<void> {
    return new Promise((resolve) => this.wakes.push(resolve))
  }

  private changed(): void {
    this.runner?.pump()
    for (const wake of this.wakes.splice(0)) wake()
  }

  /** Ends the consumer: what ended it first is what its user hears. */
  private fail(reason: unknown): void {
    if (this.closing !== undefined) return
    this.failure = { reason }
    // Whoever reads from it hears of the failure; that it left the group as well as it could is no news.
    this.close().catch(() => {})
  }

  private async end({ signal, forGood = false }: CloseOptions): Promise<void> {
    const { transport, options, closed } = this.parts
    const stopped = this.runner?.stop()
    this.changed()
    const limit = new AbortController()
    const timer = transport.clock.setTimer(options.rebalanceTimeoutMs, () => limit.abort())
    const over = signal === undefined ? limit.signal : AbortSignal.any([limit.signal, signal])
    try {
      await this.member.leave(forGood, over)
      await Promise.race([stopped, aborted(over)])
    } finally {
      this.hasLeft = true
      await this.failures.close(over)
      timer.cancel()
      for (const forget of this.forgets) forget()
      closed(this)
    }
  }

  private warn(warning: MillraceError): void {
    try {
      this.parts.options.onWarning(warning)
    } catch (reason) {
      this.fail(reason)
    }
  }

  /** Where the group would go on if all that the caller has in hands were handled; otherwise, where it goes on now. */
  private present(): TopicPartitionOffset[] {
    return this.member.intake.all().flatMap(({ topic, partition, tracker, delivered }) => {
      const offset = this.isSingle || delivered === undefined ? delivered : tracker.handled
      return offset === undefined ? [] : [{ topic, partition, offset }]
    })
  }

  private owned(partition: TopicPartition): AssignedPartition {
    const found = this.member.intake.find(partition)
    if (found !== undefined) return found
    throw new MillraceError('PARTITION_NOT_OWNED', `${keyOf(partition)} is not assigned to this consumer`)
  }
}

function checkOffset(offset: unknown): void {
  if (!Number.isSafeInteger(offset) || (offset as number) < 0)
    throw invalid('offset', offset, 'a whole number from 0 on')
}
