import { type Clock, type Limits, Lines, MillraceError, nextTurn } from '@millrace/record'
import type { LongWork } from '../work/long-work.ts'

/** Joins of a round. Those of one group share what they cost: a target, an epoch and a write. */
const JOINS_PER_ROUND = 128
/** Rounds may take so long one after another before they have to pause: a large group can come all at once. */
const CREDIT_MS = 250
/** What they took is forgiven by this part of the time that passes: as much as long work takes where others want it. */
const FORGIVEN = 0.25

export interface JoinRoundsOptions {
  readonly clock: Clock
  readonly longWork: LongWork
  /** As many may wait as there may be members. */
  readonly limits: Pick<Limits, 'members'>
}

/**
 * Has members join in rounds: those that come while a round is on its way to the disk are the next one, one of each line in
 * turn. Where joins go on and on, their rounds are long work, with pauses; so whoever makes members and groups without end
 * leaves most of the time to others, and waits.
 */
export class JoinRounds {
  private readonly options: JoinRoundsOptions
  private readonly waiting = new Lines<string, () => Promise<void>>()
  private isRunning = false
  /** What rounds took lately, without the time in which the event loop had nothing to do. */
  private debtMs = 0
  private forgivenAtMs = 0

  constructor(options: JoinRoundsOptions) {
    this.options = options
  }

  /**
   * Calls `join` in a round to come.
   * @param line who asks: one line waits for one join of each other, not for all
   * @throws MillraceError LIMIT_REACHED when too many wait; what `join` throws
   */
  async run<T>(line: string, join: () => Promise<T>): Promise<T> {
    const { size } = this.waiting
    if (size >= this.options.limits.members) {
      throw new MillraceError('LIMIT_REACHED', `${size} members wait to join already`)
    }
    return await new Promise<T>((resolve, reject) => {
      this.waiting.add(line, () => join().then(resolve, reject))
      if (!this.isRunning) void this.runAll()
    })
  }

  private async runAll(): Promise<void> {
    const { longWork } = this.options
    this.isRunning = true
    // What else this turn of the event loop brings shares the round.
    await nextTurn()
    while (this.waiting.size > 0) {
      const round = (): Promise<void> => this.runOne()
      await (this.isInDebt ? longWork.run('joins', round) : round())
    }
    this.isRunning = false
  }

  private async runOne(): Promise<void> {
    const { clock } = this.options
    const startMs = clock.monotonicMs() - clock.idleMs()
    await Promise.all(this.waiting.take(JOINS_PER_ROUND).map((start) => start()))
    this.debtMs = Math.min(this.debtMs + clock.monotonicMs() - clock.idleMs() - startMs, 2 * CREDIT_MS)
  }

  private get isInDebt(): boolean {
    const nowMs = this.options.clock.monotonicMs()
    this.debtMs = Math.max(this.debtMs - (nowMs - this.forgivenAtMs) * FORGIVEN, 0)
    this.forgivenAtMs = nowMs
    return this.debtMs > CREDIT_MS
  }
}
