import type { RecordBatch } from '@millrace/record'
import type { AbortedTransaction } from './transaction-index.ts'

/** Tells the batches of aborted transactions from others. */
export class AbortedBatches {
  /** By producer, in offset order; those of one producer follow on one another. */
  private readonly byProducer = new Map<number, AbortedTransaction[]>()
  private readonly byMarker = new Map<number, AbortedTransaction>()

  /** @param aborted by first offset */
  constructor(aborted: readonly AbortedTransaction[]) {
    for (const transaction of aborted) {
      const { producerId, lastOffset } = transaction
      this.byMarker.set(lastOffset, transaction)
      const known = this.byProducer.get(producerId)
      if (known === undefined) this.byProducer.set(producerId, [transaction])
      else known.push(transaction)
    }
  }

  /** Whether the records of a batch were aborted. */
  has(batch: RecordBatch): boolean {
    if (this.byProducer.size === 0 || !batch.isTransactional || batch.isControl) return false
    const { producerId, baseOffset } = batch
    const transactions = this.byProducer.get(producerId) ?? []
    let low = 0
    let high = transactions.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((transactions[middle] as AbortedTransaction).lastOffset <= baseOffset) low = middle + 1
      else high = middle
    }
    const next = transactions[low]
    return next !== undefined && next.firstOffset <= baseOffset
  }

  /** The transaction that the marker at `offset` aborted. */
  endedAt(offset: number): AbortedTransaction | undefined {
    return this.byMarker.get(offset)
  }
}
