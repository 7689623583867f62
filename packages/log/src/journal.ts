import type { RecordBatch } from '@millrace/record'
import { type Disk, type DiskFile, writeNewFile } from './disk.ts'
import { ENTRY_HEADER_BYTES, writeEntryHeader } from './journal-entry.ts'
import {
  encodeJournalHeader,
  JOURNAL_HEADER_BYTES,
  type JournaledBatch,
  readJournalHeader,
  scanJournal,
} from './journal-file.ts'

export const JOURNAL_FILE_NAME = /^(\d{20})\.journal$/
/** A file that is to be used again. */
export const SPARE_FILE = 'spare'
/** In place of where the journal before a file ends: there is none. */
const NO_FILE = -1
/** Appended between two looks at how much room the disk has. */
const LOOK_EVERY_BYTES = 8 << 20
/** Files at most, while checkpoints fail: no more is appended then. */
const MAX_FILES = 3
/** A batch up to this size is copied beside its header. */
const STAGED_BATCH_BYTES = 16 * 1024
/** Kept from one round to the next at most. */
const MAX_STAGING_BYTES = 4 << 20

/** Batches of one partition that one round wrote, in offset order. */
export interface JournalEntry {
  /** As `encodeIdentity` gives it. */
  readonly identity: Buffer
  readonly batches: readonly RecordBatch[]
}

/** What the last life left. */
interface FoundFiles {
  readonly paths: string[]
  readonly lastNumber: number
  /** Where the last of them ends. */
  readonly end: number
}

export interface JournalOptions {
  /** Size at which a file is full. */
  readonly maxFileBytes: number
  /** Room on the disk below which `isRoomy` says no. Default 0. */
  readonly roomBytes?: number
}

/** What the journal had when it was opened: for each partition (`identityKey`) its batches, oldest first. */
export type JournaledBatches = ReadonlyMap<string, readonly JournaledBatch[]>

/**
 * Takes the batches of many partitions with one write and one sync, so that a round over many dirty segment files need
 * not sync each of them. The segment files get the same bytes unsynced; once they are synced (a checkpoint), the journal
 * files before it are removed. After a crash, what the segments lack is filled in from here.
 *
 * After a failure nobody knows how much of the file is on disk: nothing may be committed in the data directory before
 * `mend` has begun a new file, whose header says where the old one ends. Otherwise recovery could take a batch that
 * failed for one that got its offsets later.
 */
export class Journal {
  private readonly disk: Disk
  private readonly directory: string
  private readonly maxFileBytes: number
  private readonly roomBytes: number
  /** The files of the last life, oldest first, as long as a partition may lack what they have. */
  private found: string[]
  /** The files of this life, oldest first. */
  private paths: string[] = []
  private lastNumber: number
  private current: DiskFile | undefined
  /** Of the current file, or of the last one found. */
  private end: number
  private failed = false
  /** Files of which a sync failed. */
  private readonly unfit = new Set<string>()
  private hasSpare = false
  private roomy = true
  private lookedAt = 0
  private staging = Buffer.alloc(0)

  private constructor(disk: Disk, directory: string, options: JournalOptions, found: FoundFiles) {
    this.disk = disk
    this.directory = directory
    this.maxFileBytes = options.maxFileBytes
    this.roomBytes = options.roomBytes ?? 0
    this.found = found.paths
    this.lastNumber = found.lastNumber
    this.end = found.end
  }

  /** Opens the journal in `directory`, and makes that where there is none. */
  static async open(
    disk: Disk,
    directory: string,
    options: JournalOptions,
  ): Promise<{ journal: Journal; batches: JournaledBatches }> {
    await disk.makeDirectory(directory)
    // Its entries could pass for new ones, should numbers begin again.
    await disk.remove(`${directory}/${SPARE_FILE}`)
    const names = (await disk.list(directory)).filter((name) => JOURNAL_FILE_NAME.test(name))
    const paths = names.map((name) => `${directory}/${name}`)
    const batches = new Map<string, JournaledBatch[]>()
    let end = NO_FILE
    for (const [index, path] of paths.entries()) {
      end = await collect(disk, path, await endOf(disk, path, paths[index + 1]), batches)
    }
    const lastNumber = Number(names.at(-1)?.slice(0, 20) ?? 0)
    return { journal: new Journal(disk, directory, options, { paths, lastNumber, end }), batches }
  }

  /** Whether `append` may be called; otherwise a checkpoint is due. */
  get hasRoom(): boolean {
    return !this.isFull && this.paths.length < MAX_FILES
  }

  private get isFull(): boolean {
    return this.current !== undefined && this.end >= this.maxFileBytes
  }

  /** Whether the disk had room enough, not long ago, for what segments do not have yet. */
  get isRoomy(): boolean {
    return this.roomy
  }

  /** Whether the last `append`, if it failed, left nothing; otherwise `mend` is owed. */
  get isWhole(): boolean {
    return !this.failed
  }

  /** Writes and syncs batches. When it fails, `isWhole` tells more. */
  async append(entries: readonly JournalEntry[]): Promise<void> {
    this.current ??= await this.begin()
    const file = this.current
    const { buffers, bytes } = this.gather(entries)
    try {
      await file.writev(buffers, this.end)
    } catch (error) {
      await this.takeBack(file)
      throw error
    }
    try {
      await file.datasync()
    } catch (error) {
      this.failed = true
      throw error
    }
    this.end += bytes
    if (this.end - this.lookedAt >= LOOK_EVERY_BYTES) await this.lookForRoom()
  }

  private async lookForRoom(): Promise<void> {
    this.lookedAt = this.end
    this.roomy = (await this.disk.freeBytes(this.directory).catch(() => 0)) >= this.roomBytes
  }

  /** Cuts off what a write that failed may have left, as on a full disk. */
  private async takeBack(file: DiskFile): Promise<void> {
    try {
      await file.truncate(this.end)
      await file.datasync()
    } catch {
      this.failed = true
    }
  }

  /** The entries' bytes: headers and small batches side by side in few Buffers, because each costs a write something. */
  private gather(entries: readonly JournalEntry[]): { buffers: Buffer[]; bytes: number } {
    let stagedBytes = 0
    let bytes = 0
    for (const { batches } of entries) {
      for (const { sizeBytes } of batches) {
        bytes += ENTRY_HEADER_BYTES + sizeBytes
        stagedBytes += ENTRY_HEADER_BYTES + (sizeBytes <= STAGED_BATCH_BYTES ? sizeBytes : 0)
      }
    }
    const staging = this.stagingOf(stagedBytes)
    const buffers: Buffer[] = []
    let from = 0
    let to = 0
    for (const { identity, batches } of entries) {
      for (const batch of batches) {
        writeEntryHeader(staging, to, identity, batch, this.salt)
        to += ENTRY_HEADER_BYTES
        if (batch.sizeBytes <= STAGED_BATCH_BYTES) {
          to += batch.buffer.copy(staging, to)
        } else {
          buffers.push(staging.subarray(from, to), batch.buffer)
          from = to
        }
      }
    }
    if (to > from) buffers.push(staging.subarray(from, to))
    return { buffers, bytes }
  }

  private stagingOf(bytes: number): Buffer {
    if (bytes > MAX_STAGING_BYTES) return Buffer.allocUnsafeSlow(bytes)
    if (bytes > this.staging.length) this.staging = Buffer.allocUnsafeSlow(Math.min(2 * bytes, MAX_STAGING_BYTES))
    return this.staging
  }

  /** Begins a new file after a failure. */
  async mend(): Promise<void> {
    if (!this.failed) return
    const failedFile = this.current
    this.unfit.add(this.pathOf(this.lastNumber))
    this.current = await this.begin()
    this.failed = false
    await failedFile?.close().catch(() => {})
  }

  /**
   * Begins a checkpoint, with a new file where the current one is full; `removeBefore` with what it returns is due once
   * the segments that rely on what was appended so far are synced. `append` must not run meanwhile.
   */
  async rotate(): Promise<number> {
    if (this.isFull) {
      const full = this.current
      this.current = await this.begin()
      await full?.close()
    }
    return this.lastNumber
  }

  /** Removes the files that are older than file `number`, or keeps one of them for its next use. */
  async removeBefore(number: number): Promise<void> {
    const limit = this.pathOf(number)
    // Oldest first, and each for good: a file that came back without the one after it would not know where it ends.
    for (const path of this.paths.filter((known) => known < limit)) {
      if (this.hasSpare || this.unfit.has(path)) {
        await this.disk.remove(path)
      } else {
        await this.disk.rename(path, this.sparePath)
        this.hasSpare = true
      }
      await this.disk.syncDirectory(this.directory)
    }
    this.paths = this.paths.filter((known) => known >= limit)
  }

  /** Removes all files: everything they held is in synced segments. */
  async clear(): Promise<void> {
    const { current } = this
    this.current = undefined
    await current?.close()
    this.paths.unshift(...this.found)
    this.found = []
    await this.removeBefore(this.lastNumber + 1)
    this.hasSpare = false
    await this.disk.remove(this.sparePath)
    this.end = NO_FILE
  }

  private async begin(): Promise<DiskFile> {
    const path = this.pathOf(this.lastNumber + 1)
    const header = encodeJournalHeader({ previousEnd: this.end, salt: saltOf(this.lastNumber + 1) })
    if (this.hasSpare) {
      // Tried once: whatever fails, the next attempt makes a new file.
      this.hasSpare = false
      await this.useSpare(path, header)
    } else {
      await writeNewFile(this.disk, path, header)
    }
    await this.disk.syncDirectory(this.directory)
    const file = await this.disk.open(path)
    this.lastNumber++
    this.paths.push(path)
    this.end = JOURNAL_HEADER_BYTES
    await this.lookForRoom()
    return file
  }

  private async useSpare(path: string, header: Buffer): Promise<void> {
    const file = await this.disk.open(this.sparePath)
    try {
      await file.writev([header], 0)
      await file.datasync()
    } finally {
      await file.close()
    }
    await this.disk.rename(this.sparePath, path)
  }

  private get salt(): number {
    return saltOf(this.lastNumber)
  }

  private get sparePath(): string {
    return `${this.directory}/${SPARE_FILE}`
  }

  private pathOf(number: number): string {
    return `${this.directory}/${String(number).padStart(20, '0')}.journal`
  }
}

function saltOf(number: number): number {
  return number >>> 0
}

/** Where the file at `path` ends at the latest: where the next one says it does, or with its last byte. */
async function endOf(disk: Disk, path: string, nextPath: string | undefined): Promise<number> {
  const next = nextPath === undefined ? undefined : await withFile(disk, nextPath, readJournalHeader)
  return Math.min(await withFile(disk, path, (file) => file.size()), next?.previousEnd ?? Number.POSITIVE_INFINITY)
}

/** @returns where the last whole entry ends */
async function collect(disk: Disk, path: string, end: number, batches: Map<string, JournaledBatch[]>): Promise<number> {
  return withFile(disk, path, async (file) => {
    const header = await readJournalHeader(file)
    if (header === undefined) return JOURNAL_HEADER_BYTES
    return scanJournal(file, path, { end, salt: header.salt }, (key, batch) => {
      const known = batches.get(key)
      if (known === undefined) batches.set(key, [batch])
      else known.push(batch)
    })
  })
}

async function withFile<T>(disk: Disk, path: string, work: (file: DiskFile) => Promise<T>): Promise<T> {
  const file = await disk.open(path)
  try {
    return await work(file)
  } finally {
    await file.close()
  }
}
