/*
 * Kafka record batches, format v2, as far as the floor needs them: keyless records without headers, not compressed.
 *
 *   batch:  base offset 8 | length 4 | leader epoch 4 | magic 1 | CRC-32C 4 | attributes 2 | last offset delta 4 |
 *           base timestamp 8 | max timestamp 8 | producer id 8 | producer epoch 2 | base sequence 4 | count 4 | records
 *   record: length | attributes 1 | timestamp delta | offset delta | key length (-1) | value length | value |
 *           header count (0); lengths and deltas are zig-zag varints
 */
import crc32c from 'crc-32/crc32c.js'

const HEADER_BYTES = 61
const PREFIX_BYTES = 12
/** Where the bytes begin that the CRC covers. */
const CRC_FROM = 21
/** The most that the lengths and deltas of one record take. */
const RECORD_OVERHEAD_BYTES = 16

/** The size that a batch of `count` values of `valueBytes` cannot exceed. */
export function batchBytesAtMost(count: number, valueBytes: number): number {
  return HEADER_BYTES + count * (valueBytes + RECORD_OVERHEAD_BYTES)
}

/**
 * Encodes `count` of the values, from `first` on and round and round, as one batch into `out` at `at`.
 * @returns the position after the batch
 */
export function writeBatch(out: Buffer, at: number, values: readonly Buffer[], first: number, count: number): number {
  const now = Date.now()
  let position = at + HEADER_BYTES
  for (let index = 0; index < count; index++) {
    const value = values[(first + index) % values.length]!
    const { length } = value
    position = writeVarint(out, 4 + varintBytes(index) + varintBytes(length) + length, position)
    out[position++] = 0
    out[position++] = 0
    position = writeVarint(out, index, position)
    out[position++] = 1
    position = writeVarint(out, length, position)
    out.set(value, position)
    position += length
    out[position++] = 0
  }
  out.writeBigInt64BE(0n, at)
  out.writeInt32BE(position - at - PREFIX_BYTES, at + 8)
  out.writeInt32BE(-1, at + 12)
  out.writeInt8(2, at + 16)
  out.writeInt16BE(0, at + 21)
  out.writeInt32BE(count - 1, at + 23)
  out.writeBigInt64BE(BigInt(now), at + 27)
  out.writeBigInt64BE(BigInt(now), at + 35)
  out.writeBigInt64BE(-1n, at + 43)
  out.writeInt16BE(-1, at + 51)
  out.writeInt32BE(-1, at + 53)
  out.writeInt32BE(count, at + 57)
  out.writeUInt32BE(crc(out.subarray(at + CRC_FROM, position)), at + 17)
  return position
}

/** Whether the batch that fills `batch` from `at` on has the length and the CRC that it says. */
export function isWhole(batch: Buffer, at: number, end: number): boolean {
  return (
    end - at >= HEADER_BYTES &&
    batch.readInt32BE(at + 8) === end - at - PREFIX_BYTES &&
    batch.readUInt32BE(at + 17) === crc(batch.subarray(at + CRC_FROM, end))
  )
}

export function recordCount(batch: Buffer, at: number): number {
  return batch.readInt32BE(at + 57)
}

/** Writes what the broker decides: base offset and leader epoch. */
export function stamp(batch: Buffer, baseOffset: number): void {
  batch.writeUInt32BE(Math.floor(baseOffset / 2 ** 32), 0)
  batch.writeUInt32BE(baseOffset >>> 0, 4)
  batch.writeInt32BE(0, 12)
}

/** A record as a reader gets it. */
export interface FloorRecord {
  readonly offset: number
  readonly timestamp: number
  readonly value: Buffer
}

/** Calls `take` for each record of the batch that lies in `bytes` from `at` to `end`; values are views. */
export function eachRecord(bytes: Buffer, at: number, end: number, take: (record: FloorRecord) => void): void {
  const baseOffset = Number(bytes.readBigInt64BE(at))
  const baseTimestamp = Number(bytes.readBigInt64BE(at + 27))
  cursor = at + HEADER_BYTES
  while (cursor < end) {
    const length = readVarint(bytes)
    const next = cursor + length
    cursor++
    const timestamp = baseTimestamp + readVarint(bytes)
    const offset = baseOffset + readVarint(bytes)
    const keyBytes = readVarint(bytes)
    if (keyBytes > 0) cursor += keyBytes
    const valueBytes = readVarint(bytes)
    take({ offset, timestamp, value: bytes.subarray(cursor, cursor + valueBytes) })
    cursor = next
  }
}

/** The size of the batch at `at`, undefined where its length is not there yet. */
export function batchSizeAt(bytes: Buffer, at: number): number | undefined {
  return bytes.length - at < PREFIX_BYTES ? undefined : bytes.readInt32BE(at + 8) + PREFIX_BYTES
}

export function crc(bytes: Buffer): number {
  return crc32c.buf(bytes) >>> 0
}

function varintBytes(value: number): number {
  return value < 64 ? 1 : value < 8_192 ? 2 : value < 1_048_576 ? 3 : value < 134_217_728 ? 4 : 5
}

/** For values from 0 on. */
function writeVarint(out: Buffer, value: number, at: number): number {
  let raw = (value << 1) >>> 0
  let position = at
  while (raw > 0x7f) {
    out[position++] = (raw & 0x7f) | 0x80
    raw >>>= 7
  }
  out[position++] = raw
  return position
}

let cursor = 0

function readVarint(bytes: Buffer): number {
  let byte = bytes[cursor++]!
  if (byte < 0x80) return (byte >>> 1) ^ -(byte & 1)
  let raw = byte & 0x7f
  let shift = 7
  do {
    byte = bytes[cursor++]!
    raw |= (byte & 0x7f) << shift
    shift += 7
  } while (byte >= 0x80)
  return (raw >>> 1) ^ -(raw & 1)
}
