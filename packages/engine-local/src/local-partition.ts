import type { Acks, AppendResult, EnginePartition, PartitionStatus, ReadOptions, ReadResult } from '@millrace/engine'
import type { LogStats, PartitionIdentity, PartitionLog } from '@millrace/log'
import { type Clock, type LogStartOffset, RecordBatch } from '@millrace/record'

/** What appends to a partition of a topic are checked by; Millrace's own logs have no transactions. */
export interface TransactionCheck {
  /** See `LocalTransactions` and `TransactionalId`. */
  readonly transactions: {
    check(batch: RecordBatch):
      | {
          join(log: PartitionLog, partition: PartitionIdentity, committed: Promise<unknown>): void
        }
      | undefined
  }
  readonly partition: PartitionIdentity
}

/** Where reads are counted. */
export interface ReadCount {
  readonly clock: Clock
  readonly stats: LogStats
}

/** The engine's view of one partition's log. */
export class LocalPartition implements EnginePartition {
  private readonly find: () => PartitionLog
  private readonly check: TransactionCheck | undefined
  private readonly count: ReadCount | undefined
  private found: PartitionLog | undefined

  /** @param find gives the log, or throws what every call is to fail with */
  constructor(find: () => PartitionLog, check?: TransactionCheck, count?: ReadCount) {
    this.find = find
    this.check = check
    this.count = count
  }

  append(bytes: Buffer, { acks }: { acks: Acks }): Promise<AppendResult> {
    try {
      const { log, check } = this
      const batch = RecordBatch.at(bytes)
      const transactionalId = check?.transactions.check(batch)
      const { placed, committed } = log.append(batch)
      if (transactionalId !== undefined && !placed.duplicate) {
        transactionalId.join(log, (check as TransactionCheck).partition, committed)
      }
      if (acks === 'committed') return committed
      // The caller did not ask; the committer has logged it.
      committed.catch(() => {})
      return Promise.resolve(placed)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  async read(
    offset: number,
    { maxBytes, isolation = 'committed', waitMs = 0, signal }: ReadOptions,
  ): Promise<ReadResult> {
    const { log, count } = this
    await log.waitFor(offset, waitMs, signal, isolation)
    const startMs = count?.clock.monotonicMs() ?? 0
    const { batches, nextOffset, abortedTransactions } = await log.read(offset, maxBytes, isolation)
    if (count !== undefined && batches.length > 0) count.stats.readMs.observe(count.clock.monotonicMs() - startMs)
    return { ...offsetsOf(log), batches, nextOffset, abortedTransactions }
  }

  async status(): Promise<PartitionStatus> {
    const { log } = this
    log.checkOpen()
    return { ...offsetsOf(log), sizeBytes: log.sizeBytes, leaderEpoch: log.leaderEpoch }
  }

  async offsetForTimestamp(timestampMs: number): Promise<{ offset: number; timestamp: number } | undefined> {
    return this.log.findTimestamp(timestampMs)
  }

  async truncateBefore(offset: number): Promise<LogStartOffset> {
    return this.log.truncateBefore(offset)
  }

  private get log(): PartitionLog {
    this.found ??= this.find()
    return this.found
  }
}

function offsetsOf(log: PartitionLog) {
  const { logStartOffset, highWatermark, lastStableOffset } = log
  return { logStartOffset, highWatermark, lastStableOffset }
}
