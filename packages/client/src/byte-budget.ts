/** Counts bytes against a bound. */
export class ByteBudget {
  readonly maxBytes: number
  private taken = 0

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }

  get usedBytes(): number {
    return this.taken
  }

  /** Takes `bytes` if they fit. What is larger than the whole budget fits when nothing else is there. */
  tryTake(bytes: number): boolean {
    if (this.taken > 0 && this.taken + bytes > this.maxBytes) return false
    this.taken += bytes
    return true
  }

  give(bytes: number): void {
    this.taken -= bytes
  }
}
