/*
 * Offset index, as Kafka's (apache/kafka, OffsetIndex.java): entries of 8 bytes, big-endian, ascending.
 *
 *   at  size  field
 *    0     4  last offset of a batch − the segment's base offset
 *    4     4  position in the .log where that batch starts
 */
import { SparseIndex } from './sparse-index.ts'

const ENTRY_BYTES = 8

/** Where to start reading for an offset. Sparse: one entry about every `index.interval.bytes`. */
export class OffsetIndex extends SparseIndex {
  constructor(bytes?: Buffer) {
    super(ENTRY_BYTES, bytes)
  }

  append(relativeLastOffset: number, position: number): void {
    const at = this.grow()
    this.bytes.writeInt32BE(relativeLastOffset, at)
    this.bytes.writeInt32BE(position, at + 4)
  }

  /** The position of a batch at or before the one that holds the offset; every batch before it ends below. */
  lookup(relativeOffset: number): number {
    const entry = this.entryFor(relativeOffset)
    return entry < 0 ? 0 : this.positionAt(entry)
  }

  /** The last entry for a batch that ends at or before the offset; -1 when there is none. */
  entryFor(relativeOffset: number): number {
    return this.lastAtMost(relativeOffset)
  }

  relativeOffsetAt(entry: number): number {
    return this.bytes.readInt32BE(entry * ENTRY_BYTES)
  }

  positionAt(entry: number): number {
    return this.bytes.readInt32BE(entry * ENTRY_BYTES + 4)
  }

  protected override keyAt(entry: number): number {
    return this.relativeOffsetAt(entry)
  }

  /** Whether the entries ascend and stay within a log of `logBytes` bytes. */
  fits(logBytes: number): boolean {
    for (let entry = 0; entry < this.count; entry++) {
      if (this.relativeOffsetAt(entry) < 0) return false
      if (this.positionAt(entry) < 0 || this.positionAt(entry) >= logBytes) return false
      if (entry > 0 && this.positionAt(entry) <= this.positionAt(entry - 1)) return false
      if (entry > 0 && this.relativeOffsetAt(entry) <= this.relativeOffsetAt(entry - 1)) return false
    }
    return true
  }
}
