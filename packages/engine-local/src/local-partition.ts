import type { Acks, AppendResult, EnginePartition, PartitionStatus, ReadOptions, ReadResult } from '@millrace/engine'
import type { PartitionLog } from '@millrace/log'
import { type LastStableOffset, type LogStartOffset, RecordBatch } from '@millrace/record'

/** The engine's view of one partition's log. */
export class LocalPartition implements EnginePartition {
  private readonly find: () => PartitionLog
  private found: PartitionLog | undefined

  /** @param find gives the log, or throws what every call is to fail with */
  constructor(find: () => PartitionLog) {
    this.find = find
  }

  append(bytes: Buffer, { acks }: { acks: Acks }): Promise<AppendResult> {
    try {
      const { placed, committed } = this.log.append(RecordBatch.at(bytes))
      if (acks === 'committed') return committed
      // The caller did not ask; the committer has logged it.
      committed.catch(() => {})
      return Promise.resolve(placed)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  async read(offset: number, { maxBytes, waitMs = 0, signal }: ReadOptions): Promise<ReadResult> {
    const { log } = this
    await log.waitFor(offset, waitMs, signal)
    const { batches, nextOffset } = await log.read(offset, maxBytes)
    return { ...offsetsOf(log), batches, nextOffset, abortedTransactions: [] }
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
  const { logStartOffset, highWatermark } = log
  return { logStartOffset, highWatermark, lastStableOffset: highWatermark as number as LastStableOffset }
}
