import type {
  AbortedTransaction,
  Acks,
  AppendResult,
  EnginePartition,
  Isolation,
  PartitionOffsets,
  PartitionStatus,
  ReadOptions,
  ReadResult,
  TransactionOutcome,
} from '@millrace/engine'
import {
  type Clock,
  controlBatch,
  type HighWatermark,
  type LastStableOffset,
  type Limits,
  type LogStartOffset,
  MillraceError,
  RecordBatch,
  type TransactionMarker,
} from '@millrace/record'
import { MemoryProducers } from './memory-producers.ts'
import type { Membership } from './memory-transactions.ts'

/** A transaction that has written to the partition; ended, but perhaps not committed, when `marker` is there. */
interface PartitionTransaction {
  readonly producerId: number
  readonly firstOffset: number
  marker: { readonly outcome: TransactionOutcome; readonly offset: number } | undefined
}

interface WaitingAppend {
  readonly committedAt: number
  readonly resolve: () => void
  readonly reject: (error: MillraceError) => void
}

/** What the partitions of one engine share. */
export interface MemoryPartitionContext {
  readonly clock: Clock
  readonly limits: Limits
  /** Asks the engine to commit soon; it calls `commit`. */
  scheduleCommit(partition: MemoryPartition): void
  /** What appends fail with at the moment. */
  appendError(): MillraceError | undefined
  /** Whether `message.timestamp.type` is LogAppendTime. */
  stampsAppendTime(): boolean
  /** As `MemoryTransactions.check` does. */
  checkTransaction(batch: RecordBatch, partition: MemoryPartition): Membership | undefined
}

/** One partition in an array of batches. What was appended is committed when the engine calls `commit`. */
export class MemoryPartition implements EnginePartition {
  readonly topicId: string
  readonly partition: number
  private readonly context: MemoryPartitionContext
  private readonly producers: MemoryProducers
  private batches: RecordBatch[] = []
  /** In the order in which they began. */
  private transactions: PartitionTransaction[] = []
  private logStart = 0
  private logEnd = 0
  /** Of the latest append that was stamped with it. */
  private appendTime = 0
  private highWatermark = 0
  private pendingBytes = 0
  private waitingAppends: WaitingAppend[] = []
  private readonly waitingReads = new Set<() => void>()
  private ended: MillraceError | undefined

  constructor(context: MemoryPartitionContext, topicId: string, partition: number) {
    this.context = context
    this.topicId = topicId
    this.partition = partition
    this.producers = new MemoryProducers(context.clock, context.limits)
  }

  async append(bytes: Buffer, { acks }: { acks: Acks }): Promise<AppendResult> {
    this.checkOpen()
    const batch = RecordBatch.at(bytes)
    const membership = this.context.checkTransaction(batch, this)
    const duplicate = this.producers.check(batch)
    if (duplicate !== undefined) {
      const { baseOffset, timestamp, committedAt } = duplicate
      if (acks === 'committed') await this.committed(committedAt)
      return { baseOffset, timestamp, duplicate: true }
    }
    this.producers.checkRoom(batch)
    this.checkRoom(batch)
    const failure = this.context.appendError()
    if (failure !== undefined) {
      membership?.failed()
      throw failure
    }
    const { baseOffset } = this.place(batch)
    this.producers.remember(batch)
    const committed = this.committed(this.logEnd)
    if (membership !== undefined) {
      this.openTransaction(batch)
      membership.joined(committed)
    }
    if (acks === 'committed') await committed
    else committed.catch(() => {})
    return { baseOffset, timestamp: batch.maxTimestamp, duplicate: false }
  }

  /** Ends a transaction here; returns when that is committed. */
  async appendMarker(marker: TransactionMarker): Promise<void> {
    this.checkOpen()
    const open = this.transactions.find((each) => each.producerId === marker.producerId && each.marker === undefined)
    if (open === undefined) return
    const { baseOffset } = this.place(controlBatch(marker, this.context.clock.nowMs()))
    open.marker = { outcome: marker.outcome, offset: baseOffset }
    await this.committed(this.logEnd)
  }

  async read(offset: number, options: ReadOptions): Promise<ReadResult> {
    const { maxBytes, isolation = 'committed', waitMs = 0, signal } = options
    const { clock } = this.context
    const deadlineMs = clock.monotonicMs() + waitMs
    for (;;) {
      this.checkOpen()
      const result = this.readNow(offset, maxBytes, isolation)
      const leftMs = deadlineMs - clock.monotonicMs()
      if (result.batches.length > 0 || leftMs <= 0 || signal?.aborted) return result
      await this.change(leftMs, signal)
    }
  }

  async status(): Promise<PartitionStatus> {
    this.checkOpen()
    const sizeBytes = this.batches.reduce((sum, batch) => sum + batch.sizeBytes, 0)
    return { ...this.offsets(), sizeBytes, leaderEpoch: 0 }
  }

  async offsetForTimestamp(timestampMs: number): Promise<{ offset: number; timestamp: number } | undefined> {
    this.checkOpen()
    for (const batch of this.batches) {
      if (batch.nextOffset > this.highWatermark) break
      if (batch.isControl) continue
      if (batch.maxTimestamp < timestampMs) continue
      for (const { offset, timestamp } of batch.records(this.context.limits.decompressedBytes)) {
        if (offset >= this.logStart && timestamp >= timestampMs) return { offset, timestamp }
      }
    }
    return undefined
  }

  async truncateBefore(offset: number): Promise<LogStartOffset> {
    this.checkOpen()
    if (offset > this.highWatermark) throw this.outOfRange(offset)
    if (offset > this.logStart) {
      this.logStart = offset
      this.batches = this.batches.filter((batch) => batch.nextOffset > offset)
    }
    return this.logStart as LogStartOffset
  }

  /** Commits all that was appended so far. */
  commit(): void {
    if (this.ended !== undefined) return
    this.highWatermark = this.logEnd
    this.pendingBytes = 0
    const answered = this.waitingAppends
    this.waitingAppends = []
    for (const append of answered) append.resolve()
    this.wakeReads()
  }

  /** Makes all calls, those that wait too, fail with `error`. */
  end(error: MillraceError): void {
    this.ended ??= error
    for (const append of this.waitingAppends.splice(0)) append.reject(error)
    this.wakeReads()
  }

  private checkOpen(): void {
    if (this.ended !== undefined) throw this.ended
  }

  private checkRoom(batch: RecordBatch): void {
    const limit = this.context.limits.pendingBytesPerPartition
    if (this.pendingBytes > 0 && this.pendingBytes + batch.sizeBytes > limit) {
      throw new MillraceError('LIMIT_REACHED', `${this.pendingBytes} bytes of ${limit} wait to be committed`)
    }
  }

  private place(batch: RecordBatch): RecordBatch {
    batch.stamp(this.logEnd, 0)
    if (this.context.stampsAppendTime()) {
      this.appendTime = Math.max(this.appendTime, this.context.clock.nowMs())
      batch.stampAppendTime(this.appendTime)
    }
    this.batches.push(batch)
    this.logEnd = batch.nextOffset
    this.pendingBytes += batch.sizeBytes
    this.context.scheduleCommit(this)
    return batch
  }

  private openTransaction({ producerId, baseOffset }: RecordBatch): void {
    const isOpen = this.transactions.some((each) => each.producerId === producerId && each.marker === undefined)
    if (!isOpen) this.transactions.push({ producerId, firstOffset: baseOffset, marker: undefined })
  }

  private readNow(offset: number, maxBytes: number, isolation: Isolation): ReadResult {
    if (offset < this.logStart || offset > this.logEnd) throw this.outOfRange(offset)
    const found: Buffer[] = []
    let bytes = 0
    let nextOffset = offset
    const end = isolation === 'committed' ? this.lastStableOffset() : this.highWatermark
    for (const batch of this.batches) {
      if (batch.nextOffset > end) break
      if (batch.nextOffset <= offset) continue
      if (found.length > 0 && bytes + batch.sizeBytes > maxBytes) break
      found.push(batch.buffer)
      bytes += batch.sizeBytes
      nextOffset = batch.nextOffset
    }
    const abortedTransactions = isolation === 'committed' ? this.abortedWithin(offset, nextOffset) : []
    return { ...this.offsets(), batches: found, nextOffset, abortedTransactions }
  }

  private abortedWithin(from: number, to: number): AbortedTransaction[] {
    const overlapping = this.transactions.filter(
      ({ marker, firstOffset }) => marker?.outcome === 'abort' && marker.offset >= from && firstOffset < to,
    )
    return overlapping.map(({ producerId, firstOffset }) => ({ producerId, firstOffset }))
  }

  /** A transaction holds readers back until its marker is committed. */
  private lastStableOffset(): number {
    const { highWatermark } = this
    const open = this.transactions.find(({ marker }) => marker === undefined || marker.offset >= highWatermark)
    return Math.min(highWatermark, open?.firstOffset ?? highWatermark)
  }

  private offsets(): PartitionOffsets {
    return {
      logStartOffset: this.logStart as LogStartOffset,
      highWatermark: this.highWatermark as HighWatermark,
      lastStableOffset: this.lastStableOffset() as LastStableOffset,
    }
  }

  private outOfRange(offset: number): MillraceError {
    const { logStart, highWatermark } = this
    return new MillraceError('OFFSET_OUT_OF_RANGE', `offset ${offset} is not within ${logStart} to ${highWatermark}`, {
      details: { logStartOffset: logStart, highWatermark },
    })
  }

  private committed(committedAt: number): Promise<void> {
    if (committedAt <= this.highWatermark) return Promise.resolve()
    return new Promise((resolve, reject) => {
      this.waitingAppends.push({ committedAt, resolve, reject })
    })
  }

  /** Resolves at the next commit, after `waitMs`, on abort, or when the partition ends. */
  private change(waitMs: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.waitingReads.delete(done)
        timer.cancel()
        signal?.removeEventListener('abort', done)
        resolve()
      }
      const timer = this.context.clock.setTimer(waitMs, done)
      this.waitingReads.add(done)
      signal?.addEventListener('abort', done)
    })
  }

  private wakeReads(): void {
    for (const wake of [...this.waitingReads]) wake()
  }
}
