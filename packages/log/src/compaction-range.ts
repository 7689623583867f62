import type { CleanerCheckpoint } from './cleaner-checkpoint.ts'
import type { CleanupConfig } from './cleanup-config.ts'
import type { Segment } from './segment.ts'

/** Offsets that a segment may span: indexes keep them as int32. */
const MAX_SPAN = 2 ** 31 - 1

/** What a pass of compaction works on. */
export interface CompactionRange {
  /** Segments that may be written anew, from the first of the log on. */
  readonly segments: readonly Segment[]
  /** What lies below it was compacted before. */
  readonly dirtyFrom: number
  /** Where the last of the segments ends. */
  readonly end: number
}

/**
 * What is to be compacted now; undefined when nothing is due: too little is new, or it is too young. Only segments that
 * are closed, sealed and decided count, up to the first that is not.
 */
export async function compactionRange(
  all: readonly Segment[],
  checkpoint: CleanerCheckpoint,
  cleanup: CleanupConfig,
  { nowMs, lastStableOffset }: { readonly nowMs: number; readonly lastStableOffset: number },
): Promise<CompactionRange | undefined> {
  const dirtyFrom = Math.max(checkpoint.firstDirtyOffset, all[0]?.baseOffset ?? 0)
  const segments: Segment[] = []
  let cleanBytes = 0
  let dirtyBytes = 0
  let firstDirty: Segment | undefined
  for (const segment of all.slice(0, -1)) {
    if (!segment.isSealed || segment.nextOffset > lastStableOffset) break
    if (segment.nextOffset <= dirtyFrom) {
      cleanBytes += segment.sizeBytes
    } else {
      const { minCompactionLagMs } = cleanup
      if (minCompactionLagMs > 0 && nowMs - (await segment.largestTimestamp()) < minCompactionLagMs) break
      dirtyBytes += segment.sizeBytes
      firstDirty ??= segment
    }
    segments.push(segment)
  }
  const end = segments.at(-1)?.nextOffset
  if (end === undefined) return undefined
  const range = { segments, dirtyFrom: Math.min(dirtyFrom, end), end }
  if (dirtyBytes > (cleanBytes + dirtyBytes) * cleanup.minCleanableDirtyRatio) return range
  const { tombstonesDueMs } = checkpoint
  if (tombstonesDueMs !== undefined && tombstonesDueMs <= nowMs) return range
  return (await hasWaitedTooLong(firstDirty, cleanup, nowMs)) ? range : undefined
}

async function hasWaitedTooLong(
  firstDirty: Segment | undefined,
  { maxCompactionLagMs }: CleanupConfig,
  nowMs: number,
): Promise<boolean> {
  if (firstDirty === undefined || maxCompactionLagMs >= nowMs) return false
  return nowMs - ((await firstDirty.firstTimestamp()) ?? nowMs) > maxCompactionLagMs
}

/** Neighbours that fit into one segment, put together. What lies at or behind `end` is left out. */
export function groupSegments(segments: readonly Segment[], end: number, segmentBytes: number): Segment[][] {
  const groups: Segment[][] = []
  let group: Segment[] = []
  let bytes = 0
  for (const segment of segments) {
    if (segment.baseOffset >= end) break
    const span = segment.nextOffset - (group[0] ?? segment).baseOffset
    if (group.length > 0 && (bytes + segment.sizeBytes > segmentBytes || span > MAX_SPAN)) {
      groups.push(group)
      group = []
      bytes = 0
    }
    group.push(segment)
    bytes += segment.sizeBytes
  }
  if (group.length > 0) groups.push(group)
  return groups
}
