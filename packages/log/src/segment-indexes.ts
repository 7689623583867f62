import type { RecordBatch } from '@millrace/record'
import { OffsetIndex } from './offset-index.ts'
import { TimeIndex } from './time-index.ts'

/** The offset and the time index of one segment, kept in step as batches are added. */
export class SegmentIndexes {
  readonly offsets: OffsetIndex
  readonly times: TimeIndex
  private bytesSinceEntry = 0
  private largest = -1
  private offsetOfLargest = -1

  /** @param logBytes of the log that the indexes are of */
  constructor(offsets = new OffsetIndex(), times = new TimeIndex(), logBytes = 0) {
    this.offsets = offsets
    this.times = times
    this.bytesSinceEntry = logBytes - (offsets.entries === 0 ? 0 : offsets.positionAt(offsets.entries - 1))
    this.largest = times.lastTimestamp
    if (times.entries > 0) this.offsetOfLargest = times.relativeOffsetAt(times.entries - 1)
  }

  /** The largest timestamp of all batches; -1 when there are none. */
  get largestTimestamp(): number {
    return this.largest
  }

  get memoryBytes(): number {
    return this.offsets.memoryBytes + this.times.memoryBytes
  }

  /**
   * Takes note of a batch that lies at `position` and whose last offset is `relativeLastOffset` from the segment's
   * base offset.
   */
  add(batch: RecordBatch, relativeLastOffset: number, position: number, intervalBytes: number): void {
    const { maxTimestamp } = batch
    // What compaction emptied has no record that anybody could look for by its time.
    if (maxTimestamp > this.largest && batch.recordCount > 0) {
      this.largest = maxTimestamp
      this.offsetOfLargest = relativeLastOffset
    }
    if (this.bytesSinceEntry > intervalBytes) {
      this.offsets.append(relativeLastOffset, position)
      this.times.append(this.largest, this.offsetOfLargest)
      this.bytesSinceEntry = 0
    }
    this.bytesSinceEntry += batch.sizeBytes
  }

  /** Takes note that there is more, of which nothing is known: the largest timestamp may be any. */
  leaveOpen(): void {
    this.largest = Number.MAX_SAFE_INTEGER
  }

  /** Enters the largest timestamp, so that the time index alone tells it. To be called before its file is written. */
  finish(): void {
    if (this.largest >= 0) this.times.append(this.largest, this.offsetOfLargest)
  }
}

interface Measured {
  readonly memoryBytes: number
}

/** Keeps the indexes of closed segments in memory up to a bound; those that were not used for longest go first. */
export class IndexCache {
  private readonly maxBytes: number
  private bytes = 0
  private readonly entries = new Map<object, { loaded: Promise<Measured>; bytes: number }>()

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }

  get memoryBytes(): number {
    return this.bytes
  }

  /** What `load` gave for `segment`, or whoever else asks, from memory; or what it gives now. */
  get<Index extends Measured>(segment: object, load: () => Promise<Index>): Promise<Index> {
    const known = this.entries.get(segment)
    if (known !== undefined) {
      this.entries.delete(segment)
      this.entries.set(segment, known)
      return known.loaded as Promise<Index>
    }
    const entry = { loaded: load(), bytes: 0 }
    this.entries.set(segment, entry)
    entry.loaded.then(
      (indexes) => {
        if (this.entries.get(segment) !== entry) return
        entry.bytes = indexes.memoryBytes
        this.bytes += entry.bytes
        this.shrink()
      },
      () => {
        if (this.entries.get(segment) === entry) this.entries.delete(segment)
      },
    )
    return entry.loaded as Promise<Index>
  }

  drop(segment: object): void {
    const entry = this.entries.get(segment)
    if (entry === undefined) return
    this.entries.delete(segment)
    this.bytes -= entry.bytes
  }

  private shrink(): void {
    for (const segment of this.entries.keys()) {
      if (this.bytes <= this.maxBytes || this.entries.size === 1) return
      this.drop(segment)
    }
  }
}
