import type { OffsetIndex } from '../offset-index.ts'
import type { Finding } from './finding.ts'
import { findingOf } from './finding.ts'

const ENTRY_BYTES = 8

/**
 * Holds an offset index against the batches of its segment, which are shown to it in order: each entry must point to
 * the start of a batch and name its last offset, and no two may be further apart than the interval asks for.
 */
export class OffsetIndexCheck {
  private readonly index: OffsetIndex
  private readonly file: string
  private readonly intervalBytes: number
  private entry = 0
  private lastEntryPosition = 0

  constructor(index: OffsetIndex, file: string, intervalBytes: number) {
    this.index = index
    this.file = file
    this.intervalBytes = intervalBytes
  }

  /** @returns whether the batch has an entry */
  add(relativeLastOffset: number, position: number, found: Finding[]): boolean {
    this.passUnmatched(position, found)
    if (this.entry < this.index.entries && this.index.positionAt(this.entry) === position) {
      const named = this.index.relativeOffsetAt(this.entry)
      if (named !== relativeLastOffset) {
        found.push(
          this.mismatch(
            `relative offset ${named} for the batch at byte ${position}, whose last is ${relativeLastOffset}`,
          ),
        )
      }
      this.entry++
      this.lastEntryPosition = position
      return true
    }
    if (position - this.lastEntryPosition > this.intervalBytes) {
      found.push(
        this.mismatch(
          `no entry for the batch at byte ${position}, ${position - this.lastEntryPosition} bytes after the last`,
        ),
      )
      this.lastEntryPosition = position
    }
    return false
  }

  /** Takes note that nothing is known of the bytes from `start` to `end`. */
  skip(start: number, end: number, found: Finding[]): void {
    this.passUnmatched(start, found)
    while (this.entry < this.index.entries && this.index.positionAt(this.entry) < end) this.entry++
    this.lastEntryPosition = end
  }

  finish(logBytes: number, found: Finding[]): void {
    this.passUnmatched(logBytes, found)
    const left = this.index.entries - this.entry
    if (left > 0) found.push(this.mismatch(`${left} entries point beyond the end of the log`))
  }

  /** Passes over entries that point before `position`, and those that are out of order. */
  private passUnmatched(position: number, found: Finding[]): void {
    const { index } = this
    for (; this.entry < index.entries; this.entry++) {
      const pointed = index.positionAt(this.entry)
      const next = this.entry + 1
      const isBehind = pointed > position && next < index.entries && index.positionAt(next) <= position
      if (pointed >= position && !isBehind) return
      found.push(this.mismatch(`points to byte ${pointed}, where no batch starts that it could be for`))
    }
  }

  private mismatch(message: string): Finding {
    return findingOf('index-mismatch', this.file, message, this.entry * ENTRY_BYTES)
  }
}
