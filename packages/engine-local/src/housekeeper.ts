import { type LogStats, Throttle } from '@millrace/log'
import { asMillraceError, type Clock, type Logger, type Timer } from '@millrace/record'

/** What is looked after: one partition's log. */
export interface Maintained {
  /** Where it lies, for the log book. */
  readonly directory: string
  maintain(throttle: Throttle): Promise<void>
}

export interface HousekeeperOptions {
  readonly clock: Clock
  readonly logger: Logger
  readonly intervalMs: number
  readonly compactionBytesPerSecond: number
  /** Where rounds and failures are counted. */
  readonly stats: Pick<LogStats, 'maintenanceRounds' | 'maintenanceFailures'>
  /** All that is to be looked after at the moment. */
  readonly list: () => readonly Maintained[]
}

/**
 * Retention and compaction in the background: after each interval every partition has its turn, one at a time. A
 * partition that fails is tried again in the next round; the same failure is logged once.
 */
export class Housekeeper {
  private readonly options: HousekeeperOptions
  private readonly throttle: Throttle
  private timer: Timer | undefined
  private running: Promise<void> = Promise.resolve()
  private closed = false
  /** What was logged last of a partition that fails. */
  private readonly failures = new Map<string, string>()

  constructor(options: HousekeeperOptions) {
    this.options = options
    this.throttle = new Throttle(options.clock, options.compactionBytesPerSecond)
    this.later()
  }

  /** Begins no more work. What is under way ends with its log; `idle` waits for that. */
  close(): void {
    this.closed = true
    this.timer?.cancel()
  }

  async idle(): Promise<void> {
    await this.running
  }

  private later(): void {
    const { clock, intervalMs } = this.options
    this.timer = clock.setTimer(intervalMs, () => {
      this.running = this.round()
    })
  }

  private async round(): Promise<void> {
    const all = this.options.list()
    const known = new Set(all.map((log) => log.directory))
    for (const directory of this.failures.keys()) if (!known.has(directory)) this.failures.delete(directory)
    for (const log of all) {
      if (this.closed) return
      await this.maintain(log)
    }
    this.options.stats.maintenanceRounds++
    if (!this.closed) this.later()
  }

  private async maintain(log: Maintained): Promise<void> {
    const { directory } = log
    try {
      await log.maintain(this.throttle)
      this.failures.delete(directory)
    } catch (error) {
      this.options.stats.maintenanceFailures++
      const { code, message } = asMillraceError(error)
      if (this.failures.get(directory) === code) return
      this.failures.set(directory, code)
      this.options.logger.error(
        { err: error, directory },
        `retention or compaction fails, and is tried again: ${message}`,
      )
    }
  }
}
