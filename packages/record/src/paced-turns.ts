import type { Clock } from './clock.ts'
import { Lines } from './lines.ts'
import { nextTurn } from './next-turn.ts'

/** A pause ends when the event loop had nothing to do for this part of it and the turn. */
const IDLE = 0.5
/** How often that is looked at, as a part of the time that the turn took; and at most so often. */
const LOOK = 0.25
const MIN_LOOK_MS = 1

type Work = () => unknown

export interface PacedTurnsOptions {
  readonly clock: Clock
  /** How many share a turn at most. */
  readonly perTurn: number
  /** Turns of fewer are followed by no pause. Default 1 */
  readonly pauseFrom?: number
  /** A pause is so many times as long as the turn before it took. */
  readonly pause: number
}

/**
 * Work that many may ask for at once, and nobody is in a hurry for. It goes on in turns, line by line, the work of a turn
 * side by side. After a turn is a pause in proportion to what it took, in which everybody else has the disk and the event
 * loop; it is short where nobody else has anything to do.
 */
export class PacedTurns {
  private readonly options: PacedTurnsOptions
  private readonly waiting = new Lines<string, Work>()
  private isRunning = false
  private closed = false
  private endPause: (() => void) | undefined

  constructor(options: PacedTurnsOptions) {
    this.options = options
  }

  /**
   * Does `work` in a turn to come, whose length has what it waits for.
   * @param line who asks: one line waits for one work of each other, not for all
   * @throws what `work` throws
   */
  run<T>(line: string, work: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.take(line, () => work().then(resolve, reject))
    })
  }

  /** As `run`, for work that nobody waits for. @returns what takes it out of its line */
  take(line: string, work: Work): () => void {
    this.waiting.add(line, work)
    if (!this.isRunning) void this.takeTurns()
    return () => this.waiting.remove(line, work)
  }

  /** Makes no more pauses. */
  close(): void {
    this.closed = true
    this.endPause?.()
  }

  private async takeTurns(): Promise<void> {
    const { clock, perTurn, pauseFrom = 1, pause } = this.options
    this.isRunning = true
    // What else this turn of the event loop brings shares the first.
    await nextTurn()
    while (this.waiting.size > 0) {
      const startMs = clock.monotonicMs()
      const startIdleMs = clock.idleMs()
      const works = this.waiting.take(perTurn)
      await Promise.allSettled(works.map(async (work) => work()))
      // Those who hear of it do so first.
      await nextTurn()
      const tookMs = clock.monotonicMs() - startMs
      const isOver = (): boolean => {
        const passedMs = clock.monotonicMs() - startMs
        return passedMs >= tookMs * (1 + pause) || clock.idleMs() - startIdleMs >= passedMs * IDLE
      }
      const lookMs = Math.max(tookMs * LOOK, MIN_LOOK_MS)
      while (works.length >= pauseFrom && !this.closed && !isOver()) await this.rest(lookMs)
    }
    this.isRunning = false
  }

  private async rest(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = this.options.clock.setTimer(ms, resolve)
    this.endPause = resolve
    await promise
    timer.cancel()
  }
}
