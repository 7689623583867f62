import { MillraceError } from '@millrace/server'
import { UsageError } from './failure.ts'

/** Finds the key of a record in the line that becomes its value; null: no key. */
export type KeyOf = (line: Buffer) => Buffer | null

/**
 * Takes the key from a field of lines that are JSON objects: a string as it is, anything else as JSON; null and a field
 * that is not there are no key.
 * @returns what throws INVALID_REQUEST for another line
 */
export function keyFromField(field: string): KeyOf {
  return (line) => {
    let content: unknown
    try {
      content = JSON.parse(line.toString())
    } catch (error) {
      throw new MillraceError('INVALID_REQUEST', `not JSON, which --key-field needs: ${(error as Error).message}`)
    }
    if (typeof content !== 'object' || content === null || Array.isArray(content)) {
      throw new MillraceError('INVALID_REQUEST', 'not a JSON object, which --key-field needs')
    }
    const value = Object.hasOwn(content, field) ? (content as Record<string, unknown>)[field] : null
    if (value === null) return null
    return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))
  }
}

/**
 * Takes the key from what `pattern` finds: its first group, or, without groups, all of it.
 * @throws UsageError when `pattern` is no expression
 */
export function keyFromPattern(pattern: string): KeyOf {
  let expression: RegExp
  try {
    expression = new RegExp(pattern, 'u')
  } catch (error) {
    throw new UsageError(`--key-regex ${pattern}: ${(error as Error).message}`)
  }
  return (line) => {
    const match = expression.exec(line.toString())
    const key = match === null ? undefined : match.length > 1 ? match[1] : match[0]
    return key === undefined ? null : Buffer.from(key)
  }
}
