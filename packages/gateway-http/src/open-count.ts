/** How many of something are open, up to a limit, which may change. */
export class OpenCount {
  private readonly limit: () => number
  private count = 0

  constructor(limit: () => number) {
    this.limit = limit
  }

  get open(): number {
    return this.count
  }

  /** One more is opened. @returns false: there are too many already */
  take(): boolean {
    if (this.count >= this.limit()) return false
    this.count++
    return true
  }

  /** One is closed. */
  giveBack(): void {
    this.count--
  }
}
