import { BATCH_HEADER_BYTES, batchSizeAt, MillraceError, RecordBatch } from '@millrace/record'

/** The part of a piece of a log that a reader wants. Positions are within the piece. */
export interface BatchWindow {
  /** Where the first wanted batch starts; when it is not whole in the piece, `to` is the same. */
  readonly from: number
  readonly to: number
  /** The offset after the last batch in the window; the one that was asked for when the window is empty. */
  readonly nextOffset: number
  /** When the window is empty: the bytes from `from` on that it takes to get further. */
  readonly neededBytes: number
  /** The base offset that the batch at `to` must have, where that is known. */
  readonly expectedOffset: number | undefined
}

/** What is known of the batch that a piece of a log starts with. */
export interface FirstBatch {
  readonly baseOffset?: number | undefined
  readonly nextOffset?: number | undefined
}

/**
 * Finds in `bytes`, which start with a batch at or before `offset` and may end inside one, the batches from the one
 * that holds `offset` on: whole ones with a valid CRC, up to `maxBytes`, but at least one. Their offsets, which the CRC
 * does not cover, must follow on one another.
 * @param end where a batch begins: those from there on are not wanted
 * @throws MillraceError CORRUPT_BATCH, with `position` in `bytes`, when the first wanted batch, or one before it that
 *   must be passed over, is damaged
 */
export function selectBatches(
  bytes: Buffer,
  offset: number,
  maxBytes: number,
  first: FirstBatch = {},
  end = Number.MAX_SAFE_INTEGER,
): BatchWindow {
  let from = 0
  let at = 0
  let nextOffset = offset
  let expected = first.baseOffset
  let neededBytes: number = BATCH_HEADER_BYTES
  while (bytes.length - at >= BATCH_HEADER_BYTES) {
    const size = sizeOf(bytes, at, from)
    if (size === undefined) break
    if (at + size > bytes.length) {
      neededBytes = size
      break
    }
    const batch = RecordBatch.at(bytes, at)
    const { lastOffsetDelta } = batch
    if (at === 0 && first.nextOffset !== undefined) expected = first.nextOffset - lastOffsetDelta - 1
    const baseOffset = baseOffsetOf(batch)
    const follows = expected === undefined ? baseOffset <= offset : baseOffset === expected
    if (!follows || lastOffsetDelta < 0) {
      if (at > from) break
      throw corruptAt(at, `a batch of the offsets ${baseOffset} to ${baseOffset + lastOffsetDelta} cannot be there`)
    }
    expected = baseOffset + lastOffsetDelta + 1
    if (expected <= offset) {
      at += size
      from = at
      continue
    }
    if (at > from && (at + size - from > maxBytes || expected > end)) break
    if (!batch.hasValidChecksum()) {
      if (at > from) break
      throw corruptAt(at, `the CRC of the batch at offset ${baseOffset} is wrong`)
    }
    at += size
    nextOffset = expected
  }
  return { from, to: at, nextOffset: at > from ? nextOffset : offset, neededBytes, expectedOffset: expected }
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
