import { MillraceError, type RecordHeader, type StoredRecord } from '@millrace/record'
import type { Serializer } from './serializer.ts'

/**
 * A record as it was read. Key, value and header values are views into the memory of the batch that it came with; copy
 * what is kept for long (`Buffer.from(record.value)`).
 */
export class ReadRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  /** Milliseconds since 1970. */
  readonly timestamp: number
  /** Null: no key. */
  readonly key: Buffer | null
  /** Null: a tombstone. */
  readonly value: Buffer | null
  readonly headers: readonly RecordHeader[]
  readonly #serializer: Serializer

  constructor(topic: string, partition: number, record: StoredRecord, serializer: Serializer) {
    this.topic = topic
    this.partition = partition
    this.offset = record.offset
    this.timestamp = record.timestamp
    this.key = record.key
    this.value = record.value
    this.headers = record.headers
    this.#serializer = serializer
  }

  /** The key as text; null where there is none. */
  keyText(): string | null {
    return this.key === null ? null : this.key.toString('utf8')
  }

  /** The value as text; null for a tombstone. */
  text(): string | null {
    return this.value === null ? null : this.value.toString('utf8')
  }

  /**
   * The value's JSON; null for a tombstone.
   * @throws MillraceError INVALID_REQUEST when it is none
   */
  json<T = unknown>(): T | null {
    if (this.value === null) return null
    try {
      return JSON.parse(this.value.toString('utf8')) as T
    } catch (cause) {
      throw new MillraceError('INVALID_REQUEST', `the value at offset ${this.offset} is not JSON`, { cause })
    }
  }

  /** The value as the client's serializer reads it. */
  decode<T = unknown>(): T {
    return this.#serializer.deserialize(this.value) as T
  }

  /** The value of the first header of this name; undefined where there is none. */
  header(name: string): Buffer | null | undefined {
    return this.headers.find(({ key }) => key === name)?.value
  }
}
