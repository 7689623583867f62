import { copyToNewFile, type Disk } from './disk.ts'
import {
  baseOffsetIn,
  CLEANED_SUFFIXES,
  CLEANER_CHECKPOINT_FILE,
  LEADER_EPOCH_FILE,
  LOG_START_FILE,
  METADATA_FILE,
  segmentFileName,
  TEMPORARY_SUFFIX,
} from './file-names.ts'
import type { SegmentList } from './segment-list.ts'

/** A partition's files in a second directory, but for the end of its log. */
export interface LinkedPartition {
  readonly directory: string
  /** Bytes of the logs among them. */
  readonly linkedBytes: number
  /** What is committed of the file that is written to, in bytes. */
  readonly activeBytes: number
  /** Copies that. Until then the file is there under a temporary name. */
  finish(): Promise<void>
}

const OTHER_FILES: readonly string[] = [CLEANER_CHECKPOINT_FILE, LEADER_EPOCH_FILE, LOG_START_FILE, METADATA_FILE]

/**
 * Gives the files of a partition second names in `target`. Those of closed segments never change, and the others are
 * replaced, not written to, so that what has the second name stays as it is. The active segment's log is written to: its
 * committed beginning has to be copied. Its indexes are left out; recovery makes them.
 */
export async function linkPartition(disk: Disk, segments: SegmentList, target: string): Promise<LinkedPartition> {
  const { directory, active } = segments
  const closed = new Set(segments.all().slice(0, -1))
  const bases = new Set([...closed].map(({ baseOffset }) => baseOffset))
  const stays = (name: string): boolean =>
    OTHER_FILES.includes(name) ||
    baseOffsetIn(name, 'snapshot') !== undefined ||
    CLEANED_SUFFIXES.some((suffix) => bases.has(baseOffsetIn(name, suffix) ?? -1))
  const names = (await disk.list(directory)).filter(stays)
  for (const name of names) await disk.link(`${directory}/${name}`, `${target}/${name}`)
  const log = `${target}/${segmentFileName(active.baseOffset, 'log')}`
  const whole = `${log}${TEMPORARY_SUFFIX}`
  await disk.link(active.path('log'), whole)
  const activeBytes = active.sizeBytes
  return {
    directory: target,
    linkedBytes: [...closed].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    activeBytes,
    async finish() {
      const file = await disk.open(whole, { readOnly: true })
      try {
        await copyToNewFile(disk, file, 0, activeBytes, log)
      } finally {
        await file.close()
      }
      await disk.remove(whole)
      await disk.syncDirectory(target)
    },
  }
}
