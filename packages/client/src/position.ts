import { MillraceError } from '@millrace/record'
import { type millrace, toInt64 } from '@millrace/wire'
import { invalid } from './options.ts'

/**
 * A place in a partition: its first record, the end of what is committed now, an offset, or the first record at or
 * after a time (a Date, or ms since 1970), which is the end where there is none.
 */
export type Position = 'earliest' | 'latest' | { readonly offset: number } | { readonly timestamp: number | Date }

/** A Position whose time is in ms. */
export type CheckedPosition = Exclude<Position, { readonly timestamp: unknown }> | { readonly timestamp: number }

/** @throws MillraceError INVALID_CONFIG */
export function checkPosition(name: string, position: unknown): CheckedPosition {
  if (position === 'earliest' || position === 'latest') return position
  if (typeof position === 'object' && position !== null) {
    const { offset, timestamp: time } = position as { offset?: unknown; timestamp?: unknown }
    const timestamp = time instanceof Date ? time.getTime() : time
    if (isCount(offset) && timestamp === undefined) return { offset }
    if (isCount(timestamp) && offset === undefined) return { timestamp }
  }
  throw invalid(name, position, "'earliest', 'latest', { offset } or { timestamp }, whole numbers from 0 on or a Date")
}

export function positionToMessage(position: CheckedPosition): millrace.v1.Position.$Properties {
  if (position === 'earliest') return { earliest: true }
  if (position === 'latest') return { latest: true }
  if ('offset' in position) return { offset: toInt64(position.offset) }
  return { timestamp: toInt64(position.timestamp) }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

/** @throws MillraceError PARTITION_NOT_FOUND */
export function checkPartition(partition: unknown): number {
  if (Number.isInteger(partition) && (partition as number) >= 0 && (partition as number) < 2 ** 31) {
    return partition as number
  }
  throw new MillraceError('PARTITION_NOT_FOUND', `a partition is a whole number from 0 on, not ${partition}`)
}
