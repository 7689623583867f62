import { MillraceError } from '@millrace/record'

/**
 * What an error that answers a batch says of the batch.
 * - `gap`: a batch before it is missing, so that it was not stored;
 * - `again`: not stored this time; later it may be;
 * - `unknown`: perhaps stored, and worth sending again;
 * - `refused`: not stored, and never will be;
 * - `broken`: perhaps stored, and not worth sending again.
 */
export type Failure = 'gap' | 'again' | 'unknown' | 'refused' | 'broken'

export function failureOf(error: MillraceError): Failure {
  switch (error.code) {
    case 'OUT_OF_ORDER_SEQUENCE':
      return 'gap'
    case 'LIMIT_REACHED':
    case 'DISK_FULL':
      return 'again'
    case 'STORAGE_FAILED':
    case 'INTERNAL':
    case 'CANCELLED':
      return 'broken'
    default:
      return error.retriable ? 'unknown' : 'refused'
  }
}

/** Whether an error that refuses a batch may be due to one of its records, so that the others would be taken. */
export function isPartial(error: MillraceError): boolean {
  return isTooLarge(error) || error.code === 'INVALID_TIMESTAMP' || error.code === 'INVALID_RECORD'
}

export function isTooLarge(error: MillraceError): boolean {
  return error.code === 'BATCH_TOO_LARGE' || error.code === 'REQUEST_TOO_LARGE'
}

/** `error` with the fact, in message and details, that the records may have been stored all the same. */
export function withDoubt(error: MillraceError): MillraceError {
  return new MillraceError(error.code, `${error.message}; whether the records were stored is not known`, {
    cause: error,
    details: { ...error.details, outcomeUnknown: true },
  })
}

/**
 * `error` without such a doubt, for a record of a transaction: as a send of it failed, the transaction is aborted, and
 * what was stored of it is never shown.
 */
export function withoutDoubt(error: MillraceError): MillraceError {
  const { outcomeUnknown, ...details } = error.details
  if (outcomeUnknown === undefined) return error
  return new MillraceError(error.code, `the transaction is aborted: ${error.message}`, { cause: error, details })
}

/** The time for a delivery has run out. `last` is what it failed with before. */
export function expired(last: MillraceError | undefined, inDoubt: boolean): MillraceError {
  const because = last === undefined ? '' : ` (last: ${last.code}: ${last.message})`
  const cause = last === undefined ? {} : { cause: last }
  return inDoubt
    ? new MillraceError('TIMED_OUT', `no answer in the time allowed; the outcome is unknown${because}`, {
        ...cause,
        details: { outcomeUnknown: true },
      })
    : new MillraceError('TIMED_OUT', `not sent in the time allowed; nothing was stored${because}`, cause)
}
