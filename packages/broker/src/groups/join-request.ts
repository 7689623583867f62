import { type Limits, MAX_NAME_BYTES, MillraceError } from '@millrace/record'
import type { JoinRequest } from './group-types.ts'
import { checkSubscription } from './subscription.ts'

const DEFAULT_SESSION_TIMEOUT_MS = 45_000
const DEFAULT_REBALANCE_TIMEOUT_MS = 60_000
/** A sign of life is wanted three times per session time-out, and no less often than this. */
const MAX_HEARTBEAT_INTERVAL_MS = 5_000

/** @throws MillraceError INVALID_GROUP_NAME */
export function checkGroupName(name: string): void {
  const problem = problemOf(name)
  if (problem === undefined) return
  throw new MillraceError('INVALID_GROUP_NAME', `the group's name ${problem}`, {
    details: { maxBytes: MAX_NAME_BYTES },
  })
}

/**
 * The request with its defaults filled in.
 * @throws MillraceError INVALID_GROUP_NAME, INVALID_SUBSCRIPTION, INVALID_REQUEST
 */
export function checkJoin(request: JoinRequest, limits: Limits): JoinRequest {
  checkGroupName(request.group)
  checkText('member id', request.memberId)
  if (request.instanceId !== undefined) checkText('instance id', request.instanceId)
  if (request.clientId !== '') checkText('client id', request.clientId)
  if (!Number.isInteger(request.memberEpoch) || request.memberEpoch < 0) {
    throw invalid(`the member epoch is ${request.memberEpoch}, which none can be`)
  }
  if (request.memberEpoch === 0 && request.owned.some(({ partitions }) => partitions.length > 0)) {
    throw invalid('a new member cannot own partitions')
  }
  if (request.assignor !== 'range' && request.assignor !== 'uniform') throw invalid('there is no such assignor')
  checkSubscription(request.subscription)
  const { minSessionTimeoutMs: min, maxSessionTimeoutMs: max, maxRebalanceTimeoutMs } = limits
  return {
    ...request,
    sessionTimeoutMs: checkTime('session time-out', request.sessionTimeoutMs, {
      min,
      max,
      default: Math.min(Math.max(DEFAULT_SESSION_TIMEOUT_MS, min), max),
    }),
    rebalanceTimeoutMs: checkTime('rebalance time-out', request.rebalanceTimeoutMs, {
      min: 1,
      max: maxRebalanceTimeoutMs,
      default: Math.min(DEFAULT_REBALANCE_TIMEOUT_MS, maxRebalanceTimeoutMs),
    }),
  }
}

export function heartbeatIntervalOf(sessionTimeoutMs: number): number {
  return Math.max(Math.min(Math.floor(sessionTimeoutMs / 3), MAX_HEARTBEAT_INTERVAL_MS), 1)
}

function checkTime(what: string, timeMs: number, o: { min: number; max: number; default: number }): number {
  if (timeMs === 0) return o.default
  if (Number.isInteger(timeMs) && timeMs >= o.min && timeMs <= o.max) return timeMs
  throw new MillraceError('INVALID_REQUEST', `a ${what} is ${o.min} to ${o.max} ms, not ${timeMs}`, {
    details: { min: o.min, max: o.max },
  })
}

function checkText(what: string, text: string): void {
  const problem = problemOf(text)
  if (problem !== undefined) throw invalid(`the ${what} ${problem}`)
}

/** Names are parts of keys: they must come out of UTF-8 as they went in, and leave a byte to put between them. */
function problemOf(text: string): string | undefined {
  if (text === '') return 'is empty'
  if (Buffer.byteLength(text) > MAX_NAME_BYTES) return `has more than ${MAX_NAME_BYTES} bytes`
  if (/\p{Cc}/u.test(text)) return 'has control characters'
  return text.isWellFormed() ? undefined : 'is not well-formed Unicode'
}

function invalid(reason: string): MillraceError {
  return new MillraceError('INVALID_REQUEST', reason)
}
