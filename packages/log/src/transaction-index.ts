/*
 * Transaction index, as Kafka's (apache/kafka, AbortedTxn.java): the aborted transactions whose markers are in a segment,
 * in entries of 34 bytes, big-endian, by last offset.
 *
 *   at  size  field
 *    0     2  version = 0
 *    2     8  producer id
 *   10     8  first offset           of the transaction's first batch in the partition
 *   18     8  last offset            of its marker
 *   26     8  last stable offset     no later entry has a smaller first offset; 0 when that is not known
 */
import { readInt64, writeInt64 } from '@millrace/record'
import { SparseIndex } from './sparse-index.ts'

export const TRANSACTION_ENTRY_BYTES = 34
const VERSION = 0
const AT = { producerId: 2, firstOffset: 10, lastOffset: 18, lastStableOffset: 26 } as const

/** A transaction that was aborted. */
export interface AbortedTransaction {
  readonly producerId: number
  readonly firstOffset: number
  /** Of its marker. */
  readonly lastOffset: number
  readonly lastStableOffset: number
}

/** The aborted transactions whose markers are in one segment. */
export class TransactionIndex extends SparseIndex {
  constructor(bytes?: Buffer) {
    super(TRANSACTION_ENTRY_BYTES, bytes)
  }

  append({ producerId, firstOffset, lastOffset, lastStableOffset }: AbortedTransaction): void {
    const at = this.grow()
    this.bytes.writeInt16BE(VERSION, at)
    writeInt64(this.bytes, producerId, at + AT.producerId)
    writeInt64(this.bytes, firstOffset, at + AT.firstOffset)
    writeInt64(this.bytes, lastOffset, at + AT.lastOffset)
    writeInt64(this.bytes, lastStableOffset, at + AT.lastStableOffset)
  }

  /** @throws MillraceError INVALID_BATCH where a field is no offset */
  entryAt(entry: number): AbortedTransaction {
    const at = entry * TRANSACTION_ENTRY_BYTES
    const field = (of: keyof typeof AT): number => readInt64(this.bytes, at + AT[of])
    return {
      producerId: field('producerId'),
      firstOffset: field('firstOffset'),
      lastOffset: field('lastOffset'),
      lastStableOffset: field('lastStableOffset'),
    }
  }

  /**
   * Adds to `found` the transactions that have batches from `from` on and before `to`.
   * @returns whether those are all, of later segments too
   */
  collect(from: number, to: number, found: AbortedTransaction[]): boolean {
    for (let entry = this.lastAtMost(from - 1) + 1; entry < this.count; entry++) {
      const aborted = this.entryAt(entry)
      if (aborted.firstOffset < to) found.push(aborted)
      if (aborted.lastStableOffset >= to) return true
    }
    return false
  }

  /** Whether the entries are whole and ascend within a segment from `baseOffset` to `nextOffset`. */
  fits(baseOffset: number, nextOffset: number): boolean {
    if (this.bytes.length !== this.fileBytes.length) return false
    let previous = baseOffset - 1
    for (let entry = 0; entry < this.count; entry++) {
      const at = entry * TRANSACTION_ENTRY_BYTES
      if (this.bytes.readInt16BE(at) !== VERSION) return false
      for (const field of Object.values(AT)) {
        const value = this.bytes.readBigInt64BE(at + field)
        if (value < 0n || value > BigInt(Number.MAX_SAFE_INTEGER)) return false
      }
      const { firstOffset, lastOffset, lastStableOffset } = this.entryAt(entry)
      if (firstOffset >= lastOffset || lastOffset <= previous || lastOffset >= nextOffset) return false
      if (lastStableOffset > lastOffset + 1) return false
      previous = lastOffset
    }
    return true
  }

  protected override keyAt(entry: number): number {
    return readInt64(this.bytes, entry * TRANSACTION_ENTRY_BYTES + AT.lastOffset)
  }
}
