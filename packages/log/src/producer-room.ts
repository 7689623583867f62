import { type Clock, type Limits, MillraceError } from '@millrace/record'

/** What one partition knows of its producers. */
export interface RoomUser {
  /** How many it knows. */
  readonly size: number
  /** Forgets those that were not used after `untilMs`; returns when the first of those that are left was. */
  forgetIdle(untilMs: number): number
}

/**
 * How many producers all partitions of a data directory remember; one that writes to three counts three times. When they
 * are as many as they may be, or those of one partition are, those are forgotten that wrote nothing to their partition
 * for `producerIdExpirationMs`, and since the start. Nobody else is: a repeat of what it wrote would be stored again. A
 * new one is refused then.
 */
export class ProducerRoom {
  /** The sum of what the states remember; they keep it. */
  size = 0
  private readonly clock: Clock
  private readonly limits: Limits
  private readonly states = new Set<RoomUser>()
  /** Nobody was used before. */
  private oldestUseMs = Number.NEGATIVE_INFINITY

  constructor(clock: Clock, limits: Limits) {
    this.clock = clock
    this.limits = limits
  }

  nowMs(): number {
    return this.clock.monotonicMs()
  }

  /** Who was not used after this moment, by the same clock, may be forgotten. */
  untilMs(): number {
    return this.nowMs() - this.limits.producerIdExpirationMs
  }

  add(state: RoomUser): void {
    this.states.add(state)
    this.size += state.size
  }

  remove(state: RoomUser): void {
    if (this.states.delete(state)) this.size -= state.size
  }

  /**
   * Makes room for one more producer.
   * @throws MillraceError LIMIT_REACHED
   */
  make(): void {
    const { producers } = this.limits
    if (this.size < producers) return
    const untilMs = this.untilMs()
    // Refusals come without end, and each look is one at all partitions.
    if (this.oldestUseMs <= untilMs) {
      // Where all are forgotten, those that come are used from now on.
      this.oldestUseMs = this.nowMs()
      for (const state of this.states) this.oldestUseMs = Math.min(this.oldestUseMs, state.forgetIdle(untilMs))
    }
    if (this.size < producers) return
    throw new MillraceError('LIMIT_REACHED', `the partitions remember ${this.size} producers, as many as they may`)
  }
}
