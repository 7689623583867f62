import {
  BatchBuilder,
  controlBatch,
  type HighWatermark,
  type LastStableOffset,
  type LogStartOffset,
  MillraceError,
  RecordBatch,
  type RecordInput,
  readBatches,
  type TransactionMarker,
  transactionMarkerOf,
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
  private readonly readers = new Set<() => void>()
  /** Each crash begins another. */
  private life = 0

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

  /** Ends a transaction, as the engine does. */
  appendMarker(marker: TransactionMarker): void {
    const batch = controlBatch(marker, 0)
    batch.stamp(this.logEnd, 0)
    this.batches.push(batch)
    this.logEnd = batch.nextOffset
    if (!this.held) this.commit()
  }

  async read(
    offset: number,
    {
      maxBytes,
      waitMs = 0,
      signal,
    }: { maxBytes: number; waitMs?: number | undefined; signal?: AbortSignal | undefined },
  ) {
    this.reads.calls++
    if (waitMs > 0 && offset >= this.committedEnd && this.readError === undefined) {
      const { life } = this
      await this.growth(signal)
      if (life !== this.life) throw new MillraceError('SHUTTING_DOWN', 'the double crashed')
    }
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
    for (const wake of this.readers) wake()
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
    this.life++
    for (const wake of this.readers) wake()
    for (const { reject } of this.waiting.splice(0)) reject(new MillraceError('SHUTTING_DOWN', 'the double crashed'))
  }

  /**
   * Takes out, below `end` and the first open transaction, the records that a later one there replaces or whose
   * transaction was aborted, and tombstones if told so.
   */
  compact(end: number, { dropTombstones = false } = {}): void {
    const { open, aborted } = this.transactions()
    const stableEnd = Math.min(end, ...open)
    const below = this.batches.filter((batch) => batch.nextOffset <= stableEnd)
    this.compactedEnd = Math.max(this.compactedEnd, below.at(-1)?.nextOffset ?? 0)
    const last = new Map<string, number>()
    for (const batch of below) {
      if (batch.isControl || aborted.has(batch)) continue
      for (const { key, offset } of batch.records(1 << 20)) last.set(String(key), offset)
    }
    const kept = below.flatMap((batch) => {
      if (batch.isControl) return [batch]
      return [...batch.records(1 << 20)]
        .filter(({ key, offset, value }) => last.get(String(key)) === offset && !(dropTombstones && value === null))
        .map((record) => singleBatch(record, record.offset, batch))
    })
    this.batches = [...kept, ...this.batches.slice(below.length)]
  }

  /** All records, with their offsets. */
  records(): { offset: number; key: string; value: string | null }[] {
    const batches = this.batches.filter((batch) => !batch.isControl).flatMap(({ buffer }) => [...readBatches(buffer)])
    return batches
      .flatMap((batch) => [...batch.records(1 << 20)])
      .map(({ offset, key, value }) => ({ offset, key: String(key), value: value === null ? null : String(value) }))
  }

  /** Where open transactions begin, and the batches of aborted ones. */
  private transactions() {
    const open = new Map<number, RecordBatch[]>()
    const aborted = new Set<RecordBatch>()
    for (const batch of this.batches) {
      if (!batch.isTransactional || batch.nextOffset > this.committedEnd) continue
      const own = open.get(batch.producerId) ?? []
      open.set(batch.producerId, [...own, batch])
      if (!batch.isControl) continue
      if (transactionMarkerOf(batch)?.outcome === 'abort') for (const each of own) aborted.add(each)
      open.delete(batch.producerId)
    }
    return { open: [...open.values()].map(([first]) => (first as RecordBatch).baseOffset), aborted }
  }

  private growth(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.readers.delete(wake)
        resolve()
      }
      this.readers.add(wake)
      signal?.addEventListener('abort', wake, { once: true })
    })
  }

  private offsets() {
    return {
      logStartOffset: this.logStart as LogStartOffset,
      highWatermark: this.committedEnd as HighWatermark,
      lastStableOffset: this.committedEnd as LastStableOffset,
    }
  }
}

function singleBatch(record: RecordInput, offset: number, like: RecordBatch): RecordBatch {
  const { producerId, producerEpoch, baseSequence, isTransactional: transactional } = like
  const producer = { producerId, producerEpoch, baseSequence }
  const batch = new BatchBuilder().append(record).build({ producer, transactional })
  batch.stamp(offset, 0)
  return batch
}
