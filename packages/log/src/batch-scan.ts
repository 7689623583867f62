import { BATCH_HEADER_BYTES, batchSizeAt, MillraceError, RecordBatch } from '@millrace/record'
import type { DiskFile } from './disk.ts'

/** Read at first: a scan for one record mostly ends within an index interval. */
const FIRST_BYTES = 8 * 1024
/** Read at once when a scan goes on. */
const CHUNK_BYTES = 1 << 20
const GROWTH = 4

export interface ScanResult {
  /** Where the scan stopped: at `end`, at the batch that `visit` refused, or at the bytes that are no batch. */
  readonly position: number
  /** Why, when what lies there is not a whole batch. */
  readonly error?: MillraceError
}

/**
 * Sees a batch, which is only good until it returns or, where it returns a promise, until that settles; false ends the
 * scan.
 */
export type BatchVisitor = (batch: RecordBatch, position: number) => boolean | Promise<boolean>

/**
 * Walks the batches of a file from `start` to `end`, reading pieces that grow. Only lengths and magic are checked; `visit`
 * sees each batch with its position, and ends the scan by returning false. A batch's Buffer is only good during the
 * call.
 */
export async function scanBatches(
  file: DiskFile,
  start: number,
  end: number,
  visit: BatchVisitor,
): Promise<ScanResult> {
  let chunk = Buffer.allocUnsafeSlow(Math.max(Math.min(FIRST_BYTES, end - start), 0))
  let position = start
  while (position < end) {
    const filled = await file.read(chunk.subarray(0, Math.min(chunk.length, end - position)), position)
    const bytes = chunk.subarray(0, filled)
    let at = 0
    let needed: number = BATCH_HEADER_BYTES
    while (bytes.length - at >= BATCH_HEADER_BYTES) {
      const size = sizeOrError(bytes, at)
      if (size instanceof MillraceError) return { position: position + at, error: size }
      if (at + size > bytes.length) {
        needed = size
        break
      }
      const goesOn = visit(RecordBatch.at(bytes, at), position + at)
      if (goesOn !== true && !(await goesOn)) return { position: position + at }
      at += size
      needed = BATCH_HEADER_BYTES
    }
    position += at
    if (position >= end) break
    if (position + needed > end || filled < Math.min(chunk.length, end - position + at)) {
      return { position, error: new MillraceError('CORRUPT_BATCH', `a batch at ${position} is cut off`) }
    }
    const wanted = Math.max(needed, Math.min(chunk.length * GROWTH, CHUNK_BYTES, end - position))
    if (wanted > chunk.length) chunk = Buffer.allocUnsafeSlow(wanted)
  }
  return { position }
}

/** Whether the batch's offsets are those that come next in a log that nobody compacted, and end at or before `end`. */
export function followsOn(batch: RecordBatch, expectedOffset: number, end: number): boolean {
  const { lastOffsetDelta } = batch
  return batch.hasBaseOffset(expectedOffset) && lastOffsetDelta >= 0 && expectedOffset + lastOffsetDelta < end
}

function sizeOrError(bytes: Buffer, at: number): number | MillraceError {
  try {
    return batchSizeAt(bytes, at)
  } catch (error) {
    if (error instanceof MillraceError) return error
    throw error
  }
}
