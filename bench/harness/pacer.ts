/** What a pacer waits with; tests put others in their place. */
export interface Surroundings {
  nowMs(): number
  /** Resolves after the event loop had its turn. */
  turn(): Promise<void>
}

const REAL: Surroundings = {
  nowMs: () => performance.now(),
  turn: () => new Promise((resolve) => setImmediate(resolve)),
}

/**
 * A schedule with equal steps, kept whatever happens to what it starts. It keeps the processor busy while it waits,
 * because timers only tell whole milliseconds.
 */
export class Pacer {
  private readonly perSecond: number
  private readonly surroundings: Surroundings
  private startMs: number | undefined

  constructor(perSecond: number, surroundings: Surroundings = REAL) {
    this.perSecond = perSecond
    this.surroundings = surroundings
  }

  /** When step `index` is due, in ms of `nowMs`. */
  dueMs(index: number): number {
    return (this.startMs ?? Number.NaN) + (index * 1000) / this.perSecond
  }

  /** Takes steps 0 to `count` - 1, each at its time or, after a delay, as soon as possible; ends early on `isOver`. */
  async run(count: number, take: (index: number) => void, isOver: () => boolean = () => false): Promise<void> {
    const { nowMs, turn } = this.surroundings
    this.startMs = nowMs()
    for (let next = 0; next < count && !isOver(); await turn()) {
      const now = nowMs()
      while (next < count && this.dueMs(next) <= now) take(next++)
    }
  }
}
