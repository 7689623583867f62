import type { Backup, Backups } from '@millrace/engine'
import {
  FORMAT_FILE,
  hasSystemCode,
  keepName,
  type LinkedPartition,
  type LogContext,
  makeDurableDirectory,
  type PartitionIdentity,
  type PartitionLog,
  Serial,
  sideBySide,
  storageError,
} from '@millrace/log'
import { MillraceError } from '@millrace/record'

/** Partitions that are worked on at once. */
const AT_ONCE = 32
/** A backup that is not whole yet, or never was. */
const PARTIAL_SUFFIX = '.partial'
const NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}$/

export interface LocalBackupsOptions {
  readonly context: LogContext
  readonly dataDir: string
  /** Where backups are put; absolute, on the file system of `dataDir`. */
  readonly backupDir: string
  /** Runs `work` while no topic is made, altered or deleted. */
  readonly whileUnchanged: <T>(work: () => Promise<T>) => Promise<T>
  readonly logs: () => readonly PartitionLog[]
  /** Those that could not be opened. */
  readonly failed: () => readonly PartitionIdentity[]
}

/**
 * Backups by hard links: closed segments never change, so that a second name for their files is a copy; of the segment
 * that is written to, the committed beginning is copied. Between two rounds of the committer, all logs are cut at the same
 * moment; nothing is committed while names are given, and everything goes on while bytes are copied.
 *
 * A backup is a data directory that was not shut down in order. It lies under a temporary name until it is whole.
 */
export class LocalBackups implements Backups {
  private readonly options: LocalBackupsOptions
  private readonly serial = new Serial()
  private isClosed = false

  constructor(options: LocalBackupsOptions) {
    this.options = options
  }

  /** Removes what a crash left of a backup that was being made. */
  async removePartial(): Promise<void> {
    const { context, backupDir } = this.options
    for (const name of await this.names()) {
      if (name.endsWith(PARTIAL_SUFFIX)) await context.disk.remove(`${backupDir}/${name}`)
    }
  }

  create(name: string): Promise<Backup> {
    return this.serial.run(async () => {
      if (!NAME.test(name) || name.endsWith(PARTIAL_SUFFIX)) throw invalidName(name)
      const { context, backupDir } = this.options
      const partial = `${backupDir}/${name}${PARTIAL_SUFFIX}`
      if ((await this.names()).includes(name)) {
        throw new MillraceError('BACKUP_EXISTS', `there is a backup ${name} already`)
      }
      try {
        await makeDurableDirectory(context.disk, backupDir)
        await keepName(context.disk, backupDir)
        await context.disk.remove(partial)
        await context.disk.makeDirectory(partial)
        const counts = await this.copyTo(partial)
        await context.disk.rename(partial, `${backupDir}/${name}`)
        await context.disk.syncDirectory(backupDir)
        const backup = { name, path: `${backupDir}/${name}`, ...counts }
        const { sizeBytes, copiedBytes, pausedMs } = backup
        context.logger.info({ backup: backup.path, sizeBytes, copiedBytes, pausedMs }, 'backup made')
        return backup
      } catch (error) {
        await context.disk.remove(partial).catch(() => {})
        throw explained(error, this.options)
      }
    })
  }

  /** Ends the backup that is being made, and makes no more. */
  async close(): Promise<void> {
    this.isClosed = true
    await this.serial.idle()
  }

  private async copyTo(target: string): Promise<Omit<Backup, 'name' | 'path'>> {
    const { disk } = this.options.context
    const { linked, pausedMs } = await this.options.whileUnchanged(() => this.linkAll(target))
    let sizeBytes = 0
    let copiedBytes = 0
    for (const { linkedBytes, activeBytes, finish } of linked) {
      this.checkOpen()
      await finish()
      sizeBytes += linkedBytes + activeBytes
      copiedBytes += activeBytes
    }
    await disk.link(`${this.options.dataDir}/${FORMAT_FILE}`, `${target}/${FORMAT_FILE}`)
    await disk.syncDirectory(target)
    return { partitions: linked.length, sizeBytes, copiedBytes, pausedMs }
  }

  private async linkAll(target: string): Promise<{ linked: LinkedPartition[]; pausedMs: number }> {
    const { context, logs, failed } = this.options
    this.checkOpen()
    const [lost] = failed()
    if (lost !== undefined) {
      throw new MillraceError(
        'STORAGE_FAILED',
        `a backup would be without partition ${lost.partition} of topic ${lost.topicId}, which could not be opened`,
      )
    }
    const all = logs()
    const linked: LinkedPartition[] = []
    const releases: (() => void)[] = []
    try {
      await sideBySide(all, AT_ONCE, async (log) => {
        await context.disk.makeDirectory(directoryIn(target, log))
        releases.push(await log.hold())
      })
      const pausedMs = await context.committer.between(async () => {
        const startedMs = context.clock.monotonicMs()
        await sideBySide(all, AT_ONCE, async (log) => {
          linked.push(await log.linkInto(directoryIn(target, log)))
        })
        return Math.ceil(context.clock.monotonicMs() - startedMs)
      })
      return { linked, pausedMs }
    } finally {
      for (const release of releases) release()
    }
  }

  private async names(): Promise<string[]> {
    const { context, backupDir } = this.options
    try {
      return await context.disk.list(backupDir)
    } catch (error) {
      if (hasSystemCode(error, 'ENOENT')) return []
      throw storageError(error, `reading ${backupDir}`)
    }
  }

  private checkOpen(): void {
    if (this.isClosed) throw new MillraceError('SHUTTING_DOWN', 'the server is shutting down')
  }
}

function directoryIn(target: string, { directory }: PartitionLog): string {
  return `${target}${directory.slice(directory.lastIndexOf('/'))}`
}

function invalidName(name: string): MillraceError {
  const shown = JSON.stringify(name.length > 60 ? `${name.slice(0, 60)}…` : name)
  const allowed = `1 to 100 letters, digits, ".", "_" and "-", not with "." first, and not with ${PARTIAL_SUFFIX} last`
  return new MillraceError('INVALID_REQUEST', `${shown} cannot be the name of a backup; allowed are ${allowed}`)
}

function explained(error: unknown, { dataDir, backupDir }: LocalBackupsOptions): MillraceError {
  if (!hasSystemCode(error, 'EXDEV')) return storageError(error, 'making a backup')
  const message = `backups share files with the data, and ${backupDir} is on another file system than ${dataDir}`
  return new MillraceError('STORAGE_FAILED', message, { cause: error })
}
