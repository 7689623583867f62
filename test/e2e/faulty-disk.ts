import type { Disk, DiskFile } from '@millrace/log'

/** What goes wrong, for as long as it is set. */
export type Fault =
  /** No byte more fits. */
  | 'full'
  /** Half of the bytes are written, then the device fails. */
  | 'half-written'
  /** Bytes are written but the sync of them fails. */
  | 'sync-fails'

/** A disk over another one that can be told to fail. */
export class FaultyDisk implements Disk {
  fault: Fault | undefined
  private readonly disk: Disk

  constructor(disk: Disk) {
    this.disk = disk
  }

  async open(path: string, options?: { create?: boolean }): Promise<DiskFile> {
    if (this.fault === 'full' && options?.create) throw systemError('ENOSPC', 'no space left on device')
    const file = await this.disk.open(path, options)
    return {
      read: (buffer, position) => file.read(buffer, position),
      writev: async (buffers, position) => {
        if (this.fault === 'full') throw systemError('ENOSPC', 'no space left on device')
        if (this.fault === 'half-written') {
          const bytes = Buffer.concat(buffers)
          await file.writev([bytes.subarray(0, bytes.length / 2)], position)
          throw systemError('EIO', 'i/o error')
        }
        await file.writev(buffers, position)
      },
      datasync: async () => {
        if (this.fault === 'sync-fails') throw systemError('EIO', 'i/o error')
        await file.datasync()
      },
      truncate: (sizeBytes) => file.truncate(sizeBytes),
      size: () => file.size(),
      linkCount: () => file.linkCount(),
      close: () => file.close(),
    }
  }

  list(directory: string): Promise<string[]> {
    return this.disk.list(directory)
  }

  makeDirectory(directory: string): ReturnType<Disk['makeDirectory']> {
    return this.disk.makeDirectory(directory)
  }

  rename(from: string, to: string): Promise<void> {
    return this.disk.rename(from, to)
  }

  link(from: string, to: string): Promise<void> {
    return this.disk.link(from, to)
  }

  remove(path: string): Promise<void> {
    return this.disk.remove(path)
  }

  freeBytes(directory: string): Promise<number> {
    return this.disk.freeBytes(directory)
  }

  syncDirectory(directory: string): Promise<void> {
    return this.disk.syncDirectory(directory)
  }

  lock(path: string): ReturnType<Disk['lock']> {
    return this.disk.lock(path)
  }
}

function systemError(code: string, message: string): Error {
  return Object.assign(new Error(`${code}: ${message}`), { code })
}
