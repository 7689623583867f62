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

  /** Forgets a file at once; one in use is closed after its use. */
  async drop(path: string): Promise<void> {
    const entry = this.files.get(path)
    this.files.delete(path)
    // One that ends its use meanwhile closes itself.
    if (entry?.users === 0) await closeQuietly(entry)
  }

  /** The same for those for which `matches` holds, after a look at every file. */
  async dropWhere(matches: (path: string) => boolean): Promise<void> {
    await Promise.all([...this.files.keys()].filter(matches).map((path) => this.drop(path)))
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
