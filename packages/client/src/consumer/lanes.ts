import { Line } from '../line.ts'

/**
 * Chooses what runs next: at most so many at once, those of one lane one after the other in the order in which they were
 * added, those without a lane whenever there is room. Whatever may run, runs: only a lane holds back, and only its own.
 */
export class Lanes<T> {
  private readonly concurrency: number
  /** The first of their lanes, and those without one. */
  private readonly ready = new Line<T>()
  /** Lanes of which one is ready or running, with those that wait behind it. */
  private readonly behind = new Map<string, Line<T> | undefined>()
  private running = 0
  private held = 0

  constructor(concurrency: number) {
    this.concurrency = concurrency
  }

  /** Added and not done. */
  get size(): number {
    return this.held
  }

  add(lane: string | undefined, item: T): void {
    this.held++
    if (lane === undefined) {
      this.ready.push(item)
    } else if (this.behind.has(lane)) {
      const waiting = this.behind.get(lane) ?? new Line<T>()
      waiting.push(item)
      this.behind.set(lane, waiting)
    } else {
      this.behind.set(lane, undefined)
      this.ready.push(item)
    }
  }

  /** What is to run now; undefined: nothing may. */
  take(): T | undefined {
    const item = this.ready.first
    if (item === undefined || this.running === this.concurrency) return undefined
    this.ready.shift()
    this.running++
    return item
  }

  /** What was taken from this lane has ended. */
  done(lane: string | undefined): void {
    this.running--
    this.held--
    if (lane === undefined) return
    const waiting = this.behind.get(lane)
    if (waiting?.first === undefined) {
      this.behind.delete(lane)
    } else {
      this.ready.push(waiting.first)
      waiting.shift()
    }
  }
}
