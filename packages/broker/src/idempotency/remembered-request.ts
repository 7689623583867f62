import type { ProducerIdentity } from '@millrace/engine'
import { type ErrorCode, type ErrorDetails, type Limits, MillraceError } from '@millrace/record'

/**
 * What is kept of a request with an idempotency key, as JSON in Millrace's own topic. Before anything of the request is
 * stored, it is there without `places`: all that it takes to make the very same batches again. `places` is there once
 * all of them are stored.
 */
export interface RememberedRequest extends ProducerIdentity {
  readonly fingerprint: string
  /** When it came first, in ms since 1970; the timestamp of records without one. */
  readonly atMs: number
  /** How many partitions the topic had then: keys are spread over these. */
  readonly partitions: number
  /** The partition of the records without a key; absent when there are none. */
  readonly keyless?: number | undefined
  /** Whether the topic's records bear the time of their append, which `places` has then. */
  readonly appendTimes?: true | undefined
  /** Partitions whose records cannot be stored as they are. */
  readonly refused?: readonly Refusal[] | undefined
  /** Where the first record of each other partition lies. */
  readonly places?: readonly Place[] | undefined
}

export type Refusal = readonly [partition: number, code: ErrorCode, message: string, details: ErrorDetails]
export type Place = readonly [partition: number, baseOffset: number, appendTimeMs?: number]

export function refusalOf(partition: number, { code, message, details }: MillraceError): Refusal {
  return [partition, code, message, details]
}

export function errorOf([, code, message, details]: Refusal): MillraceError {
  return new MillraceError(code, message, { details })
}

/** Whether a repeat is still answered as the first was. */
export function isRemembered(request: RememberedRequest, nowMs: number, limits: Limits): boolean {
  return nowMs - request.atMs < limits.idempotencyWindowMs
}

/** No more than this is what it takes in a batch, once `places` is there; a little more for what it was refused. */
export function sizeOf({ refused = [], places = [] }: RememberedRequest): number {
  return 600 + 60 * places.length + refused.reduce((bytes, [, , message]) => bytes + 200 + message.length, 0)
}
