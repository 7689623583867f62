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
import type { Pace } from '../work/long-work.ts'

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

export interface AnswerOptions extends FetchRecordsOptions {
  /** Asked where an answer is large and its turn has come: how many bytes there may be now. It may throw. */
  readonly room?: (() => number) | undefined
  /** Whose answer it is, where large ones wait for their turn: that of each line comes after one of each other. */
  readonly line: string
}

export interface FetchedRecords {
  /** In offset order. Keys and values are views into batches that others read too. */
  readonly records: StoredRecord[]
  /** Bytes of their keys, values and headers, and 1 for each record. */
  readonly sizeBytes: number
  /** Where to read on. */
  readonly nextOffset: number
  readonly highWatermark: number
  readonly logStartOffset: number
}

/**
 * The records of what was read, from an offset on; undefined where a batch would get large when it is unpacked.
 * @throws MillraceError CORRUPT_BATCH, INVALID_BATCH or BATCH_TOO_LARGE when the first batch cannot be opened, or its
 *   first record is too large
 */
export function decodeAtOnce(decoding: Decoding): FetchedRecords | undefined {
  const steps = decode(decoding)
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
    if (step.value !== undefined) return undefined
  }
}

/** The same as a part of long work, however large it gets. @throws MillraceError as `decodeAtOnce` does */
export async function decodeAtPace(decoding: Decoding, pace: Pace): Promise<FetchedRecords> {
  const steps = decode(decoding)
  let step = steps.next()
  while (!step.done) {
    const { value: batch } = step
    if (batch !== undefined) {
      let recordBytes: Buffer
      try {
        recordBytes = await batch.recordBytesAsync(decoding.limits.decompressedBytes)
      } catch (error) {
        step = steps.throw(error)
        continue
      }
      step = steps.next(recordBytes)
    } else {
      if (pace.isLong) await pace.rest()
      step = steps.next()
    }
  }
  return step.value
}

/** What is to be decoded. */
export interface Decoding {
  readonly read: ReadResult
  /** Offset of the first record that is wanted. */
  readonly from: number
  readonly options: FetchRecordsOptions
  readonly limits: Limits
}

/** Records that are looked at between two moments at which the caller may do something else. */
const RECORDS_AT_ONCE = 1_000

/** Yields a batch that has to be unpacked and is large, and takes its records; nothing, where there may be a pause. */
function* decode(decoding: Decoding): Generator<RecordBatch | undefined, FetchedRecords, Buffer | undefined> {
  const { read, from, options, limits } = decoding
  const limit = atMost(limits.fetchRecords, options.limit)
  const maxBytes = atMost(limits.fetchBytes, options.maxBytes)
  // More than anybody sends unless it is packed, to be unpacked here.
  const maxRecordBytes = Math.max(limits.fetchBytes, limits.requestBytes)
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
      const recordBytes = batch.smallRecordBytes(limits.decompressedBytes) ?? ((yield batch) as Buffer)
      const opened = yield* openBatch(batch, recordBytes, { from, limit: limit - records.length, maxRecordBytes })
      for (const record of opened.records) records.push(record)
      sizeBytes += opened.sizeBytes
      nextOffset = opened.nextOffset
    } catch (error) {
      if (nextOffset > from) break
      throw error instanceof MillraceError && error.details.offset !== undefined ? error : unreadable(batch, error)
    }
  }
  return { records, sizeBytes, nextOffset, highWatermark, logStartOffset }
}

interface OpenedBatch {
  readonly records: StoredRecord[]
  readonly sizeBytes: number
  readonly nextOffset: number
}

interface OpenOptions {
  readonly from: number
  readonly limit: number
  readonly maxRecordBytes: number
}

/** The records of a batch at and after `from`, up to `limit`, or to one that is too large for an answer. */
function* openBatch(
  batch: RecordBatch,
  recordBytes: Buffer,
  { from, limit, maxRecordBytes }: OpenOptions,
): Generator<undefined, OpenedBatch> {
  const records: StoredRecord[] = []
  let sizeBytes = 0
  let left = RECORDS_AT_ONCE
  for (const record of batch.recordsIn(recordBytes)) {
    if (--left === 0) {
      left = RECORDS_AT_ONCE
      yield
    }
    if (record.offset < from) continue
    if (records.length === limit) return { records, sizeBytes, nextOffset: record.offset }
    const bytes = bytesOf(record)
    if (bytes > maxRecordBytes) {
      if (records.length > 0) return { records, sizeBytes, nextOffset: record.offset }
      throw tooLarge(record, bytes, maxRecordBytes)
    }
    records.push(record)
    sizeBytes += bytes + 1
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
