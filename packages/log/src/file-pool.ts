import type { Disk, DiskFile } from './disk.ts'

interface PooledFile {
  readonly opened: Promise<DiskFile>
  users: number
}

/**
 * Keeps a bounded number of files open, whatever the number of segments, by closing the one that was idle longest.
 * Only files that are in use at the same moment can take it over the bound.
 */
export class FilePool {
  private readonly disk: Disk
  private readonly maxOpen: number
  /** In the order of last use. */
  private readonly files = new Map<string, PooledFile>()

  constructor(disk: Disk, maxOpen: number) {
    this.disk = disk
    this.maxOpen = maxOpen
  }

  get openFiles(): number {
    return this.files.size
  }

  /** Runs `work` with the open file at `path`, which must exist. */
  async use<T>(path: string, work: (file: DiskFile) => Promise<T>): Promise<T> {
    const entry = this.take(path)
    try {
      return await work(await entry.opened)
    } finally {
      entry.users--
      if (entry.users === 0) {
        if (this.files.get(path) !== entry) await closeQuietly(entry)
        else if (this.files.size > this.maxOpen) this.closeIdle()
      }
    }
  }

  /** Forgets, at once, the files for which `matches` holds; those in use are closed after their use. */
  async drop(matches: (path: string) => boolean): Promise<void> {
    const dropped = [...this.files].filter(([path]) => matches(path))
    for (const [path] of dropped) this.files.delete(path)
    // Those that end their use meanwhile close themselves.
    const idle = dropped.filter(([, entry]) => entry.users === 0)
    for (const [, entry] of idle) await closeQuietly(entry)
  }

  private take(path: string): PooledFile {
    let entry = this.files.get(path)
    if (entry === undefined) {
      const made: PooledFile = { opened: this.disk.open(path), users: 0 }
      // A file that did not open is not kept; whoever asked for it hears of it through `opened`.
      made.opened.catch(() => {
        if (this.files.get(path) === made) this.files.delete(path)
      })
      entry = made
    } else {
      this.files.delete(path)
    }
    this.files.set(path, entry)
    entry.users++
    if (this.files.size > this.maxOpen) this.closeIdle()
    return entry
  }

  private closeIdle(): void {
    for (const [path, entry] of this.files) {
      if (this.files.size <= this.maxOpen) return
      if (entry.users > 0) continue
      this.files.delete(path)
      void closeQuietly(entry)
    }
  }
}

/** All that mattered was synced before; an error at closing tells nothing that anybody could act on. */
async function closeQuietly(entry: PooledFile): Promise<void> {
  await entry.opened.then((file) => file.close()).catch(() => {})
}
