import type {
  Acks,
  AppendResult,
  EnginePartition,
  PartitionOffsets,
  PartitionStatus,
  ReadOptions,
  ReadResult,
} from '@millrace/engine'
import {
  type Clock,
  type HighWatermark,
  type LastStableOffset,
  type Limits,
  type LogStartOffset,
  MillraceError,
  RecordBatch,
} from '@millrace/record'
import { MemoryProducers } from './memory-producers.ts'

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
}

/** One partition in an array of batches. What was appended is committed when the engine calls `commit`. */
export class MemoryPartition implements EnginePartition {
  private readonly context: MemoryPartitionContext
  private readonly producers: MemoryProducers
  private batches: RecordBatch[] = []
  private logStart = 0
  private logEnd = 0
  private highWatermark = 0
  private pendingBytes = 0
  private waitingAppends: WaitingAppend[] = []
  private readonly waitingReads = new Set<() => void>()
  private ended: MillraceError | undefined

  constructor(context: MemoryPartitionContext) {
    this.context = context
    this.producers = new MemoryProducers(context.limits.producersPerPartition)
  }

  async append(bytes: Buffer, { acks }: { acks: Acks }): Promise<AppendResult> {
    this.checkOpen()
    const batch = RecordBatch.at(bytes)
    const duplicate = this.producers.check(batch)
    if (duplicate !== undefined) {
      const { baseOffset, timestamp, committedAt } = duplicate
      if (acks === 'committed') await this.committed(committedAt)
      return { baseOffset, timestamp, duplicate: true }
    }
    this.checkRoom(batch)
    const failure = this.context.appendError()
    if (failure !== undefined) throw failure
    const baseOffset = this.logEnd
    batch.stamp(baseOffset, 0)
    this.producers.remember(batch)
    this.batches.push(batch)
    this.logEnd = batch.nextOffset
    this.pendingBytes += batch.sizeBytes
    this.context.scheduleCommit(this)
    if (acks === 'committed') await this.committed(this.logEnd)
    return { baseOffset, timestamp: batch.maxTimestamp, duplicate: false }
  }

  async read(offset: number, { maxBytes, waitMs = 0, signal }: ReadOptions): Promise<ReadResult> {
    const { clock } = this.context
    const deadlineMs = clock.monotonicMs() + waitMs
    for (;;) {
      this.checkOpen()
      const result = this.readNow(offset, maxBytes)
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

  private readNow(offset: number, maxBytes: number): ReadResult {
    if (offset < this.logStart || offset > this.logEnd) throw this.outOfRange(offset)
    const found: Buffer[] = []
    let bytes = 0
    let nextOffset = offset
    for (const batch of this.batches) {
      if (batch.nextOffset > this.highWatermark) break
      if (batch.nextOffset <= offset) continue
      if (found.length > 0 && bytes + batch.sizeBytes > maxBytes) break
      found.push(batch.buffer)
      bytes += batch.sizeBytes
      nextOffset = batch.nextOffset
    }
    return { ...this.offsets(), batches: found, nextOffset, abortedTransactions: [] }
  }

  private offsets(): PartitionOffsets {
    return {
      logStartOffset: this.logStart as LogStartOffset,
      highWatermark: this.highWatermark as HighWatermark,
      lastStableOffset: this.highWatermark as LastStableOffset,
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
