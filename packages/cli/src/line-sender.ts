import type { Producer, ProducerRecord, SendFailure, SendResult } from '@millrace/client'
import { MillraceError } from '@millrace/server'
import { LINE_BYTES, type Lines } from './lines.ts'

/** Groups of lines that are on their way at once; reading goes on only as they are acknowledged. */
const GROUPS_IN_FLIGHT = 8

/** What became of a line. */
export type Outcome = SendResult | Pick<SendFailure, 'error'>

export interface LineSenderParts {
  readonly producer: Pick<Producer, 'sendBatchSettled'>
  /** @throws MillraceError for a line that cannot be a record */
  readonly toRecord: (line: Buffer) => ProducerRecord
  /** Go on after a line that is bad itself. Other failures end the sending all the same. */
  readonly skipBad: boolean
  /** Aborted by the first failure that ends the sending; then no more lines are taken. */
  readonly stop: AbortController
  /** Told of every line once, in the order of the input. `firstLine` counts from 1. */
  readonly settled: (firstLine: number, outcomes: readonly Outcome[], endByte: number) => void
}

/**
 * Sends lines as records, in order, and tells what became of each. At the first failure it stops: what was handed to the
 * producer by then has its outcome, and the lines from `nextLine` on are not sent.
 */
export class LineSender {
  /** Number of the first line that has not been taken. */
  nextLine = 1
  private readonly parts: LineSenderParts
  private readonly inFlight: Promise<void>[] = []

  constructor(parts: LineSenderParts) {
    this.parts = parts
  }

  /** Takes lines, or those before a bad one where that ends the sending. Returns when there is room for more. */
  async send({ lines, endByte }: Lines): Promise<void> {
    const firstLine = this.nextLine
    const bad = new Map<number, MillraceError>()
    const records: ProducerRecord[] = []
    for (const line of lines) {
      if (this.parts.stop.signal.aborted) break
      const record = this.toRecord(line)
      if (record instanceof MillraceError) {
        bad.set(this.nextLine - firstLine, record)
        this.meet(record)
      } else {
        records.push(record)
      }
      this.nextLine += 1
    }
    const settled = this.settle(this.inFlight.at(-1), records, (results) => {
      const outcomes = merge(results, bad)
      for (const outcome of outcomes) if ('error' in outcome) this.meet(outcome.error)
      this.parts.settled(firstLine, outcomes, endByte)
    })
    // A failure is met where the group is awaited.
    settled.catch(() => {})
    this.inFlight.push(settled)
    if (this.inFlight.length >= GROUPS_IN_FLIGHT) await this.inFlight.shift()
  }

  /** Returns when every line that was taken has its outcome. */
  async finish(): Promise<void> {
    await Promise.all(this.inFlight.splice(0))
  }

  private toRecord(line: Buffer | undefined): ProducerRecord | MillraceError {
    if (line === undefined) {
      return new MillraceError('BATCH_TOO_LARGE', `longer than ${LINE_BYTES} bytes, which no topic takes`)
    }
    try {
      return this.parts.toRecord(line)
    } catch (error) {
      if (error instanceof MillraceError) return error
      throw error
    }
  }

  private meet(error: MillraceError): void {
    const isBadLine = error.kind === 'invalid' || error.kind === 'too-large'
    if (!(isBadLine && this.parts.skipBad)) this.parts.stop.abort()
  }

  /** Sends at once, and hands on the results after those of the group before. */
  private async settle(
    before: Promise<void> | undefined,
    records: readonly ProducerRecord[],
    done: (results: readonly Outcome[]) => void,
  ): Promise<void> {
    const results = await this.parts.producer.sendBatchSettled(records)
    await before
    done(results)
  }
}

/** Puts the errors of lines that were not sent into their places among the results of the others. */
function merge(results: readonly Outcome[], bad: ReadonlyMap<number, MillraceError>): readonly Outcome[] {
  if (bad.size === 0) return results
  const sent = results.values()
  return Array.from({ length: results.length + bad.size }, (_, place): Outcome => {
    const error = bad.get(place)
    return error === undefined ? sent.next().value! : { error }
  })
}
