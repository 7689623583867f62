import {
  type DurableOffset,
  type HighWatermark,
  type LogEndOffset,
  type LogStartOffset,
  MillraceError,
  type RecordBatch,
} from '@millrace/record'
import { CommitWaiters } from './commit-waiters.ts'
import type { CommitTarget } from './committer.ts'
import { hasSystemCode, storageError } from './disk.ts'
import type { LeaderEpochs } from './leader-epochs.ts'
import type { LogContext } from './log-context.ts'
import type { ProducerState, RememberedBatch } from './producer-state.ts'
import type { SegmentList } from './segment-list.ts'
import type { PartitionTail } from './tail-cache.ts'

/** The part of a topic's configuration that the log goes by. */
export interface PartitionLogConfig {
  readonly segmentBytes: number
  readonly segmentMs: number
  readonly indexIntervalBytes: number
  readonly flushPolicy: 'commit' | 'interval' | 'os'
  readonly flushMs: number
}

export interface AppendedBatch {
  /** -1 for a repeat of a batch that is too old to be remembered. */
  readonly baseOffset: number
  readonly timestamp: number
  readonly duplicate: boolean
}

export interface LogRead {
  readonly batches: readonly Buffer[]
  readonly nextOffset: number
}

interface PendingAppend {
  readonly batch: RecordBatch
  readonly baseOffset: number
  readonly nextOffset: number
  readonly done: Promise<AppendedBatch>
  readonly resolve: (appended: AppendedBatch) => void
  readonly reject: (error: MillraceError) => void
}

/** The state with which recovery hands a partition over. */
export interface RecoveredPartition {
  readonly segments: SegmentList
  readonly producers: ProducerState
  readonly epochs: LeaderEpochs
  readonly logStartOffset: number
}

const MAX_RELATIVE_OFFSET = 2 ** 31 - 1

/**
 * One partition's log. Batches get their offsets in the order of the calls of `append`, and are committed, and readable,
 * in that order: first all of a batch and all before it, or nothing of it. With `flush.policy=commit` they are on disk
 * by then; with `interval` and `os` they are written.
 *
 * When writing or syncing fails, every append that was not yet committed fails with it, and leaves no trace: offsets,
 * remembered producers, the tail cache and the file go back to the committed end. The next append tries anew.
 *
 * `write`, `sync`, `committed` and `failed` are the committer's to call.
 */
export class PartitionLog implements CommitTarget {
  private readonly context: LogContext
  private readonly config: PartitionLogConfig
  private readonly segments: SegmentList
  private readonly producers: ProducerState
  private readonly epochs: LeaderEpochs
  private readonly tail: PartitionTail
  private readonly waiters: CommitWaiters
  private logStart: LogStartOffset
  private logEnd: LogEndOffset
  private committedEnd: HighWatermark
  private durable: DurableOffset
  private pending: PendingAppend[] = []
  private written: PendingAppend[] = []
  private pendingBytes = 0
  /** What must be done to the active segment before it may be written to again. */
  private repair: 'cut' | 'abandon' | undefined
  private flushDue = false
  private synced = false
  private flushTimer: { cancel(): void } | undefined
  private ended: MillraceError | undefined

  constructor(context: LogContext, config: PartitionLogConfig, recovered: RecoveredPartition) {
    this.context = context
    this.config = config
    this.segments = recovered.segments
    this.producers = recovered.producers
    this.epochs = recovered.epochs
    this.tail = context.tails.tail()
    this.waiters = new CommitWaiters(context.clock)
    const end = recovered.segments.active.nextOffset
    this.logStart = recovered.logStartOffset as LogStartOffset
    this.logEnd = end as LogEndOffset
    this.committedEnd = end as HighWatermark
    this.durable = end as DurableOffset
  }

  get logStartOffset(): LogStartOffset {
    return this.logStart
  }
  /** The offset that the next batch gets. */
  get logEndOffset(): LogEndOffset {
    return this.logEnd
  }
  get highWatermark(): HighWatermark {
    return this.committedEnd
  }
  /** The end of what a sync put on disk; behind the high watermark with `flush.policy` interval and os. */
  get durableEnd(): DurableOffset {
    return this.durable
  }
  get leaderEpoch(): number {
    return this.epochs.latest
  }
  get sizeBytes(): number {
    return this.segments.sizeBytes
  }

  /**
   * Gives a checked batch its offset, synchronously, and has it committed. The batch belongs to the log from here on.
   * @returns when the batch is committed; `placed` is called at once with its place
   * @throws MillraceError OUT_OF_ORDER_SEQUENCE, PRODUCER_FENCED, LIMIT_REACHED, DISK_FULL (nothing was stored);
   *   COMMIT_UNKNOWN, STORAGE_FAILED
   */
  append(batch: RecordBatch): { readonly placed: AppendedBatch; readonly committed: Promise<AppendedBatch> } {
    this.checkOpen()
    const { producerId } = batch
    if (producerId >= 0) {
      const check = this.producers.check(batch)
      if (check.kind === 'duplicate') return this.repeat(batch, check.original?.baseOffset)
    }
    if (this.pendingBytes + batch.sizeBytes > this.context.limits.pendingBytesPerPartition && this.pendingBytes > 0) {
      throw new MillraceError(
        'LIMIT_REACHED',
        `${this.pendingBytes} bytes are waiting to be committed in this partition`,
      )
    }
    return this.place(batch, producerId)
  }

  /**
   * Committed batches from the one that holds `offset` on, up to `maxBytes`, but at least one if there is one.
   * @throws MillraceError OFFSET_OUT_OF_RANGE, CORRUPT_BATCH
   */
  async read(offset: number, maxBytes: number): Promise<LogRead> {
    this.checkRange(offset)
    const end = this.committedEnd
    if (offset >= end) return { batches: [], nextOffset: offset }
    const cached = this.tail.read(offset, end, maxBytes)
    if (cached !== undefined) return cached
    try {
      for (const segment of this.segments.from(offset)) {
        const found = await segment.read(offset, maxBytes)
        // A topic that was deleted meanwhile may have made room for another one's files.
        this.checkOpen()
        if (found !== undefined) return found
      }
    } catch (error) {
      // The segment may have been removed while it was being read.
      if (hasSystemCode(error, 'ENOENT')) this.checkRange(offset)
      throw storageError(error, 'reading')
    }
    return { batches: [], nextOffset: end }
  }

  /**
   * Waits until something at or after `offset`, which may lie up to the log's end, is committed; see
   * `CommitWaiters.wait`.
   */
  async waitFor(offset: number, waitMs: number, signal?: AbortSignal): Promise<void> {
    this.checkRange(offset)
    if (offset < this.committedEnd || waitMs <= 0) return
    await this.waiters.wait(offset, waitMs, signal)
    this.checkOpen()
  }

  /** The first committed record at or after `timestampMs`, or undefined. */
  async findTimestamp(timestampMs: number): Promise<{ offset: number; timestamp: number } | undefined> {
    this.checkOpen()
    const from = this.logStart
    try {
      for (const segment of this.segments.from(from)) {
        const found = await segment.findTimestamp(timestampMs, this.logStart)
        if (found !== undefined) return found
      }
    } catch (error) {
      // The segment may have been removed while it was searched; those after it are still there.
      if (hasSystemCode(error, 'ENOENT') && this.logStart > from) return this.findTimestamp(timestampMs)
      throw storageError(error, 'looking for a timestamp')
    }
    return undefined
  }

  /** Raises the log start to `offset`. @throws MillraceError OFFSET_OUT_OF_RANGE past the high watermark */
  async truncateBefore(offset: number): Promise<LogStartOffset> {
    this.checkOpen()
    if (offset > this.committedEnd) throw this.outOfRange(offset)
    if (offset <= this.logStart) return this.logStart
    this.logStart = offset as LogStartOffset
    try {
      await this.segments.removeBefore(offset)
    } catch (error) {
      throw storageError(error, 'deleting records')
    }
    return this.logStart
  }

  /** @throws MillraceError what the log was ended with */
  checkOpen(): void {
    if (this.ended !== undefined) throw this.ended
  }

  /**
   * Commits what was appended, saves what makes the next start quick, and refuses every further call.
   * @throws MillraceError STORAGE_FAILED, DISK_FULL when that fails; the next start must then take it for a crash
   */
  async close(): Promise<void> {
    this.end(new MillraceError('SHUTTING_DOWN', 'the server is shutting down'))
    await this.context.committer.settle(this)
    this.letGo()
    try {
      if (this.repair !== undefined) await this.mend()
      if (this.durable < this.committedEnd) await this.flush()
      await this.segments.sealed()
      await this.segments.saveActive(this.producers)
    } catch (error) {
      throw storageError(error, `closing ${this.segments.directory}`)
    }
  }

  /** Refuses every call, also those that wait, with `reason`, for a topic that is deleted; its files may then go. */
  async abandon(reason: MillraceError): Promise<void> {
    this.end(reason)
    for (const append of [...this.written, ...this.pending]) append.reject(reason)
    this.written = []
    this.pending = []
    await this.context.committer.settle(this)
    await this.segments.sealed()
    this.letGo()
    await this.context.files.drop((path) => path.startsWith(`${this.segments.directory}/`))
  }

  get needsSync(): boolean {
    return this.flushDue || (this.config.flushPolicy === 'commit' && this.written.length > 0)
  }

  async write(): Promise<void> {
    if (this.repair !== undefined) await this.mend()
    const next = this.pending[0]
    if (next === undefined) return
    if (this.mustRoll(next)) await this.roll()
    const { active } = this.segments
    const { baseOffset } = active
    let room = this.config.segmentBytes - active.sizeBytes
    let count = 0
    for (const append of this.pending) {
      const first = count === 0 && active.sizeBytes === 0
      if (!first && (append.batch.sizeBytes > room || append.nextOffset - baseOffset > MAX_RELATIVE_OFFSET)) break
      room -= append.batch.sizeBytes
      count++
    }
    this.written = this.pending.splice(0, count)
    if (this.pending.length > 0) this.context.committer.submit(this)
    await active.write(this.written.map((append) => append.batch.buffer))
  }

  async sync(): Promise<void> {
    this.flushDue = false
    await this.segments.active.sync()
    this.synced = true
  }

  committed(): void {
    const { written } = this
    this.written = []
    const { active } = this.segments
    active.startedAtMs ??= this.context.clock.nowMs()
    for (const append of written) {
      active.advance(append.batch, append.nextOffset, this.config.indexIntervalBytes)
      this.pendingBytes -= append.batch.sizeBytes
    }
    this.committedEnd = active.nextOffset as HighWatermark
    if (this.synced) this.durable = this.committedEnd as number as DurableOffset
    else if (this.config.flushPolicy === 'interval') this.flushLater()
    this.synced = false
    for (const append of written) append.resolve(placeOf(append))
    this.waiters.committed(this.committedEnd)
  }

  async failed(error: unknown, step: 'write' | 'sync'): Promise<void> {
    const lost = [...this.written, ...this.pending]
    const hasWritten = this.written.length > 0
    this.written = []
    this.pending = []
    this.pendingBytes = 0
    this.logEnd = this.committedEnd as number as LogEndOffset
    this.producers.forgetFrom(this.committedEnd)
    this.tail.cutFrom(this.committedEnd)
    this.repair = step === 'sync' ? 'abandon' : (this.repair ?? 'cut')
    let outcome = step === 'sync' ? unknownOutcome(error) : storageError(error, 'writing')
    try {
      await this.mend()
    } catch (mendError) {
      if (hasWritten) outcome = unknownOutcome(mendError)
    }
    for (const append of lost) append.reject(outcome)
  }

  private place(batch: RecordBatch, producerId: number) {
    const baseOffset = this.logEnd
    batch.stamp(baseOffset, this.epochs.latest)
    const { nextOffset } = batch
    const { promise, resolve, reject } = Promise.withResolvers<AppendedBatch>()
    const append: PendingAppend = { batch, baseOffset, nextOffset, done: promise, resolve, reject }
    if (producerId >= 0) this.producers.add(producerId, rememberedOf(batch, baseOffset), this.committedEnd)
    this.logEnd = nextOffset as LogEndOffset
    this.tail.append(batch, baseOffset, nextOffset)
    this.pending.push(append)
    this.pendingBytes += batch.sizeBytes
    this.context.committer.submit(this)
    return { placed: placeOf(append), committed: promise }
  }

  /** Answers a repeated batch as its original is answered: not before that one is committed. */
  private repeat(batch: RecordBatch, baseOffset = -1) {
    const placed: AppendedBatch = { baseOffset, timestamp: batch.maxTimestamp, duplicate: true }
    const isOriginal = (append: PendingAppend): boolean => append.baseOffset === baseOffset
    const original = this.written.find(isOriginal) ?? this.pending.find(isOriginal)
    return { placed, committed: original === undefined ? Promise.resolve(placed) : original.done.then(() => placed) }
  }

  private mustRoll(next: PendingAppend): boolean {
    const { active } = this.segments
    if (active.sizeBytes === 0) return false
    if (active.sizeBytes + next.batch.sizeBytes > this.config.segmentBytes) return true
    if (next.nextOffset - active.baseOffset > MAX_RELATIVE_OFFSET) return true
    return this.context.clock.nowMs() - (active.startedAtMs ?? 0) >= this.config.segmentMs
  }

  /** Closes the active segment. It is synced first, whatever the policy: only the last segment may end torn. */
  private async roll(): Promise<void> {
    if (this.durable < this.committedEnd && !(await this.flush())) return
    // Once a file for the next offset may be there, nothing may follow in this one: recovery would cut it off.
    this.repair = 'abandon'
    await this.segments.roll(this.producers)
    this.repair = undefined
  }

  private async mend(): Promise<void> {
    if (this.repair === 'cut') await this.segments.active.cut()
    if (this.repair === 'abandon') {
      await this.segments.abandonActive()
      this.durable = this.committedEnd as number as DurableOffset
    }
    this.repair = undefined
  }

  /**
   * Syncs what the policies `interval` and `os` left unsynced. When that fails, the file is abandoned as ever; readers
   * have seen its records, so that they stay.
   * @returns whether the active segment is still the same
   */
  private async flush(): Promise<boolean> {
    try {
      await this.segments.active.sync()
      this.durable = this.committedEnd as number as DurableOffset
      return true
    } catch (error) {
      const { directory } = this.segments
      this.context.logger.error(
        { err: error, directory },
        'a sync failed: acknowledged records may not outlive a power cut',
      )
      this.repair = 'abandon'
      await this.mend()
      return false
    }
  }

  private flushLater(): void {
    this.flushTimer ??= this.context.clock.setTimer(this.config.flushMs, () => {
      this.flushTimer = undefined
      this.flushDue = true
      this.context.committer.submit(this)
    })
  }

  private letGo(): void {
    this.flushTimer?.cancel()
    this.tail.clear()
  }

  private end(reason: MillraceError): void {
    if (this.ended !== undefined) return
    this.ended = reason
    this.waiters.wakeAll()
  }

  private checkRange(offset: number): void {
    this.checkOpen()
    if (offset < this.logStart || offset > this.logEnd) throw this.outOfRange(offset)
  }

  private outOfRange(offset: number): MillraceError {
    const { logStart, committedEnd } = this
    return new MillraceError(
      'OFFSET_OUT_OF_RANGE',
      `offset ${offset} is not in the partition, which has ${logStart} to ${committedEnd}`,
      { details: { logStartOffset: logStart, highWatermark: committedEnd } },
    )
  }
}

function placeOf(append: PendingAppend): AppendedBatch {
  return { baseOffset: append.baseOffset, timestamp: append.batch.maxTimestamp, duplicate: false }
}

function rememberedOf(batch: RecordBatch, baseOffset: number): RememberedBatch {
  const { producerEpoch, baseSequence, lastOffsetDelta, maxTimestamp: timestamp } = batch
  return { producerEpoch, baseSequence, lastOffsetDelta, baseOffset, timestamp }
}

function unknownOutcome(error: unknown): MillraceError {
  const reason = error instanceof Error ? error.message : String(error)
  return new MillraceError(
    'COMMIT_UNKNOWN',
    `the records may or may not be stored, because writing or syncing failed: ${reason}`,
    { cause: error },
  )
}
