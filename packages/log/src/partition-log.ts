import {
  type DurableOffset,
  type HighWatermark,
  type LogEndOffset,
  type LogStartOffset,
  MillraceError,
  type RecordBatch,
} from '@millrace/record'
import { CommitWaiters } from './commit-waiters.ts'
import { hasSystemCode, storageError } from './disk.ts'
import type { PartitionIdentity } from './journal-entry.ts'
import type { LeaderEpochs } from './leader-epochs.ts'
import type { LogContext } from './log-context.ts'
import { type AppendedBatch, type PartitionLogConfig, PartitionWriter } from './partition-writer.ts'
import type { ProducerState } from './producer-state.ts'
import type { SegmentList } from './segment-list.ts'
import type { PartitionTail } from './tail-cache.ts'

export interface LogRead {
  readonly batches: readonly Buffer[]
  readonly nextOffset: number
}

/** The state with which recovery hands a partition over. */
export interface RecoveredPartition {
  readonly identity: PartitionIdentity
  readonly config: PartitionLogConfig
  readonly segments: SegmentList
  readonly producers: ProducerState
  readonly epochs: LeaderEpochs
  readonly logStartOffset: number
}

/**
 * One partition's log: a writer, and readers of what it has committed. Readers see a batch when, and only when, it is
 * committed; they find it in the tail cache or in its segment.
 */
export class PartitionLog {
  private readonly segments: SegmentList
  private readonly epochs: LeaderEpochs
  private readonly tail: PartitionTail
  private readonly writer: PartitionWriter
  private readonly waiters: CommitWaiters
  private logStart: LogStartOffset
  private ended: MillraceError | undefined

  constructor(context: LogContext, recovered: RecoveredPartition) {
    const { segments, epochs, logStartOffset } = recovered
    this.segments = segments
    this.epochs = epochs
    this.tail = context.tails.tail()
    this.waiters = new CommitWaiters(context.clock)
    this.logStart = logStartOffset as LogStartOffset
    this.writer = new PartitionWriter({
      ...recovered,
      context,
      tail: this.tail,
      onCommitted: (end) => this.waiters.committed(end),
    })
  }

  get logStartOffset(): LogStartOffset {
    return this.logStart
  }
  /** The offset that the next batch gets. */
  get logEndOffset(): LogEndOffset {
    return this.writer.logEndOffset
  }
  get highWatermark(): HighWatermark {
    return this.writer.highWatermark
  }
  get durableEnd(): DurableOffset {
    return this.writer.durableEnd
  }
  get leaderEpoch(): number {
    return this.epochs.latest
  }
  get sizeBytes(): number {
    return this.segments.sizeBytes
  }

  /** As `PartitionWriter.append` does. */
  append(batch: RecordBatch): { readonly placed: AppendedBatch; readonly committed: Promise<AppendedBatch> } {
    this.checkOpen()
    return this.writer.append(batch)
  }

  /**
   * Committed batches from the one that holds `offset` on, up to `maxBytes`, but at least one if there is one.
   * @throws MillraceError OFFSET_OUT_OF_RANGE, CORRUPT_BATCH
   */
  async read(offset: number, maxBytes: number): Promise<LogRead> {
    this.checkRange(offset)
    const end = this.writer.highWatermark
    if (offset >= end) return { batches: [], nextOffset: offset }
    const cached = this.tail.read(offset, end, maxBytes)
    if (cached !== undefined) return cached
    try {
      for (const segment of this.segments.from(offset)) {
        const found = await segment.read(offset, maxBytes)
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
    if (offset < this.writer.highWatermark || waitMs <= 0) return
    await this.waiters.wait(offset, waitMs, signal)
    this.checkOpen()
  }

  /** The first committed record at or after `timestampMs`, or undefined. */
  async findTimestamp(timestampMs: number): Promise<{ offset: number; timestamp: number } | undefined> {
    this.checkOpen()
    try {
      for (const segment of this.segments.from(this.logStart)) {
        const found = await segment.findTimestamp(timestampMs, this.logStart)
        if (found !== undefined) return found
      }
    } catch (error) {
      throw storageError(error, 'looking for a timestamp')
    }
    return undefined
  }

  /** Raises the log start to `offset`. @throws MillraceError OFFSET_OUT_OF_RANGE past the high watermark */
  async truncateBefore(offset: number): Promise<LogStartOffset> {
    this.checkOpen()
    if (offset > this.writer.highWatermark) throw this.outOfRange(offset)
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

  /** Commits what was appended, saves what makes the next start quick, and refuses every further call. */
  async close(): Promise<void> {
    this.end(new MillraceError('SHUTTING_DOWN', 'the server is shutting down'))
    await this.writer.close()
    this.tail.clear()
  }

  /** Refuses every call, also those that wait, with `reason`, for a topic that is deleted; its files may then go. */
  async abandon(reason: MillraceError): Promise<void> {
    this.end(reason)
    await this.writer.abandon(reason)
    this.tail.clear()
  }

  private end(reason: MillraceError): void {
    if (this.ended !== undefined) return
    this.ended = reason
    this.waiters.wakeAll()
  }

  private checkRange(offset: number): void {
    this.checkOpen()
    if (offset < this.logStart || offset > this.writer.logEndOffset) throw this.outOfRange(offset)
  }

  private outOfRange(offset: number): MillraceError {
    const { logStart } = this
    const committedEnd = this.writer.highWatermark
    return new MillraceError(
      'OFFSET_OUT_OF_RANGE',
      `offset ${offset} is not in the partition, which has ${logStart} to ${committedEnd}`,
      { details: { logStartOffset: logStart, highWatermark: committedEnd } },
    )
  }
}
