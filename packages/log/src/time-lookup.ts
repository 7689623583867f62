import { MillraceError, nextTurn, type RecordBatch } from '@millrace/record'
import { type BatchVisitor, scanBatches } from './batch-scan.ts'
import type { DiskFile } from './disk.ts'
import type { Stretch } from './intact-batch.ts'
import type { SegmentIndexes } from './segment-indexes.ts'
import type { Serial } from './serial.ts'

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
  /** Where large blocks are opened one after another, so that memory has room for one. */
  readonly unpacking: Serial
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
  const look = async (batch: RecordBatch): Promise<boolean> => {
    found = await firstAtOrAfter(batch, query)
    return found === undefined
  }
  const disagreement = await walk(file, stretch, indexes, entry, (batch) =>
    batch.maxTimestamp < query.timestampMs ? true : look(batch),
  )
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

/** Records that are looked at in one turn of the event loop. */
const RECORDS_AT_ONCE = 2_000

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
  visit: BatchVisitor,
): Promise<Disagreement | undefined> {
  const relative = entry < 0 ? -1 : times.relativeOffsetAt(entry)
  const start = offsets.entryFor(relative)
  let due = start < 0 ? baseOffset : undefined
  let isBehindEntry = entry < 0
  let reason: string | undefined
  const stop = await scanBatches(file, start < 0 ? 0 : offsets.positionAt(start), sizeBytes, (batch, position) => {
    reason = problemOf(batch, due)
    if (reason !== undefined) return false
    const last = batch.lastOffset - baseOffset
    if (due === undefined && last !== offsets.relativeOffsetAt(start)) {
      reason = 'the offset index names another batch'
      return false
    }
    due = batch.nextOffset
    if (isBehindEntry) return visit(batch, position)
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
 * The first record of a batch from `fromOffset` on at or after a time; markers are no records. A block that does not
 * decompress, which only the client that sent it can read, stands for its header, and so does one whose header promises a
 * time that no record has: such must not keep others from finding what comes after them, nor cost them a look into each.
 * @param batch one whose header says that it has such a record
 */
export async function firstAtOrAfter(
  batch: RecordBatch,
  { timestampMs, fromOffset, decompressedBytes, unpacking }: TimeQuery,
): Promise<FoundRecord | undefined> {
  if (batch.isControl || batch.recordCount === 0) return undefined
  const look = async (recordBytes: Buffer): Promise<FoundRecord | undefined> => {
    let left = RECORDS_AT_ONCE
    for (const { offset, timestamp } of batch.recordsIn(recordBytes)) {
      if (timestamp >= timestampMs && offset >= fromOffset) return { offset, timestamp }
      if (--left > 0) continue
      await nextTurn()
      left = RECORDS_AT_ONCE
    }
    return undefined
  }
  let found: FoundRecord | undefined
  try {
    const small = batch.smallRecordBytes(decompressedBytes)
    if (small !== undefined) found = await look(small)
    else found = await unpacking.run(async () => look(await batch.recordBytesAsync(decompressedBytes)))
    // Those that count may lie before `fromOffset`.
    if (found !== undefined || batch.baseOffset < fromOffset) return found
  } catch (error) {
    if (!(error instanceof MillraceError)) throw error
  }
  return { offset: Math.max(batch.baseOffset, fromOffset), timestamp: batch.maxTimestamp }
}
