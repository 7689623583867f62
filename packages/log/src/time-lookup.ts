import { MillraceError, type RecordBatch } from '@millrace/record'
import { scanBatches } from './batch-scan.ts'
import type { DiskFile } from './disk.ts'
import type { Stretch } from './intact-batch.ts'
import type { SegmentIndexes } from './segment-indexes.ts'

/** A record that was looked for by its time. */
export interface FoundRecord {
  readonly offset: number
  readonly timestamp: number
}

/** The log does not bear out the index; or, where the index has no part in it, the log is damaged at `position`. */
export interface Disagreement {
  readonly position: number
  readonly reason: string
}

export interface TimeQuery {
  readonly timestampMs: number
  /** Records before it do not count. */
  readonly fromOffset: number
  /** What a compressed batch may expand to. */
  readonly decompressedBytes: number
}

/**
 * The first record from an offset on whose timestamp is as late as asked for, or undefined. The index entries that the
 * search begins with are held against the log on the way, at no further reads: a damaged index gives a disagreement and
 * never a wrong answer.
 * @throws MillraceError CORRUPT_BATCH, with `position`, for damage behind a place that the index is right about
 */
export async function findByTime(
  file: DiskFile,
  stretch: Stretch,
  indexes: SegmentIndexes,
  query: TimeQuery,
): Promise<FoundRecord | Disagreement | undefined> {
  const { times } = indexes
  const entry = times.entryBefore(query.timestampMs)
  let found: FoundRecord | undefined
  const disagreement = await walk(file, stretch, indexes, entry, (batch) => {
    if (batch.maxTimestamp >= query.timestampMs) found = firstAtOrAfter(batch, query)
    return found === undefined
  })
  return found ?? disagreement
}

/** Whether the log contradicts entry `entry` of the time index. Where the log itself is damaged, it does not. */
export async function isFalseTimeEntry(
  file: DiskFile,
  stretch: Stretch,
  indexes: SegmentIndexes,
  entry: number,
): Promise<boolean> {
  try {
    const disagreement = await walk(file, stretch, indexes, entry, () => false)
    return disagreement?.reason === FALSE_ENTRY
  } catch (error) {
    // Damage behind the entry's batch says nothing against the entry.
    if (error instanceof MillraceError) return false
    throw error
  }
}

const FALSE_ENTRY = 'the time index names another batch or timestamp'

/**
 * Shows `visit` each batch behind the one that entry `entry` of the time index names; with -1, all of them.
 * False ends the walk.
 */
async function walk(
  file: DiskFile,
  { baseOffset, sizeBytes }: Stretch,
  { offsets, times }: SegmentIndexes,
  entry: number,
  visit: (batch: RecordBatch) => boolean,
): Promise<Disagreement | undefined> {
  const relative = entry < 0 ? -1 : times.relativeOffsetAt(entry)
  const start = offsets.entryFor(relative)
  let due = start < 0 ? baseOffset : undefined
  let isBehindEntry = entry < 0
  let reason: string | undefined
  const stop = await scanBatches(file, start < 0 ? 0 : offsets.positionAt(start), sizeBytes, (batch) => {
    reason = problemOf(batch, due)
    if (reason !== undefined) return false
    const last = batch.lastOffset - baseOffset
    if (due === undefined && last !== offsets.relativeOffsetAt(start)) {
      reason = 'the offset index names another batch'
      return false
    }
    due = batch.nextOffset
    if (isBehindEntry) return visit(batch)
    if (last < relative) return true
    isBehindEntry = last === relative && batch.maxTimestamp === times.timestampAt(entry)
    if (!isBehindEntry) reason = FALSE_ENTRY
    return isBehindEntry
  })
  reason ??= stop.error?.message
  if (reason === undefined) return undefined
  const { position } = stop
  if (isBehindEntry) throw new MillraceError('CORRUPT_BATCH', reason, { details: { position } })
  return { position, reason }
}

function problemOf(batch: RecordBatch, due: number | undefined): string | undefined {
  if (!batch.hasValidChecksum()) return 'the CRC is wrong'
  if (batch.lastOffsetDelta < 0) return 'its last offset cannot be'
  try {
    const { baseOffset } = batch
    return due === undefined || baseOffset === due ? undefined : `its base offset of ${baseOffset} cannot be`
  } catch {
    return 'its base offset cannot be'
  }
}

/**
 * The first record of a batch from `fromOffset` on at or after a time; markers are no records. A block that does not decompress, which only the
 * client that sent it can read, stands for its header: it must not keep others from finding what comes after it.
 */
export function firstAtOrAfter(
  batch: RecordBatch,
  { timestampMs, fromOffset, decompressedBytes }: TimeQuery,
): FoundRecord | undefined {
  if (batch.isControl) return undefined
  try {
    for (const { offset, timestamp } of batch.records(decompressedBytes)) {
      if (timestamp >= timestampMs && offset >= fromOffset) return { offset, timestamp }
    }
    return undefined
  } catch (error) {
    if (!(error instanceof MillraceError)) throw error
    return { offset: Math.max(batch.baseOffset, fromOffset), timestamp: batch.maxTimestamp }
  }
}
