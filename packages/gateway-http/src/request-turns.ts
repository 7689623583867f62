import { type Clock, Lines } from '@millrace/record'

/** Requests that begin in one turn of the event loop. */
const STARTS_PER_TURN = 4
/**
 * Those that had to wait go on once everything else took so many times as long as the last of them took to begin. What a
 * request goes on to cost is part of everything else, and about twice as much.
 */
const OTHERS_SHARE = 8
/** What a request counts for at least: one with a body does its work later. */
const LEAST_START_MS = 0.03
/** A turn of the event loop that is shorter had nothing to do. */
const QUIET_TURN_MS = 0.015

/** What a request came on. */
export interface RequestOwner {
  /** Of the peer. */
  readonly address: string
}

/**
 * Lets requests begin a few in each turn of the event loop: address by address, and for each of them connection by
 * connection. One that sends hundreds at once makes others wait for one of them, not for all. Where requests have to wait
 * while streams are open, they get about a third of the time, and more only where the streams have nothing to do.
 */
export class RequestTurns {
  private readonly clock: Clock
  /** By address, and for each by connection. */
  private readonly waiting = new Map<string, Lines<RequestOwner, () => void>>()
  private started = 0
  private isScheduled = false
  /** When the last turn ended. */
  private endMs = 0
  /** How long requests that had waited took to begin, the last time that some did. */
  private tookMs = 0
  /** What everything else has taken since. */
  private othersMs = 0

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** Requests that wait for their turn. */
  get size(): number {
    let size = 0
    for (const lines of this.waiting.values()) size += lines.size
    return size
  }

  /** Calls `start` now or in a later turn, after what its `owner` asked for before. */
  take(owner: RequestOwner, start: () => void): void {
    if (this.waiting.size === 0 && this.started < STARTS_PER_TURN) {
      this.started++
      this.schedule()
      start()
      return
    }
    this.wait(owner, start)
    this.schedule()
  }

  private wait(owner: RequestOwner, start: () => void): void {
    let lines = this.waiting.get(owner.address)
    if (lines === undefined) {
      lines = new Lines()
      this.waiting.set(owner.address, lines)
    }
    lines.add(owner, start)
  }

  private schedule(): void {
    if (this.isScheduled) return
    this.isScheduled = true
    setImmediate(() => {
      this.isScheduled = false
      this.started = 0
      this.turn()
      if (this.waiting.size > 0) this.schedule()
    })
  }

  private turn(): void {
    if (this.waiting.size === 0) return
    const beginMs = this.clock.monotonicMs()
    const turnMs = beginMs - this.endMs
    this.endMs = beginMs
    this.othersMs += turnMs
    if (turnMs >= QUIET_TURN_MS && this.othersMs < this.tookMs * OTHERS_SHARE) return
    this.runSome()
    this.endMs = this.clock.monotonicMs()
    this.tookMs = Math.max(this.endMs - beginMs, this.started * LEAST_START_MS)
    this.othersMs = 0
  }

  private runSome(): void {
    while (this.started < STARTS_PER_TURN) {
      const [first] = this.waiting
      if (first === undefined) return
      const [address, lines] = first
      const start = lines.next()
      // To the end.
      this.waiting.delete(address)
      if (lines.size > 0) this.waiting.set(address, lines)
      this.started++
      start?.()
    }
  }
}
