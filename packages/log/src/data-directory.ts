import { MillraceError } from '@millrace/record'
import type { Disk, DiskLock } from './disk.ts'
import { parentOf, readFile, replaceFile, storageError, writeNewFile } from './disk.ts'

export const LOCK_FILE = 'lock'
export const CLEAN_FILE = 'clean-shutdown'
/** Holds the version of the directory's layout, in decimal. Its presence says whose directory this is. */
export const FORMAT_FILE = 'format-version'
const FORMAT_VERSION = '1'
const PROBE_FILE = 'probe'
/** What may lie in a directory that is taken for the first time. */
const ALLOWED_IN_NEW: readonly string[] = [LOCK_FILE, `${FORMAT_FILE}.tmp`, 'lost+found']

/**
 * The directory that holds everything. One process at a time has it, by the lock. A marker file says that the last one
 * closed it in order; it is there only while nobody has the directory, and `wasClean` tells what it said. A directory
 * that other programs filled is never taken.
 */
export class DataDirectory {
  readonly disk: Disk
  readonly path: string
  readonly wasClean: boolean
  /** Whether nobody had the directory before. */
  readonly isNew: boolean
  private readonly lock: DiskLock

  private constructor(disk: Disk, path: string, lock: DiskLock, found: { wasClean: boolean; isNew: boolean }) {
    this.disk = disk
    this.path = path
    this.lock = lock
    this.wasClean = found.wasClean
    this.isNew = found.isNew
  }

  /**
   * Takes the directory at `path`, and makes it where there is none.
   * @throws MillraceError DATA_DIR_LOCKED, DATA_DIR_INVALID
   */
  static async open(disk: Disk, path: string): Promise<DataDirectory> {
    let lock: DiskLock | undefined
    try {
      await makeDurableDirectory(disk, path)
      const isNew = await checkOwnership(disk, path)
      lock = await disk.lock(`${path}/${LOCK_FILE}`)
      if (lock === undefined)
        throw new MillraceError('DATA_DIR_LOCKED', `another process uses the data directory ${path}`)
      if (isNew) await replaceFile(disk, `${path}/${FORMAT_FILE}`, Buffer.from(`${FORMAT_VERSION}\n`))
      const wasClean = (await disk.list(path)).includes(CLEAN_FILE)
      await disk.remove(`${path}/${CLEAN_FILE}`)
      await disk.syncDirectory(path)
      return new DataDirectory(disk, path, lock, { wasClean, isNew })
    } catch (error) {
      await lock?.release()
      if (error instanceof MillraceError) throw error
      const reason = error instanceof Error ? error.message : String(error)
      throw new MillraceError('DATA_DIR_INVALID', `the data directory ${path} cannot be used: ${reason}`, {
        cause: error,
      })
    }
  }

  /** Writes and syncs a little, to see whether the disk works. */
  async probe(): Promise<void> {
    const path = `${this.path}/${PROBE_FILE}`
    await writeNewFile(this.disk, path, Buffer.alloc(4096))
    await this.disk.remove(path)
  }

  /**
   * Gives the directory back.
   * @param clean whether every partition was closed in order, so that the next start need not look for torn ends
   * @throws MillraceError STORAGE_FAILED, DISK_FULL when the marker cannot be written; the lock is given back all the same
   */
  async close(clean: boolean): Promise<void> {
    try {
      if (clean) {
        await writeNewFile(this.disk, `${this.path}/${CLEAN_FILE}`, Buffer.alloc(0))
        await this.disk.syncDirectory(this.path)
      }
    } catch (error) {
      throw storageError(error, 'closing the data directory')
    } finally {
      await this.lock.release()
    }
  }
}

/** A data directory that somebody looks at, and nobody changes, until `release`. */
export interface DirectoryUnderInspection {
  /** The names in it. */
  readonly names: readonly string[]
  /** Whether it was shut down in order. */
  readonly wasClean: boolean
  release(): Promise<void>
}

/**
 * Keeps servers away from the directory at `path` without changing anything in it.
 * @throws MillraceError DATA_DIR_LOCKED, DATA_DIR_INVALID
 */
export async function inspectDirectory(disk: Disk, path: string): Promise<DirectoryUnderInspection> {
  let lock: DiskLock | undefined
  try {
    const taken = await disk.lock(`${path}/${LOCK_FILE}`, { shared: true })
    lock = taken
    if (taken === undefined)
      throw new MillraceError('DATA_DIR_LOCKED', `another process uses the data directory ${path}`)
    const names = await disk.list(path)
    return { names, wasClean: names.includes(CLEAN_FILE), release: () => taken.release() }
  } catch (error) {
    await lock?.release()
    if (error instanceof MillraceError) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw new MillraceError('DATA_DIR_INVALID', `the data directory ${path} cannot be read: ${reason}`, {
      cause: error,
    })
  }
}

/**
 * Makes a directory, and those above it, so that their names outlive a crash. One that is there already may have been
 * made by somebody who was killed before its name was synced: see `keepName`.
 */
export async function makeDurableDirectory(disk: Disk, path: string): Promise<void> {
  const topmost = await disk.makeDirectory(path)
  if (topmost === undefined) return
  for (let made = path; made.length >= topmost.length; made = parentOf(made)) await disk.syncDirectory(parentOf(made))
}

/** Has the name of a directory that is there outlive a crash, whoever made it. */
export function keepName(disk: Disk, path: string): Promise<void> {
  return disk.syncDirectory(parentOf(path))
}

/**
 * Whether the directory is new: empty but for what a start that was cut short leaves.
 * @throws MillraceError DATA_DIR_INVALID when it is somebody else's, or of a later version of Millrace
 */
async function checkOwnership(disk: Disk, path: string): Promise<boolean> {
  const names = await disk.list(path)
  if (!names.includes(FORMAT_FILE)) {
    const foreign = names.find((name) => !ALLOWED_IN_NEW.includes(name))
    if (foreign === undefined) return true
    throw new MillraceError(
      'DATA_DIR_INVALID',
      `${path} holds other files, such as ${foreign}: it is not a data directory`,
    )
  }
  const version = (await readFile(disk, `${path}/${FORMAT_FILE}`))?.toString('utf8').trim()
  if (version === FORMAT_VERSION) return false
  throw new MillraceError(
    'DATA_DIR_INVALID',
    `${path} has format version ${version}; this version of Millrace knows ${FORMAT_VERSION}`,
  )
}
