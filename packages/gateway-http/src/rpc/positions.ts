import type { Position } from '@millrace/broker'
import { MillraceError } from '@millrace/record'
import { fromInt64, type millrace } from '@millrace/wire'

/** @throws MillraceError NUMBER_NOT_EXACT */
export function positionOf(message: millrace.v1.Position | null): Position {
  switch (message?.at) {
    case 'offset':
      return { offset: fromInt64(message.offset as NonNullable<typeof message.offset>) }
    case 'timestamp':
      return { timestampMs: fromInt64(message.timestamp as NonNullable<typeof message.timestamp>) }
    case 'latest':
      return { at: 'latest' }
    default:
      return { at: 'earliest' }
  }
}

/** @throws MillraceError INVALID_REQUEST for a number that has no meaning */
export function isolationOf(value: number): 'committed' | 'uncommitted' {
  if (value === 0) return 'committed'
  if (value === 1) return 'uncommitted'
  throw new MillraceError('INVALID_REQUEST', `isolation ${value} has no meaning`)
}
