import type { Clock } from '@millrace/record'

/** What may pass ahead of its time, so that small amounts wait for no timer. */
const BURST_MS = 20

/** Keeps background work to a number of bytes a second, and lets other work of the process come between. */
export class Throttle {
  private readonly clock: Clock
  private readonly bytesPerSecond: number
  /** When what passed so far is paid off, by the monotonic clock. */
  private paidAtMs = 0

  constructor(clock: Clock, bytesPerSecond: number) {
    this.clock = clock
    this.bytesPerSecond = bytesPerSecond
  }

  /** Returns when work on `bytes` more may begin, always after a turn of the event loop; early on `signal`. */
  async pass(bytes: number, signal: AbortSignal): Promise<void> {
    const nowMs = this.clock.monotonicMs()
    this.paidAtMs = Math.max(this.paidAtMs, nowMs) + (bytes / this.bytesPerSecond) * 1_000
    const waitMs = this.paidAtMs - nowMs
    if (waitMs > BURST_MS) await this.wait(waitMs, signal)
    else await new Promise<void>((resolve) => setImmediate(resolve))
  }

  private wait(waitMs: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const wake = (): void => {
        timer.cancel()
        signal.removeEventListener('abort', wake)
        resolve()
      }
      const timer = this.clock.setTimer(waitMs, wake)
      signal.addEventListener('abort', wake, { once: true })
    })
  }
}
