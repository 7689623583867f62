import type { Clock, Logger, Timer } from '@millrace/record'

/**
 * Something with writes to commit: a partition. The committer calls one target's methods one after another, never two
 * at a time.
 */
export interface CommitTarget {
  /** Writes what is pending to its file; what comes in meanwhile waits for the next round. */
  write(): Promise<void>
  /** Whether what was written must be synced before it counts as committed. */
  readonly needsSync: boolean
  sync(): Promise<void>
  /** What was written is committed. Must not throw. */
  committed(): void
  /** Writing (or syncing) failed: takes back all that is not committed. Must not throw. */
  failed(error: unknown, step: 'write' | 'sync'): Promise<void>
}

/** Targets of one round that are worked on at once. */
const PARALLEL = 64
const PROBE_MS = 1_000

/**
 * Owns durability for one data directory. Partitions submit themselves when they have something to write; the committer
 * works in rounds: each takes all that were submitted since the last began, lets each write everything it has with one
 * call, syncs those files side by side, and tells each partition that its part is committed. So one sync is shared by
 * all appends that came while the last one ran (group commit).
 *
 * Ordered: rounds, and so the commits of one partition. Durable: with `needsSync`, what was written before `committed`
 * is called.
 */
export class Committer {
  private readonly logger: Logger
  private readonly clock: Clock
  private readonly probe: () => Promise<void>
  private waiting = new Set<CommitTarget>()
  private running: Promise<void> | undefined
  private round: readonly CommitTarget[] = []
  private roundWaiters: (() => void)[] = []
  private failure: string | undefined
  private probeTimer: Timer | undefined
  private closed = false

  /** @param probe writes and syncs a little on the same disk; asked after a failure, until it works again */
  constructor(options: { clock: Clock; logger: Logger; probe: () => Promise<void> }) {
    this.clock = options.clock
    this.logger = options.logger
    this.probe = options.probe
  }

  /** Why the last commit failed; undefined once writing works again. */
  get problem(): string | undefined {
    return this.failure
  }

  /** Has the next round serve `target`. To be called whenever it has something new; calling it again costs nothing. */
  submit(target: CommitTarget): void {
    this.waiting.add(target)
    if (this.running === undefined) this.running = this.run()
  }

  /** Waits until all that was submitted is committed or has failed. */
  async idle(): Promise<void> {
    while (this.running !== undefined) await this.running
  }

  /** Waits until all that `target` submitted is committed or has failed, however busy others are. */
  async settle(target: CommitTarget): Promise<void> {
    while (this.waiting.has(target) || this.round.includes(target)) await this.roundEnds()
  }

  /** Probes no more. To be called when nobody submits any longer, before the directory is given back. */
  close(): void {
    this.closed = true
    this.probeTimer?.cancel()
  }

  private async run(): Promise<void> {
    // What arrives from the network in one turn of the event loop goes into one round.
    await new Promise<void>((resolve) => setImmediate(resolve))
    while (this.waiting.size > 0) {
      this.round = [...this.waiting]
      this.waiting = new Set()
      await this.commitRound(this.round)
      this.round = []
      for (const wake of this.roundWaiters.splice(0)) wake()
    }
    this.running = undefined
  }

  private roundEnds(): Promise<void> {
    return new Promise((resolve) => this.roundWaiters.push(resolve))
  }

  private async commitRound(round: readonly CommitTarget[]): Promise<void> {
    if (round.length === 1) return this.commit(round[0] as CommitTarget)
    const targets = round.values()
    const work = async (): Promise<void> => {
      for (const target of targets) await this.commit(target)
    }
    await Promise.all(Array.from({ length: Math.min(PARALLEL, round.length) }, work))
  }

  private async commit(target: CommitTarget): Promise<void> {
    let step: 'write' | 'sync' = 'write'
    try {
      await target.write()
      if (target.needsSync) {
        step = 'sync'
        await target.sync()
      }
    } catch (error) {
      this.noteFailure(error)
      await target.failed(error, step)
      return
    }
    target.committed()
  }

  private noteFailure(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error)
    this.logger.error({ err: error }, 'committing to disk failed')
    const probing = this.failure !== undefined
    this.failure = reason
    if (!probing) this.probeLater()
  }

  private probeLater(): void {
    if (this.closed) return
    this.probeTimer = this.clock.setTimer(PROBE_MS, () => {
      this.probe().then(
        () => {
          this.failure = undefined
          this.logger.info({}, 'committing to disk works again')
        },
        () => this.probeLater(),
      )
    })
  }
}
