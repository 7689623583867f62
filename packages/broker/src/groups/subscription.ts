import { isInternalTopic, MAX_TOPIC_NAME_LENGTH, MillraceError } from '@millrace/record'
import { RE2JS } from 're2js'
import type { JoinRequest } from './group-types.ts'

export type Subscription = JoinRequest['subscription']

/** A member's record in the table, and with it what it may say here, is bounded. */
const MAX_SUBSCRIPTION_BYTES = 65_536
const MAX_PATTERN_BYTES = 1_024
/** Instructions of a compiled pattern: matching a name takes time that grows with both. */
const MAX_PATTERN_PROGRAM = 2_000

/**
 * Checks what a consumer asks for. Topics need not be there yet.
 * @throws MillraceError INVALID_SUBSCRIPTION
 */
export function checkSubscription(subscription: Subscription): void {
  if ('pattern' in subscription) {
    compilePattern(subscription.pattern)
    return
  }
  const { topics } = subscription
  if (topics.length === 0) throw invalid('it names no topic')
  let bytes = 0
  for (const topic of topics) {
    if (topic === '' || topic.length > MAX_TOPIC_NAME_LENGTH) throw invalid('it names a topic that cannot be')
    if (isInternalTopic(topic)) throw invalid("it names a topic that is Millrace's own")
    bytes += Buffer.byteLength(topic)
  }
  if (bytes > MAX_SUBSCRIPTION_BYTES) {
    throw invalid(`its topics' names are more than ${MAX_SUBSCRIPTION_BYTES} bytes; use a pattern`)
  }
}

/**
 * Whether a topic's name belongs to a subscription. RE2 matches in time that is linear in the name, whatever the pattern.
 * @throws MillraceError INVALID_SUBSCRIPTION for a bad pattern
 */
export function matcherOf(subscription: Subscription): (name: string) => boolean {
  if ('pattern' in subscription) {
    const pattern = compilePattern(subscription.pattern)
    return (name) => pattern.matches(name)
  }
  const names = new Set(subscription.topics)
  return (name) => names.has(name)
}

function compilePattern(pattern: string): RE2JS {
  if (pattern === '') throw invalid('its pattern is empty')
  if (Buffer.byteLength(pattern) > MAX_PATTERN_BYTES) {
    throw invalid(`its pattern is more than ${MAX_PATTERN_BYTES} bytes`)
  }
  let compiled: RE2JS
  try {
    compiled = RE2JS.compile(pattern)
  } catch (cause) {
    throw invalid(`its pattern is not in RE2 syntax: ${(cause as Error).message}`, cause)
  }
  if (compiled.programSize() > MAX_PATTERN_PROGRAM) throw invalid('its pattern is too large')
  return compiled
}

function invalid(reason: string, cause?: unknown): MillraceError {
  return new MillraceError('INVALID_SUBSCRIPTION', `the subscription cannot be used: ${reason}`, { cause })
}
