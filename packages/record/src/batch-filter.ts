import { checksum } from './checksum.ts'
import { compress } from './compression.ts'
import { writeInt64 } from './int64.ts'
import { AT, ATTRIBUTE, BATCH_HEADER_BYTES, BATCH_PREFIX_BYTES, MAGIC, RecordBatch } from './record-batch.ts'
import { RecordCursor } from './record-cursor.ts'
import { varintBytes, varlongBytes, writeVarint, writeVarlong } from './varint.ts'

const NONE = -1

/**
 * The batch with only those of its records for which `retain` holds. Offsets, sequences and the codec stay as they are;
 * the count, the largest timestamp and the CRC are those of what is left.
 *
 * With `deleteHorizonMs`, a batch that keeps tombstones and has no horizon yet gets this one: the time at which they may
 * go, in the place of its base timestamp (as in apache/kafka, DefaultRecordBatch.java).
 * @param records what `recordBytes` gives
 * @returns `batch` itself when all of it stays as it is; undefined when no record stays
 * @throws MillraceError INVALID_BATCH as `RecordCursor` does
 */
export function filterBatch(
  batch: RecordBatch,
  records: Buffer,
  retain: (record: RecordCursor) => boolean,
  deleteHorizonMs?: number,
): RecordBatch | undefined {
  const { recordCount, lastOffsetDelta, baseTimestamp, codec } = batch
  const kept: number[] = []
  let keepsTombstone = false
  let latestDelta = Number.NEGATIVE_INFINITY
  for (const record = new RecordCursor(records, { recordCount, lastOffsetDelta }); record.next(); ) {
    if (!retain(record)) continue
    kept.push(record.start)
    keepsTombstone ||= record.isTombstone
    if (record.timestampDelta > latestDelta) latestDelta = record.timestampDelta
  }
  const horizon = keepsTombstone && batch.deleteHorizonMs === undefined ? deleteHorizonMs : undefined
  if (kept.length === recordCount && horizon === undefined) return batch
  if (kept.length === 0) return undefined
  const cursor = new RecordCursor(records, { recordCount, lastOffsetDelta })
  let bytes = horizon === undefined ? pick(cursor, kept) : pickAndRebase(cursor, kept, baseTimestamp - horizon)
  if (codec !== 'none') {
    const block = compress(codec, bytes.subarray(BATCH_HEADER_BYTES))
    bytes = Buffer.allocUnsafe(BATCH_HEADER_BYTES + block.length)
    block.copy(bytes, BATCH_HEADER_BYTES)
  }
  batch.buffer.copy(bytes, 0, 0, BATCH_HEADER_BYTES)
  if (horizon !== undefined) {
    bytes.writeInt16BE(batch.attributes | ATTRIBUTE.deleteHorizon, AT.attributes)
    writeInt64(bytes, horizon, AT.baseTimestamp)
  }
  if (!batch.isLogAppendTime) writeInt64(bytes, baseTimestamp + latestDelta, AT.maxTimestamp)
  bytes.writeInt32BE(kept.length, AT.recordCount)
  return seal(bytes)
}

/** The batch without its records: it stands for its offsets, and for its producer's sequence numbers. */
export function emptiedBatch(batch: RecordBatch): RecordBatch {
  const bytes = Buffer.from(batch.buffer.subarray(0, BATCH_HEADER_BYTES))
  bytes.writeInt16BE(batch.attributes & ~(ATTRIBUTE.codec | ATTRIBUTE.deleteHorizon), AT.attributes)
  writeInt64(bytes, batch.maxTimestamp, AT.baseTimestamp)
  bytes.writeInt32BE(0, AT.recordCount)
  return seal(bytes)
}

/** A batch without records or producer that stands for the offsets from `baseOffset` up to `nextOffset`, at most 2^31. */
export function gapBatch(baseOffset: number, nextOffset: number, leaderEpoch: number): RecordBatch {
  const bytes = Buffer.alloc(BATCH_HEADER_BYTES)
  writeInt64(bytes, baseOffset, AT.baseOffset)
  bytes.writeInt32BE(leaderEpoch, AT.leaderEpoch)
  bytes.writeInt8(MAGIC, AT.magic)
  bytes.writeInt32BE(nextOffset - baseOffset - 1, AT.lastOffsetDelta)
  writeInt64(bytes, NONE, AT.baseTimestamp)
  writeInt64(bytes, NONE, AT.maxTimestamp)
  writeInt64(bytes, NONE, AT.producerId)
  bytes.writeInt16BE(NONE, AT.producerEpoch)
  bytes.writeInt32BE(NONE, AT.baseSequence)
  return seal(bytes)
}

/** Length and CRC for a batch whose other fields are in place. */
function seal(bytes: Buffer): RecordBatch {
  bytes.writeInt32BE(bytes.length - BATCH_PREFIX_BYTES, AT.batchLength)
  bytes.writeUInt32BE(checksum(bytes.subarray(AT.attributes)), AT.crc)
  return RecordBatch.at(bytes)
}

/** The records that begin at `starts`, as they are, behind room for a header. */
function pick(cursor: RecordCursor, starts: readonly number[]): Buffer {
  const picked = Buffer.allocUnsafe(BATCH_HEADER_BYTES + cursor.bytes.length)
  let end: number = BATCH_HEADER_BYTES
  for (let index = 0; index < starts.length && cursor.next(); ) {
    if (cursor.start !== starts[index]) continue
    end += cursor.bytes.copy(picked, end, cursor.start, cursor.end)
    index++
  }
  return picked.subarray(0, end)
}

/** The records that begin at `starts`, with `shiftMs` added to their timestamp deltas, behind room for a header. */
function pickAndRebase(cursor: RecordCursor, starts: readonly number[], shiftMs: number): Buffer {
  const MAX_GROWTH = varintBytes(-1 >>> 1) + varlongBytes(Number.MAX_SAFE_INTEGER)
  const picked = Buffer.allocUnsafe(BATCH_HEADER_BYTES + cursor.bytes.length + starts.length * MAX_GROWTH)
  let end: number = BATCH_HEADER_BYTES
  for (let index = 0; index < starts.length && cursor.next(); ) {
    if (cursor.start !== starts[index]) continue
    const delta = cursor.timestampDelta + shiftMs
    end = writeVarint(picked, 1 + varlongBytes(delta) + cursor.end - cursor.offsetDeltaAt, end)
    picked[end++] = 0
    end = writeVarlong(picked, delta, end)
    end += cursor.bytes.copy(picked, end, cursor.offsetDeltaAt, cursor.end)
    index++
  }
  return picked.subarray(0, end)
}
