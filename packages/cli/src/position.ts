import { UsageError } from './failure.ts'

/** Where `consume` begins. */
export type From = 'earliest' | 'latest' | { readonly offset: number } | { readonly timestamp: number }

/** What stands for a time, for help and errors. */
export const TIME_HELP = 'an ISO date such as 2026-11-01T08:00Z, or milliseconds such as 1790000000000ms'
/** What `--from` allows. */
export const FROM_HELP = `earliest, latest, an offset, ${TIME_HELP}`

/** Offsets from here on are more likely meant as milliseconds since 1970: it is a day in 1973. */
const LIKELY_MS = 1e11

const ISO_DATE = /^\d{4}-\d{2}-\d{2}(T[\d:.]+(Z|[+-]\d{2}:?\d{2})?)?$/

/**
 * Reads the value of `--from`. A bare number is an offset; a time is as `parseTime` has it.
 * @throws UsageError
 */
export function parseFrom(text: string): From {
  if (text === 'earliest' || text === 'latest') return text
  const offset = Number(/^\d+$/.exec(text)?.[0])
  if (Number.isSafeInteger(offset)) return { offset }
  const timestamp = timeOf(text)
  if (timestamp !== undefined) return { timestamp }
  throw new UsageError(`--from ${text}: allowed is ${FROM_HELP}`)
}

/**
 * Reads a time in an option of that name: an ISO date (without a zone: local time, but a date alone is UTC, as in
 * JavaScript) or a number of milliseconds since 1970 followed by `ms`.
 * @throws UsageError
 */
export function parseTime(flag: string, text: string): number {
  const timestamp = timeOf(text)
  if (timestamp === undefined) throw new UsageError(`${flag} ${text}: allowed is ${TIME_HELP}`)
  return timestamp
}

function timeOf(text: string): number | undefined {
  const milliseconds = Number(/^(\d+)ms$/.exec(text)?.[1])
  if (Number.isSafeInteger(milliseconds)) return milliseconds
  const timestamp = ISO_DATE.test(text) ? Date.parse(text) : Number.NaN
  return timestamp >= 0 ? timestamp : undefined
}

/** What the user of such an offset may have meant; empty: nothing else. */
export function meantTime(from: From): string {
  return typeof from === 'object' && 'offset' in from && from.offset >= LIKELY_MS ? `${from.offset}ms` : ''
}
