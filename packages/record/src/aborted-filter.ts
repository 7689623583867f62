import { transactionMarkerOf } from './control-batch.ts'
import type { RecordBatch } from './record-batch.ts'

/** A transaction that was aborted, by its producer and the offset of its first record in the partition. */
export interface AbortedTransaction {
  readonly producerId: number
  readonly firstOffset: number
}

/**
 * Tells which batches of one read are not to be shown to a reader with isolation `committed`: those of aborted
 * transactions, and control batches. The algorithm is that of Kafka's consumer (apache/kafka, CompletedFetch.java): a
 * producer's transactional batches are left out from the first offset of its aborted transaction on, up to its abort
 * marker.
 *
 * It knows only the transactions that came with the read, and so serves for one: each read comes with all that overlap
 * it, also those that began before it. A batch belongs to one transaction, so that whole batches are left out.
 */
export class AbortedFilter {
  /** Those whose first offset was not reached yet, the next one last. */
  private readonly ahead: AbortedTransaction[]
  private readonly aborting = new Set<number>()

  constructor(aborted: readonly AbortedTransaction[]) {
    this.ahead = [...aborted].sort((a, b) => b.firstOffset - a.firstOffset)
  }

  /**
   * Whether `batch` is left out. To be asked of every batch of the read, in order.
   * @throws MillraceError INVALID_BATCH for a control batch that is not framed as one
   */
  leavesOut(batch: RecordBatch): boolean {
    const { isControl, isTransactional } = batch
    if (!isTransactional) return isControl
    const { lastOffset, producerId } = batch
    for (let next = this.ahead.at(-1); next !== undefined && next.firstOffset <= lastOffset; next = this.ahead.at(-1)) {
      this.aborting.add(next.producerId)
      this.ahead.pop()
    }
    if (!isControl) return this.aborting.has(producerId)
    if (this.aborting.has(producerId) && transactionMarkerOf(batch)?.outcome === 'abort') {
      this.aborting.delete(producerId)
    }
    return true
  }
}
