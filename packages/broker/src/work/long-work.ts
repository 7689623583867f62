import { type Clock, Lines } from '@millrace/record'

/** Content from here on makes work that others feel. */
export const LARGE_BYTES = 65_536

/** A piece that takes less is no reason for a pause. */
const SHORT_MS = 2
/** A piece that can be interrupted is, after this time. */
const PIECE_MS = 4
/** A pause is so many times as long as the piece before it took, */
const PAUSE = 3
/** or ends once the event loop had nothing to do for so many times that long, and for this part of the pause. */
const ENOUGH_IDLE = 0.5
const MOSTLY_IDLE = 0.6
/** How often that is looked at, as a part of the time that the piece took; and at most so often. */
const LOOK = 0.25
const MIN_LOOK_MS = 1

/**
 * Work that may hold up the event loop for long: one after another, line by line, and after each piece a pause that is
 * three times as long, in which everybody else has a turn. So such work, whoever asks for it, takes a quarter of the time
 * where others want it, and two thirds of it where nobody does.
 */
export class LongWork {
  private readonly clock: Clock
  private readonly waiting = new Lines<string, () => void>()
  private isBusy = false

  constructor(clock: Clock) {
    this.clock = clock
  }

  /**
   * Does `work` now or in its turn; what it waits for counts as work.
   * @param line who asks, and for what: one line waits for one work of each other, not for all
   * @throws what `work` throws
   */
  async run<T>(line: string, work: (pace: Pace) => T | Promise<T>): Promise<T> {
    if (this.isBusy) await new Promise<void>((resolve) => this.waiting.add(line, resolve))
    this.isBusy = true
    const pace = new Pace(this.clock)
    try {
      return await work(pace)
    } finally {
      void this.goOnAfter(pace)
    }
  }

  private async goOnAfter(pace: Pace): Promise<void> {
    await pace.rest()
    const next = this.waiting.next()
    if (next === undefined) this.isBusy = false
    else next()
  }
}

/** The pieces and pauses of one work. */
export class Pace {
  private readonly clock: Clock
  private startMs: number

  constructor(clock: Clock) {
    this.clock = clock
    this.startMs = clock.monotonicMs()
  }

  /** Whether it is time for a pause. */
  get isLong(): boolean {
    return this.clock.monotonicMs() - this.startMs >= PIECE_MS
  }

  /** Lets others have their turn after a piece. */
  async rest(): Promise<void> {
    const { clock } = this
    const endMs = clock.monotonicMs()
    const tookMs = endMs - this.startMs
    if (tookMs >= SHORT_MS) {
      const idleMs = clock.idleMs()
      const lookMs = Math.max(tookMs * LOOK, MIN_LOOK_MS)
      const isOver = (): boolean => {
        const pausedMs = clock.monotonicMs() - endMs
        const restedMs = clock.idleMs() - idleMs
        return pausedMs >= tookMs * PAUSE || restedMs >= Math.max(tookMs * ENOUGH_IDLE, pausedMs * MOSTLY_IDLE)
      }
      while (!isOver()) await new Promise<void>((resolve) => clock.setTimer(lookMs, resolve))
    }
    this.startMs = clock.monotonicMs()
  }
}
