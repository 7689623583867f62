import type { TimeIndex } from '../time-index.ts'
import type { Finding } from './finding.ts'
import { findingOf } from './finding.ts'

const ENTRY_BYTES = 12

/**
 * Holds a time index against the batches of its segment, which are shown to it in order: each entry must name a
 * timestamp that was the largest so far and the last offset of the batch that has it, and there must be one for each
 * entry of the offset index before which the largest grew, and one for the largest of all.
 */
export class TimeIndexCheck {
  private readonly index: TimeIndex
  private readonly file: string
  private entry = 0
  private largest = -1
  private lastMatched = -1
  /** After damage nothing is known of the largest so far. */
  private isLenient = false

  constructor(index: TimeIndex, file: string) {
    this.index = index
    this.file = file
  }

  /** @param isIndexed whether the offset index has an entry for the batch */
  add(relativeLastOffset: number, maxTimestamp: number, isIndexed: boolean, found: Finding[]): void {
    this.passUnmatched(relativeLastOffset, found)
    const grew = maxTimestamp > this.largest
    if (grew) this.largest = maxTimestamp
    if (this.entry < this.index.entries && this.index.relativeOffsetAt(this.entry) === relativeLastOffset) {
      const named = this.index.timestampAt(this.entry)
      if (named !== maxTimestamp) {
        found.push(this.mismatch(`${named} for the batch whose largest timestamp is ${maxTimestamp}`))
      } else if (!grew && !this.isLenient) {
        found.push(this.mismatch(`${named}, which is not the largest timestamp so far, ${this.largest}`))
      }
      this.lastMatched = this.largest
      this.entry++
    }
    if (isIndexed) this.checkKnown(found)
  }

  /** Takes note that nothing is known of the offsets before `relativeOffset`. */
  skip(relativeOffset: number): void {
    this.isLenient = true
    while (this.entry < this.index.entries && this.index.relativeOffsetAt(this.entry) < relativeOffset) this.entry++
  }

  finish(found: Finding[]): void {
    if (this.isLenient) return
    const left = this.index.entries - this.entry
    if (left > 0) found.push(this.mismatch(`${left} entries name offsets that the log does not have`))
    else this.checkKnown(found)
  }

  private checkKnown(found: Finding[]): void {
    if (this.isLenient || this.lastMatched >= this.largest) return
    found.push(this.mismatch(`no entry for the timestamp ${this.largest}, the largest so far`))
    this.lastMatched = this.largest
  }

  /** Passes over entries for offsets before `relativeOffset`, and those that are out of order. */
  private passUnmatched(relativeOffset: number, found: Finding[]): void {
    const { index } = this
    for (; this.entry < index.entries; this.entry++) {
      const named = index.relativeOffsetAt(this.entry)
      const next = this.entry + 1
      const isBehind = named > relativeOffset && next < index.entries && index.relativeOffsetAt(next) <= relativeOffset
      if (named >= relativeOffset && !isBehind) return
      if (!this.isLenient) found.push(this.mismatch(`relative offset ${named} is not the last of a batch`))
    }
  }

  private mismatch(message: string): Finding {
    return findingOf('time-index-mismatch', this.file, message, this.entry * ENTRY_BYTES)
  }
}
