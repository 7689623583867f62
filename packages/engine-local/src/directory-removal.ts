import { type Disk, removeDirectory, Serial } from '@millrace/log'
import type { Logger } from '@millrace/record'

/**
 * Frees the disk of what nobody reads any more, in the background: one directory at a time, large files piece by piece,
 * so that commits do not wait for it. What is not done when it is closed is left to the next start.
 */
export class DirectoryRemoval {
  private readonly disk: Disk
  private readonly logger: Logger
  private readonly work = new Serial()
  private readonly stop = new AbortController()

  constructor(disk: Disk, logger: Logger) {
    this.disk = disk
    this.logger = logger
  }

  add(directories: readonly string[]): void {
    void this.work.run(async () => {
      try {
        for (const directory of directories) {
          if (this.stop.signal.aborted) return
          await removeDirectory(this.disk, directory, this.stop.signal)
        }
      } catch (error) {
        this.logger.warn({ err: error }, 'removing the files of a deleted topic failed; the next start tries again')
      }
    })
  }

  /** Begins nothing more. When it returns, nothing is under way. */
  async close(): Promise<void> {
    this.stop.abort()
    await this.work.idle()
  }
}
