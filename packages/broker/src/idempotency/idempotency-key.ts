import { createHash } from 'node:crypto'
import type { Acks } from '@millrace/engine'
import { MAX_IDEMPOTENCY_KEY_LENGTH, MillraceError } from '@millrace/record'
import type { PlainRecord } from '../produce/plain-record.ts'

const VISIBLE_ASCII = /^[\x21-\x7e]+$/

/** @throws MillraceError INVALID_REQUEST for one that is not 1 to 255 visible ASCII characters */
export function checkIdempotencyKey(key: string): void {
  if (key.length <= MAX_IDEMPOTENCY_KEY_LENGTH && VISIBLE_ASCII.test(key)) return
  throw new MillraceError(
    'INVALID_REQUEST',
    `an idempotency key has 1 to ${MAX_IDEMPOTENCY_KEY_LENGTH} visible ASCII characters`,
  )
}

/** What is the same for two requests only when they ask for the same: SHA-256 in base64. */
export function fingerprintOf(records: readonly PlainRecord[], acks: Acks): string {
  const hash = createHash('sha256').update(acks)
  for (const { key, value, headers = [], timestamp, partition } of records) {
    const shape = [
      key?.length ?? null,
      value?.length ?? null,
      timestamp ?? null,
      partition ?? null,
      headers.map((header) => [header.key, header.value?.length ?? null]),
    ]
    hash.update(JSON.stringify(shape))
    if (key !== null) hash.update(key)
    if (value !== null) hash.update(value)
    for (const header of headers) if (header.value !== null) hash.update(header.value)
  }
  return hash.digest('base64')
}
