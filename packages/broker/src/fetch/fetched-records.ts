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

/**
 * The records of what was read, from an offset on.
 * @throws MillraceError CORRUPT_BATCH, INVALID_BATCH or BATCH_TOO_LARGE when the first batch cannot be opened, or its first
 *   record is too large
 */
export function decodeRecords(
  read: ReadResult,
  from: number,
  options: FetchRecordsOptions,
  limits: Limits,
): FetchedRecords {
  const limit = atMost(limits.fetchRecords, options.limit)
  const maxBytes = atMost(limits.fetchBytes, options.maxBytes)
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
        maxBytes: limits.decompressedBytes,
        maxRecordBytes: Math.max(limits.fetchBytes, limits.requestBytes),
      })
      records.push(...opened.records)
      sizeBytes += opened.sizeBytes
      nextOffset = opened.nextOffset
    } catch (error) {
      if (nextOffset > from) break
      throw error instanceof MillraceError && error.details.offset !== undefined ? error : unreadable(batch, error)
    }
  }
  return { records, nextOffset, highWatermark, logStartOffset }
}

interface OpenedBatch {
  readonly records: StoredRecord[]
  /** Bytes of the records that were opened, as far as it matters for a bound. */
  readonly sizeBytes: number
  readonly nextOffset: number
}

interface OpenOptions {
  readonly from: number
  readonly limit: number
  /** What the batch may expand to. */
  readonly maxBytes: number
  /** What one record may have: more than anybody sends unless it is packed, to be unpacked here. */
  readonly maxRecordBytes: number
}

/** The records of a batch at and after `from`, up to `limit`, or to one that is too large for an answer. */
function openBatch(batch: RecordBatch, o: OpenOptions): OpenedBatch {
  const records: StoredRecord[] = []
  let sizeBytes = 0
  for (const record of batch.records(o.maxBytes)) {
    const recordBytes = bytesOf(record)
    sizeBytes += recordBytes + 1
    if (record.offset < o.from) continue
    if (records.length === o.limit) return { records, sizeBytes, nextOffset: record.offset }
    if (recordBytes > o.maxRecordBytes) {
      if (records.length > 0) return { records, sizeBytes, nextOffset: record.offset }
      throw tooLarge(record, recordBytes, o.maxRecordBytes)
    }
    records.push(record)
  }
  return { records, sizeBytes, nextOffset: batch.nextOffset }
}

function bytesOf({ key, value, headers }: StoredRecord): number {
  let bytes = (key?.length ?? 0) + (value?.length ?? 0)
  for (const header of headers) bytes += header.key.length + (header.value?.length ?? 0)
  return bytes
}

function tooLarge({ offset }: StoredRecord, recordBytes: number, maxBytes: number): MillraceError {
  const message = `the record at offset ${offset} has ${recordBytes} bytes, more than the ${maxBytes} that an answer may have`
  return new MillraceError('BATCH_TOO_LARGE', `${message}; a fetch stream gives its batch as it is`, {
    details: { offset, nextOffset: offset + 1 },
  })
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
