import { BATCH_HEADER_BYTES, batchSizeAt, MillraceError, RecordBatch } from '@millrace/record'

/** The part of a piece of a log that a reader wants. Positions are within the piece. */
export interface BatchWindow {
  /** Where the first wanted batch starts; when it is not whole in the piece, `to` is the same. */
  readonly from: number
  readonly to: number
  /** The offset after the last batch in the window; the one that was asked for when the window is empty. */
  readonly nextOffset: number
  /** When the window is empty: the base offset that the batch at `from` must have; undefined when that is not known. */
  readonly due: number | undefined
  /** When the window is empty: the bytes from `from` on that it takes to get further. */
  readonly neededBytes: number
}

/**
 * Finds in `bytes`, which start with a batch at or before `offset` and may end inside one, the batches from the one
 * that holds `offset` on: whole ones with a valid CRC, up to `maxBytes`, but at least one. Their offsets, which the CRC
 * does not cover, must follow on one another.
 * @param first what is known of the first batch in `bytes`: its base offset or its last
 * @throws MillraceError CORRUPT_BATCH, with `position` in `bytes`, when the first wanted batch, or one before it that
 *   must be passed over, is damaged
 */
export function selectBatches(
  bytes: Buffer,
  offset: number,
  maxBytes: number,
  first: { readonly base?: number | undefined; readonly last?: number | undefined } = {},
): BatchWindow {
  let from = 0
  let at = 0
  let nextOffset = offset
  let expected = first.base
  let neededBytes: number = BATCH_HEADER_BYTES
  while (bytes.length - at >= BATCH_HEADER_BYTES) {
    const size = sizeOf(bytes, at, from)
    if (size === undefined) break
    if (at + size > bytes.length) {
      neededBytes = size
      break
    }
    const batch = RecordBatch.at(bytes, at)
    const baseOffset = baseOffsetOf(batch)
    const { lastOffsetDelta } = batch
    if (lastOffsetDelta < 0) {
      if (at > from) break
      throw corruptAt(at, `its last offset delta of ${lastOffsetDelta} cannot be`)
    }
    if (expected === undefined ? !(baseOffset <= offset) : baseOffset !== expected) {
      if (at > from) break
      throw corruptAt(at, `its base offset of ${baseOffset} cannot be`)
    }
    if (at === 0 && first.last !== undefined && baseOffset + lastOffsetDelta !== first.last) {
      throw corruptAt(at, `it ends with offset ${baseOffset + lastOffsetDelta}, where ${first.last} is due`)
    }
    expected = baseOffset + lastOffsetDelta + 1
    if (expected <= offset) {
      at += size
      from = at
      continue
    }
    if (at > from && at + size - from > maxBytes) break
    if (!batch.hasValidChecksum()) {
      if (at > from) break
      throw corruptAt(at, `the CRC of the batch at offset ${baseOffset} is wrong`)
    }
    at += size
    nextOffset = expected
  }
  if (at > from) return { from, to: at, nextOffset, due: undefined, neededBytes }
  return { from, to: from, nextOffset: offset, due: expected, neededBytes }
}

/** The size of the batch at `at`; undefined for one that is damaged behind good ones, which are served first. */
function sizeOf(bytes: Buffer, at: number, from: number): number | undefined {
  try {
    return batchSizeAt(bytes, at)
  } catch (error) {
    if (at > from) return undefined
    throw corruptAt(at, error instanceof Error ? error.message : String(error))
  }
}

/** NaN where no number holds what is there. */
function baseOffsetOf(batch: RecordBatch): number {
  try {
    return batch.baseOffset
  } catch {
    return Number.NaN
  }
}

function corruptAt(position: number, reason: string): MillraceError {
  return new MillraceError('CORRUPT_BATCH', reason, { details: { position } })
}
