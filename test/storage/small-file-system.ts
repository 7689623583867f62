import { spawnSync } from 'node:child_process'
import { closeSync, fdatasyncSync, mkdirSync, mkdtempSync, openSync, rmSync, truncateSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export type FileSystemKind = 'ext4' | 'tmpfs'

const MiB = 2 ** 20
const SIZE_BYTES = 40 * MiB

/** A file system of its own, 40 MiB in all, that a test can fill. */
export class SmallFileSystem implements Disposable {
  /** Where it is mounted. */
  readonly path: string
  private readonly root: string

  /** @throws Error when it cannot be made or mounted; only root may */
  constructor(kind: FileSystemKind) {
    this.root = mkdtempSync(join(tmpdir(), 'millrace-small-'))
    this.path = join(this.root, 'mounted')
    mkdirSync(this.path)
    try {
      if (kind === 'tmpfs') {
        run('mount', '-t', 'tmpfs', '-o', `size=${SIZE_BYTES}`, 'millrace-test', this.path)
      } else {
        const image = join(this.root, 'image')
        closeSync(openSync(image, 'w'))
        truncateSync(image, SIZE_BYTES)
        // Nothing is set aside for root, who runs this.
        run('mkfs.ext4', '-q', '-F', '-m', '0', image)
        run('mount', '-o', 'loop', image, this.path)
      }
    } catch (error) {
      rmSync(this.root, { recursive: true, force: true })
      throw error
    }
  }

  /** Takes room away, by a file; all that there is when `bytes` is not said. Its removal gives the room back. */
  fill(name: string, bytes = SIZE_BYTES): () => void {
    const path = join(this.path, name)
    const file = openSync(path, 'w')
    const chunk = Buffer.alloc(64 * 1024)
    try {
      for (let written = 0; written < bytes; written += chunk.length) writeSync(file, chunk)
      fdatasyncSync(file)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
    } finally {
      closeSync(file)
    }
    return () => rmSync(path)
  }

  [Symbol.dispose](): void {
    const { status } = spawnSync('umount', [this.path])
    if (status !== 0) spawnSync('umount', ['-l', this.path])
    rmSync(this.root, { recursive: true, force: true })
  }
}

/** Why no file system can be mounted here; undefined where one can. */
export function whyNoMount(kind: FileSystemKind): string | undefined {
  if (process.platform !== 'linux') return `it needs Linux, and this is ${process.platform}`
  if (process.getuid?.() !== 0) return 'only root may mount a file system'
  try {
    new SmallFileSystem(kind)[Symbol.dispose]()
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

function run(command: string, ...args: string[]): void {
  const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${command}: ${(error?.message ?? stderr).trim()}`)
}
