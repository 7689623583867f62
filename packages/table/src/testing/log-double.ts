import {
  BatchBuilder,
  type HighWatermark,
  type LastStableOffset,
  type LogStartOffset,
  MillraceError,
  RecordBatch,
  type RecordInput,
  readBatches,
} from '@millrace/record'
import type { TablePartition } from '../log-reader.ts'

/** What becomes of an append. */
type Fate = 'commit' | 'fail' | 'store and fail'

interface Waiting {
  readonly end: number
  readonly resolve: () => void
  readonly reject: (error: MillraceError) => void
}

/**
 * A log in an array that does what real ones do at their worst: keeps appends waiting, fails them with and without a
 * trace, loses its end in a crash, is compacted.
 */
export class LogDouble implements TablePartition {
  /** What was read from it. */
  readonly reads = { calls: 0, bytes: 0 }
  logStart = 0
  /** Until it is false again, nothing is committed. */
  held = false
  /** The end of what was compacted: only synced segments are, so that no crash takes the log's end below it. */
  private compactedEnd = 0
  /** What becomes of the next appends; after them all are committed. */
  readonly fates: Fate[] = []
  /** What reads fail with. */
  readError: MillraceError | undefined
  private batches: RecordBatch[] = []
  private logEnd = 0
  private committedEnd = 0
  private waiting: Waiting[] = []

  get highWatermark(): number {
    return this.committedEnd
  }

  async append(bytes: Buffer) {
    const fate = this.fates.shift() ?? 'commit'
    if (fate === 'fail') throw new MillraceError('STORAGE_FAILED', 'the double was told to fail')
    const batch = RecordBatch.at(bytes)
    const baseOffset = this.logEnd
    batch.stamp(baseOffset, 0)
    this.batches.push(batch)
    this.logEnd = batch.nextOffset
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.waiting.push({ end: this.logEnd, resolve, reject })
    if (!this.held) queueMicrotask(() => this.commit())
    await promise
    if (fate === 'store and fail') throw new MillraceError('COMMIT_UNKNOWN', 'the double was told to be silent')
    return { baseOffset, timestamp: batch.maxTimestamp, duplicate: false }
  }

  async read(offset: number, { maxBytes }: { maxBytes: number }) {
    this.reads.calls++
    if (this.readError !== undefined) throw this.readError
    const found: Buffer[] = []
    let bytes = 0
    let nextOffset = offset
    for (const batch of this.batches) {
      if (batch.nextOffset > this.committedEnd) break
      if (batch.nextOffset <= offset) continue
      if (found.length > 0 && bytes + batch.sizeBytes > maxBytes) break
      found.push(batch.buffer)
      bytes += batch.sizeBytes
      nextOffset = batch.nextOffset
    }
    this.reads.bytes += bytes
    if (found.length === 0) nextOffset = Math.max(offset, this.committedEnd)
    return { ...this.offsets(), batches: found, nextOffset, abortedTransactions: [] }
  }

  async status() {
    return { ...this.offsets(), sizeBytes: 0, leaderEpoch: 0 }
  }

  /** Commits what waits, up to `end`. */
  commit(end = this.logEnd): void {
    this.committedEnd = Math.max(this.committedEnd, end)
    const done = this.waiting.filter((append) => append.end <= this.committedEnd)
    this.waiting = this.waiting.filter((append) => append.end > this.committedEnd)
    for (const append of done) append.resolve()
  }

  /** What a crash leaves: of what was not committed the first `keep` batches, of the rest all but the last `lose`. */
  crash({ keep = 0, lose = 0 }: { keep?: number; lose?: number } = {}): void {
    const committed = this.batches.filter((batch) => batch.nextOffset <= this.committedEnd)
    const others = this.batches.slice(committed.length)
    this.batches = lose > 0 ? committed.slice(0, -lose) : [...committed, ...others.slice(0, keep)]
    this.logEnd = Math.max(this.batches.at(-1)?.nextOffset ?? this.logStart, this.compactedEnd)
    this.committedEnd = this.logEnd
    this.held = false
    this.fates.length = 0
    for (const { reject } of this.waiting.splice(0)) reject(new MillraceError('SHUTTING_DOWN', 'the double crashed'))
  }

  /** Takes out, below `end`, the records that a later one below it replaces, and tombstones if told so. */
  compact(end: number, { dropTombstones = false } = {}): void {
    const below = this.batches.filter((batch) => batch.nextOffset <= end)
    this.compactedEnd = Math.max(this.compactedEnd, below.at(-1)?.nextOffset ?? 0)
    const records = below.flatMap((batch) => [...batch.records(1 << 20)])
    const last = new Map(records.map(({ key, offset }) => [String(key), offset]))
    const kept = records.filter(
      ({ key, offset, value }) => last.get(String(key)) === offset && !(dropTombstones && value === null),
    )
    this.batches = [...kept.map((record) => singleBatch(record, record.offset)), ...this.batches.slice(below.length)]
  }

  /** All records, with their offsets. */
  records(): { offset: number; key: string; value: string | null }[] {
    const batches = this.batches.flatMap(({ buffer }) => [...readBatches(buffer)])
    return batches
      .flatMap((batch) => [...batch.records(1 << 20)])
      .map(({ offset, key, value }) => ({ offset, key: String(key), value: value === null ? null : String(value) }))
  }

  private offsets() {
    return {
      logStartOffset: this.logStart as LogStartOffset,
      highWatermark: this.committedEnd as HighWatermark,
      lastStableOffset: this.committedEnd as LastStableOffset,
    }
  }
}

function singleBatch(record: RecordInput, offset: number): RecordBatch {
  const batch = new BatchBuilder().append(record).build()
  batch.stamp(offset, 0)
  return batch
}
