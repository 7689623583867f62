import { type Disk, readFile, replaceFile } from './disk.ts'
import { CLEANER_CHECKPOINT_FILE } from './file-names.ts'

/** How far a partition is compacted. */
export interface CleanerCheckpoint {
  /** What lies below it was compacted against all that lies below it. */
  readonly firstDirtyOffset: number
  /** When the first of the tombstones that lie below it may go, in ms since 1970; undefined when there are none. */
  readonly tombstonesDueMs: number | undefined
}

const NOTHING: CleanerCheckpoint = { firstDirtyOffset: 0, tombstonesDueMs: undefined }
const NEVER = '-'

/**
 * Reads the checkpoint of the partition in `directory`, a text file: a line with the version (0), then one each for the
 * fields. One that is not there or damaged says that nothing is compacted, which costs no more than the work.
 */
export async function readCleanerCheckpoint(disk: Disk, directory: string): Promise<CleanerCheckpoint> {
  const bytes = await readFile(disk, `${directory}/${CLEANER_CHECKPOINT_FILE}`)
  const [, offset, due] = /^0\n(\d{1,16})\n(\d{1,16}|-)\n$/.exec(bytes?.toString('latin1') ?? '') ?? []
  if (offset === undefined || due === undefined) return NOTHING
  return { firstDirtyOffset: Number(offset), tombstonesDueMs: due === NEVER ? undefined : Number(due) }
}

export function writeCleanerCheckpoint(disk: Disk, directory: string, checkpoint: CleanerCheckpoint): Promise<void> {
  const { firstDirtyOffset, tombstonesDueMs = NEVER } = checkpoint
  const text = `0\n${firstDirtyOffset}\n${tombstonesDueMs}\n`
  return replaceFile(disk, `${directory}/${CLEANER_CHECKPOINT_FILE}`, Buffer.from(text))
}
