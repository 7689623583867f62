/** A header of a record. Keys may repeat; a null value differs from an empty one. */
export interface RecordHeader {
  readonly key: string
  readonly value: Buffer | null
}

/** What goes into a batch. */
export interface RecordInput {
  /** Null: no key. */
  readonly key: Buffer | null
  /** Null: a tombstone. */
  readonly value: Buffer | null
  readonly headers?: readonly RecordHeader[] | undefined
  /** Milliseconds since 1970. */
  readonly timestamp: number
}

/** What comes out of a batch. Key and value are views into the batch's memory. */
export interface StoredRecord {
  readonly offset: number
  readonly timestamp: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly RecordHeader[]
}
