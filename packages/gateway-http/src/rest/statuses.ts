import { ERRORS, type ErrorCode, type ErrorKind } from '@millrace/record'

/** HTTP's status for each kind of error. */
const STATUS_BY_KIND: Readonly<Record<ErrorKind, number>> = {
  invalid: 400,
  forbidden: 403,
  'not-found': 404,
  method: 405,
  timeout: 408,
  conflict: 409,
  precondition: 409,
  'too-large': 413,
  'media-type': 415,
  // As for a range of a resource: the answer names the range that there is.
  'out-of-range': 416,
  reused: 422,
  busy: 429,
  // Not in HTTP; the caller is gone and sees none, logs do.
  cancelled: 499,
  internal: 500,
  // A REST caller sends no batches, so a corrupt one is the server's.
  corrupt: 500,
  unimplemented: 501,
  unavailable: 503,
  storage: 507,
}

export function httpStatus(code: ErrorCode): number {
  return STATUS_BY_KIND[ERRORS[code].kind]
}
