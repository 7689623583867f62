import { scanBatches } from './batch-scan.ts'
import { type Disk, type DiskFile, readFile } from './disk.ts'
import type { Stretch } from './intact-batch.ts'
import { OffsetIndex } from './offset-index.ts'
import { SegmentIndexes } from './segment-indexes.ts'
import { TimeIndex } from './time-index.ts'

/** Kafka's default of `index.interval.bytes`. */
const REBUILT_INTERVAL_BYTES = 4096

/** The content of a segment's index files; undefined when they are missing or cannot be of a log of this stretch. */
export async function readIndexFiles(
  disk: Disk,
  paths: { readonly index: string; readonly timeindex: string },
  { baseOffset, nextOffset, sizeBytes }: Stretch,
): Promise<SegmentIndexes | undefined> {
  const offsetBytes = await readFile(disk, paths.index)
  const timeBytes = await readFile(disk, paths.timeindex)
  if (offsetBytes === undefined || timeBytes === undefined) return undefined
  const offsets = new OffsetIndex(offsetBytes)
  const times = new TimeIndex(timeBytes)
  const whole = offsets.fileBytes.length === offsetBytes.length && times.fileBytes.length === timeBytes.length
  // The time index of a segment that was finished has at least the largest time.
  const fits = offsets.fits(sizeBytes) && times.fits(nextOffset - baseOffset) && (sizeBytes === 0 || times.entries > 0)
  return whole && fits ? new SegmentIndexes(offsets, times, sizeBytes) : undefined
}

/** The indexes of a log, made from it: up to damage, if there is any. */
export async function rebuildIndexes(file: DiskFile, { baseOffset, sizeBytes }: Stretch): Promise<SegmentIndexes> {
  const indexes = new SegmentIndexes()
  let due = baseOffset
  const stop = await scanBatches(file, 0, sizeBytes, (batch, position) => {
    if (!batch.hasBaseOffset(due) || batch.lastOffsetDelta < 0 || !batch.hasValidChecksum()) return false
    due = batch.nextOffset
    indexes.add(batch, batch.lastOffset - baseOffset, position, REBUILT_INTERVAL_BYTES)
    return true
  })
  if (stop.position < sizeBytes) indexes.leaveOpen()
  else indexes.finish()
  return indexes
}
