import { BatchBuilder, type CompressionCodec, type ProducerStamp } from '@millrace/record'

/** A record as the model compares it. Values differ from one another; tombstones have none. */
export interface ModelRecord {
  readonly key: string
  readonly value: string | null
  /** In ms since 1970. */
  readonly timestamp: number
}

export interface EncodeOptions {
  readonly producer?: ProducerStamp | undefined
  readonly compression: CompressionCodec
  readonly transactional?: boolean
}

/** A batch as a client sends it. */
export function encode(
  records: readonly ModelRecord[],
  { producer, compression, transactional = false }: EncodeOptions,
): Buffer {
  const builder = new BatchBuilder()
  for (const { key, value, timestamp } of records) {
    builder.append({ key: Buffer.from(key), value: value === null ? null : Buffer.from(value), timestamp })
  }
  return builder.build(producer === undefined ? { compression } : { compression, producer, transactional }).buffer
}
