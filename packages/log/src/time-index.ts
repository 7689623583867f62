/*
 * Time index, as Kafka's (apache/kafka, TimeIndex.java): entries of 12 bytes, big-endian, both fields ascending.
 *
 *   at  size  field
 *    0     8  the largest timestamp so far, ms since 1970
 *    8     4  last offset of the batch that has it − the segment's base offset
 */
import { SparseIndex } from './sparse-index.ts'

const ENTRY_BYTES = 12
const HIGH = 2 ** 32

/** Where to start looking for a time. Timestamps of records need not ascend; the largest so far does. */
export class TimeIndex extends SparseIndex {
  constructor(bytes?: Buffer) {
    super(ENTRY_BYTES, bytes)
  }

  /** The largest timestamp that was entered; -1 when there is none. */
  get lastTimestamp(): number {
    return this.count === 0 ? -1 : this.keyAt(this.count - 1)
  }

  /** Adds an entry, unless the largest timestamp has not grown since the last. */
  append(largestTimestamp: number, relativeLastOffset: number): void {
    if (largestTimestamp <= this.lastTimestamp) return
    const at = this.grow()
    const high = Math.floor(largestTimestamp / HIGH)
    this.bytes.writeInt32BE(high, at)
    this.bytes.writeUInt32BE(largestTimestamp - high * HIGH, at + 4)
    this.bytes.writeInt32BE(relativeLastOffset, at + 8)
  }

  /** A relative offset below which no record is as late as `timestamp`. */
  lookup(timestamp: number): number {
    const entry = this.entryBefore(timestamp)
    return entry < 0 ? 0 : this.relativeOffsetAt(entry)
  }

  /** The last entry with an earlier timestamp; -1 when there is none. */
  entryBefore(timestamp: number): number {
    return this.lastAtMost(timestamp - 1)
  }

  relativeOffsetAt(entry: number): number {
    return this.bytes.readInt32BE(entry * ENTRY_BYTES + 8)
  }

  timestampAt(entry: number): number {
    return this.keyAt(entry)
  }

  protected override keyAt(entry: number): number {
    const at = entry * ENTRY_BYTES
    return this.bytes.readInt32BE(at) * HIGH + this.bytes.readUInt32BE(at + 4)
  }

  /** Whether the entries ascend and stay within `offsets` offsets. */
  fits(offsets: number): boolean {
    for (let entry = 0; entry < this.count; entry++) {
      const offset = this.relativeOffsetAt(entry)
      if (offset < 0 || offset >= offsets) return false
      if (this.keyAt(entry) < 0 || !Number.isSafeInteger(this.keyAt(entry))) return false
      if (entry > 0 && (this.keyAt(entry) <= this.keyAt(entry - 1) || offset <= this.relativeOffsetAt(entry - 1)))
        return false
    }
    return true
  }
}
