import { type Clock, nextTurn } from '@millrace/record'

/** Writes that share a turn at most: what comes of each holds up the event loop for a while. */
const WRITES_PER_TURN = 64
/**
 * A pause is so many times as long as the turn before it took: it also has to make up for what a request costs before it
 * comes here and when it is answered, which is more and cannot be seen here.
 */
const PAUSE = 7
/** A pause ends when the event loop had nothing to do for this part of it and the turn. */
const IDLE = 0.5
/** How often that is looked at, as a part of the time that the turn took; and at most so often. */
const LOOK = 0.25
const MIN_LOOK_MS = 1

/**
 * Writes that many may ask for at once, and nobody is in a hurry for. They go on in turns, those of a turn side by side, so
 * that they share a sync. After a turn of several is a pause in proportion to what it took, in which everybody else has the
 * disk and the event loop; it is short where nobody else has anything to do.
 */
export class PacedWrites {
  private readonly clock: Clock
  private readonly waiting: (() => Promise<void>)[] = []
  private isRunning = false
  private closed = false
  private endPause: (() => void) | undefined

  constructor(clock: Clock) {
    this.clock = clock
  }

  /**
   * Does `write` in a turn to come.
   * @throws what `write` throws
   */
  run<T>(write: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.waiting.push(() => write().then(resolve, reject))
      if (!this.isRunning) void this.takeTurns()
    })
  }

  /** Makes no more pauses. */
  close(): void {
    this.closed = true
    this.endPause?.()
  }

  private async takeTurns(): Promise<void> {
    const { clock, waiting } = this
    this.isRunning = true
    // What else this turn of the event loop brings shares the first.
    await nextTurn()
    while (waiting.length > 0) {
      const startMs = clock.monotonicMs()
      const startIdleMs = clock.idleMs()
      const writes = waiting.splice(0, WRITES_PER_TURN)
      await Promise.all(writes.map((write) => write()))
      // Those who hear of it do so first.
      await nextTurn()
      const tookMs = clock.monotonicMs() - startMs
      const isOver = (): boolean => {
        const passedMs = clock.monotonicMs() - startMs
        return passedMs >= tookMs * (1 + PAUSE) || clock.idleMs() - startIdleMs >= passedMs * IDLE
      }
      while (writes.length > 1 && !this.closed && !isOver()) await this.pause(Math.max(tookMs * LOOK, MIN_LOOK_MS))
    }
    this.isRunning = false
  }

  private async pause(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = this.clock.setTimer(ms, resolve)
    this.endPause = resolve
    await promise
    timer.cancel()
  }
}
