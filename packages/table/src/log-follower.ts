import { asMillraceError, type Clock, type ErrorCode, type Logger, type Timer } from '@millrace/record'
import type { TablePartition } from './log-reader.ts'

const WAIT_MS = 60_000
/** Before the log is looked at again that could not be read. */
const RETRY_MS = 1_000
/** After these there is no log any more. */
const ENDS: readonly ErrorCode[] = ['SHUTTING_DOWN', 'TOPIC_NOT_FOUND']

export interface LogFollowerOptions {
  readonly partition: TablePartition
  readonly clock: Clock
  readonly logger: Logger
  /** The offset up to which the log was gone through. */
  readonly position: () => number
  /** Whether there is anything to look for. */
  readonly isNeeded: () => boolean
  /** Goes through what the log has. */
  readonly catchUp: () => Promise<void>
}

/** Watches the log as long as there is something in it to come that nobody else tells of: ends of transactions. */
export class LogFollower {
  private readonly options: LogFollowerOptions
  private readonly stop = new AbortController()
  private isRunning = false
  private retry: Timer | undefined

  constructor(options: LogFollowerOptions) {
    this.options = options
  }

  /** Begins to watch, unless it does. */
  follow(): void {
    if (this.isRunning || !this.options.isNeeded() || this.stop.signal.aborted) return
    this.isRunning = true
    this.retry?.cancel()
    void this.watch()
  }

  close(): void {
    this.stop.abort()
    this.retry?.cancel()
  }

  private async watch(): Promise<void> {
    const { partition, position, isNeeded, catchUp, clock, logger } = this.options
    const { signal } = this.stop
    try {
      while (isNeeded() && !signal.aborted) {
        await partition.read(position(), { maxBytes: 1, isolation: 'uncommitted', waitMs: WAIT_MS, signal })
        if (!signal.aborted) await catchUp()
      }
      this.isRunning = false
    } catch (error) {
      this.isRunning = false
      if (signal.aborted || ENDS.includes(asMillraceError(error).code)) return
      logger.warn({ err: error }, "a table's log cannot be read for the end of a transaction; it is tried again")
      this.retry = clock.setTimer(RETRY_MS, () => this.follow())
    }
  }
}
