import type { Isolation, ReadResult } from '@millrace/engine'
import {
  AbortedFilter,
  asMillraceError,
  type Limits,
  MillraceError,
  type RecordBatch,
  readBatches,
  type StoredRecord,
} from '@millrace/record'
import { type LiveReader, lagOf, type ReaderLag } from '../stats/live-readers.ts'
import type { TopicHandle } from '../topics/topic-handle.ts'
import type { Topics } from '../topics/topics.ts'
import { FetchSource } from './fetch-source.ts'
import type { Position } from './position.ts'

export interface FetchOptions {
  readonly limits: Limits
  readonly topics: Topics
}

export interface FetchRecordsOptions {
  /** Records to return at most. At most, and by default, `limits.fetchRecords`. */
  readonly limit?: number | undefined
  /**
   * Bytes to return at most, of batches as they are stored and of the records in them; at least one batch is opened
   * whole. At most, and by default, `limits.fetchBytes`.
   */
  readonly maxBytes?: number | undefined
  /** How long to wait when there is nothing yet. At most `limits.fetchWaitMs`; default 0. */
  readonly waitMs?: number | undefined
  /** Default `committed`. */
  readonly isolation?: Isolation | undefined
  /** Ends the waiting: there are then no records. */
  readonly signal?: AbortSignal | undefined
}

export interface FetchedRecords {
  /** In offset order. Keys and values are views into batches that others read too. */
  readonly records: StoredRecord[]
  /** Where to read on. */
  readonly nextOffset: number
  readonly highWatermark: number
  readonly logStartOffset: number
}

/** Reading: stored batches through a source, or decoded records for those who do not know batches. */
export class Fetch {
  private readonly limits: Limits
  private readonly topics: Topics
  private readonly readers = new Set<LiveReader>()

  constructor({ limits, topics }: FetchOptions) {
    this.limits = limits
    this.topics = topics
  }

  /** @throws MillraceError TOPIC_NOT_FOUND, PARTITION_NOT_FOUND */
  async source(topic: string, partition: number): Promise<FetchSource> {
    return this.sourceOf(await this.topics.handle(topic), partition)
  }

  /**
   * The records from a position on, decoded, without those of aborted transactions. There may be none although reading
   * goes on further along. Where a batch cannot be opened, those before it come, and the call that
   * begins at it fails.
   * @throws MillraceError TOPIC_NOT_FOUND, PARTITION_NOT_FOUND, OFFSET_OUT_OF_RANGE (with `logStartOffset` and
   *   `highWatermark` as details), INVALID_REQUEST; CORRUPT_BATCH, INVALID_BATCH or BATCH_TOO_LARGE for a stored batch
   *   that cannot be opened, with the `nextOffset` after it as a detail
   */
  records(
    topic: string,
    partition: number,
    from: Position,
    options: FetchRecordsOptions = {},
  ): Promise<FetchedRecords> {
    return this.topics.use(topic, async (handle) => {
      const source = this.sourceOf(handle, partition)
      const { maxBytes = this.limits.fetchBytes, waitMs, isolation, signal } = options
      const offset = await source.resolve(from, isolation)
      const read = await source.read(offset, { maxBytes, waitMs, isolation, signal })
      source.given(read)
      return this.decode(read, offset, options)
    })
  }

  /** How far those who follow partitions are behind. */
  readerLag(): Promise<ReaderLag> {
    return lagOf(this.readers)
  }

  private sourceOf(handle: TopicHandle, partition: number): FetchSource {
    return new FetchSource({
      handle,
      partition: handle.partition(partition),
      limits: this.limits,
      topics: this.topics,
      readers: this.readers,
    })
  }

  private decode(read: ReadResult, from: number, options: FetchRecordsOptions): FetchedRecords {
    const limit = atMost(this.limits.fetchRecords, options.limit)
    const maxBytes = atMost(this.limits.fetchBytes, options.maxBytes)
    const { highWatermark, logStartOffset } = read
    const records: StoredRecord[] = []
    let sizeBytes = 0
    let nextOffset = from
    const filter = new AbortedFilter(read.abortedTransactions)
    for (const batch of batchesOf(read)) {
      if (records.length === limit || sizeBytes >= maxBytes) break
      try {
        if (filter.leavesOut(batch)) {
          nextOffset = batch.nextOffset
          continue
        }
        const opened = openBatch(batch, {
          from,
          limit: limit - records.length,
          maxBytes: this.limits.decompressedBytes,
        })
        records.push(...opened.records)
        sizeBytes += opened.sizeBytes
        nextOffset = opened.nextOffset
      } catch (error) {
        if (nextOffset > from) break
        throw unreadable(batch, error)
      }
    }
    return { records, nextOffset, highWatermark, logStartOffset }
  }
}

interface OpenedBatch {
  readonly records: StoredRecord[]
  /** Bytes of the records that were opened, as far as it matters for a bound. */
  readonly sizeBytes: number
  readonly nextOffset: number
}

/** The records of a batch at and after `from`, up to `limit`. */
function openBatch(batch: RecordBatch, o: { from: number; limit: number; maxBytes: number }): OpenedBatch {
  const records: StoredRecord[] = []
  let sizeBytes = 0
  for (const record of batch.records(o.maxBytes)) {
    sizeBytes += (record.key?.length ?? 0) + (record.value?.length ?? 0) + 1
    if (record.offset < o.from) continue
    if (records.length === o.limit) return { records, sizeBytes, nextOffset: record.offset }
    records.push(record)
  }
  return { records, sizeBytes, nextOffset: batch.nextOffset }
}

function* batchesOf({ batches }: ReadResult): Generator<RecordBatch, void, undefined> {
  for (const buffer of batches) yield* readBatches(buffer)
}

function unreadable(batch: RecordBatch, error: unknown): MillraceError {
  const { code, message } = asMillraceError(error)
  const { baseOffset, nextOffset } = batch
  return new MillraceError(
    code,
    `the batch of offsets ${baseOffset} to ${nextOffset - 1} cannot be opened: ${message}`,
    {
      cause: error,
      details: { baseOffset, nextOffset },
    },
  )
}

function atMost(max: number, wanted: number | undefined): number {
  return wanted === undefined || wanted <= 0 ? max : Math.min(wanted, max)
}
