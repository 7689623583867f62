import { MillraceError } from './errors.ts'

export function corruptBlock(codec: string, problem: string, cause?: unknown): MillraceError {
  return new MillraceError('CORRUPT_BATCH', `the ${codec} block of a batch: ${problem}`, { cause })
}

export function expandsTooFar(codec: string, maxBytes: number): MillraceError {
  return new MillraceError('BATCH_TOO_LARGE', `the ${codec} block of a batch expands to more than ${maxBytes} bytes`)
}

/** Parts that a library expands one by one; 64 MiB in parts of 4 KiB. What each costs bounds the whole. */
const MAX_PARTS = 16_384

/** @throws MillraceError UNSUPPORTED_COMPRESSION when a block comes in too many parts */
export function checkPartCount(codec: string, count: number): void {
  if (count > MAX_PARTS)
    throw new MillraceError('UNSUPPORTED_COMPRESSION', `a ${codec} block of a batch in more than ${MAX_PARTS} parts`)
}

export function libraryMissing(codec: string, cause: unknown): MillraceError {
  return new MillraceError('UNSUPPORTED_COMPRESSION', `the library for ${codec} does not load on this machine`, {
    cause,
  })
}
