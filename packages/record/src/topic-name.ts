import { MillraceError } from './errors.ts'
import { MAX_TOPIC_NAME_LENGTH } from './limits.ts'

/** Prefix of the topics that Millrace keeps for itself. */
export const INTERNAL_TOPIC_PREFIX = '__millrace_'

const ALLOWED = /^[a-zA-Z0-9._-]+$/

export function isInternalTopic(name: string): boolean {
  return name.startsWith(INTERNAL_TOPIC_PREFIX)
}

/**
 * Checks a name for a topic that a user creates: 1 to 249 of ASCII letters, digits, `.`, `_`, `-`; not `.` or `..`;
 * not one of Millrace's own. The rule is Kafka's (`Topic.validate`), so that names can move there.
 * @throws MillraceError INVALID_TOPIC_NAME
 */
export function checkTopicName(name: string): void {
  const problem = problemOf(name)
  if (problem === undefined) return
  const shown = JSON.stringify(name.length > 60 ? `${name.slice(0, 60)}…` : name)
  throw new MillraceError('INVALID_TOPIC_NAME', `topic name ${shown} ${problem}`)
}

function problemOf(name: string): string | undefined {
  if (name === '') return 'is empty'
  if (name.length > MAX_TOPIC_NAME_LENGTH)
    return `has ${name.length} characters; at most ${MAX_TOPIC_NAME_LENGTH} are allowed`
  if (name === '.' || name === '..') return 'is a path'
  if (!ALLOWED.test(name)) return 'may hold only ASCII letters, digits, ".", "_" and "-"'
  if (isInternalTopic(name)) return `starts with ${INTERNAL_TOPIC_PREFIX}, which is kept for Millrace itself`
  return undefined
}
