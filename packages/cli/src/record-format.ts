import { isUtf8 } from 'node:buffer'
import { UsageError } from './failure.ts'
import type { Output } from './output.ts'
import type { PrintedRecord } from './printed-record.ts'
import { parseTemplate } from './record-template.ts'

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
type FormatName = keyof typeof FORMATS

/** Prints one record. */
export type RecordPrinter = (out: Output, record: PrintedRecord) => Promise<void>

/**
 * Reads the value of `--format`: the name of a format, which prints a line for each record, or a template, which ends
 * where it ends.
 * @throws UsageError
 */
export function parseFormat(text: string): RecordPrinter {
  if (Object.hasOwn(FORMATS, text)) {
    const print = FORMATS[text as FormatName]
    return (out, record) => out.line(print(record))
  }
  if (!/[%\\]/.test(text)) {
    const names = Object.keys(FORMATS).join(', ')
    throw new UsageError(`--format ${text}: allowed are ${names}, or a template such as "%p %o %k %v\\n"`)
  }
  const fill = parseTemplate(text)
  return (out, record) => out.bytes(fill(record))
}

const EMPTY = Buffer.alloc(0)
const TAB = Buffer.from('\t')

/** Bytes in JSON: a string where they are UTF-8, otherwise base64 under a name that says so. */
export function bytes(name: 'key' | 'value', content: Buffer | null): Record<string, string | null> {
  if (content === null) return { [name]: null }
  return isUtf8(content) ? { [name]: content.toString() } : { [`${name}Base64`]: content.toString('base64') }
}
