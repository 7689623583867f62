import { isUtf8 } from 'node:buffer'

/** A record as it is printed. */
export interface PrintedRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly timestamp: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly { readonly key: string; readonly value: Buffer | null }[]
}

/**
 * How `consume` prints a record, by the name of the format. `value` and `key-value` print the bytes as they are, with
 * nothing for null; `json` prints what REST answers, so that any bytes survive.
 */
export const FORMATS = {
  value: ({ value }: PrintedRecord): Buffer => value ?? EMPTY,
  'key-value': ({ key, value }: PrintedRecord): Buffer => Buffer.concat([key ?? EMPTY, TAB, value ?? EMPTY]),
  json: (record: PrintedRecord): string =>
    JSON.stringify({
      topic: record.topic,
      partition: record.partition,
      offset: record.offset,
      timestamp: record.timestamp,
      ...bytes('key', record.key),
      ...bytes('value', record.value),
      headers: record.headers.map(({ key, value }) => ({ key, ...bytes('value', value) })),
    }),
} as const
export type Format = keyof typeof FORMATS

const EMPTY = Buffer.alloc(0)
const TAB = Buffer.from('\t')

/** Bytes in JSON: a string where they are UTF-8, otherwise base64 under a name that says so. */
function bytes(name: 'key' | 'value', content: Buffer | null): Record<string, string | null> {
  if (content === null) return { [name]: null }
  return isUtf8(content) ? { [name]: content.toString() } : { [`${name}Base64`]: content.toString('base64') }
}
