/** Keys are compared as a Map compares them: primitives only. */
export type TableKey = string | number

/**
 * Turns keys and values into bytes and back. Different keys give different bytes, equal ones the same. What cannot be
 * encoded throws, and nothing is stored then.
 */
export interface TableCodec<K extends TableKey, V> {
  encodeKey(key: K): Buffer
  decodeKey(bytes: Buffer): K
  encodeValue(value: V): Buffer
  /** The bytes are a view into memory that lives on only as long as it is kept; copy what is not decoded. */
  decodeValue(bytes: Buffer): V
}

/** Keys as UTF-8, values as JSON. */
export function jsonCodec<V>(): TableCodec<string, V> {
  return {
    encodeKey: (key) => Buffer.from(key),
    decodeKey: (bytes) => bytes.toString('utf8'),
    encodeValue: (value) => Buffer.from(JSON.stringify(value)),
    decodeValue: (bytes) => JSON.parse(bytes.toString('utf8')),
  }
}
