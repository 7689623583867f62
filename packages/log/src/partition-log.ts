import {
  type DurableOffset,
  type HighWatermark,
  type LastStableOffset,
  type Limits,
  type LogEndOffset,
  type LogStartOffset,
  MillraceError,
  type RecordBatch,
  type TransactionMarker,
} from '@millrace/record'
import { AppendClock } from './append-clock.ts'
import { CommitWaiters } from './commit-waiters.ts'
import { type Disk, storageError } from './disk.ts'
import type { PartitionIdentity } from './journal-entry.ts'
import type { LeaderEpochs } from './leader-epochs.ts'
import { LiveConfig, type PartitionLogConfig } from './log-config.ts'
import type { LogContext } from './log-context.ts'
import { Maintenance } from './maintenance.ts'
import type { OpenTransaction } from './open-transactions.ts'
import { findInBatches } from './partition-backlog.ts'
import { type LinkedPartition, linkPartition } from './partition-link.ts'
import { PartitionWriter } from './partition-writer.ts'
import type { AppendedBatch } from './pending-append.ts'
import type { ProducerState } from './producer-state.ts'
import type { Segment, SegmentRead } from './segment.ts'
import type { SegmentList } from './segment-list.ts'
import { Serial } from './serial.ts'
import type { PartitionTail } from './tail-cache.ts'
import type { Throttle } from './throttle.ts'

/** `committed`: up to the last stable offset, and with what tells the batches of aborted transactions. */
export type Isolation = 'committed' | 'uncommitted'

export interface LogRead {
  readonly batches: readonly Buffer[]
  readonly nextOffset: number
  /**
   * The transactions with batches from where the read began up to `nextOffset` that were aborted, by first offset; none
   * with isolation `uncommitted`.
   */
  readonly abortedTransactions: readonly { readonly producerId: number; readonly firstOffset: number }[]
}

const FLUSH_WAIT_MS = 60_000
const NONE_ABORTED: LogRead['abortedTransactions'] = []

/** The state with which recovery hands a partition over. */
export interface RecoveredPartition {
  readonly identity: PartitionIdentity
  readonly config: PartitionLogConfig
  readonly segments: SegmentList
  readonly producers: ProducerState
  readonly epochs: LeaderEpochs
  readonly logStartOffset: number
  /** Whether a cut of the active segment to nothing may not be on disk, so that what was cut off could come back. */
  readonly mustCut: boolean
  /** Of the last batch, if it bears the time of its append; see `AppendClock`. */
  readonly appendTime: number
}

/**
 * One partition's log: a writer, and readers of what it has committed. Readers see a batch when, and only when, it is
 * committed; they find it in the tail cache or in its segment.
 */
export class PartitionLog {
  private readonly segments: SegmentList
  private readonly disk: Disk
  private readonly config: LiveConfig
  private readonly limits: Limits
  private readonly unpacking: Serial
  private readonly producers: ProducerState
  private readonly epochs: LeaderEpochs
  private readonly tail: PartitionTail
  private readonly writer: PartitionWriter
  private readonly waiters: Readonly<Record<Isolation, CommitWaiters>>
  /** Those who wait for what is committed to be on disk. */
  private readonly flushes: CommitWaiters
  private readonly maintenance: Maintenance
  private readonly maintaining = new Serial()
  private readonly starts = new Serial()
  /** Ends what `maintain` is doing. */
  private stop: AbortController | undefined
  private logStart: LogStartOffset
  /** False when keeping a later one failed, so that the next start may find that one, or the next but one. */
  private isStartKept = true
  private ended: MillraceError | undefined

  constructor(context: LogContext, recovered: RecoveredPartition) {
    const { segments, producers, epochs, logStartOffset } = recovered
    this.segments = segments
    this.disk = context.disk
    this.config = new LiveConfig(recovered.config)
    this.limits = context.limits
    this.unpacking = context.unpacking
    this.producers = producers
    this.epochs = epochs
    this.tail = context.tails.tail()
    this.flushes = new CommitWaiters(context.clock)
    this.waiters = { committed: new CommitWaiters(context.clock), uncommitted: new CommitWaiters(context.clock) }
    this.logStart = logStartOffset as LogStartOffset
    this.writer = new PartitionWriter({
      ...recovered,
      context,
      config: this.config,
      appendClock: new AppendClock(context.clock, recovered.appendTime),
      tail: this.tail,
      onCommitted: (end) => {
        this.waiters.uncommitted.committed(end)
        this.waiters.committed.committed(this.lastStableOffset)
        this.flushes.committed(this.writer.durableEnd)
      },
    })
    this.maintenance = new Maintenance({
      ...recovered,
      context,
      config: this.config,
      writer: this.writer,
      tail: this.tail,
      logStart: () => this.logStart,
      lastStableOffset: () => this.lastStableOffset,
      raiseStart: (offset) => this.raiseStart(offset),
    })
  }

  get directory(): string {
    return this.segments.directory
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
  /** The end of what is decided: the first offset of the oldest open transaction, or the high watermark. */
  get lastStableOffset(): LastStableOffset {
    const { highWatermark } = this.writer
    const { firstOffset } = this.producers.transactions
    const end = firstOffset < highWatermark ? Math.max(firstOffset, this.logStart) : highWatermark
    return end as LastStableOffset
  }
  get durableEnd(): DurableOffset {
    return this.writer.durableEnd
  }
  get leaderEpoch(): number {
    return this.epochs.latest
  }
  get segmentCount(): number {
    return this.segments.count
  }
  /** Bytes that were appended and are not committed. */
  get pendingBytes(): number {
    return this.writer.pendingBytes
  }
  get sizeBytes(): number {
    return this.segments.sizeBytes + this.writer.backlog.sizeBytes
  }

  /**
   * Goes by another configuration from the next step on: an append that was called before is committed as the old one or
   * the new one says. The records of a log that gets `flush.policy=commit` are on disk after the next `flush`.
   */
  reconfigure(config: PartitionLogConfig): void {
    const before = this.config.current
    this.config.current = config
    if (this.ended === undefined) this.writer.reconfigured(before)
  }

  /** As `PartitionWriter.append` does. */
  append(batch: RecordBatch): { readonly placed: AppendedBatch; readonly committed: Promise<AppendedBatch> } {
    this.checkOpen()
    return this.writer.append(batch)
  }

  /** As `PartitionWriter.appendMarker` does. */
  async appendMarker(marker: TransactionMarker): Promise<number | undefined> {
    this.checkOpen()
    return this.writer.appendMarker(marker)
  }

  /**
   * Returns when what is committed is on disk, whatever the flush policy.
   * @throws MillraceError COMMIT_UNKNOWN when syncing failed
   */
  async flush(): Promise<void> {
    this.checkOpen()
    const end = this.writer.highWatermark
    if (this.writer.durableEnd >= end) return
    // A partition that is busy never settles.
    const stop = new AbortController()
    const flushed = this.flushes.wait(end - 1, FLUSH_WAIT_MS, stop.signal)
    await Promise.race([flushed, this.writer.settle('flush')])
    stop.abort()
    this.checkOpen()
    if (this.writer.durableEnd < end) throw new MillraceError('COMMIT_UNKNOWN', 'syncing what is committed failed')
  }

  /** The transactions without a marker, by first offset. */
  openTransactions(): OpenTransaction[] {
    return this.producers.transactions.all()
  }

  /**
   * Committed batches from the one that holds `offset` on, up to `maxBytes`, but at least one if there is one.
   * @throws MillraceError OFFSET_OUT_OF_RANGE, CORRUPT_BATCH
   */
  async read(offset: number, maxBytes: number, isolation: Isolation = 'uncommitted'): Promise<LogRead> {
    this.checkRange(offset)
    const end = this.endOf(isolation)
    if (offset >= end) return { batches: [], nextOffset: offset, abortedTransactions: NONE_ABORTED }
    const { swaps } = this.segments
    const { batches, nextOffset } =
      this.tail.read(offset, end, maxBytes) ??
      this.writer.backlog.read(offset, end, maxBytes) ??
      (await this.readSegments(offset, maxBytes, end))
    if (isolation === 'uncommitted' || !this.segments.mayHaveAborts) {
      return { batches, nextOffset, abortedTransactions: NONE_ABORTED }
    }
    const abortedTransactions = await this.abortedBetween(offset, nextOffset)
    // Compaction or deletion may have taken what tells of batches that were read before it.
    if (this.segments.swaps !== swaps) return this.read(offset, maxBytes, isolation)
    this.checkRange(offset)
    return { batches, nextOffset, abortedTransactions }
  }

  /**
   * Waits until something at or after `offset`, which may lie up to the log's end, can be read; see
   * `CommitWaiters.wait`.
   */
  async waitFor(
    offset: number,
    waitMs: number,
    signal?: AbortSignal,
    isolation: Isolation = 'uncommitted',
  ): Promise<void> {
    this.checkRange(offset)
    if (offset < this.endOf(isolation) || waitMs <= 0) return
    await this.waiters[isolation].wait(offset, waitMs, signal)
    this.checkOpen()
  }

  /** The first committed record at or after `timestampMs`, or undefined. */
  async findTimestamp(timestampMs: number): Promise<{ offset: number; timestamp: number } | undefined> {
    this.checkOpen()
    // Taken before the segments are searched: what is written to one meanwhile is in either.
    const backlog = this.writer.backlog.all()
    const look = (segment: Segment) => segment.findTimestamp(timestampMs, this.logStart)
    const found = await this.search('looking for a timestamp', look, () => this.logStart)
    const { decompressedBytes } = this.limits
    const query = { timestampMs, fromOffset: this.logStart, decompressedBytes, unpacking: this.unpacking }
    return found ?? findInBatches(backlog, query)
  }

  /** Raises the log start to `offset`. @throws MillraceError OFFSET_OUT_OF_RANGE past the high watermark */
  async truncateBefore(offset: number): Promise<LogStartOffset> {
    this.checkOpen()
    if (offset > this.writer.highWatermark) throw this.outOfRange(offset)
    return this.raiseStart(offset)
  }

  /**
   * Does what the topic's cleanup policy asks for: rolls an active segment that nobody writes to, deletes and compacts.
   * Readers and writers do not wait for it. Ends early when the log does.
   * @param throttle what all partitions share
   * @throws MillraceError what a step failed with; the next call tries it again
   */
  maintain(throttle: Throttle): Promise<void> {
    return this.maintaining.run(async () => {
      if (this.ended !== undefined) return
      this.stop = new AbortController()
      try {
        await this.maintenance.run(throttle, this.stop.signal)
      } catch (error) {
        if (this.ended !== undefined) return
        throw storageError(error, `maintaining ${this.directory}`)
      } finally {
        this.stop = undefined
      }
    })
  }

  /**
   * Has nothing sealed, compacted or removed until the function that it returns is called. Writes go on.
   * @throws Error what ending a swap, which an earlier error left half done, failed with
   */
  hold(): Promise<() => void> {
    return this.segments.hold()
  }

  /**
   * Gives the partition's files second names in the directory `target`, which must exist. For `Committer.between`, while
   * the files are held: what `target` has, once the rest is copied, is what is committed at this moment.
   */
  async linkInto(target: string): Promise<LinkedPartition> {
    await this.writer.catchUp()
    return linkPartition(this.disk, this.segments, target)
  }

  /** @throws MillraceError what the log was ended with */
  checkOpen(): void {
    if (this.ended !== undefined) throw this.ended
  }

  /** Commits what was appended, saves what makes the next start quick, and refuses every further call. */
  async close(): Promise<void> {
    await this.end(new MillraceError('SHUTTING_DOWN', 'the server is shutting down'))
    try {
      await this.writer.close()
      if (!this.isStartKept) await this.segments.keepStart(this.logStart)
    } finally {
      this.tail.clear()
    }
  }

  /** Refuses every call, also those that wait, with `reason`, for a topic that is deleted; its files may then go. */
  async abandon(reason: MillraceError): Promise<void> {
    await this.end(reason)
    await this.writer.abandon(reason)
    this.tail.clear()
  }

  /** When it returns, nothing but the writer works on the files any more. */
  private async end(reason: MillraceError): Promise<void> {
    if (this.ended === undefined) {
      this.ended = reason
      this.stop?.abort(reason)
      for (const waiters of [...Object.values(this.waiters), this.flushes]) waiters.wakeAll()
    }
    await this.maintaining.idle()
    await this.starts.idle()
  }

  /** Readers see a log start only when it outlives a crash, so that it never goes back. */
  private raiseStart(offset: number): Promise<LogStartOffset> {
    return this.starts.run(async () => {
      this.checkOpen()
      if (offset <= this.logStart) return this.logStart
      try {
        await this.segments.keepProducers(offset, this.producers)
        this.isStartKept = false
        await this.segments.keepStart(offset)
        this.isStartKept = true
      } catch (error) {
        throw storageError(error, 'deleting records')
      }
      this.logStart = offset as LogStartOffset
      this.segments.removeBefore(offset)
      return this.logStart
    })
  }

  private endOf(isolation: Isolation): HighWatermark | LastStableOffset {
    return isolation === 'committed' ? this.lastStableOffset : this.writer.highWatermark
  }

  private async readSegments(offset: number, maxBytes: number, end: number): Promise<SegmentRead> {
    const { nextOffset } = this.segments.active
    const found = await this.search(
      'reading',
      (segment) => segment.read(offset, maxBytes, end),
      () => {
        this.checkRange(offset)
        return offset
      },
    )
    return found ?? { batches: [], nextOffset: Math.min(nextOffset, end) }
  }

  private async abortedBetween(from: number, to: number): Promise<LogRead['abortedTransactions']> {
    try {
      const aborted = await this.segments.abortedBetween(from, to)
      return aborted.map(({ producerId, firstOffset }) => ({ producerId, firstOffset }))
    } catch (error) {
      throw storageError(error, 'reading the aborted transactions')
    } finally {
      this.checkOpen()
    }
  }

  /** What `look` finds first, in the segments from the offset on that `from` gives. */
  private async search<T>(
    doing: string,
    look: (segment: Segment) => Promise<T | undefined>,
    from: () => number,
  ): Promise<T | undefined> {
    let segments = this.segments.from(from())
    for (let index = 0; index < segments.length; index++) {
      const segment = segments[index] as Segment
      let found: T | undefined
      let failure: unknown
      try {
        found = await look(segment)
      } catch (error) {
        failure = storageError(error, doing)
      }
      // A topic that was deleted meanwhile may have made room for another one's files.
      this.checkOpen()
      if (segment.withdrawn !== undefined) {
        // Compaction or deletion came between; however this ended, it does not count.
        await segment.withdrawn
        segments = this.segments.from(from())
        index = -1
      } else if (failure !== undefined) {
        throw failure
      } else if (found !== undefined) {
        return found
      }
    }
    return undefined
  }

  private checkRange(offset: number): void {
    this.checkOpen()
    if (offset < this.logStart || offset > this.writer.logEndOffset) throw this.outOfRange(offset)
  }

  private outOfRange(offset: number): MillraceError {
    const { logStart } = this
    const committedEnd = this.writer.highWatermark
    const range =
      committedEnd > logStart
        ? `has offsets ${logStart} to ${committedEnd - 1}; the next`
        : 'has no records; the next offset'
    return new MillraceError(
      'OFFSET_OUT_OF_RANGE',
      `offset ${offset} is out of range: the partition ${range} is ${committedEnd}`,
      { details: { logStartOffset: logStart, highWatermark: committedEnd } },
    )
  }
}
