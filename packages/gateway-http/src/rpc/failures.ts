import { type ErrorKind, MillraceError } from '@millrace/record'
import type { FailureBook } from '../request-stats.ts'
import { publicMessage } from '../rest/problem.ts'

/** Failures that are the server's own. A corrupt batch is the caller's: it may have sent it. */
const OWN: ReadonlySet<ErrorKind> = new Set(['internal', 'storage'])

/**
 * Counts and logs a failed call, or one failed part of it: the server's own failures as errors, each code once in a while;
 * the rest, and callers' failures, for those who debug.
 */
export function logFailure({ logger, requests }: FailureBook, error: MillraceError, fields: object): void {
  requests.rejected(error.code)
  const all = { code: error.code, ...fields }
  if (OWN.has(error.kind) && requests.isNews(error.code)) logger.error({ ...all, err: error }, error.message)
  else logger.debug({ ...all, details: error.details }, error.message)
}

/** `error` as a caller may see it: a defect's own words stay in the log. */
export function publicError(error: MillraceError): MillraceError {
  return error.code === 'INTERNAL' ? new MillraceError('INTERNAL', publicMessage(error)) : error
}
