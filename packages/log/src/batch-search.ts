import { BATCH_HEADER_BYTES, batchSizeAt, MAGIC, RecordBatch } from '@millrace/record'
import type { DiskFile } from './disk.ts'

const CHUNK_BYTES = 256 * 1024
const AT_MAGIC = 16
/** No topic allows larger batches; what announces more is none. */
const MAX_BATCH_BYTES = 65 * 2 ** 20

/** The bounds of what is looked for. Offsets are of a batch's first record. */
export interface BatchBounds {
  readonly minOffset: number
  /** Not included. */
  readonly maxOffset: number
}

/**
 * The position of the first whole batch with a valid CRC that starts between `from` and `end` and whose base offset is
 * within the bounds; undefined when there is none. For finding what lies behind damage: every byte is tried.
 */
export async function findBatch(
  file: DiskFile,
  from: number,
  end: number,
  bounds: BatchBounds,
): Promise<number | undefined> {
  const chunk = Buffer.allocUnsafeSlow(Math.max(Math.min(CHUNK_BYTES, end - from), 0))
  for (let start = from; start + BATCH_HEADER_BYTES <= end; ) {
    const filled = await file.read(chunk.subarray(0, Math.min(chunk.length, end - start)), start)
    const bytes = chunk.subarray(0, filled)
    const tried = filled - BATCH_HEADER_BYTES + 1
    if (tried <= 0) return undefined
    for (let magicAt = bytes.indexOf(MAGIC, AT_MAGIC); magicAt >= 0; magicAt = bytes.indexOf(MAGIC, magicAt + 1)) {
      const at = magicAt - AT_MAGIC
      if (at >= tried) break
      if (looksLikeBatch(bytes, at, end - start, bounds) && (await isBatch(file, start + at, bytes, at))) {
        return start + at
      }
    }
    start += tried
  }
  return undefined
}

function looksLikeBatch(bytes: Buffer, at: number, room: number, { minOffset, maxOffset }: BatchBounds): boolean {
  const baseOffset = bytes.readInt32BE(at) * 2 ** 32 + bytes.readUInt32BE(at + 4)
  if (baseOffset < minOffset || baseOffset >= maxOffset) return false
  const size = bytes.readInt32BE(at + 8) + 12
  return size >= BATCH_HEADER_BYTES && size <= MAX_BATCH_BYTES && at + size <= room
}

async function isBatch(file: DiskFile, position: number, bytes: Buffer, at: number): Promise<boolean> {
  const size = batchSizeAt(bytes, at)
  if (at + size <= bytes.length) return RecordBatch.at(bytes, at).hasValidChecksum()
  const whole = Buffer.allocUnsafeSlow(size)
  return (await file.read(whole, position)) === size && RecordBatch.at(whole).hasValidChecksum()
}
