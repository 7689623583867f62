import { isUtf8 } from 'node:buffer'
import { MillraceError } from '@millrace/record'

/**
 * Finds texts that could hold a number which JavaScript would change: 16 or more digits before any point, or an
 * exponent, where a number can begin. All other texts take the quick way, without a call per value.
 */
const MAY_HOLD_INEXACT = /(?:^|[\s,:[-])\d(?:\d{15}|[\d.]*[eE])/
const INTEGER = /^-?\d+$/

/**
 * Parses JSON without changing what it says: the bytes must be UTF-8, and no number may become another one.
 * @throws MillraceError INVALID_REQUEST, NUMBER_NOT_EXACT
 */
export function parseJson(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) throw new MillraceError('INVALID_REQUEST', 'the body is not UTF-8')
  const text = bytes.toString()
  return nestingGuarded(() => {
    try {
      return MAY_HOLD_INEXACT.test(text) ? JSON.parse(text, refuseInexact) : JSON.parse(text)
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error
      throw new MillraceError('INVALID_REQUEST', `the body is not JSON: ${error.message}`, { cause: error })
    }
  })
}

/**
 * The compact JSON text of a parsed value.
 * @throws MillraceError INVALID_REQUEST when it is nested too deeply
 */
export function compactJson(value: unknown): string {
  return nestingGuarded(() => JSON.stringify(value))
}

/** Runs what recurses as deep as the caller's JSON is nested, and blames the caller when the stack does not suffice. */
function nestingGuarded<T>(run: () => T): T {
  try {
    return run()
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new MillraceError('INVALID_REQUEST', 'the JSON is nested too deeply', { cause: error })
  }
}

function refuseInexact(_key: string, value: unknown, context?: { source?: string }): unknown {
  const source = context?.source
  if (typeof value === 'number' && source !== undefined && !isExact(value, source)) {
    const shown = source.length > 60 ? `${source.slice(0, 60)}…` : source
    throw new MillraceError('NUMBER_NOT_EXACT', `${shown} cannot be kept exactly; send it as a string`)
  }
  return value
}

/**
 * Whether `value`, parsed from `source`, still says the same. Written as an integer, it must be a safe one. With a
 * point or an exponent it may be rounded as usual, unless it is an integer beyond 2^53 that comes out as another, or
 * too large or too small to be told from infinity or zero.
 */
function isExact(value: number, source: string): boolean {
  if (INTEGER.test(source)) return Number.isSafeInteger(value)
  if (!Number.isFinite(value)) return false
  if (value === 0) return significantDigits(source).digits === ''
  if (Math.abs(value) <= Number.MAX_SAFE_INTEGER) return true
  const given = significantDigits(source)
  const kept = significantDigits(String(value))
  return given.digits === kept.digits && given.exponent === kept.exponent
}

/** The digits of a JSON number without zeros at either end, and the power of ten that the last one counts. */
function significantDigits(source: string): { digits: string; exponent: number } {
  const [mantissa = '', power = '0'] = source.replace('-', '').toLowerCase().split('e')
  const [whole = '', fraction = ''] = mantissa.split('.')
  const all = whole + fraction
  let start = 0
  while (all[start] === '0') start++
  let end = all.length
  while (end > start && all[end - 1] === '0') end--
  return { digits: all.slice(start, end), exponent: Number(power) - fraction.length + (all.length - end) }
}
