import type { Clock, Timer } from '@millrace/record'

interface PendingTimer {
  readonly dueMs: number
  readonly callback: () => void
}

/** A clock that stands still until a test moves it. */
export class ManualClock implements Clock {
  private wallMs: number
  private steadyMs = 0
  private restMs = 0
  private readonly timers = new Set<PendingTimer>()

  /** @param startMs what `nowMs` says at first, in ms since 1970 */
  constructor(startMs: number = Date.UTC(2026, 0, 1)) {
    this.wallMs = startMs
  }

  nowMs(): number {
    return this.wallMs
  }

  monotonicMs(): number {
    return this.steadyMs
  }

  /** What `rest` was told of; time that passes otherwise is busy. */
  idleMs(): number {
    return this.restMs
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const timer: PendingTimer = { dueMs: this.steadyMs + Math.max(0, delayMs), callback }
    this.timers.add(timer)
    return { cancel: () => this.timers.delete(timer) }
  }

  /** Timers that have neither fired nor been cancelled. */
  get pendingTimers(): number {
    return this.timers.size
  }

  /**
   * Moves time on by `deltaMs`. Timers that fall due fire one after another, the earliest first and those of one moment
   * in the order in which they were set; each sees its own moment as the time. Timers that they set are included.
   */
  advance(deltaMs: number): void {
    const endMs = this.steadyMs + deltaMs
    for (let timer = this.earliest(endMs); timer !== undefined; timer = this.earliest(endMs)) {
      this.timers.delete(timer)
      this.moveTo(timer.dueMs)
      timer.callback()
    }
    this.moveTo(endMs)
  }

  /** Moves time on in which the event loop has nothing to do until timers fall due. */
  rest(deltaMs: number): void {
    this.restMs += deltaMs
    this.advance(deltaMs)
  }

  /** Changes what `nowMs` says, as when someone sets the machine's clock. Timers and `monotonicMs` do not notice. */
  setWallClock(nowMs: number): void {
    this.wallMs = nowMs
  }

  private moveTo(steadyMs: number): void {
    this.wallMs += steadyMs - this.steadyMs
    this.steadyMs = steadyMs
  }

  private earliest(endMs: number): PendingTimer | undefined {
    let first: PendingTimer | undefined
    for (const timer of this.timers) {
      if (timer.dueMs <= endMs && (first === undefined || timer.dueMs < first.dueMs)) first = timer
    }
    return first
  }
}
