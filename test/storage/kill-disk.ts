import type { Disk, DiskFile, DiskLock } from '@millrace/log'

/** The calls of a Disk that change it. */
export const CHANGES = ['create', 'write', 'datasync', 'truncate', 'rename', 'link', 'remove', 'syncDirectory'] as const
export type DiskChange = (typeof CHANGES)[number]

/** `halfway`: a part of the bytes is written, a part of a directory is removed; other calls know no halfway. */
export const MOMENTS = ['before', 'halfway', 'after'] as const
export type Moment = (typeof MOMENTS)[number]

/** Where a process dies: at the change of this number, or at the `nth` that is of this kind. */
export type KillPoint =
  | { readonly change: number; readonly moment: Moment }
  | {
      readonly operation: DiskChange
      /** A regular expression for the path. */
      readonly path: string
      /** Only while the program says that it does this. */
      readonly phase?: string
      /** Only after a change, in that phase, of a path that matches this regular expression. */
      readonly after?: string
      /** From 1 on. Default 1. */
      readonly nth?: number
      readonly moment: Moment
    }

/** What a process died at. */
export interface Death {
  readonly change: number
  readonly operation: DiskChange
  readonly path: string
}

/**
 * A disk that ends the process as SIGKILL does, at one of its changes. Changes are counted in the order in which they
 * are asked for; reading is not counted, since nothing is different before and after it.
 */
export class KillDisk implements Disk {
  /** What the program does at the moment. */
  phase = ''
  private readonly disk: Disk
  private readonly point: KillPoint | undefined
  private readonly onDeath: (death: Death) => void
  private count = 0
  private matches = 0
  private isArmed: boolean

  /** @param onDeath told right before the process ends */
  constructor(disk: Disk, point: KillPoint | undefined, onDeath: (death: Death) => void) {
    this.disk = disk
    this.point = point
    this.isArmed = point === undefined || 'change' in point || point.after === undefined
    this.onDeath = onDeath
  }

  /** Changes so far. */
  get changes(): number {
    return this.count
  }

  async open(path: string, options: { create?: boolean; readOnly?: boolean } = {}): Promise<DiskFile> {
    if (!options.create) return this.wrap(path, await this.disk.open(path, options))
    return this.wrap(path, await this.change('create', path, () => this.disk.open(path, options)))
  }

  list(directory: string): Promise<string[]> {
    return this.disk.list(directory)
  }

  makeDirectory(directory: string): Promise<string | undefined> {
    return this.change('create', directory, () => this.disk.makeDirectory(directory))
  }

  rename(from: string, to: string): Promise<void> {
    return this.change('rename', to, () => this.disk.rename(from, to))
  }

  link(from: string, to: string): Promise<void> {
    return this.change('link', to, () => this.disk.link(from, to))
  }

  remove(path: string): Promise<void> {
    return this.change(
      'remove',
      path,
      () => this.disk.remove(path),
      async () => {
        const names = await this.disk.list(path).catch(() => [])
        for (const name of names.slice(0, names.length / 2)) await this.disk.remove(`${path}/${name}`)
      },
    )
  }

  freeBytes(directory: string): Promise<number> {
    return this.disk.freeBytes(directory)
  }

  syncDirectory(directory: string): Promise<void> {
    return this.change('syncDirectory', directory, () => this.disk.syncDirectory(directory))
  }

  lock(path: string, options?: { shared?: boolean }): Promise<DiskLock | undefined> {
    return this.disk.lock(path, options)
  }

  private wrap(path: string, file: DiskFile): DiskFile {
    return {
      read: (buffer, position) => file.read(buffer, position),
      writev: (buffers, position) =>
        this.change(
          'write',
          path,
          () => file.writev(buffers, position),
          async () => {
            const bytes = Buffer.concat(buffers)
            // Not one half: that would be a whole one of two batches of a size.
            await file.writev([bytes.subarray(0, bytes.length / 3)], position)
          },
        ),
      datasync: () => this.change('datasync', path, () => file.datasync()),
      truncate: (sizeBytes) => this.change('truncate', path, () => file.truncate(sizeBytes)),
      size: () => file.size(),
      linkCount: () => file.linkCount(),
      close: () => file.close(),
    }
  }

  private async change<T>(
    operation: DiskChange,
    path: string,
    whole: () => Promise<T>,
    half: () => Promise<unknown> = whole,
  ): Promise<T> {
    const change = ++this.count
    if (!this.strikes(change, operation, path)) return whole()
    const { moment } = this.point as KillPoint
    if (moment === 'halfway') await half()
    if (moment === 'after') await whole()
    this.onDeath({ change, operation, path })
    process.kill(process.pid, 'SIGKILL')
    return new Promise(() => {})
  }

  private strikes(change: number, operation: DiskChange, path: string): boolean {
    const { point } = this
    if (point === undefined) return false
    if ('change' in point) return point.change === change
    if (point.phase !== undefined && point.phase !== this.phase) return false
    if (!this.isArmed) {
      this.isArmed = new RegExp(point.after as string).test(path)
      return false
    }
    if (point.operation !== operation || !new RegExp(point.path).test(path)) return false
    return ++this.matches === (point.nth ?? 1)
  }
}
