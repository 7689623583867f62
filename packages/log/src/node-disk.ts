import fs from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { type Disk, type DiskFile, type DiskLock, hasSystemCode, parentOf } from './disk.ts'

/** The machine's file system. */
export function nodeDisk(): Disk {
  return new NodeDisk()
}

class NodeDisk implements Disk {
  async open(path: string, { create = false, readOnly = false } = {}): Promise<DiskFile> {
    const { O_RDONLY, O_RDWR, O_CREAT, O_EXCL } = fs.constants
    const flags = create ? O_RDWR | O_CREAT | O_EXCL : readOnly ? O_RDONLY : O_RDWR
    return new NodeFile(await call<number>((done) => fs.open(path, flags, 0o644, done)))
  }

  async list(directory: string): Promise<string[]> {
    return (await fs.promises.readdir(directory)).sort()
  }

  // Node's own recursive mkdir tries for ever where a parent exists and takes no directories, as in /proc.
  async makeDirectory(directory: string): Promise<string | undefined> {
    try {
      await fs.promises.mkdir(directory)
      return directory
    } catch (error) {
      if (hasSystemCode(error, 'EEXIST') && (await fs.promises.stat(directory)).isDirectory()) return undefined
      if (!hasSystemCode(error, 'ENOENT') || parentOf(directory) === directory) throw error
    }
    const topmost = await this.makeDirectory(parentOf(directory))
    await fs.promises.mkdir(directory)
    return topmost ?? directory
  }

  rename(from: string, to: string): Promise<void> {
    return fs.promises.rename(from, to)
  }

  link(from: string, to: string): Promise<void> {
    return fs.promises.link(from, to)
  }

  async remove(path: string): Promise<void> {
    try {
      await call((done) => fs.unlink(path, done))
    } catch (error) {
      // A directory, or what Windows does not remove at once. `rm` for all would cost many times as much.
      if (!hasSystemCode(error, 'ENOENT')) await fs.promises.rm(path, { recursive: true, force: true })
    }
  }

  async syncDirectory(directory: string): Promise<void> {
    // Windows has no such call, and none is needed there: NTFS journals its directories.
    if (process.platform === 'win32') return
    const handle = await fs.promises.open(directory, 'r')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  }

  async freeBytes(directory: string): Promise<number> {
    const { bavail, bsize } = await fs.promises.statfs(directory)
    return bavail * bsize
  }

  /**
   * SQLite's exclusive lock, because it is one of the kernel's on the file itself (fcntl or LockFileEx): it ends with
   * the process however that ends, holds between containers that share a directory, where process ids mean nothing,
   * and needs no port and no short path. A shared one is that of a reader, which has begun to read.
   */
  async lock(path: string, { shared = false } = {}): Promise<DiskLock | undefined> {
    if (shared && !fs.existsSync(path)) return { release: async () => {} }
    let database: DatabaseSync | undefined
    try {
      database = new DatabaseSync(path, { timeout: 0, readOnly: shared })
      database.exec(shared ? 'BEGIN; SELECT name FROM sqlite_schema' : 'PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
    } catch (error) {
      database?.close()
      const SQLITE_BUSY = 5
      if ((error as { errcode?: number }).errcode === SQLITE_BUSY) return undefined
      throw error
    }
    const held = database
    return { release: async () => held.close() }
  }
}

/** On average, of Buffers that are copied together before they are written. */
const SMALL_BYTES = 4_096
/**
 * Written at once: such a write goes to the page cache in less time than the way to the thread pool and back takes, which
 * each record that waits for it would wait longer.
 */
const QUICK_BYTES = 16_384

class NodeFile implements DiskFile {
  private readonly fd: number

  constructor(fd: number) {
    this.fd = fd
  }

  async read(buffer: Buffer, position: number): Promise<number> {
    let filled = 0
    while (filled < buffer.length) {
      const bytes = await call<number>((done) =>
        fs.read(this.fd, buffer, filled, buffer.length - filled, position + filled, done),
      )
      if (bytes === 0) break
      filled += bytes
    }
    return filled
  }

  async writev(buffers: readonly Buffer[], position: number): Promise<void> {
    const bytes = buffers.reduce((sum, buffer) => sum + buffer.length, 0)
    // Handing a Buffer over to the system costs about as much as copying so many bytes.
    let left = buffers.length > 1 && bytes < buffers.length * SMALL_BYTES ? [Buffer.concat(buffers, bytes)] : buffers
    let at = position
    for (let size = bytes; ; ) {
      const written =
        size <= QUICK_BYTES
          ? fs.writevSync(this.fd, left as Buffer[], at)
          : await call<number>((done) => fs.writev(this.fd, left as Buffer[], at, done))
      if (written === size) return
      if (written === 0) throw new Error('the system wrote nothing')
      left = dropBytes(left, written)
      at += written
      size -= written
    }
  }

  datasync(): Promise<void> {
    return call((done) => fs.fdatasync(this.fd, done))
  }

  truncate(sizeBytes: number): Promise<void> {
    return call((done) => fs.ftruncate(this.fd, sizeBytes, done))
  }

  async size(): Promise<number> {
    return (await this.stats()).size
  }

  async linkCount(): Promise<number> {
    return (await this.stats()).nlink
  }

  private stats(): Promise<fs.Stats> {
    return call<fs.Stats>((done) => fs.fstat(this.fd, done))
  }

  close(): Promise<void> {
    return call((done) => fs.close(this.fd, done))
  }
}

/** What is left of `buffers` after their first `bytes` bytes. */
function dropBytes(buffers: readonly Buffer[], bytes: number): Buffer[] {
  let drop = bytes
  let index = 0
  for (; index < buffers.length; index++) {
    const { length } = buffers[index] as Buffer
    if (drop < length) break
    drop -= length
  }
  const [first, ...rest] = buffers.slice(index) as [Buffer, ...Buffer[]]
  return [first.subarray(drop), ...rest]
}

/** A promise for a call of `node:fs` with a callback: on the hot path it is cheaper than `fs.promises`. */
function call<T = void>(start: (done: (error: Error | null, value?: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    start((error, value) => (error ? reject(error) : resolve(value as T)))
  })
}
