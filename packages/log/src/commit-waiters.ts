import type { Clock } from '@millrace/record'

interface Waiter {
  readonly offset: number
  readonly wake: () => void
}

/** Readers at the end of a partition that wait for it to grow. */
export class CommitWaiters {
  private readonly clock: Clock
  private readonly waiters = new Set<Waiter>()

  constructor(clock: Clock) {
    this.clock = clock
  }

  get size(): number {
    return this.waiters.size
  }

  /** Returns when something beyond `offset` is committed, when `waitMs` are over, on `signal`, or when all are woken. */
  wait(offset: number, waitMs: number, signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const wake = (): void => {
        this.waiters.delete(waiter)
        timer.cancel()
        signal?.removeEventListener('abort', wake)
        resolve()
      }
      const waiter: Waiter = { offset, wake }
      const timer = this.clock.setTimer(waitMs, wake)
      signal?.addEventListener('abort', wake, { once: true })
      this.waiters.add(waiter)
    })
  }

  /** Wakes those who wait for something below `end`. */
  committed(end: number): void {
    for (const waiter of this.waiters) if (waiter.offset < end) waiter.wake()
  }

  wakeAll(): void {
    for (const waiter of this.waiters) waiter.wake()
  }
}
