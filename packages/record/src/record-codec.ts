/*
 * One record inside a batch (apache/kafka, DefaultRecord.java):
 *
 *   length            varint   bytes after this field
 *   attributes        int8     0
 *   timestamp delta   varlong  from the batch's base timestamp
 *   offset delta      varint   from the batch's base offset
 *   key length        varint   -1: null; then the key
 *   value length      varint   -1: null; then the value
 *   header count      varint   then for each: key length varint, UTF-8 key, value length varint (-1: null), value
 */
import { MillraceError } from './errors.ts'
import { MAX_HEADERS_PER_RECORD } from './limits.ts'
import type { RecordHeader, RecordInput, StoredRecord } from './record.ts'
import { VarintReader, varintBytes, varlongBytes, writeVarint, writeVarlong } from './varint.ts'

const NO_HEADERS: readonly RecordHeader[] = []

/** What the records of a batch are relative to. */
interface RecordBase {
  readonly baseOffset: number
  readonly baseTimestamp: number
  readonly maxTimestamp: number
  readonly isLogAppendTime: boolean
  readonly lastOffsetDelta: number
  readonly recordCount: number
}

/**
 * Decodes the records of a batch one after another: after each `next` that returned true, it is the record. Their offsets
 * rise within what the base says; compaction may have left gaps. Keys, values and headers are views that stay.
 */
export class RecordDecoder implements StoredRecord {
  offset = -1
  timestamp = -1
  key: Buffer | null = null
  value: Buffer | null = null
  headers: readonly RecordHeader[] = NO_HEADERS
  private readonly reader: VarintReader
  private readonly baseOffset: number
  private readonly baseTimestamp: number
  private readonly lastOffset: number
  private readonly recordCount: number
  private readonly appendTime: number | undefined
  private index = 0

  constructor(bytes: Buffer, base: RecordBase) {
    this.reader = new VarintReader(bytes)
    this.baseOffset = base.baseOffset
    this.baseTimestamp = base.baseTimestamp
    this.lastOffset = base.baseOffset + base.lastOffsetDelta
    this.recordCount = base.recordCount
    this.appendTime = base.isLogAppendTime ? base.maxTimestamp : undefined
    this.offset = base.baseOffset - 1
  }

  /**
   * Goes to the next record; false when there is none.
   * @throws MillraceError INVALID_BATCH where the framing contradicts itself or the batch's header
   */
  next(): boolean {
    const { reader, index } = this
    if (index >= this.recordCount) {
      if (reader.position !== reader.bytes.length) throw trailing(reader.bytes.length - reader.position)
      return false
    }
    const end = readRecordEnd(reader)
    const timestamp = this.baseTimestamp + reader.readVarlong()
    if (!Number.isSafeInteger(timestamp)) throw new MillraceError('INVALID_BATCH', `record ${index} is out of all time`)
    const offset = this.baseOffset + reader.readVarint()
    if (offset <= this.offset || offset > this.lastOffset) {
      throw new MillraceError('INVALID_BATCH', `record ${index} has offset delta ${offset - this.baseOffset}`)
    }
    this.offset = offset
    this.timestamp = this.appendTime ?? timestamp
    this.key = readNullable(reader)
    this.value = readNullable(reader)
    this.headers = readHeaders(reader)
    if (reader.position !== end) throw badLength(index)
    this.index++
    return true
  }
}

/**
 * Walks the framing of the records without building them: each fills its length exactly, offset deltas count up from 0,
 * timestamps lie between `minTimestamp` and the base's largest, and nothing follows.
 * @throws MillraceError INVALID_BATCH, INVALID_TIMESTAMP
 */
export function checkRecordFraming(bytes: Buffer, base: RecordBase, minTimestamp: number): void {
  const reader = new VarintReader(bytes)
  const { baseTimestamp, maxTimestamp, recordCount } = base
  for (let index = 0; index < recordCount; index++) {
    const end = readRecordEnd(reader)
    const timestamp = baseTimestamp + reader.readVarlong()
    if (timestamp < minTimestamp || timestamp > maxTimestamp)
      throw new MillraceError(
        'INVALID_TIMESTAMP',
        `timestamp ${timestamp} of record ${index} is not within ${minTimestamp} to the batch's largest, ${maxTimestamp}`,
      )
    const offsetDelta = reader.readVarint()
    if (offsetDelta !== index)
      throw new MillraceError('INVALID_BATCH', `record ${index} has offset delta ${offsetDelta}`)
    skipNullable(reader)
    skipNullable(reader)
    const headerCount = readHeaderCount(reader)
    for (let header = 0; header < headerCount; header++) {
      const keyLength = reader.readVarint()
      if (keyLength < 0) throw new MillraceError('INVALID_BATCH', 'a header without a key')
      reader.skip(keyLength)
      skipNullable(reader)
    }
    if (reader.position !== end) throw badLength(index)
  }
  if (reader.position !== bytes.length) throw trailing(bytes.length - reader.position)
}

/** Reads a record's length and passes over its attributes; returns where it ends. */
export function readRecordEnd(reader: VarintReader): number {
  const length = reader.readVarint()
  const end = reader.position + length
  if (length < 0 || end > reader.bytes.length) throw new MillraceError('INVALID_BATCH', `a record length of ${length}`)
  reader.skip(1)
  return end
}

function readNullable(reader: VarintReader): Buffer | null {
  const length = reader.readVarint()
  if (length >= 0) return reader.readBytes(length)
  if (length === -1) return null
  throw new MillraceError('INVALID_BATCH', `a key or value length of ${length}`)
}

function skipNullable(reader: VarintReader): void {
  const length = reader.readVarint()
  if (length > 0) reader.skip(length)
  else if (length < -1) throw new MillraceError('INVALID_BATCH', `a key or value length of ${length}`)
}

function readHeaders(reader: VarintReader): readonly RecordHeader[] {
  const count = readHeaderCount(reader)
  if (count === 0) return NO_HEADERS
  const headers: RecordHeader[] = []
  for (let index = 0; index < count; index++) {
    const keyLength = reader.readVarint()
    if (keyLength < 0) throw new MillraceError('INVALID_BATCH', 'a header without a key')
    headers.push({ key: reader.readBytes(keyLength).toString('utf8'), value: readNullable(reader) })
  }
  return headers
}

/** Bounded, because two bytes of a compressed batch may stand for a header that takes a hundred in memory. */
function readHeaderCount(reader: VarintReader): number {
  const count = reader.readVarint()
  if (count < 0 || count > MAX_HEADERS_PER_RECORD)
    throw new MillraceError('INVALID_BATCH', `a header count of ${count}; 0 to ${MAX_HEADERS_PER_RECORD} are allowed`)
  return count
}

function badLength(index: number): MillraceError {
  return new MillraceError('INVALID_BATCH', `record ${index} does not fill its length`)
}

function trailing(bytes: number): MillraceError {
  return new MillraceError('INVALID_BATCH', `${bytes} bytes follow the last record`)
}

/** Bytes of the record after its length field. */
export function recordBodyBytes(record: RecordInput, timestampDelta: number, offsetDelta: number): number {
  const { key, value, headers } = record
  let bytes = 1 + varlongBytes(timestampDelta) + varintBytes(offsetDelta)
  bytes += key === null ? 1 : varintBytes(key.length) + key.length
  bytes += value === null ? 1 : varintBytes(value.length) + value.length
  if (headers === undefined || headers.length === 0) return bytes + 1
  bytes += varintBytes(headers.length)
  for (const header of headers) {
    const keyBytes = Buffer.byteLength(header.key)
    bytes += varintBytes(keyBytes) + keyBytes
    bytes += header.value === null ? 1 : varintBytes(header.value.length) + header.value.length
  }
  return bytes
}

/** Writes a record whose `recordBodyBytes` are known at `at`, and returns the position after it. */
export function writeRecord(
  bytes: Buffer,
  at: number,
  record: RecordInput,
  bodyBytes: number,
  timestampDelta: number,
  offsetDelta: number,
): number {
  let position = writeVarint(bytes, bodyBytes, at)
  bytes[position++] = 0
  position = writeVarlong(bytes, timestampDelta, position)
  position = writeVarint(bytes, offsetDelta, position)
  position = writeNullable(bytes, record.key, position)
  position = writeNullable(bytes, record.value, position)
  const { headers } = record
  if (headers === undefined || headers.length === 0) {
    bytes[position++] = 0
    return position
  }
  position = writeVarint(bytes, headers.length, position)
  for (const header of headers) {
    const keyBytes = Buffer.byteLength(header.key)
    position = writeVarint(bytes, keyBytes, position)
    position += bytes.write(header.key, position, keyBytes, 'utf8')
    position = writeNullable(bytes, header.value, position)
  }
  return position
}

function writeNullable(bytes: Buffer, value: Buffer | null, at: number): number {
  if (value === null) return writeVarint(bytes, -1, at)
  const position = writeVarint(bytes, value.length, at)
  bytes.set(value, position)
  return position + value.length
}
