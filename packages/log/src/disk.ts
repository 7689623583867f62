import { MillraceError } from '@millrace/record'

const COPY_BYTES = 1 << 20

/** An open file. Positions and sizes are in bytes. Several calls may be under way at once. */
export interface DiskFile {
  /** Reads into `buffer` from `position` on, until it is full or the file ends; returns the bytes that were read. */
  read(buffer: Buffer, position: number): Promise<number>
  /** Writes all of `buffers`, one after another, at `position`. When it fails, any part may have been written. */
  writev(buffers: readonly Buffer[], position: number): Promise<void>
  /**
   * Returns when the file's content and size are on disk. After a failure nothing is known of what was written since
   * the last success, and asking again may succeed without having written it: it must not be asked again.
   */
  datasync(): Promise<void>
  /** Cuts the file to `sizeBytes`. */
  truncate(sizeBytes: number): Promise<void>
  size(): Promise<number>
  /** How many names it has; 0 when all were removed. */
  linkCount(): Promise<number>
  close(): Promise<void>
}

/** Held until `release`, or until the process ends in whatever way. */
export interface DiskLock {
  release(): Promise<void>
}

/**
 * All that the log needs of a file system. Paths use `/`. A file's name is only sure to survive a crash once the
 * directory it stands in was synced; its content once the file was.
 *
 * Calls fail with the system's own errors (`code` such as ENOENT, ENOSPC, EIO); `storageError` translates them.
 */
export interface Disk {
  /**
   * Opens a file for reading and writing, or, with `readOnly`, in a way that needs no right to write. `create` makes an
   * empty one, and fails with EEXIST when it is there.
   */
  open(path: string, options?: { create?: boolean; readOnly?: boolean }): Promise<DiskFile>
  /** The names in a directory, sorted. */
  list(directory: string): Promise<string[]>
  /** Makes a directory and those above it; returns the topmost that was made, undefined when all were there. */
  makeDirectory(directory: string): Promise<string | undefined>
  /** Renames a file or directory; a file of the new name is replaced. */
  rename(from: string, to: string): Promise<void>
  /** Gives a file a second name, on the same file system (EXDEV otherwise); fails with EEXIST when that is taken. */
  link(from: string, to: string): Promise<void>
  /** Removes a file, or a directory with all that is in it; does nothing where there is none. */
  remove(path: string): Promise<void>
  syncDirectory(directory: string): Promise<void>
  /** What can still be written to the file system of a directory, in bytes. */
  freeBytes(directory: string): Promise<number>
  /**
   * Takes the lock that the file at `path` stands for; undefined when somebody holds it. A `shared` one changes nothing
   * on the disk, so that it holds nobody off where there is no file yet; where the disk can, others may have a shared
   * one too.
   */
  lock(path: string, options?: { shared?: boolean }): Promise<DiskLock | undefined>
}

/** The content of a file; undefined when there is none. */
export async function readFile(disk: Disk, path: string): Promise<Buffer | undefined> {
  let file: DiskFile
  try {
    file = await disk.open(path, { readOnly: true })
  } catch (error) {
    if (hasSystemCode(error, 'ENOENT') || hasSystemCode(error, 'ENOTDIR')) return undefined
    throw error
  }
  try {
    const bytes = Buffer.allocUnsafeSlow(await file.size())
    return bytes.subarray(0, await file.read(bytes, 0))
  } finally {
    await file.close()
  }
}

/** Puts a file in place that holds `bytes`: after a crash there is the old content or the new, nothing between. */
export async function replaceFile(disk: Disk, path: string, bytes: Buffer): Promise<void> {
  const temporary = `${path}.tmp`
  await writeNewFile(disk, temporary, bytes)
  await disk.rename(temporary, path)
  await disk.syncDirectory(parentOf(path))
}

/** Writes and syncs a file, over one that may be there. Its name is not synced. */
export async function writeNewFile(disk: Disk, path: string, bytes: Buffer): Promise<void> {
  await disk.remove(path)
  const file = await disk.open(path, { create: true })
  try {
    await file.writev([bytes], 0)
    await file.datasync()
  } finally {
    await file.close()
  }
}

/** Syncs a file that another process wrote. */
export async function syncFile(disk: Disk, path: string): Promise<void> {
  const file = await disk.open(path)
  try {
    await file.datasync()
  } finally {
    await file.close()
  }
}

/** Copies the bytes from `start` to `end` of a file into a synced one, over one that may be there; in pieces. */
export async function copyToNewFile(
  disk: Disk,
  from: DiskFile,
  start: number,
  end: number,
  path: string,
): Promise<void> {
  await disk.remove(path)
  const file = await disk.open(path, { create: true })
  try {
    const piece = Buffer.allocUnsafeSlow(Math.min(COPY_BYTES, end - start))
    for (let position = start; position < end; ) {
      const bytes = piece.subarray(0, await from.read(piece.subarray(0, end - position), position))
      if (bytes.length === 0) break
      await file.writev([bytes], position - start)
      position += bytes.length
    }
    await file.datasync()
  } finally {
    await file.close()
  }
}

export function parentOf(path: string): string {
  const slash = path.lastIndexOf('/')
  return slash <= 0 ? '/' : path.slice(0, slash)
}

export function hasSystemCode(error: unknown, code: string): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === code
}

/** The MillraceError for an error of a Disk: DISK_FULL or STORAGE_FAILED; one that is a MillraceError stays. */
export function storageError(error: unknown, doing: string): MillraceError {
  if (error instanceof MillraceError) return error
  const full = hasSystemCode(error, 'ENOSPC') || hasSystemCode(error, 'EDQUOT')
  const reason = error instanceof Error ? error.message : String(error)
  return new MillraceError(full ? 'DISK_FULL' : 'STORAGE_FAILED', `${doing}: ${reason}`, { cause: error })
}
