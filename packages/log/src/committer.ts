import type { Clock, Logger, Timer } from '@millrace/record'
import type { Journal, JournalEntry } from './journal.ts'

/**
 * Something with writes to commit: a partition. The committer calls one target's methods one after another, never two
 * at a time; only `checkpoint` may run beside the others.
 */
export interface CommitTarget {
  /** Writes what is pending to its file; what comes in meanwhile waits for the next round. */
  write(): Promise<void>
  /** Whether what was written must be durable before it counts as committed. */
  readonly needsSync: boolean
  /** Syncs the file that was written. */
  sync(): Promise<void>
  /** What was written and is not synced, for the journal; undefined when only `sync` will do. */
  journalEntry(): JournalEntry | undefined
  /** What was written is committed. Must not throw. */
  committed(): void
  /** Writing or syncing failed: takes back all that is not committed. Must not throw. */
  failed(error: unknown, step: CommitStep): Promise<void>
  /** Syncs all that was committed by way of the journal. */
  checkpoint(): Promise<void>
}

export type CommitStep = 'write' | 'sync' | 'journal'

/** Targets that are worked on at once. */
const PARALLEL = 64
/** From this many files to sync in a round on, one sync of the journal is cheaper. */
const JOURNAL_FROM = 4
const PROBE_MS = 1_000

export interface CommitterOptions {
  readonly clock: Clock
  readonly logger: Logger
  /** Without one, every file is synced. */
  readonly journal?: Journal
  /** Writes and syncs a little on the same disk; asked after a failure, until it works again. */
  readonly probe: () => Promise<void>
}

/**
 * Owns durability for one data directory. Partitions submit themselves when they have something to write; the committer
 * works in rounds: each takes all that were submitted since the last began, lets each write everything it has with one
 * call, makes that durable, and tells each partition that its part is committed. So one sync is shared by all appends
 * that came while the last one ran (group commit).
 *
 * Few dirty files are synced side by side; for many, one journal file takes the round's batches again and is synced
 * instead. When it is full, a checkpoint in the background syncs the files that rely on it, and it is removed.
 *
 * Ordered: rounds, and so the commits of one partition. Durable: with `needsSync`, what was written before `committed`
 * is called.
 */
export class Committer {
  private readonly options: CommitterOptions
  private waiting = new Set<CommitTarget>()
  private running: Promise<void> | undefined
  private round: readonly CommitTarget[] = []
  private roundWaiters: (() => void)[] = []
  private failure: string | undefined
  private probeTimer: Timer | undefined
  private closed = false
  /** Targets that rely on the journal's current file. */
  private journaled = new Set<CommitTarget>()
  private checkpointing: Promise<void> | undefined

  constructor(options: CommitterOptions) {
    this.options = options
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

  /** Waits until all that `target` submitted is committed or has failed, however busy others are. */
  async settle(target: CommitTarget): Promise<void> {
    while (this.waiting.has(target) || this.round.includes(target)) await this.roundEnds()
  }

  /** Has no checkpoint look after `target` any more: it is gone, or its files are synced. */
  forget(target: CommitTarget): void {
    this.journaled.delete(target)
  }

  /** Probes no more. To be called when nobody submits any longer, before the directory is given back. */
  close(): void {
    this.closed = true
    this.probeTimer?.cancel()
  }

  /** Waits until nothing is under way. To be called when nothing will be submitted any more. */
  async idle(): Promise<void> {
    while (this.running !== undefined) await this.running
    await this.checkpointing
  }

  private async run(): Promise<void> {
    // What arrives from the network in one turn of the event loop goes into one round.
    await new Promise<void>((resolve) => setImmediate(resolve))
    while (this.waiting.size > 0) {
      this.round = [...this.waiting]
      this.waiting = new Set()
      if (await this.mendJournal(this.round)) await this.commitRound(this.round)
      this.round = []
      for (const wake of this.roundWaiters.splice(0)) wake()
    }
    this.running = undefined
  }

  private roundEnds(): Promise<void> {
    return new Promise((resolve) => this.roundWaiters.push(resolve))
  }

  /** Nothing may be committed while the journal does not say which of its batches failed. */
  private async mendJournal(round: readonly CommitTarget[]): Promise<boolean> {
    try {
      await this.options.journal?.mend()
      return true
    } catch (error) {
      await this.fail(round, error, 'write')
      return false
    }
  }

  private async commitRound(round: readonly CommitTarget[]): Promise<void> {
    const { journal } = this.options
    if (journal?.hasRoom && round.length >= JOURNAL_FROM) await this.commitByJournal(round, journal)
    else await each(round, (target) => this.commitAlone(target))
    await this.checkpointIfDue()
  }

  private async commitAlone(target: CommitTarget): Promise<void> {
    if (await this.write(target)) await this.syncAndCommit(target)
  }

  private async syncAndCommit(target: CommitTarget): Promise<void> {
    if (target.needsSync) {
      try {
        await target.sync()
      } catch (error) {
        await this.fail([target], error, 'sync')
        return
      }
    }
    target.committed()
  }

  private async commitByJournal(round: readonly CommitTarget[], journal: Journal): Promise<void> {
    const written: CommitTarget[] = []
    await each(round, async (target) => {
      if (await this.write(target)) written.push(target)
    })
    const entries: JournalEntry[] = []
    const journaled: CommitTarget[] = []
    const others: CommitTarget[] = []
    for (const target of written) {
      const entry = target.needsSync ? target.journalEntry() : undefined
      if (entry === undefined) {
        others.push(target)
      } else {
        journaled.push(target)
        entries.push(entry)
      }
    }
    await Promise.all([
      each(others, (target) => this.syncAndCommit(target)),
      this.appendToJournal(journal, journaled, entries),
    ])
  }

  private async appendToJournal(
    journal: Journal,
    targets: readonly CommitTarget[],
    entries: readonly JournalEntry[],
  ): Promise<void> {
    if (targets.length === 0) return
    try {
      await journal.append(entries)
    } catch (error) {
      await this.fail(targets, error, 'journal')
      return
    }
    for (const target of targets) {
      this.journaled.add(target)
      target.committed()
    }
  }

  private async write(target: CommitTarget): Promise<boolean> {
    try {
      await target.write()
      return true
    } catch (error) {
      await this.fail([target], error, 'write')
      return false
    }
  }

  private async fail(targets: readonly CommitTarget[], error: unknown, step: CommitStep): Promise<void> {
    this.noteFailure(error)
    await each(targets, (target) => target.failed(error, step))
  }

  /**
   * Has the journal begin a new file when it is full, and, in the background, the files synced that rely on the old one.
   * One checkpoint at a time; should the journal be full again before it is done, rounds sync their files meanwhile.
   */
  private async checkpointIfDue(): Promise<void> {
    const { journal } = this.options
    if (journal === undefined || journal.hasRoom || this.checkpointing !== undefined) return
    let number: number
    try {
      number = await journal.rotate()
    } catch (error) {
      this.noteFailure(error)
      return
    }
    this.checkpointing = this.checkpoint(journal, number)
      .catch((error: unknown) => this.noteFailure(error))
      .finally(() => {
        this.checkpointing = undefined
      })
  }

  private async checkpoint(journal: Journal, number: number): Promise<void> {
    const relying = this.journaled
    this.journaled = new Set()
    try {
      await each([...relying], (target) => target.checkpoint())
      await journal.removeBefore(number)
    } catch (error) {
      for (const target of relying) this.journaled.add(target)
      throw error
    }
  }

  private noteFailure(error: unknown): void {
    const { logger } = this.options
    logger.error({ err: error }, 'committing to disk failed')
    const isProbing = this.failure !== undefined
    this.failure = error instanceof Error ? error.message : String(error)
    if (!isProbing) this.probeLater()
  }

  private probeLater(): void {
    if (this.closed) return
    const { clock, logger, probe } = this.options
    this.probeTimer = clock.setTimer(PROBE_MS, () => {
      probe().then(
        () => {
          this.failure = undefined
          logger.info({}, 'committing to disk works again')
        },
        () => this.probeLater(),
      )
    })
  }
}

/** Does `work` for each target, a number of them at once. */
async function each(targets: readonly CommitTarget[], work: (target: CommitTarget) => Promise<void>): Promise<void> {
  const [only] = targets
  if (targets.length === 1) return work(only as CommitTarget)
  const left = targets.values()
  const next = async (): Promise<void> => {
    for (const target of left) await work(target)
  }
  await Promise.all(Array.from({ length: Math.min(PARALLEL, targets.length) }, next))
}
