import { checkNames, invalid, whole } from '../options.ts'

/** What becomes of a record whose handler fails. */
export interface FailureOptions {
  /** How often it is tried in all. Default 3. */
  readonly attempts?: number | undefined
  /** The wait before it is tried again, in ms; it doubles up to `maxMs`. Default 100. */
  readonly initialMs?: number | undefined
  /** Default 10,000. */
  readonly maxMs?: number | undefined
  /**
   * What comes after the last attempt. `stop` (default): the consumer ends with HANDLER_FAILED, and the record is not
   * committed. `skip`: a warning is given, and the record counts as handled. A topic: the record is stored there before
   * it counts as handled, with headers that say where it came from and why: `millrace-topic`, `millrace-partition`,
   * `millrace-offset`, `millrace-error`, `millrace-attempts`.
   */
  readonly finally?: 'stop' | 'skip' | { readonly deadLetterTopic: string } | undefined
}

/** Options of which each has its value. */
export type Definite<T> = { readonly [K in keyof T]-?: Exclude<T[K], undefined> }

const FAILURE_OPTIONS: Readonly<Record<keyof FailureOptions, true>> = {
  attempts: true,
  initialMs: true,
  maxMs: true,
  finally: true,
}

/** @throws MillraceError INVALID_CONFIG */
export function checkRetry(options: FailureOptions): Definite<FailureOptions> {
  checkNames('onFailure', options, FAILURE_OPTIONS)
  const { finally: last = 'stop' } = options
  const topic = typeof last === 'object' ? last?.deadLetterTopic : undefined
  if (last !== 'stop' && last !== 'skip' && (typeof topic !== 'string' || topic === '')) {
    throw invalid('onFailure.finally', last, "'stop', 'skip' or { deadLetterTopic }")
  }
  const initialMs = whole('onFailure.initialMs', options.initialMs, 100, 0, 2 ** 31 - 1)
  return {
    attempts: whole('onFailure.attempts', options.attempts, 3, 1, Number.MAX_SAFE_INTEGER),
    initialMs,
    maxMs: whole('onFailure.maxMs', options.maxMs, Math.max(initialMs, 10_000), initialMs, 2 ** 31 - 1),
    finally: last,
  }
}
