import { type ErrorDetails, isErrorCode, MillraceError } from '@millrace/record'
import { millrace } from '../generated/millrace.js'

/** A failure of one of several things, for a field of a message. */
export function errorToMessage(error: MillraceError): millrace.v1.Error {
  const details = Object.fromEntries(Object.entries(error.details).map(([name, value]) => [name, String(value)]))
  return new millrace.v1.Error({ code: error.code, message: error.message, details })
}

/**
 * Such a failure as an error. A code that this version does not know becomes INTERNAL and stays in the message. In the
 * details, what reads as a safe integer is a number again.
 */
export function errorFromMessage(message: millrace.v1.Error.$Properties): MillraceError {
  const { code = '', message: text = '', details = {} } = message
  return errorFromCode(
    code,
    text,
    Object.fromEntries(Object.entries(details).map(([name, value]) => [name, fact(value)])),
  )
}

/** An error by its code as it came over the wire. */
export function errorFromCode(code: string, message: string, details: ErrorDetails): MillraceError {
  if (isErrorCode(code)) return new MillraceError(code, message, { details })
  return new MillraceError('INTERNAL', `${code}: ${message}`, { details })
}

function fact(value: string): string | number {
  const number = Number(value)
  return Number.isSafeInteger(number) && String(number) === value ? number : value
}
