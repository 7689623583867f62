import type { RecordHeader } from '@millrace/record'
import { millrace } from '../generated/millrace.js'
import { fromInt64, toInt64 } from './int64.ts'

const { Record } = millrace.v1

/** A record that the broker puts into a batch. */
export interface WireRecord {
  /** Null: no key. */
  readonly key: Buffer | null
  /** Null: a tombstone. */
  readonly value: Buffer | null
  readonly headers?: readonly RecordHeader[] | undefined
  /** Milliseconds since 1970. Default: the broker's time. */
  readonly timestamp?: number | undefined
  /** Default: chosen by the key, or, without one, by the broker. */
  readonly partition?: number | undefined
}

/**
 * Keys and values stay views of the message.
 * @throws MillraceError NUMBER_NOT_EXACT for a timestamp beyond 2^53
 */
export function recordFromMessage(record: millrace.v1.Record): WireRecord {
  return {
    key: record.key as Buffer | null,
    value: record.value as Buffer | null,
    headers: record.headers.map(({ key, value }) => ({ key, value: value as Buffer | null })),
    timestamp: record.timestamp === null ? undefined : fromInt64(record.timestamp),
    partition: record.partition ?? undefined,
  }
}

/** @throws MillraceError NUMBER_NOT_EXACT for a timestamp that is not a safe integer */
export function recordToMessage(record: WireRecord): millrace.v1.Record {
  const { key, value, headers = [], timestamp, partition } = record
  return new Record({
    key,
    value,
    headers: headers as millrace.v1.Header[],
    timestamp: timestamp === undefined ? null : toInt64(timestamp),
    partition: partition ?? null,
  })
}
