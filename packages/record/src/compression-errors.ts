import { MillraceError } from './errors.ts'

export function corruptBlock(codec: string, problem: string, cause?: unknown): MillraceError {
  return new MillraceError('CORRUPT_BATCH', `the ${codec} block of a batch: ${problem}`, { cause })
}

export function expandsTooFar(codec: string, maxBytes: number): MillraceError {
  return new MillraceError('BATCH_TOO_LARGE', `the ${codec} block of a batch expands to more than ${maxBytes} bytes`)
}

export function libraryMissing(codec: string, cause: unknown): MillraceError {
  return new MillraceError('UNSUPPORTED_COMPRESSION', `the library for ${codec} does not load on this machine`, {
    cause,
  })
}
