import type { MillraceError, RecordHeader } from '@millrace/record'

/** A record as a gateway has it, before a partition and a timestamp are chosen for it. */
export interface PlainRecord {
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers?: readonly RecordHeader[] | undefined
  /** Milliseconds since 1970. Default: now. */
  readonly timestamp?: number | undefined
  /** Default: by the murmur2 hash of the key as Kafka's clients do, or, without a key, one for the whole request. */
  readonly partition?: number | undefined
}

/** What became of one record: its place, or the error that its partition's append met. */
export type ProduceResult =
  | { readonly partition: number; readonly offset: number; readonly timestamp: number }
  | { readonly partition: number; readonly error: MillraceError }
