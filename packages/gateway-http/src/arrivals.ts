import type { Clock, Timer } from '@millrace/record'

/** How long an address whose connection was ended for its behaviour has to wait for its turn. */
const WARY_MS = 10_000
/** Addresses that are remembered; the one that was noted first goes. */
const MAX_ADDRESSES = 10_000
/** Time between two of its connections. */
const PACE_MS = 50

interface Wary {
  untilMs: number
  readonly waiting: Set<() => void>
  timer: Timer | undefined
}

/**
 * Lets connections in. A client that was cut off for what it does could connect again at once, and would cost the most
 * with what it does first; so the connections of its address come in one after another. Those that are in stay.
 */
export class Arrivals {
  private readonly clock: Clock
  private readonly wary = new Map<string, Wary>()

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** A connection from `address` was ended for its behaviour. */
  noteMisuse(address: string): void {
    const untilMs = this.clock.monotonicMs() + WARY_MS
    const known = this.wary.get(address)
    if (known !== undefined) {
      known.untilMs = untilMs
      return
    }
    this.wary.set(address, { untilMs, waiting: new Set(), timer: undefined })
    for (const [other, { waiting }] of this.wary) {
      if (this.wary.size <= MAX_ADDRESSES) return
      if (waiting.size === 0) this.wary.delete(other)
    }
  }

  /** Whether a connection from `address` was ended for its behaviour not long ago. */
  isWary(address: string): boolean {
    const wary = this.wary.get(address)
    return wary !== undefined && this.clock.monotonicMs() < wary.untilMs
  }

  /** Calls `enter` when it is the turn of a connection from `address`. @returns what takes it out of the line */
  admit(address: string, enter: () => void): () => void {
    const wary = this.wary.get(address)
    if (wary === undefined || (wary.waiting.size === 0 && this.clock.monotonicMs() >= wary.untilMs)) {
      this.wary.delete(address)
      enter()
      return () => {}
    }
    const { waiting } = wary
    waiting.add(enter)
    this.schedule(address, wary)
    return () => {
      waiting.delete(enter)
    }
  }

  /** Nobody waits any more. */
  close(): void {
    for (const { timer } of this.wary.values()) timer?.cancel()
    this.wary.clear()
  }

  private schedule(address: string, wary: Wary): void {
    wary.timer ??= this.clock.setTimer(PACE_MS, () => {
      wary.timer = undefined
      const [next] = wary.waiting
      if (next !== undefined) {
        wary.waiting.delete(next)
        next()
      }
      if (wary.waiting.size > 0) this.schedule(address, wary)
    })
  }
}
