import { checksum } from './checksum.ts'
import { compressAsync } from './compression.ts'
import { writeInt64 } from './int64.ts'
import { AT, ATTRIBUTE, BATCH_HEADER_BYTES, BATCH_PREFIX_BYTES, MAGIC, RecordBatch } from './record-batch.ts'
import { RecordCursor } from './record-cursor.ts'
import { varintBytes, varlongBytes, writeVarint, writeVarlong } from './varint.ts'

const NONE = -1
/** Worked on between two calls of `Breathe`. */
const PIECE_BYTES = 32 * 1024

/** Told of bytes that were worked on; a promise when it is the turn of others first. */
export type Breathe = (bytes: number) => Promise<void> | undefined

export interface FilterOptions {
  readonly deleteHorizonMs?: number | undefined
  readonly breathe?: Breathe
  /** Where the records that stay are gathered; the batch is then only good until it is used again. */
  readonly scratch?: Scratch
}

/** Memory that is used again and again, so that the garbage collector need not run for it. */
export class Scratch {
  private memory = Buffer.alloc(0)

  /** `bytes` bytes of whatever content, in the place of those of the last call. */
  take(bytes: number): Buffer {
    if (bytes > this.memory.length) this.memory = Buffer.allocUnsafeSlow(Math.max(bytes, 2 * this.memory.length))
    return this.memory.subarray(0, bytes)
  }
}

/**
 * The batch with only those of its records that `keeps` has a 1 for. Offsets, sequences and the codec stay as they are;
 * the count, the largest timestamp and the CRC are those of what is left. A large block is compressed in the thread
 * pool.
 *
 * With `deleteHorizonMs`, a batch that keeps tombstones, or is a control batch, and has no horizon yet gets this one: the time at which they may
 * go, in the place of its base timestamp (as in apache/kafka, DefaultRecordBatch.java).
 * @param records what `recordBytes` gives
 * @param keeps an element for each record
 * @returns `batch` itself when all of it stays as it is; undefined when no record stays
 * @throws MillraceError INVALID_BATCH as `RecordCursor` does
 */
export async function filterBatch(
  batch: RecordBatch,
  records: Buffer,
  keeps: Uint8Array,
  { deleteHorizonMs, breathe, scratch = new Scratch() }: FilterOptions = {},
): Promise<RecordBatch | undefined> {
  const { baseTimestamp, codec } = batch
  const kept = await survey(batch, records, keeps, breathe)
  const mayGo = kept.hasTombstone || batch.isControl
  const horizon = mayGo && batch.deleteHorizonMs === undefined ? deleteHorizonMs : undefined
  if (kept.count === batch.recordCount && horizon === undefined) return batch
  if (kept.count === 0) return undefined
  let bytes =
    horizon === undefined
      ? await pick(records, kept, scratch, breathe)
      : await pickAndRebase(batch, records, keeps, {
          count: kept.count,
          shiftMs: baseTimestamp - horizon,
          scratch,
          breathe,
        })
  if (codec !== 'none') {
    const block = await compressAsync(codec, bytes.subarray(BATCH_HEADER_BYTES))
    bytes = Buffer.allocUnsafe(BATCH_HEADER_BYTES + block.length)
    block.copy(bytes, BATCH_HEADER_BYTES)
  }
  batch.buffer.copy(bytes, 0, 0, BATCH_HEADER_BYTES)
  if (horizon !== undefined) {
    bytes.writeInt16BE(batch.attributes | ATTRIBUTE.deleteHorizon, AT.attributes)
    writeInt64(bytes, horizon, AT.baseTimestamp)
  }
  if (!batch.isLogAppendTime) writeInt64(bytes, baseTimestamp + kept.latestDelta, AT.maxTimestamp)
  bytes.writeInt32BE(kept.count, AT.recordCount)
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

/** What is to be known of the records that stay. */
interface Kept {
  count: number
  hasTombstone: boolean
  latestDelta: number
  /** Where each run of neighbours begins and ends, one after another. */
  readonly runs: number[]
  bytes: number
}

async function survey(
  { recordCount, lastOffsetDelta }: RecordBatch,
  records: Buffer,
  keeps: Uint8Array,
  breathe: Breathe | undefined,
): Promise<Kept> {
  const runs: number[] = []
  const kept: Kept = { count: 0, hasTombstone: false, latestDelta: Number.NEGATIVE_INFINITY, runs, bytes: 0 }
  const record = new RecordCursor(records, { recordCount, lastOffsetDelta })
  let breathedAt = 0
  for (let index = 0; record.next(); index++) {
    if (record.end - breathedAt > PIECE_BYTES) {
      await breathe?.(record.end - breathedAt)
      breathedAt = record.end
    }
    if (keeps[index] !== 1) continue
    kept.count++
    kept.bytes += record.end - record.start
    kept.hasTombstone ||= record.isTombstone
    if (record.timestampDelta > kept.latestDelta) kept.latestDelta = record.timestampDelta
    if (runs.length > 0 && runs[runs.length - 1] === record.start) runs[runs.length - 1] = record.end
    else runs.push(record.start, record.end)
  }
  return kept
}

/** The records that stay, as they are, behind room for a header. */
async function pick(
  records: Buffer,
  { runs, bytes }: Kept,
  scratch: Scratch,
  breathe: Breathe | undefined,
): Promise<Buffer> {
  const picked = scratch.take(BATCH_HEADER_BYTES + bytes)
  let end: number = BATCH_HEADER_BYTES
  let breathedAt = end
  for (let run = 0; run < runs.length; run += 2) {
    end += records.copy(picked, end, runs[run] as number, runs[run + 1] as number)
    if (end - breathedAt <= PIECE_BYTES) continue
    await breathe?.(end - breathedAt)
    breathedAt = end
  }
  return picked
}

/** The records that stay, with `shiftMs` added to their timestamp deltas, behind room for a header. */
async function pickAndRebase(
  { recordCount, lastOffsetDelta }: RecordBatch,
  records: Buffer,
  keeps: Uint8Array,
  options: { count: number; shiftMs: number; scratch: Scratch; breathe: Breathe | undefined },
): Promise<Buffer> {
  const { count, shiftMs, scratch, breathe } = options
  const MAX_GROWTH = varintBytes(-1 >>> 1) + varlongBytes(Number.MAX_SAFE_INTEGER)
  const picked = scratch.take(BATCH_HEADER_BYTES + records.length + count * MAX_GROWTH)
  const record = new RecordCursor(records, { recordCount, lastOffsetDelta })
  let end: number = BATCH_HEADER_BYTES
  let breathedAt = 0
  for (let index = 0; record.next(); index++) {
    if (record.end - breathedAt > PIECE_BYTES) {
      await breathe?.(record.end - breathedAt)
      breathedAt = record.end
    }
    if (keeps[index] !== 1) continue
    const delta = record.timestampDelta + shiftMs
    end = writeVarint(picked, 1 + varlongBytes(delta) + record.end - record.offsetDeltaAt, end)
    picked[end++] = 0
    end = writeVarlong(picked, delta, end)
    end += records.copy(picked, end, record.offsetDeltaAt, record.end)
  }
  return picked.subarray(0, end)
}
