import type { Clock, Logger, Timer } from '@millrace/record'
import { Backlogs } from './backlogs.ts'
import type { Journal, JournalEntry } from './journal.ts'
import { LogStats } from './log-stats.ts'

/**
 * Something with writes to commit: a partition. The committer calls one target's methods one after another, never two
 * at a time; only `catchUp` and `checkpoint` may run beside the others.
 */
export interface CommitTarget {
  /** Takes what is pending into this round; what comes in meanwhile waits for the next. Undefined: it is done already. */
  prepare(): Promise<void> | undefined
  /** What this round has. */
  readonly roundBytes: number
  /** Whether what this round has must be durable before it counts as committed. */
  readonly needsSync: boolean
  /** Writes what this round has to its file, and the backlog before it. */
  write(): Promise<void>
  /** Syncs the file that was written. */
  sync(): Promise<void>
  /** Whether the journal may take what this round has in place of `write` and `sync`. */
  readonly mayBeJournaled: boolean
  /** What this round has, for the journal. */
  journalEntry(): JournalEntry
  /** What this round has is committed; where the journal took it, it joins the backlog. Must not throw. */
  committed(): void
  /** A step failed: takes back all that is not committed. Must not throw. */
  failed(error: unknown, step: CommitStep): Promise<void>
  /** Memory of what is committed by way of the journal and not in the file. */
  readonly backlogBytes: number
  /** Writes the backlog to the file. */
  catchUp(): Promise<void>
  /** Catches up with, and syncs, all that was committed by way of the journal. */
  checkpoint(): Promise<void>
}

export type CommitStep = 'write' | 'sync' | 'journal'

/** Targets that are worked on at once. */
const PARALLEL = 64
/** Files that are worked on at once beside the rounds, whose calls must find the thread pool free. */
const IN_BACKGROUND = 2
/** From this many files to sync in a round on, one sync of the journal is cheaper. */
const JOURNAL_FROM = 4
/** While files get less than this on average: what is more is written to the disk twice at a greater cost than syncs. */
const JOURNAL_BELOW_BYTES = 64 * 1024
/** Between two attempts at what failed. */
const PROBE_MS = 1_000

export interface CommitterOptions {
  readonly clock: Clock
  readonly logger: Logger
  /** Without one, every file is synced. */
  readonly journal?: Journal
  /** What may be committed by way of the journal and not be in its file, over all targets; about twice that at worst. */
  readonly backlogBytes?: number
  /** Writes and syncs a little on the same disk; asked after a failure, until it works again. */
  readonly probe: () => Promise<void>
  /** Where rounds and failures are counted. */
  readonly stats?: LogStats
}

/**
 * Owns durability for one data directory. Partitions submit themselves when they have something to write; the committer
 * works in rounds: each takes all that were submitted since the last began, writes everything they have, makes that
 * durable, and tells each partition that its part is committed. So one sync is shared by all appends that came while
 * the last one ran (group commit).
 *
 * Few dirty files are written and synced side by side. For many, one journal file takes the round's batches with one
 * write and one sync; the files catch up in the background, with some rounds' batches at once. When the journal is full,
 * a checkpoint in the background syncs the files that rely on it, and it is removed.
 *
 * Ordered: rounds, and so the commits of one partition. Durable: with `needsSync`, what was written before `committed`
 * is called.
 */
export class Committer {
  private readonly options: CommitterOptions
  private readonly stats: LogStats
  private waiting = new Set<CommitTarget>()
  private running: Promise<void> | undefined
  private round: readonly CommitTarget[] = []
  private roundWaiters: (() => void)[] = []
  /** Settles when the next round may begin; undefined: it may. */
  private gate: Promise<void> | undefined
  private failure: string | undefined
  private probeTimer: Timer | undefined
  private closed = false
  /** Targets that rely on the journal's current file. */
  private journaled = new Set<CommitTarget>()
  private checkpointing: Promise<void> | undefined
  /** What failed is not tried again at once. */
  private noCheckpointBeforeMs = Number.NEGATIVE_INFINITY
  private readonly backlogs: Backlogs<CommitTarget>
  private catchingUp: Promise<void> | undefined

  constructor(options: CommitterOptions) {
    this.options = options
    this.stats = options.stats ?? new LogStats()
    this.backlogs = new Backlogs(options.backlogBytes ?? 0)
  }

  /** Why the last commit failed; undefined once writing works again. */
  get problem(): string | undefined {
    return this.failure
  }

  /** Memory of what is committed by way of the journal and not in the files. */
  get backlogBytes(): number {
    return this.backlogs.totalBytes
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
    this.backlogs.update(target)
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
    await this.catchingUp
  }

  /**
   * Does `work` between two rounds. All that is committed is in a segment file or in a partition's backlog then, and
   * nothing else is; what is submitted meanwhile waits. One at a time.
   */
  async between<T>(work: () => Promise<T>): Promise<T> {
    while (this.gate !== undefined) await this.gate
    const { promise, resolve } = Promise.withResolvers<void>()
    this.gate = promise
    try {
      if (this.round.length > 0) await this.roundEnds()
      return await work()
    } finally {
      this.gate = undefined
      resolve()
    }
  }

  private async run(): Promise<void> {
    // What arrives from the network in one turn of the event loop goes into one round.
    await new Promise<void>((resolve) => setImmediate(resolve))
    while (this.waiting.size > 0) {
      while (this.gate !== undefined) await this.gate
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
    const { clock, journal } = this.options
    const startMs = clock.monotonicMs()
    if (this.backlogs.areOverfull) await this.catchingUp
    const prepared = await this.prepareAll(round)
    const bytes = prepared.reduce((sum, { roundBytes }) => sum + roundBytes, 0)
    const areMany = prepared.length >= JOURNAL_FROM && bytes < prepared.length * JOURNAL_BELOW_BYTES
    if (journal?.hasRoom && areMany) await this.commitByJournal(prepared, journal)
    else await each(prepared, (target) => this.writeAndCommit(target))
    this.stats.commitMs.observe(clock.monotonicMs() - startMs)
    this.catchUpIfDue()
    await this.checkpointIfDue()
  }

  private async writeAndCommit(target: CommitTarget): Promise<void> {
    let step: CommitStep = 'write'
    try {
      await target.write()
      step = 'sync'
      if (target.needsSync) await target.sync()
    } catch (error) {
      await this.fail([target], error, step)
      return
    }
    target.committed()
    this.backlogs.update(target)
  }

  private async commitByJournal(prepared: readonly CommitTarget[], journal: Journal): Promise<void> {
    const journaled: CommitTarget[] = []
    const others: CommitTarget[] = []
    for (const target of prepared) {
      if (target.needsSync && target.mayBeJournaled) journaled.push(target)
      else others.push(target)
    }
    await Promise.all([each(others, (target) => this.writeAndCommit(target)), this.appendToJournal(journal, journaled)])
  }

  private async prepareAll(round: readonly CommitTarget[]): Promise<CommitTarget[]> {
    const prepared: CommitTarget[] = []
    await each(round, (target) => {
      const preparing = target.prepare()
      if (preparing === undefined) {
        prepared.push(target)
        return undefined
      }
      return preparing.then(
        () => void prepared.push(target),
        (error: unknown) => this.fail([target], error, 'write'),
      )
    })
    return prepared
  }

  private async appendToJournal(journal: Journal, round: readonly CommitTarget[]): Promise<void> {
    const mayDefer = journal.isRoomy && !this.backlogs.areOverfull
    const targets = mayDefer ? round : await this.writeAll(round)
    if (targets.length === 0) return
    try {
      await journal.append(targets.map((target) => target.journalEntry()))
    } catch (error) {
      await this.fail(targets, error, journal.isWhole ? 'write' : 'journal')
      return
    }
    for (const target of targets) {
      this.journaled.add(target)
      target.committed()
      this.backlogs.update(target)
    }
  }

  /** For a disk that may have no room for it later. @returns those that have written */
  private async writeAll(round: readonly CommitTarget[]): Promise<CommitTarget[]> {
    const written: CommitTarget[] = []
    await each(round, (target) =>
      target.write().then(
        () => void written.push(target),
        (error: unknown) => this.fail([target], error, 'write'),
      ),
    )
    return written
  }

  /** Has the files catch up, in the background, whose backlogs are in excess. Rounds go on meanwhile. */
  private catchUpIfDue(): void {
    if (!this.backlogs.areInExcess) return
    this.catchingUp ??= this.catchUp().finally(() => {
      this.catchingUp = undefined
    })
  }

  /** What fails is tried again with a later round. */
  private async catchUp(): Promise<void> {
    let isFailing = false
    while (this.backlogs.areInExcess && !isFailing) {
      await each(
        this.backlogs.excess(),
        async (target) => {
          try {
            await target.catchUp()
          } catch (error) {
            isFailing = true
            this.noteFailure(error)
          }
          this.backlogs.update(target)
        },
        IN_BACKGROUND,
      )
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
    const { journal, clock } = this.options
    if (journal === undefined || journal.hasRoom || this.checkpointing !== undefined) return
    if (clock.monotonicMs() < this.noCheckpointBeforeMs) return
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
      await each(
        [...relying],
        async (target) => {
          await target.checkpoint()
          this.backlogs.update(target)
        },
        IN_BACKGROUND,
      )
      await journal.removeBefore(number)
      this.stats.checkpoints++
    } catch (error) {
      for (const target of relying) this.journaled.add(target)
      this.noCheckpointBeforeMs = this.options.clock.monotonicMs() + PROBE_MS
      throw error
    }
  }

  private noteFailure(error: unknown): void {
    const { logger } = this.options
    logger.error({ err: error }, 'committing to disk failed')
    this.stats.diskErrors++
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

/** Does `work` for each target, a number of them at once; undefined from it means that nothing is to be waited for. */
async function each(
  targets: readonly CommitTarget[],
  work: (target: CommitTarget) => Promise<void> | undefined,
  parallel = PARALLEL,
): Promise<void> {
  const left = targets.values()
  const next = async (): Promise<void> => {
    for (const target of left) {
      const working = work(target)
      if (working !== undefined) await working
    }
  }
  await Promise.all(Array.from({ length: Math.min(parallel, targets.length) }, next))
}
