/** A timer that `Clock.setTimer` started. */
export interface Timer {
  /** Ends the timer; a timer that has fired or was cancelled is left alone. */
  cancel(): void
}

/** Where time comes from. Everything outside the server and the command line gets it passed in. */
export interface Clock {
  /** Milliseconds since 1970, as records carry them. May jump. */
  nowMs(): number
  /** Milliseconds since some fixed moment; never goes back. For durations. */
  monotonicMs(): number
  /** Milliseconds for which the event loop has had nothing to do, in all. */
  idleMs(): number
  /** Calls `callback` once after `delayMs`. A pending timer keeps no process alive. */
  setTimer(delayMs: number, callback: () => void): Timer
}

/** The machine's clock. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  idleMs: () => performance.eventLoopUtilization().idle,
  setTimer(delayMs, callback) {
    const timer = setTimeout(callback, delayMs)
    timer.unref()
    return { cancel: () => clearTimeout(timer) }
  },
}

/** The machine's clock with timers that keep the process alive: for a program that waits on what they start. */
export const foregroundClock: Clock = {
  ...systemClock,
  setTimer(delayMs, callback) {
    const timer = setTimeout(callback, delayMs)
    return { cancel: () => clearTimeout(timer) }
  },
}
