import { UsageError } from './failure.ts'

/** Where `consume` begins. */
export type From = 'earliest' | 'latest' | { readonly offset: number } | { readonly timestamp: number }

/** What `--from` allows, for help and errors. */
export const FROM_HELP =
  'earliest, latest, an offset, an ISO date such as 2026-11-01T08:00Z, or milliseconds such as 1790000000000ms'

/** Offsets from here on are more likely meant as milliseconds since 1970: it is a day in 1973. */
const LIKELY_MS = 1e11

const ISO_DATE = /^\d{4}-\d{2}-\d{2}(T[\d:.]+(Z|[+-]\d{2}:?\d{2})?)?$/

/**
 * Reads the value of `--from`. A bare number is an offset; a time is an ISO date (without a zone: local time, but a
 * date alone is UTC, as in JavaScript) or a number of milliseconds since 1970 followed by `ms`.
 * @throws UsageError
 */
export function parseFrom(text: string): From {
  if (text === 'earliest' || text === 'latest') return text
  const number = Number(/^(\d+)(?:ms)?$/.exec(text)?.[1])
  if (Number.isSafeInteger(number)) return text.endsWith('ms') ? { timestamp: number } : { offset: number }
  const timestamp = ISO_DATE.test(text) ? Date.parse(text) : Number.NaN
  if (timestamp >= 0) return { timestamp }
  throw new UsageError(`--from ${text}: allowed is ${FROM_HELP}`)
}

/** What the user of such an offset may have meant; empty: nothing else. */
export function meantTime(from: From): string {
  return typeof from === 'object' && 'offset' in from && from.offset >= LIKELY_MS ? `${from.offset}ms` : ''
}
