import { MillraceError } from '@millrace/record'
import protobuf from 'protobufjs/minimal.js'
import type { millrace } from '../generated/millrace.js'

/** A 64-bit integer as generated messages hold it. */
export type Int64 = millrace.v1.Topic['createdAtMs']

// protobufjs' own types know the class only by its instances.
const { Long } = protobuf.util as unknown as { Long: { fromNumber(value: number): Int64 } }
const HIGH = 0x1_0000_0000

/**
 * The number that a generated message's 64-bit field stands for.
 * @throws MillraceError NUMBER_NOT_EXACT when it is beyond 2^53
 */
export function fromInt64(value: Int64): number {
  const high = value.unsigned ? value.high >>> 0 : value.high
  const number = high * HIGH + (value.low >>> 0)
  if (!Number.isSafeInteger(number)) throw notExact()
  return number
}

/**
 * `value` for a generated message's signed 64-bit field.
 * @throws MillraceError NUMBER_NOT_EXACT when it is not a safe integer
 */
export function toInt64(value: number): Int64 {
  if (!Number.isSafeInteger(value)) throw notExact()
  return Long.fromNumber(value)
}

export function notExact(): MillraceError {
  return new MillraceError('NUMBER_NOT_EXACT', 'an integer is not whole or beyond 2^53')
}
