/** Requests that begin in one turn of the event loop. */
const STARTS_PER_TURN = 4

/**
 * Lets requests begin a few in each turn of the event loop, connection by connection: one that sends hundreds at once
 * makes others wait for one of them, not for all. Streams that are open already are served in between.
 */
export class RequestTurns {
  private readonly waiting = new Map<object, (() => void)[]>()
  private started = 0
  private isScheduled = false

  /** Requests that wait for their turn. */
  get size(): number {
    let size = 0
    for (const starts of this.waiting.values()) size += starts.length
    return size
  }

  /** Calls `start` now or in a later turn, after what its `owner` asked for before. */
  take(owner: object, start: () => void): void {
    if (this.waiting.size === 0 && this.started < STARTS_PER_TURN) {
      this.started++
      this.schedule()
      start()
      return
    }
    const starts = this.waiting.get(owner)
    if (starts === undefined) this.waiting.set(owner, [start])
    else starts.push(start)
    this.schedule()
  }

  private schedule(): void {
    if (this.isScheduled) return
    this.isScheduled = true
    setImmediate(() => {
      this.isScheduled = false
      this.started = 0
      this.runSome()
      if (this.waiting.size > 0) this.schedule()
    })
  }

  private runSome(): void {
    for (const [owner, starts] of this.waiting) {
      if (this.started === STARTS_PER_TURN) return
      this.started++
      const start = starts.shift()
      // To the end of the line.
      this.waiting.delete(owner)
      if (starts.length > 0) this.waiting.set(owner, starts)
      start?.()
    }
  }
}
