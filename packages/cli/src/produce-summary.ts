import type { MillraceError } from '@millrace/server'
import { oneLine } from './failure.ts'
import type { Outcome } from './line-sender.ts'
import { count } from './table.ts'

/** Failures that the JSON lists one by one; all are counted. */
const LISTED_FAILURES = 1_000

/** Neighbouring lines that failed with the same error. */
interface Failure {
  readonly fromLine: number
  toLine: number
  readonly code: string
  readonly message: string
}

/** What became of the lines of one `produce`: where they are stored, by partition, and which are not. */
export class ProduceSummary {
  stored = 0
  failed = 0
  /** The lines that were not sent; how many may not be known. Undefined: none. */
  notSent: { readonly fromLine: number; readonly lines: number | undefined } | undefined
  private readonly topic: string
  private readonly noun: 'line' | 'value'
  private readonly byPartition = new Map<number, { records: number; firstOffset: number; lastOffset: number }>()
  private readonly failures: Failure[] = []

  /** @param noun what the user calls the source of a record */
  constructor(topic: string, noun: 'line' | 'value') {
    this.topic = topic
    this.noun = noun
  }

  /**
   * Takes the outcomes of the lines from `firstLine` on.
   * @returns a message for each failure; neighbours that failed with the same error share one
   */
  add(firstLine: number, outcomes: readonly Outcome[]): string[] {
    const failures: Failure[] = []
    let line = firstLine
    for (const outcome of outcomes) {
      if ('error' in outcome) this.addFailure(failures, line, outcome.error)
      else this.addStored(outcome)
      line += 1
    }
    this.failures.push(...failures.slice(0, LISTED_FAILURES - this.failures.length))
    return failures.map(({ fromLine, toLine, code, message }) => {
      const lines = fromLine === toLine ? `${this.noun} ${fromLine}` : `${this.noun}s ${fromLine} to ${toLine}`
      return `${code}: ${lines}: ${message}`
    })
  }

  toJSON(): object {
    return {
      topic: this.topic,
      stored: this.stored,
      failed: this.failed,
      notSent: this.notSent === undefined ? null : { ...this.notSent, lines: this.notSent.lines ?? null },
      partitions: this.partitions(),
      failures: this.failures,
    }
  }

  /** For people: a line for each partition. Other producers' records may lie between the first and the last offset. */
  toLines(): string[] {
    const places = this.partitions().map(
      ({ partition, records, firstOffset, lastOffset }) =>
        `  partition ${partition}: ${count(records, 'record')}, offset ${firstOffset === lastOffset ? '' : `${firstOffset} to `}${lastOffset}`,
    )
    return [`produced ${count(this.stored, 'record')} to ${this.topic}`, ...places, ...this.lacking()]
  }

  /** What is missing; nothing where everything is stored. */
  private lacking(): string[] {
    const { failed, notSent, noun } = this
    if (failed === 0 && notSent === undefined) return []
    const lines = notSent?.lines === undefined ? 'everything' : count(notSent.lines, noun)
    return [
      `  failed: ${count(failed, noun)}`,
      `  not sent: ${notSent === undefined ? 'none' : `${lines} from ${noun} ${notSent.fromLine} on`}`,
    ]
  }

  private addFailure(failures: Failure[], line: number, error: MillraceError): void {
    this.failed += 1
    const message = oneLine(error.message)
    const last = failures.at(-1)
    if (last?.toLine === line - 1 && last.code === error.code && last.message === message) last.toLine = line
    else failures.push({ fromLine: line, toLine: line, code: error.code, message })
  }

  private addStored({ partition, offset }: { readonly partition: number; readonly offset: number }): void {
    this.stored += 1
    const place = this.byPartition.get(partition)
    if (place === undefined) this.byPartition.set(partition, { records: 1, firstOffset: offset, lastOffset: offset })
    else {
      place.records += 1
      place.firstOffset = Math.min(place.firstOffset, offset)
      place.lastOffset = Math.max(place.lastOffset, offset)
    }
  }

  private partitions(): { partition: number; records: number; firstOffset: number; lastOffset: number }[] {
    return [...this.byPartition]
      .map(([partition, place]) => ({ partition, ...place }))
      .sort((a, b) => a.partition - b.partition)
  }
}
