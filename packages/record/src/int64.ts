import { MillraceError } from './errors.ts'

const HIGH = 0x1_0000_0000

/**
 * The signed 64-bit integer at `at`, as a number.
 * @throws MillraceError INVALID_BATCH when it is not a safe integer
 */
export function readInt64(buffer: Buffer, at: number): number {
  const value = buffer.readInt32BE(at) * HIGH + buffer.readUInt32BE(at + 4)
  if (!Number.isSafeInteger(value)) throw new MillraceError('INVALID_BATCH', `the integer at byte ${at} is beyond 2^53`)
  return value
}

/** Writes the safe integer `value` as a signed 64-bit integer. */
export function writeInt64(buffer: Buffer, value: number, at: number): void {
  const high = Math.floor(value / HIGH)
  buffer.writeInt32BE(high, at)
  buffer.writeUInt32BE(value - high * HIGH, at + 4)
}
