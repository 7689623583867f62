import type { PartitionLog } from '@millrace/log'
import { asMillraceError, type Clock, type Logger, MillraceError, type TransactionMarker } from '@millrace/record'

const RETRY_MS = 1_000

/** What markers are written to. */
export type MarkedLog = Pick<PartitionLog, 'appendMarker' | 'directory'>

/** Writes markers, again and again where a partition does not take them: what was decided must come to hold. */
export class MarkerWriter {
  private readonly clock: Clock
  private readonly logger: Logger
  /** Ends the pauses between attempts. */
  private readonly pauses = new Set<() => void>()
  private closed = false

  constructor(clock: Clock, logger: Logger) {
    this.clock = clock
    this.logger = logger
  }

  /**
   * Returns when the marker is on disk in all of `logs`, but for those whose topic is deleted.
   * @throws MillraceError SHUTTING_DOWN
   */
  async writeAll(logs: Iterable<MarkedLog>, marker: TransactionMarker): Promise<void> {
    await Promise.all(Array.from(logs, (log) => this.write(log, marker)))
  }

  /**
   * Writes a marker, which nobody waits for to the end.
   * @returns `first` when the first attempt has ended, well or not; `done` as `writeAll` returns
   */
  start(log: MarkedLog, marker: TransactionMarker): { first: Promise<void>; done: Promise<void> } {
    const { promise: first, resolve } = Promise.withResolvers<void>()
    const done = this.write(log, marker, resolve)
    done.catch(() => {})
    return { first, done }
  }

  /** Begins no more attempts. */
  close(): void {
    this.closed = true
    for (const end of this.pauses) end()
  }

  private async write(log: MarkedLog, marker: TransactionMarker, onAttempt?: () => void): Promise<void> {
    for (let attempts = 0; !this.closed; attempts++) {
      try {
        await log.appendMarker(marker)
        onAttempt?.()
        return
      } catch (error) {
        onAttempt?.()
        const { code, message } = asMillraceError(error)
        if (code === 'TOPIC_NOT_FOUND') return
        if (code === 'SHUTTING_DOWN') throw error
        const { directory } = log
        if (attempts === 0) {
          this.logger.error({ err: error, directory }, `ending a transaction fails, and is tried again: ${message}`)
        }
        if (!this.closed) await this.pause()
      }
    }
    throw new MillraceError('SHUTTING_DOWN', 'the server is shutting down')
  }

  private pause(): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        this.pauses.delete(end)
        timer.cancel()
        resolve()
      }
      const timer = this.clock.setTimer(RETRY_MS, end)
      this.pauses.add(end)
    })
  }
}
