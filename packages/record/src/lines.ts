/**
 * What waits for its turn, line by line: one line waits for one thing of each other line, not for all that they have. Within
 * a line things keep their order.
 */
export class Lines<Line, T> {
  /** The line whose turn it is comes first. */
  private readonly lines = new Map<Line, Set<T>>()
  private count = 0

  /** Things that wait. */
  get size(): number {
    return this.count
  }

  /** Puts `thing`, which is in no line yet, at the end of its line. */
  add(line: Line, thing: T): void {
    const things = this.lines.get(line)
    if (things === undefined) this.lines.set(line, new Set([thing]))
    else things.add(thing)
    this.count++
  }

  /** Takes out the first thing of the line whose turn it is, which then goes behind the others; undefined when none waits. */
  next(): T | undefined {
    for (const [line, things] of this.lines) {
      const [thing] = things as Set<T> & Iterable<T, undefined>
      this.lines.delete(line)
      things.delete(thing as T)
      this.count--
      if (things.size > 0) this.lines.set(line, things)
      return thing
    }
    return undefined
  }

  /** As `next`, of as many as there are, and at most `most`. */
  take(most: number): T[] {
    return Array.from({ length: Math.min(most, this.count) }, () => this.next() as T)
  }

  /** Takes `thing` out of its line, where it is in it. */
  remove(line: Line, thing: T): void {
    const things = this.lines.get(line)
    if (!things?.delete(thing)) return
    this.count--
    if (things.size === 0) this.lines.delete(line)
  }
}
