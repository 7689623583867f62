import type { RecordBatch } from '@millrace/record'
import { type FoundRecord, firstAtOrAfter, type TimeQuery } from './time-lookup.ts'

/** What a batch takes in memory beside its bytes; measured on Node.js 24. */
const BATCH_OVERHEAD_BYTES = 256

/**
 * The committed batches of one partition that its segment file does not have yet, in offset order, without gaps. The
 * journal has them too, for the next start.
 */
export class PartitionBacklog {
  private batches: RecordBatch[] = []
  private size = 0

  get sizeBytes(): number {
    return this.size
  }

  get memoryBytes(): number {
    return this.size + this.batches.length * BATCH_OVERHEAD_BYTES
  }

  /** All that there are at the moment. */
  all(): readonly RecordBatch[] {
    return [...this.batches]
  }

  add(batch: RecordBatch): void {
    this.batches.push(batch)
    this.size += batch.sizeBytes
  }

  /** Takes out, and shows to `visit`, the batches before `offset`. */
  removeBefore(offset: number, visit: (batch: RecordBatch) => void): void {
    let count = 0
    for (const batch of this.batches) {
      if (batch.nextOffset > offset) break
      this.size -= batch.sizeBytes
      count++
      visit(batch)
    }
    this.batches.splice(0, count)
  }

  clear(): void {
    this.batches = []
    this.size = 0
  }

  /**
   * The batches from the one that holds `offset` on, which end at or before `end`, up to `maxBytes` but at least one;
   * undefined without such a one.
   */
  read(offset: number, end: number, maxBytes: number): { batches: Buffer[]; nextOffset: number } | undefined {
    const [oldest] = this.batches
    if (oldest === undefined || offset < oldest.baseOffset) return undefined
    const batches: Buffer[] = []
    let nextOffset = offset
    let left = maxBytes
    for (let index = this.indexOf(offset); index < this.batches.length; index++) {
      const batch = this.batches[index] as RecordBatch
      if (batch.nextOffset > end || (batches.length > 0 && batch.sizeBytes > left)) break
      batches.push(batch.buffer)
      left -= batch.sizeBytes
      nextOffset = batch.nextOffset
    }
    return batches.length > 0 ? { batches, nextOffset } : undefined
  }

  private indexOf(offset: number): number {
    let low = 0
    let high = this.batches.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.batches[middle] as RecordBatch).nextOffset <= offset) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** The first record that a query asks for, in batches in offset order. */
export async function findInBatches(
  batches: readonly RecordBatch[],
  query: TimeQuery,
): Promise<FoundRecord | undefined> {
  for (const batch of batches) {
    const found = batch.maxTimestamp >= query.timestampMs ? await firstAtOrAfter(batch, query) : undefined
    if (found !== undefined) return found
  }
  return undefined
}
