import type { Disk, DiskFile, DiskLock } from './disk.ts'

/** A file system that lives and ends with the process: for `--data memory` and for tests. */
export function memoryDisk(): Disk {
  return new MemoryDisk()
}

class MemoryDisk implements Disk {
  private readonly files = new Map<string, MemoryFile>()
  private readonly directories = new Set<string>(['/'])
  private readonly locks = new Set<string>()

  async open(path: string, { create = false } = {}): Promise<DiskFile> {
    const file = this.files.get(path)
    if (create) {
      if (file !== undefined) throw systemError('EEXIST', path)
      if (!this.directories.has(parent(path))) throw systemError('ENOENT', path)
      const made = new MemoryFile(this.files)
      this.files.set(path, made)
      return made
    }
    if (file === undefined) throw systemError('ENOENT', path)
    return file
  }

  async list(directory: string): Promise<string[]> {
    if (!this.directories.has(directory)) throw systemError('ENOENT', directory)
    const prefix = directory === '/' ? '/' : `${directory}/`
    const paths = [...this.files.keys(), ...this.directories].filter((path) => path.startsWith(prefix))
    return paths
      .map((path) => path.slice(prefix.length))
      .filter((name) => name !== '' && !name.includes('/'))
      .sort()
  }

  async makeDirectory(directory: string): Promise<string | undefined> {
    let topmost: string | undefined
    for (let path = directory; !this.directories.has(path); path = parent(path)) {
      this.directories.add(path)
      topmost = path
    }
    return topmost
  }

  async rename(from: string, to: string): Promise<void> {
    const file = this.files.get(from)
    if (file !== undefined) {
      this.files.delete(from)
      this.files.set(to, file)
      return
    }
    if (!this.directories.has(from)) throw systemError('ENOENT', from)
    for (const path of [...this.directories].filter((known) => isInside(known, from))) {
      this.directories.delete(path)
      this.directories.add(to + path.slice(from.length))
    }
    for (const [path, moved] of [...this.files].filter(([known]) => isInside(known, from))) {
      this.files.delete(path)
      this.files.set(to + path.slice(from.length), moved)
    }
  }

  async link(from: string, to: string): Promise<void> {
    const file = this.files.get(from)
    if (file === undefined) throw systemError('ENOENT', from)
    if (this.files.has(to)) throw systemError('EEXIST', to)
    if (!this.directories.has(parent(to))) throw systemError('ENOENT', to)
    this.files.set(to, file)
  }

  async remove(path: string): Promise<void> {
    for (const known of [...this.files.keys()]) if (isInside(known, path)) this.files.delete(known)
    for (const known of [...this.directories]) if (isInside(known, path)) this.directories.delete(known)
  }

  async syncDirectory(): Promise<void> {}

  async freeBytes(): Promise<number> {
    return Number.POSITIVE_INFINITY
  }

  async lock(path: string): Promise<DiskLock | undefined> {
    if (this.locks.has(path)) return undefined
    this.locks.add(path)
    return { release: async () => void this.locks.delete(path) }
  }
}

class MemoryFile implements DiskFile {
  private bytes = Buffer.alloc(0)
  private sizeBytes = 0
  private readonly all: ReadonlyMap<string, MemoryFile>

  /** @param all every file of the disk by its name */
  constructor(all: ReadonlyMap<string, MemoryFile>) {
    this.all = all
  }

  async read(buffer: Buffer, position: number): Promise<number> {
    if (position >= this.sizeBytes) return 0
    return this.bytes.copy(buffer, 0, position, Math.min(this.sizeBytes, position + buffer.length))
  }

  async writev(buffers: readonly Buffer[], position: number): Promise<void> {
    let at = position
    const end = buffers.reduce((sum, buffer) => sum + buffer.length, position)
    if (end > this.bytes.length) {
      const larger = Buffer.alloc(Math.max(end, this.bytes.length * 2))
      this.bytes.copy(larger, 0, 0, this.sizeBytes)
      this.bytes = larger
    }
    for (const buffer of buffers) {
      buffer.copy(this.bytes, at)
      at += buffer.length
    }
    this.sizeBytes = Math.max(this.sizeBytes, end)
  }

  async datasync(): Promise<void> {}

  async truncate(sizeBytes: number): Promise<void> {
    this.bytes.fill(0, sizeBytes, Math.max(sizeBytes, this.sizeBytes))
    this.sizeBytes = Math.min(this.sizeBytes, sizeBytes)
  }

  async size(): Promise<number> {
    return this.sizeBytes
  }

  async linkCount(): Promise<number> {
    return [...this.all.values()].filter((file) => file === this).length
  }

  async close(): Promise<void> {}
}

function parent(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf('/'), 0)) || '/'
}

function isInside(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${directory}/`)
}

function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code })
}
