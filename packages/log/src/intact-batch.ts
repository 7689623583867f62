import { BATCH_HEADER_BYTES, batchSizeAt, MillraceError, RecordBatch } from '@millrace/record'
import { scanBatches } from './batch-scan.ts'
import { type BatchBounds, findBatch } from './batch-search.ts'
import type { DiskFile } from './disk.ts'
import type { OffsetIndex } from './offset-index.ts'

/** A closed or committed stretch of batches in a file: whose offsets, and how many bytes. */
export interface Stretch {
  readonly baseOffset: number
  /** Not included. */
  readonly nextOffset: number
  readonly sizeBytes: number
}

/** Where a batch starts, and the base offset that it must have there. */
export interface BatchPlace {
  readonly position: number
  readonly baseOffset: number
}

/**
 * Finds the batch that holds `offset` although the log around it, or the index, is damaged: every batch on the way is
 * checked, and what is damaged is passed over. Begins at the last index entry before it that the log bears out.
 * @throws MillraceError CORRUPT_BATCH, with `position`, when the batch itself is damaged
 */
export async function findIntactBatch(
  file: DiskFile,
  stretch: Stretch,
  index: OffsetIndex,
  offset: number,
): Promise<BatchPlace> {
  const { sizeBytes, nextOffset: maxOffset } = stretch
  let { position, baseOffset: due } = await lastSoundEntry(file, stretch, index, offset)
  for (;;) {
    let isFound = false
    const stop = await scanBatches(file, position, sizeBytes, (batch) => {
      if (!batch.hasBaseOffset(due) || batch.lastOffsetDelta < 0 || !batch.hasValidChecksum()) return false
      isFound = batch.nextOffset > offset
      if (!isFound) due = batch.nextOffset
      return !isFound
    })
    position = stop.position
    if (isFound) return { position, baseOffset: due }
    const next = await findBatch(file, position + 1, sizeBytes, { minOffset: due, maxOffset })
    const after = next === undefined ? undefined : await batchAt(file, next, sizeBytes)
    if (next === undefined || after === undefined || after.baseOffset > offset) {
      throw new MillraceError('CORRUPT_BATCH', `the batch of offset ${offset} is damaged`, { details: { position } })
    }
    position = next
    due = after.baseOffset
  }
}

/**
 * The first whole batch behind what is none at `position`, within the bounds: where that one's length says, or the first
 * that can be found.
 */
export async function nextIntactBatch(
  file: DiskFile,
  position: number,
  end: number,
  bounds: BatchBounds,
): Promise<BatchPlace | undefined> {
  const placeAt = async (at: number | undefined): Promise<BatchPlace | undefined> => {
    const batch = at === undefined ? undefined : await batchAt(file, at, end)
    if (at === undefined || batch === undefined) return undefined
    const { baseOffset } = batch
    return baseOffset >= bounds.minOffset && baseOffset < bounds.maxOffset ? { position: at, baseOffset } : undefined
  }
  return (await placeAt(await endOfBatch(file, position))) ?? placeAt(await findBatch(file, position + 1, end, bounds))
}

/** Where the batch at `position` ends by its own length; undefined when that cannot be one. */
async function endOfBatch(file: DiskFile, position: number): Promise<number | undefined> {
  const header = Buffer.alloc(BATCH_HEADER_BYTES)
  try {
    return (await file.read(header, position)) < header.length ? undefined : position + batchSizeAt(header, 0)
  } catch (error) {
    if (error instanceof MillraceError) return undefined
    throw error
  }
}

/** Where the last entry at or before `offset` points to whose batch is whole and ends where the entry says. */
async function lastSoundEntry(
  file: DiskFile,
  { baseOffset, sizeBytes }: Stretch,
  index: OffsetIndex,
  offset: number,
): Promise<BatchPlace> {
  for (let entry = index.entryFor(offset - baseOffset); entry >= 0; entry--) {
    const position = index.positionAt(entry)
    const batch = await batchAt(file, position, sizeBytes)
    if (batch?.lastOffset === baseOffset + index.relativeOffsetAt(entry))
      return { position, baseOffset: batch.baseOffset }
  }
  return { position: 0, baseOffset }
}

/** The batch at `position`; undefined when none that is whole starts there. */
async function batchAt(file: DiskFile, position: number, end: number): Promise<RecordBatch | undefined> {
  let found: RecordBatch | undefined
  await scanBatches(file, position, end, (batch) => {
    if (batch.hasValidChecksum()) found = RecordBatch.at(Buffer.from(batch.buffer))
    return false
  })
  try {
    return Number.isSafeInteger(found?.lastOffset) ? found : undefined
  } catch {
    return undefined
  }
}
