import type { CleanupConfig } from './cleanup-config.ts'
import type { Segment } from './segment.ts'

/**
 * Where a log must begin for its closed segments to keep to `retention.ms` and `retention.bytes`. Segments go oldest
 * first, whole, and none after one that must stay; those of `retention.bytes` only while what is left is no less than it
 * (as in apache/kafka, UnifiedLog.java).
 * @param segments all segments of a partition; the last one, which is written to, always stays
 * @returns the base offset of the first segment that stays
 */
export async function retainedStart(
  segments: readonly Segment[],
  { retentionMs, retentionBytes }: CleanupConfig,
  nowMs: number,
): Promise<number> {
  let spareBytes = -1
  if (retentionBytes >= 0) spareBytes = segments.reduce((sum, segment) => sum + segment.sizeBytes, -retentionBytes)
  for (const segment of segments.slice(0, -1)) {
    const spared = spareBytes < segment.sizeBytes
    if (spared && !(await isExpired(segment, retentionMs, nowMs))) return segment.baseOffset
    spareBytes -= segment.sizeBytes
  }
  return (segments.at(-1) as Segment).baseOffset
}

/** Whether even the latest record of a segment is older than `retentionMs`; -1: nothing ever is. */
export async function isExpired(segment: Segment, retentionMs: number, nowMs: number): Promise<boolean> {
  return retentionMs >= 0 && nowMs - (await segment.largestTimestamp()) > retentionMs
}
