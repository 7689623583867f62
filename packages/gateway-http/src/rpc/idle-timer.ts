import type { Clock, Timer } from '@millrace/record'

/**
 * Calls back when, while it runs, nothing has happened for `idleMs`. Running timers are looked at again only when they
 * fire, so that `touch` may be called for every chunk of a stream.
 */
export class IdleTimer {
  private readonly clock: Clock
  private readonly idleMs: number
  private readonly onIdle: () => void
  private timer: Timer | undefined
  private isRunning = false
  private touchedMs = 0

  constructor(clock: Clock, idleMs: number, onIdle: () => void) {
    this.clock = clock
    this.idleMs = idleMs
    this.onIdle = onIdle
  }

  /** Something has happened: the time begins anew. */
  touch(): void {
    this.isRunning = true
    this.touchedMs = this.clock.monotonicMs()
    this.timer ??= this.clock.setTimer(this.idleMs, () => this.look())
  }

  /** Starts the time, unless it runs already. */
  start(): void {
    if (!this.isRunning) this.touch()
  }

  /** Nothing is waited for; `touch` and `start` start it again. */
  stop(): void {
    this.isRunning = false
  }

  /** Lets go of the timer. It must not be used any more. */
  dispose(): void {
    this.isRunning = false
    this.timer?.cancel()
  }

  private look(): void {
    this.timer = undefined
    if (!this.isRunning) return
    const leftMs = this.touchedMs + this.idleMs - this.clock.monotonicMs()
    if (leftMs > 0) {
      this.timer = this.clock.setTimer(leftMs, () => this.look())
      return
    }
    this.isRunning = false
    this.onIdle()
  }
}
