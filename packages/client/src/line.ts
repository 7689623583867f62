/** Places that may be empty at the front before the rest moves up. */
const MAX_EMPTY = 1_024

/** First in, first out. Unlike an array's, its `shift` takes the same time however many wait. */
export class Line<T> {
  private entries: (T | undefined)[] = []
  private head = 0

  get length(): number {
    return this.entries.length - this.head
  }

  get first(): T | undefined {
    return this.entries[this.head]
  }

  push(entry: T): void {
    this.entries.push(entry)
  }

  shift(): void {
    if (this.head === this.entries.length) return
    this.entries[this.head++] = undefined
    if (this.head < MAX_EMPTY || this.head * 2 < this.entries.length) return
    this.entries = this.entries.slice(this.head)
    this.head = 0
  }

  /** Empties it. Returns what waited. */
  clear(): T[] {
    const rest = this.entries.slice(this.head) as T[]
    this.entries = []
    this.head = 0
    return rest
  }
}
