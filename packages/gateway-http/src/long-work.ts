import type { Clock } from '@millrace/record'

/** Work that takes less is no reason to wait. */
const SHORT_MS = 2

/**
 * Work that may hold up the event loop for long: one piece at a time, and after each a pause as long as it took, in which
 * everybody else has a turn. So such work, whoever asks for it, takes half of the time at most.
 */
export class LongWork {
  private readonly clock: Clock
  private readonly waiting: (() => void)[] = []
  private isPausing = false

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** Does `work`, which must not throw, now or in its turn. */
  run(work: () => void): void {
    if (this.isPausing) this.waiting.push(work)
    else this.begin(work)
  }

  private begin(work: () => void): void {
    const startMs = this.clock.monotonicMs()
    this.isPausing = true
    work()
    const tookMs = this.clock.monotonicMs() - startMs
    if (tookMs >= SHORT_MS) this.clock.setTimer(tookMs, () => this.next())
    else this.next()
  }

  private next(): void {
    this.isPausing = false
    const work = this.waiting.shift()
    if (work !== undefined) this.begin(work)
  }
}
