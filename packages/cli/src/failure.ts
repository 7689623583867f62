import { MillraceError } from '@millrace/server'

/** Exit codes of the command. */
export const EXIT = { done: 0, failed: 1, usage: 2 } as const
export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** A command line that cannot work as it stands; `message` says why. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** The user ended the command before it was done. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted'
}

/** The command failed and has told what there is to tell. */
export class Told extends Error {
  override readonly name = 'Told'
}

/** One line that tells what went wrong: the permanent code, where there is one, and the message. */
export function describeFailure(error: unknown): string {
  const message = oneLine(error instanceof Error ? error.message : String(error))
  return error instanceof MillraceError ? `${error.code}: ${message}` : message
}

/** `text` without ends of lines. */
export function oneLine(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, ' ').trimEnd()
}
