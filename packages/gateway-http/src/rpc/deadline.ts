import { MillraceError, type Timer } from '@millrace/record'
import type { Call } from './call.ts'

/**
 * Ends a stream when its client's deadline is over.
 * @param timeoutMs what the client allows for the whole call; undefined when it did not say
 * @returns the timer, for those who end earlier
 */
export function startDeadline(call: Call, timeoutMs: number | undefined, expire: () => void): Timer | undefined {
  if (timeoutMs === undefined) return undefined
  return call.context.clock.setTimer(timeoutMs, () => {
    expire()
    call.end(new MillraceError('TIMED_OUT', "the call took longer than its client's deadline"))
  })
}
