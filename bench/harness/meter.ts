/**
 * Counts what is done in a span of time that begins after a warm-up, while work goes on before and after it, so that
 * neither filling nor emptying the pipe is measured.
 */
export class Meter {
  private readonly warmupMs: number
  private readonly ms: number
  private readonly nowMs: () => number
  private readonly createdMs: number
  private begun: { readonly atMs: number; readonly total: number } | undefined
  private ended: { readonly atMs: number; readonly total: number } | undefined
  /** Everything that was done, in the span or not. */
  total = 0

  constructor(warmupMs: number, ms: number, nowMs: () => number = () => performance.now()) {
    this.warmupMs = warmupMs
    this.ms = ms
    this.nowMs = nowMs
    this.createdMs = nowMs()
    if (warmupMs === 0) this.begun = { atMs: this.createdMs, total: 0 }
  }

  /** Something was done, now. */
  add(count: number): void {
    this.total += count
    if (this.ended !== undefined) return
    const atMs = this.nowMs()
    const { total } = this
    if (this.begun === undefined) {
      if (atMs - this.createdMs >= this.warmupMs) this.begun = { atMs, total }
    } else if (atMs - this.begun.atMs >= this.ms) {
      this.ended = { atMs, total }
    }
  }

  /** Ends the span before its time: there is nothing more to do. */
  end(): void {
    this.ended ??= { atMs: this.nowMs(), total: this.total }
  }

  /** Whether the span has begun and is not over. */
  get isCounting(): boolean {
    return this.begun !== undefined && this.ended === undefined
  }

  get isOver(): boolean {
    return this.ended !== undefined
  }

  /** Of the time that the whole takes, so far, in ms. */
  get passedMs(): number {
    return this.nowMs() - this.createdMs
  }

  /** NaN where the span was never begun. */
  get perSecond(): number {
    if (this.begun === undefined || this.ended === undefined) return Number.NaN
    return ((this.ended.total - this.begun.total) * 1000) / (this.ended.atMs - this.begun.atMs)
  }
}
