/*
 * Record batch, Kafka's message format v2 (apache/kafka, DefaultRecordBatch.java). Integers are big-endian.
 *
 *   at  size  field
 *    0     8  base offset                stamped by the broker, outside the CRC
 *    8     4  batch length               bytes after this field
 *   12     4  partition leader epoch     stamped by the broker, outside the CRC
 *   16     1  magic = 2
 *   17     4  CRC-32C of byte 21 to the end
 *   21     2  attributes                 bits 0-2 codec, 3 timestamp type, 4 transactional, 5 control, 6 delete horizon
 *   23     4  last offset delta
 *   27     8  base timestamp             ms since 1970
 *   35     8  max timestamp
 *   43     8  producer id                -1: none
 *   51     2  producer epoch             -1: none
 *   53     4  base sequence              -1: none
 *   57     4  record count
 *   61     …  records, as one compressed block when a codec is set
 */
import { checksum } from './checksum.ts'
import { type CompressionCodec, codecOf, decompress, decompressAsync, decompressSmall } from './compression.ts'
import { MillraceError } from './errors.ts'
import { readInt64, writeInt64 } from './int64.ts'
import { MAX_BATCH_BYTES } from './limits.ts'
import type { StoredRecord } from './record.ts'
import { RecordDecoder } from './record-codec.ts'

export const AT = {
  baseOffset: 0,
  batchLength: 8,
  leaderEpoch: 12,
  magic: 16,
  crc: 17,
  attributes: 21,
  lastOffsetDelta: 23,
  baseTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  producerEpoch: 51,
  baseSequence: 53,
  recordCount: 57,
  records: 61,
} as const

/** Bytes of a batch before its records. */
export const BATCH_HEADER_BYTES = AT.records
/** Bytes of a batch that its length field does not count: base offset and the length itself. */
export const BATCH_PREFIX_BYTES = 12
export const MAGIC = 2

export const ATTRIBUTE = {
  codec: 0x07,
  logAppendTime: 0x08,
  transactional: 0x10,
  control: 0x20,
  deleteHorizon: 0x40,
} as const

/** The largest sequence number; the next one is 0 (as in Kafka). */
const MAX_SEQUENCE = 0x7fff_ffff

/** The sequence number `count` after `sequence`. */
export function sequenceAfter(sequence: number, count: number): number {
  const next = sequence + count
  return next > MAX_SEQUENCE ? next - MAX_SEQUENCE - 1 : next
}

/** Who wrote a batch, for idempotence. */
export interface ProducerStamp {
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
}

/**
 * One record batch as a view over the bytes that hold it: nothing is copied or decoded before it is asked for. The
 * header's lengths have been checked, the CRC has not (`hasValidChecksum`).
 */
export class RecordBatch {
  /** Exactly the batch's bytes. */
  readonly buffer: Buffer

  private constructor(buffer: Buffer) {
    this.buffer = buffer
  }

  /**
   * The batch that starts at byte `at` of `buffer`; more may follow it.
   * @throws MillraceError CORRUPT_BATCH when the bytes end before the batch does; INVALID_BATCH when they are no batch
   *   of this format
   */
  static at(buffer: Buffer, at = 0): RecordBatch {
    const sizeBytes = batchSizeAt(buffer, at)
    if (at + sizeBytes > buffer.length) {
      throw new MillraceError(
        'CORRUPT_BATCH',
        `the batch is cut off: ${sizeBytes} bytes announced, ${buffer.length - at} there`,
      )
    }
    return new RecordBatch(at === 0 && sizeBytes === buffer.length ? buffer : buffer.subarray(at, at + sizeBytes))
  }

  get sizeBytes(): number {
    return this.buffer.length
  }
  get baseOffset(): number {
    return readInt64(this.buffer, AT.baseOffset)
  }
  get leaderEpoch(): number {
    return this.buffer.readInt32BE(AT.leaderEpoch)
  }
  get crc(): number {
    return this.buffer.readUInt32BE(AT.crc)
  }
  get attributes(): number {
    return this.buffer.readInt16BE(AT.attributes)
  }
  /** @throws MillraceError UNSUPPORTED_COMPRESSION for a codec number that nobody has given a meaning */
  get codec(): CompressionCodec {
    return codecOf(this.attributes & ATTRIBUTE.codec)
  }
  get isLogAppendTime(): boolean {
    return (this.attributes & ATTRIBUTE.logAppendTime) !== 0
  }
  get isTransactional(): boolean {
    return (this.attributes & ATTRIBUTE.transactional) !== 0
  }
  get isControl(): boolean {
    return (this.attributes & ATTRIBUTE.control) !== 0
  }
  get lastOffsetDelta(): number {
    return this.buffer.readInt32BE(AT.lastOffsetDelta)
  }
  get lastOffset(): number {
    return this.baseOffset + this.lastOffsetDelta
  }
  /** The offset after this batch. */
  get nextOffset(): number {
    return this.lastOffset + 1
  }
  get baseTimestamp(): number {
    return readInt64(this.buffer, AT.baseTimestamp)
  }
  /** The time from which on compaction may drop the batch's tombstones; undefined until it has been compacted. */
  get deleteHorizonMs(): number | undefined {
    return (this.attributes & ATTRIBUTE.deleteHorizon) === 0 ? undefined : this.baseTimestamp
  }
  get maxTimestamp(): number {
    return readInt64(this.buffer, AT.maxTimestamp)
  }
  /** -1: not an idempotent producer's. */
  get producerId(): number {
    return readInt64(this.buffer, AT.producerId)
  }
  get producerEpoch(): number {
    return this.buffer.readInt16BE(AT.producerEpoch)
  }
  get baseSequence(): number {
    return this.buffer.readInt32BE(AT.baseSequence)
  }
  get lastSequence(): number {
    return sequenceAfter(this.baseSequence, this.lastOffsetDelta)
  }
  get recordCount(): number {
    return this.buffer.readInt32BE(AT.recordCount)
  }

  hasValidChecksum(): boolean {
    return checksum(this.buffer.subarray(AT.attributes)) === this.crc
  }

  /** Whether the base offset is `offset`; unlike `baseOffset` it takes any bytes. */
  hasBaseOffset(offset: number): boolean {
    return this.buffer.readBigInt64BE(AT.baseOffset) === BigInt(offset)
  }

  /** Writes what the broker decides; the CRC does not cover it. */
  stamp(baseOffset: number, leaderEpoch: number): void {
    writeInt64(this.buffer, baseOffset, AT.baseOffset)
    this.buffer.writeInt32BE(leaderEpoch, AT.leaderEpoch)
  }

  /** Makes `timestampMs` the time of all its records, and gives it the CRC that goes with that (KIP-32). */
  stampAppendTime(timestampMs: number): void {
    this.buffer.writeInt16BE(this.attributes | ATTRIBUTE.logAppendTime, AT.attributes)
    writeInt64(this.buffer, timestampMs, AT.maxTimestamp)
    this.buffer.writeUInt32BE(checksum(this.buffer.subarray(AT.attributes)), AT.crc)
  }

  /** Gives the batch another producer stamp and the CRC that goes with it. For clients, before the batch is sent. */
  stampProducer(stamp: ProducerStamp): void {
    writeInt64(this.buffer, stamp.producerId, AT.producerId)
    this.buffer.writeInt16BE(stamp.producerEpoch, AT.producerEpoch)
    this.buffer.writeInt32BE(stamp.baseSequence, AT.baseSequence)
    this.buffer.writeUInt32BE(checksum(this.buffer.subarray(AT.attributes)), AT.crc)
  }

  /**
   * The bytes of the records, decompressed when a codec is set.
   * @param maxBytes the most that a compressed batch may expand to
   * @throws MillraceError CORRUPT_BATCH when they do not decompress; BATCH_TOO_LARGE past `maxBytes`
   */
  recordBytes(maxBytes: number): Buffer {
    const bytes = this.buffer.subarray(AT.records)
    const codec = this.codec
    return codec === 'none' ? bytes : decompress(codec, bytes, maxBytes)
  }

  /**
   * As `recordBytes` where that takes no time to speak of; else undefined.
   * @throws MillraceError as `recordBytes` does
   */
  smallRecordBytes(maxBytes: number): Buffer | undefined {
    const bytes = this.buffer.subarray(AT.records)
    const codec = this.codec
    return codec === 'none' ? bytes : decompressSmall(codec, bytes, maxBytes)
  }

  /** As `recordBytes`; a large block is decompressed in the thread pool. */
  async recordBytesAsync(maxBytes: number): Promise<Buffer> {
    const bytes = this.buffer.subarray(AT.records)
    const codec = this.codec
    return codec === 'none' ? bytes : decompressAsync(codec, bytes, maxBytes)
  }

  /**
   * The records, in offset order. Keys and values are views.
   * @throws MillraceError as `recordBytes` does, and INVALID_BATCH when the records are not framed as the header says
   */
  records(maxBytes: number): Iterable<StoredRecord> {
    return this.recordsIn(this.recordBytes(maxBytes))
  }

  /** The records that `recordBytes` or one of its like has given. @throws MillraceError INVALID_BATCH */
  recordsIn(recordBytes: Buffer): Iterable<StoredRecord> {
    return eachRecord(new RecordDecoder(recordBytes, this))
  }

  /** The same without an object for each. @throws MillraceError as `recordBytes` does */
  decoder(maxBytes: number): RecordDecoder {
    return new RecordDecoder(this.recordBytes(maxBytes), this)
  }
}

function* eachRecord(decoder: RecordDecoder): Generator<StoredRecord, void, undefined> {
  while (decoder.next()) {
    const { offset, timestamp, key, value, headers } = decoder
    yield { offset, timestamp, key, value, headers }
  }
}

/**
 * The size in bytes of the batch that starts at `at`, by its length field.
 * @throws MillraceError CORRUPT_BATCH when not even a header is there; INVALID_BATCH when the length or magic is wrong
 */
export function batchSizeAt(buffer: Buffer, at: number): number {
  if (buffer.length - at < BATCH_HEADER_BYTES) {
    throw new MillraceError(
      'CORRUPT_BATCH',
      `${buffer.length - at} bytes are less than the ${BATCH_HEADER_BYTES} of a batch header`,
    )
  }
  const magic = buffer.readInt8(at + AT.magic)
  if (magic !== MAGIC)
    throw new MillraceError('INVALID_BATCH', `magic ${magic}: only record batches of format ${MAGIC} are known`)
  const sizeBytes = buffer.readInt32BE(at + AT.batchLength) + BATCH_PREFIX_BYTES
  if (sizeBytes < BATCH_HEADER_BYTES)
    throw new MillraceError(
      'INVALID_BATCH',
      `a batch length of ${sizeBytes - BATCH_PREFIX_BYTES} is less than a batch header`,
    )
  if (sizeBytes > MAX_BATCH_BYTES)
    throw new MillraceError('INVALID_BATCH', `a batch of ${sizeBytes} bytes: none is that large`)
  return sizeBytes
}

/** What whole batches, back to back in each of `buffers`, have in all. */
export function measureBatches(buffers: readonly Buffer[]): { batches: number; records: number; bytes: number } {
  let batches = 0
  let records = 0
  let bytes = 0
  for (const buffer of buffers) {
    for (let at = 0; at < buffer.length; at += batchSizeAt(buffer, at)) {
      batches++
      records += buffer.readInt32BE(at + AT.recordCount)
    }
    bytes += buffer.length
  }
  return { batches, records, bytes }
}

/**
 * The batches that lie back to back in `buffer`, as views.
 * @throws MillraceError as `RecordBatch.at` does
 */
export function* readBatches(buffer: Buffer): Generator<RecordBatch, void, undefined> {
  for (let at = 0; at < buffer.length; ) {
    const batch = RecordBatch.at(buffer, at)
    yield batch
    at += batch.sizeBytes
  }
}
