import type { Disk, DiskFile, DiskLock } from '@millrace/log'
import { type CrashCounts, CrashDiskFile } from './crash-disk-file.ts'
import type { SeededRandom } from './seeded-random.ts'

export type DiskOperation =
  | 'open'
  | 'create'
  | 'read'
  | 'write'
  | 'datasync'
  | 'truncate'
  | 'rename'
  | 'link'
  | 'remove'
  | 'syncDirectory'

/** A fault to come. */
export interface DiskFault {
  readonly operation: DiskOperation
  /** Only for paths that contain this. */
  readonly path?: string
  /** The system's code, for example EIO or ENOSPC. */
  readonly code: string
  /** How often it strikes. Default 1. */
  readonly times?: number
}

/** Told of each call that reaches the disk, with the code of the fault that struck it. */
export type DiskObserver = (operation: DiskOperation, path: string, fault: string | undefined) => void

export interface MountOptions {
  /**
   * What becomes of the calls of a program that is dead: they fail, as for one that is to be waited for; or they never
   * return, as for one that is gone and shall not go on in the background of the test. Default `fail`.
   */
  readonly deadCalls?: 'fail' | 'hang'
}

type Entries = Map<string, CrashDiskFile | 'directory'>

/** A change of names that no sync of its directory has made durable yet. */
interface NameChange {
  readonly directory: string
  readonly apply: (entries: Entries) => void
}

/** One run of a program on the disk, from its start to its end. */
interface Life {
  readonly number: number
  readonly hangs: boolean
}

/**
 * A simulated disk that forgets what was not synced. Programs see their writes at once; `crash` goes back to what was
 * synced, plus whatever chance kept of the rest: any subset of the unsynced writes, torn at and inside sectors, in any
 * order, and of the unsynced changes of names likewise. Files that were open before a crash fail from then on, and so
 * does what `mount` gave, so that a "dead" program cannot write any more.
 *
 * Every call takes a turn of the event loop, so that a crash can fall between any two of them.
 */
export class CrashDisk implements Disk {
  /** What crashes did to unsynced writes so far. A test in which one of them stays 0 has not tested it. */
  readonly counts: CrashCounts = { kept: 0, lost: 0, torn: 0, reordered: 0 }
  /** Bytes of all files together past which writes fail with ENOSPC. */
  capacityBytes = Number.POSITIVE_INFINITY
  /** Must not throw. */
  observer: DiskObserver | undefined
  private readonly random: SeededRandom
  private entries: Entries = new Map([['/', 'directory']])
  private durable: Entries = new Map([['/', 'directory']])
  private nameChanges: NameChange[] = []
  private births = 0
  private readonly bornAt = new WeakMap<CrashDiskFile, number>()
  private readonly locks = new Set<string>()
  private faults: { fault: DiskFault; left: number }[] = []
  private life = 0
  private syncsHeld: Promise<void> | undefined

  constructor(random: SeededRandom) {
    this.random = random
  }

  /** Cuts the power and switches it on again. */
  crash(): void {
    this.life++
    for (const { directory, apply } of this.nameChanges) {
      if (this.durable.has(directory) && this.random.bool()) apply(this.durable)
    }
    this.nameChanges = []
    for (const path of [...this.durable.keys()]) {
      if (path !== '/' && !this.durable.has(parentOf(path))) this.durable.delete(path)
    }
    for (const file of new Set(this.durable.values())) if (file !== 'directory') file.crash(this.random, this.counts)
    this.entries = new Map(this.durable)
    this.locks.clear()
    this.clearFaults()
    this.syncsHeld = undefined
    this.capacityBytes = Number.POSITIVE_INFINITY
  }

  /** Ends the program but not the machine, as SIGKILL does: its files are closed, everything it wrote stays. */
  kill(): void {
    this.life++
    this.locks.clear()
  }

  /** Has a coming operation fail. A write that fails leaves a part of itself. */
  failNext(fault: DiskFault): void {
    this.faults.push({ fault, left: fault.times ?? 1 })
  }

  /** Takes back the faults that have not struck yet. */
  clearFaults(): void {
    this.faults = []
  }

  /** Keeps every `datasync` from returning until the function that it returns is called. */
  holdSyncs(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.syncsHeld = promise
    return () => {
      if (this.syncsHeld === promise) this.syncsHeld = undefined
      resolve()
    }
  }

  /** The content of a file as programs see it. For tests that damage or inspect it. */
  contentOf(path: string): Buffer {
    const file = this.fileAt(path)
    const bytes = Buffer.alloc(file.sizeBytes)
    file.read(bytes, 0)
    return bytes
  }

  /** Changes bytes behind the program's back, as decay does. */
  damage(path: string, position: number, bytes: Buffer): void {
    const file = this.fileAt(path)
    file.write(bytes, position)
    file.sync(file.unsyncedChanges)
  }

  /** Bytes of all files together, as programs see them. */
  get usedBytes(): number {
    let used = 0
    for (const file of new Set(this.entries.values())) if (file !== 'directory') used += file.sizeBytes
    return used
  }

  paths(): string[] {
    return [...this.entries.keys()].sort()
  }

  /** The disk for one life of a program: after the next crash or kill, no call succeeds. */
  mount({ deadCalls = 'fail' }: MountOptions = {}): Disk {
    const life: Life = { number: this.life, hangs: deadCalls === 'hang' }
    return {
      open: (path, options) => this.open(path, options, life),
      list: (directory) => this.list(directory, life),
      makeDirectory: (directory) => this.makeDirectory(directory, life),
      rename: (from, to) => this.rename(from, to, life),
      link: (from, to) => this.link(from, to, life),
      remove: (path) => this.remove(path, life),
      syncDirectory: (directory) => this.syncDirectory(directory, life),
      freeBytes: () => this.freeBytes(),
      lock: (path, options) => this.lock(path, options, life),
    }
  }

  async open(path: string, { create = false } = {}, life = this.now): Promise<DiskFile> {
    await this.step(create ? 'create' : 'open', path, life)
    const known = this.entries.get(path)
    if (create) {
      if (known !== undefined) throw systemError('EEXIST', path)
      if (!this.entries.has(parentOf(path))) throw systemError('ENOENT', path)
      const file = new CrashDiskFile()
      this.bornAt.set(file, ++this.births)
      this.changeNames(parentOf(path), (entries) => entries.set(path, file))
      return this.handle(path, file, life)
    }
    if (known === undefined || known === 'directory') throw systemError(known === undefined ? 'ENOENT' : 'EISDIR', path)
    return this.handle(path, known, life)
  }

  async list(directory: string, life = this.now): Promise<string[]> {
    await this.step('read', directory, life)
    if (this.entries.get(directory) !== 'directory') throw systemError('ENOENT', directory)
    const prefix = directory === '/' ? '/' : `${directory}/`
    const names = [...this.entries.keys()]
      .filter((path) => path.startsWith(prefix))
      .map((path) => path.slice(prefix.length))
    return names.filter((name) => name !== '' && !name.includes('/')).sort()
  }

  async makeDirectory(directory: string, life = this.now): Promise<string | undefined> {
    await this.step('create', directory, life)
    const missing: string[] = []
    for (let path = directory; !this.entries.has(path); path = parentOf(path)) missing.unshift(path)
    for (const path of missing) this.changeNames(parentOf(path), (entries) => entries.set(path, 'directory'))
    return missing[0]
  }

  async rename(from: string, to: string, life = this.now): Promise<void> {
    await this.step('rename', from, life)
    if (!this.entries.has(from)) throw systemError('ENOENT', from)
    this.decideInside(from)
    const isOld = this.bornByNow()
    const moved = this.entries.get(from)
    this.changeNames(parentOf(from), (entries) => {
      if (moved !== 'directory') {
        // A name is given to a file, not to what had the old name before: a change that is lost may have been that.
        if (entries.get(from) === moved) entries.delete(from)
        entries.set(to, moved as CrashDiskFile)
        return
      }
      for (const [path, entry] of [...entries]) {
        if (!isInside(path, from) || !isOld(entry)) continue
        entries.delete(path)
        entries.set(to + path.slice(from.length), entry)
      }
    })
  }

  async link(from: string, to: string, life = this.now): Promise<void> {
    await this.step('link', to, life)
    const file = this.fileAt(from)
    if (this.entries.has(to)) throw systemError('EEXIST', to)
    if (!this.entries.has(parentOf(to))) throw systemError('ENOENT', to)
    this.changeNames(parentOf(to), (entries) => entries.set(to, file))
  }

  async remove(path: string, life = this.now): Promise<void> {
    await this.step('remove', path, life)
    if (!this.entries.has(path)) return
    this.decideInside(path)
    const isOld = this.bornByNow()
    this.changeNames(parentOf(path), (entries) => {
      for (const [known, entry] of [...entries]) if (isInside(known, path) && isOld(entry)) entries.delete(known)
    })
  }

  async freeBytes(): Promise<number> {
    return Math.max(this.capacityBytes - this.usedBytes, 0)
  }

  async syncDirectory(directory: string, life = this.now): Promise<void> {
    await this.step('syncDirectory', directory, life)
    const synced = this.nameChanges.filter((change) => change.directory === directory)
    this.nameChanges = this.nameChanges.filter((change) => change.directory !== directory)
    for (const { apply } of synced) apply(this.durable)
  }

  /** A shared lock is held alone like any other. */
  async lock(path: string, _options: { shared?: boolean } = {}, life = this.now): Promise<DiskLock | undefined> {
    await this.step('open', path, life)
    if (this.locks.has(path)) return undefined
    this.locks.add(path)
    return {
      release: async () => {
        if (this.isAlive(life)) this.locks.delete(path)
      },
    }
  }

  private handle(path: string, file: CrashDiskFile, life: Life): DiskFile {
    const step = (operation: DiskOperation): Promise<void> => this.step(operation, path, life)
    return {
      read: async (buffer, position) => {
        await step('read')
        return file.read(buffer, position)
      },
      writev: async (buffers, position) => {
        const total = buffers.reduce((sum, buffer) => sum + buffer.length, 0)
        const room = this.roomFor(file, position, total)
        try {
          await step('write')
        } catch (error) {
          if (this.isAlive(life)) writeAll(file, buffers, position, this.random.int(0, total))
          throw error
        }
        writeAll(file, buffers, position, room)
        if (room < total) throw systemError('ENOSPC', path)
      },
      datasync: async () => {
        const covered = file.unsyncedChanges
        try {
          await step('datasync')
        } catch (error) {
          if (this.isAlive(life)) file.failSync(Math.min(covered, file.unsyncedChanges), this.random)
          throw error
        }
        await this.syncsHeld
        if (!this.isAlive(life)) await this.endDeadCall(life, path)
        file.sync(Math.min(covered, file.unsyncedChanges))
      },
      truncate: async (sizeBytes) => {
        await step('truncate')
        file.truncate(sizeBytes)
      },
      size: async () => {
        await step('read')
        return file.sizeBytes
      },
      linkCount: async () => {
        await step('read')
        return [...this.entries.values()].filter((entry) => entry === file).length
      },
      close: async () => {},
    }
  }

  private async step(operation: DiskOperation, path: string, life: Life): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve))
    if (!this.isAlive(life)) await this.endDeadCall(life, path)
    const struck = this.faults.find(
      ({ fault, left }) => left > 0 && fault.operation === operation && path.includes(fault.path ?? ''),
    )
    this.observer?.(operation, path, struck?.fault.code)
    if (struck === undefined) return
    struck.left--
    throw systemError(struck.fault.code, path)
  }

  private get now(): Life {
    return { number: this.life, hangs: false }
  }

  private isAlive({ number }: Life): boolean {
    return this.life === number
  }

  private endDeadCall({ hangs }: Life, path: string): Promise<never> {
    if (hangs) return new Promise<never>(() => {})
    return Promise.reject(systemError('EIO', `${path} (the program that opened it is dead)`))
  }

  private roomFor(file: CrashDiskFile, position: number, bytes: number): number {
    if (this.capacityBytes === Number.POSITIVE_INFINITY) return bytes
    const growth = Math.max(position + bytes - file.sizeBytes, 0)
    const over = this.usedBytes + growth - this.capacityBytes
    return over <= 0 ? bytes : Math.max(bytes - over, 0)
  }

  private changeNames(directory: string, apply: (entries: Entries) => void): void {
    apply(this.entries)
    this.nameChanges.push({ directory, apply })
  }

  /**
   * Lets chance decide now about the unsynced changes in a directory that gets another name or goes: they are of that
   * directory, and must not turn up in the next one of its name.
   */
  private decideInside(directory: string): void {
    const inside = this.nameChanges.filter((change) => isInside(change.directory, directory))
    this.nameChanges = this.nameChanges.filter((change) => !isInside(change.directory, directory))
    for (const { apply } of inside) if (this.random.bool()) apply(this.durable)
  }

  /**
   * Tells what was there at this moment from what is made later: that may be synced, in a new directory of the same name,
   * before the old one's removal or renaming is.
   */
  private bornByNow(): (entry: CrashDiskFile | 'directory') => boolean {
    const { births } = this
    return (entry) => entry === 'directory' || (this.bornAt.get(entry) as number) <= births
  }

  private fileAt(path: string): CrashDiskFile {
    const file = this.entries.get(path)
    if (file === undefined || file === 'directory') throw systemError('ENOENT', path)
    return file
  }
}

/** Writes the first `maxBytes` of `buffers`, each buffer as a write of its own: they reach the platter in any order. */
function writeAll(file: CrashDiskFile, buffers: readonly Buffer[], position: number, maxBytes: number): void {
  let left = maxBytes
  let at = position
  for (const buffer of buffers) {
    if (left > 0) file.write(buffer.subarray(0, left), at)
    left -= buffer.length
    at += buffer.length
  }
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf('/'), 0)) || '/'
}

function isInside(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${directory}/`)
}

function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code })
}
