import { MillraceError } from '@millrace/record'
import { onAbort } from './abort.ts'
import type { ClientBatch, ResultSink, Run } from './client-batch.ts'

/** A header as users give it: by name, or as a list where names repeat. */
export type HeadersInput =
  | Readonly<Record<string, unknown>>
  | readonly { readonly key: string; readonly value: unknown }[]

/** A record to send. */
export interface ProducerRecord {
  readonly topic: string
  /** Records with equal keys go to one partition. Null or undefined: none. Made into bytes by the serializer. */
  readonly key?: unknown
  /** Null: a tombstone, which must be said; undefined is refused. Made into bytes by the serializer. */
  readonly value: unknown
  readonly headers?: HeadersInput | undefined
  /** A Date, or milliseconds since 1970. Default: now. */
  readonly timestamp?: number | Date | undefined
  /** Default: what the partitioner chooses. */
  readonly partition?: number | undefined
}

/** Where a record is stored. */
export interface SendResult {
  readonly topic: string
  readonly partition: number
  /** -1: stored, but so long ago that the broker no longer knows where. */
  readonly offset: number
  /** The timestamp that it is stored with, in ms since 1970. */
  readonly timestamp: number
}

/** What `sendBatchSettled` tells of a record that was not stored, or not for certain. */
export interface SendFailure {
  readonly topic: string
  readonly error: MillraceError
}

/** For each record of a call what became of it. */
export type Results = (SendResult | SendFailure)[]

/** Makes of the results what a call gives, or throws what it fails with. */
export type Outcome<Result> = (results: Results, hasFailures: boolean) => Result

/** What `send` gives. */
export const singleResult: Outcome<SendResult> = ([result]) => {
  if (result !== undefined && 'error' in result) throw result.error
  return result as SendResult
}

/** What `sendBatch` gives. */
export const storedResults: Outcome<SendResult[]> = (results, hasFailures) => {
  if (hasFailures) throw new SendBatchError(results)
  return results as SendResult[]
}

/** What `sendBatchSettled` gives. */
export const settledResults: Outcome<Results> = (results) => results

/** One call to `send` or `sendBatch`: its records, how far they are taken over, and their results. */
export class Call<Result = unknown> implements ResultSink {
  readonly records: readonly ProducerRecord[]
  /** Index of the first record that no batch holds yet. */
  next = 0
  /** The topic that was asked about anew because a record's partition was not known. */
  askedTopic: string | undefined
  /** The timestamp of records that have none. */
  readonly nowMs: number
  readonly promise: Promise<Result>
  private readonly outcome: Outcome<Result>
  private readonly results: Results
  private hasFailures = false
  private open: number
  private ended = false
  private resolve: (result: unknown) => void = () => {}
  private reject: (reason: unknown) => void = () => {}
  private forget: (() => void) | undefined

  constructor(records: readonly ProducerRecord[], nowMs: number, outcome: Outcome<Result>) {
    this.records = records
    this.nowMs = nowMs
    this.outcome = outcome
    this.open = records.length
    this.results = new Array(records.length)
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve as (result: unknown) => void
      this.reject = reject
    })
    if (this.open === 0) this.finish()
  }

  /** Ends the call when `signal` aborts, and then calls `aborted`. */
  abortWith(signal: AbortSignal, aborted: () => void): void {
    this.forget = onAbort(signal, () => {
      this.end()
      this.reject(signal.reason)
      aborted()
    })
  }

  /** It has its results or was aborted; records that no batch holds yet are not wanted any more. */
  get isEnded(): boolean {
    return this.ended
  }

  get isTaken(): boolean {
    return this.ended || this.next >= this.records.length
  }

  stored({ topic, partition }: ClientBatch, { from, to, place }: Run, baseOffset: number, timestamp: number): void {
    const { results } = this
    for (let position = from; position < to; position++) {
      const offset = baseOffset < 0 ? -1 : baseOffset + position
      results[place + position - from] = { topic, partition, offset, timestamp }
    }
    this.settled(to - from)
  }

  failed({ topic }: ClientBatch, { from, to, place }: Run, error: MillraceError): void {
    this.results.fill({ topic, error }, place, place + to - from)
    this.hasFailures = true
    this.settled(to - from)
  }

  /** Fails the record at `next` and goes on to the one after it. */
  failNext(error: MillraceError): void {
    this.results[this.next] = { topic: this.records[this.next]?.topic ?? '', error }
    this.hasFailures = true
    this.next++
    this.settled(1)
  }

  /** Fails all records that no batch holds yet. */
  failRest(error: MillraceError): void {
    while (!this.isTaken) this.failNext(error)
  }

  private settled(count: number): void {
    this.open -= count
    if (this.open === 0) this.finish()
  }

  private finish(): void {
    if (this.ended) return
    this.end()
    try {
      this.resolve(this.outcome(this.results, this.hasFailures))
    } catch (failure) {
      this.reject(failure)
    }
  }

  private end(): void {
    this.ended = true
    this.forget?.()
  }
}

/**
 * What `sendBatch` fails with: the code, message and details of the first record that failed, beside `failedRecords` and
 * `firstFailed` (its index). `outcomeUnknown` is true where that holds for any of them.
 */
export class SendBatchError extends MillraceError {
  /** For each record, in the order given, where it is stored or why it is not. */
  readonly results: readonly (SendResult | SendFailure)[]

  /** @param results one failure at least among them */
  constructor(results: readonly (SendResult | SendFailure)[]) {
    const failures = results.flatMap((result, index) => ('error' in result ? [{ ...result, index }] : []))
    const first = (failures[0] as SendFailure).error
    const inDoubt = failures.some(({ error }) => error.details.outcomeUnknown === true)
    const count = results.length === 1 ? '' : `${failures.length} of ${results.length} records failed, first: `
    super(first.code, `${count}${first.message}`, {
      cause: first,
      details: {
        ...first.details,
        failedRecords: failures.length,
        firstFailed: failures[0]?.index ?? 0,
        ...(inDoubt ? { outcomeUnknown: true } : {}),
      },
    })
    this.results = results
  }
}
