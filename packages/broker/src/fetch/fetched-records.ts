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
import type { LongWork, Pace } from '../work/long-work.ts'

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
  /** Bytes of their keys, values and headers, and of those that were passed over to get there. */
  readonly sizeBytes: number
  /** Where to read on. */
  readonly nextOffset: number
  readonly highWatermark: number
  readonly logStartOffset: number
}

/**
 * The records of what was read, from an offset on. What has to be unpacked, and is large, is long work.
 * @throws MillraceError CORRUPT_BATCH, INVALID_BATCH or BATCH_TOO_LARGE when the first batch cannot be opened, or its first
 *   record is too large
 */
export async function decodeRecords(
  read: ReadResult,
  from: number,
  options: FetchRecordsOptions,
  { limits, longWork }: { readonly limits: Limits; readonly longWork: LongWork },
): Promise<FetchedRecords> {
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
      const opening = new BatchOpening(batch, {
        from,
        limit: limit - records.length,
        maxRecordBytes: Math.max(limits.fetchBytes, limits.requestBytes),
      })
      const recordBytes = batch.smallRecordBytes(limits.decompressedBytes)
      if (recordBytes !== undefined) opening.open(recordBytes)
      else await longWork.run((pace) => opening.unpack(limits.decompressedBytes, pace))
      for (const record of opening.records) records.push(record)
      sizeBytes += opening.sizeBytes
      nextOffset = opening.nextOffset
    } catch (error) {
      if (nextOffset > from) break
      throw error instanceof MillraceError && error.details.offset !== undefined ? error : unreadable(batch, error)
    }
  }
  return { records, sizeBytes, nextOffset, highWatermark, logStartOffset }
}

interface OpeningOptions {
  readonly from: number
  readonly limit: number
  /** What one record may have: more than anybody sends unless it is packed, to be unpacked here. */
  readonly maxRecordBytes: number
}

/** Records of a packed batch that are looked at between two looks at the time. */
const RECORDS_AT_ONCE = 1_000

/** Finds the records of a batch at and after an offset, up to a limit, or to one that is too large for an answer. */
class BatchOpening {
  readonly records: StoredRecord[] = []
  /** Bytes of the records that were looked at, as far as it matters for a bound. */
  sizeBytes = 0
  nextOffset: number
  private readonly batch: RecordBatch
  private readonly options: OpeningOptions

  constructor(batch: RecordBatch, options: OpeningOptions) {
    this.batch = batch
    this.options = options
    this.nextOffset = batch.nextOffset
  }

  /** @throws MillraceError INVALID_BATCH; BATCH_TOO_LARGE for the first record */
  open(recordBytes: Buffer): void {
    for (const record of this.batch.recordsIn(recordBytes)) if (!this.take(record)) return
  }

  /** @throws MillraceError as `open` and `RecordBatch.recordBytes` do */
  async unpack(maxBytes: number, pace: Pace): Promise<void> {
    const recordBytes = await this.batch.recordBytesAsync(maxBytes)
    let left = RECORDS_AT_ONCE
    for (const record of this.batch.recordsIn(recordBytes)) {
      if (!this.take(record)) return
      if (--left > 0) continue
      left = RECORDS_AT_ONCE
      if (pace.isLong) await pace.rest()
    }
  }

  /** @returns whether to go on */
  private take(record: StoredRecord): boolean {
    const { records, options } = this
    const recordBytes = bytesOf(record)
    this.sizeBytes += recordBytes + 1
    if (record.offset < options.from) return true
    const isTooLarge = recordBytes > options.maxRecordBytes
    if (isTooLarge && records.length === 0) throw tooLarge(record, recordBytes, options.maxRecordBytes)
    if (isTooLarge || records.length === options.limit) {
      this.nextOffset = record.offset
      return false
    }
    records.push(record)
    return true
  }
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
