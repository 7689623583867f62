import { type Disk, type DiskFile, hasSystemCode } from './disk.ts'

/**
 * What a file system gives back in one go. It may tell the drive, which takes its time (ext4 with `discard`: more than
 * 10 ms for 64 MiB), and whoever syncs another file meanwhile waits for that.
 */
const PIECE_BYTES = 4 << 20

/**
 * Has `work` take the names of large files away, for good, and then gives their space back piece by piece, so that
 * commits come between. A reader that still has one of them open may find it cut. When `work` fails, they stay whole, and
 * so does one that has another name, as in a backup.
 */
export async function removePiecewise<T>(disk: Disk, files: readonly LargeFile[], work: () => Promise<T>): Promise<T> {
  const held: DiskFile[] = []
  try {
    for (const { path, sizeBytes } of files) {
      const file = sizeBytes > PIECE_BYTES ? await disk.open(path).catch(() => undefined) : undefined
      if (file !== undefined) held.push(file)
    }
    const result = await work()
    // The names are gone; what fails now, the system gives back when the file is closed.
    for (const file of held) await cutPiecewise(file, 0).catch(() => {})
    return result
  } finally {
    for (const file of held) await file.close().catch(() => {})
  }
}

export interface LargeFile {
  readonly path: string
  readonly sizeBytes: number
}

/**
 * Removes a directory with the files in it, large ones piece by piece; one that is not there is none to remove.
 * @param signal ends it between two pieces: what is left is there to be removed again
 */
export async function removeDirectory(disk: Disk, directory: string, signal?: AbortSignal): Promise<void> {
  let names: string[]
  try {
    names = await disk.list(directory)
  } catch (error) {
    if (hasSystemCode(error, 'ENOENT')) return
    throw error
  }
  for (const name of names) {
    if (signal?.aborted) return
    await cutLarge(disk, `${directory}/${name}`, signal)
  }
  if (!signal?.aborted) await disk.remove(directory)
}

/**
 * Nobody asks for the file by this name any more: it is cut where it is, so that a crash leaves the rest to be found. With
 * another name, as in a backup, it stays whole.
 */
async function cutLarge(disk: Disk, path: string, signal: AbortSignal | undefined): Promise<void> {
  const file = await disk.open(path)
  try {
    await cutPiecewise(file, 1, signal)
  } finally {
    await file.close()
  }
}

/** @param names how many the file has when nobody else's is among them */
async function cutPiecewise(file: DiskFile, names: number, signal?: AbortSignal): Promise<void> {
  if ((await file.linkCount()) > names) return
  let sizeBytes = await file.size()
  while (sizeBytes > PIECE_BYTES && !signal?.aborted) {
    sizeBytes -= PIECE_BYTES
    await file.truncate(sizeBytes)
    // Without it, a commit could come upon all pieces at once.
    await file.datasync()
  }
}
