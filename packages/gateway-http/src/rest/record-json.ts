import { isUtf8 } from 'node:buffer'
import type { FetchedRecords, PlainRecord } from '@millrace/broker'
import { MillraceError, type RecordHeader, type StoredRecord } from '@millrace/record'
import { compactJson } from './json-text.ts'
import type { RecordJson } from './schemas.ts'

/**
 * Records between JSON and bytes. In: a string stands for its UTF-8 bytes, null for null, any other value for its
 * compact JSON text, `…Base64` for raw bytes. A value must be there: only null itself is a tombstone, so that nobody
 * writes one by an omission. Out: valid UTF-8 as a string, other bytes as `…Base64`.
 */

/**
 * The record that a caller's JSON, which fits its schema, stands for.
 * @param at where it stands in the request, for messages
 * @throws MillraceError INVALID_REQUEST
 */
export function decodeRecord(json: RecordJson, at: string): PlainRecord {
  return {
    key: decodeBytes(json.key, json.keyBase64, at, 'key') ?? null,
    value: decodeValue(json, at),
    headers: decodeHeaders(json.headers, `${at}/headers`),
    partition: json.partition,
    timestamp: json.timestamp,
  }
}

function decodeHeaders(json: RecordJson['headers'], at: string): RecordHeader[] {
  if (json === undefined) return []
  if (Array.isArray(json)) {
    return json.map((header, index) => ({
      key: wellFormed(header.key, `${at}/${index}/key`),
      value: decodeValue(header, `${at}/${index}`),
    }))
  }
  return Object.entries(json).map(([key, value]) => ({
    key: wellFormed(key, at),
    value: decodeBytes(value, undefined, at, key) ?? null,
  }))
}

function decodeValue({ value, valueBase64 }: { value?: unknown; valueBase64?: string }, at: string): Buffer | null {
  const bytes = decodeBytes(value, valueBase64, at, 'value')
  if (bytes === undefined) throw invalid(`${at} must have value or valueBase64; null stands for none`)
  return bytes
}

/** Undefined: neither form is there. */
function decodeBytes(value: unknown, base64: string | undefined, at: string, name: string): Buffer | null | undefined {
  if (base64 !== undefined) {
    if (value !== undefined) throw invalid(`${at} has both ${name} and ${name}Base64`)
    return decodeBase64(base64, `${at}/${name}Base64`)
  }
  if (value === undefined || value === null) return value
  if (typeof value === 'string') return Buffer.from(wellFormed(value, `${at}/${name}`))
  return Buffer.from(compactJson(value))
}

/** Buffer reads base64 leniently; only what it would have written itself is taken. */
function decodeBase64(text: string, at: string): Buffer {
  const bytes = Buffer.from(text, 'base64')
  if (bytes.toString('base64') !== text) throw invalid(`${at} is not base64`)
  return bytes
}

/** Half of a surrogate pair has no UTF-8; written all the same, it would turn into another character. */
function wellFormed(text: string, at: string): string {
  if (!text.isWellFormed()) throw invalid(`${at} holds half of a surrogate pair, which has no UTF-8`)
  return text
}

function invalid(message: string): MillraceError {
  return new MillraceError('INVALID_REQUEST', message)
}

/** How keys and values come out: as strings of their bytes, or, values only, as the JSON that they are. */
export type ValueForm = 'bytes' | 'json'

/** The JSON text of a stored record, on one line. */
export function recordText({ offset, timestamp, key, value, headers }: StoredRecord, form: ValueForm): string {
  const parts = headers.map((header) => `{"key":${JSON.stringify(header.key)},${member('value', header.value)}}`)
  const valueMember = (form === 'json' && value !== null ? jsonMember(value) : undefined) ?? member('value', value)
  return `{"offset":${offset},"timestamp":${timestamp},${member('key', key)},${valueMember},"headers":[${parts.join(',')}]}`
}

/** Characters of an answer that are encoded together. A text of megabytes would stay until V8 collects its whole heap. */
const PIECE_CHARS = 32_768

/** The JSON of what was read, as bytes: of text, a connection would keep both. */
export function fetchedJson(
  { records, nextOffset, highWatermark, logStartOffset }: FetchedRecords,
  form: ValueForm = 'bytes',
): Buffer {
  const pieces = [Buffer.from('{"records":[')]
  let texts: string[] = []
  let chars = 0
  for (const [index, record] of records.entries()) {
    const text = recordText(record, form)
    texts.push(text)
    chars += text.length
    const isLast = index === records.length - 1
    if (chars < PIECE_CHARS && !isLast) continue
    pieces.push(Buffer.from(isLast ? texts.join(',') : `${texts.join(',')},`))
    texts = []
    chars = 0
  }
  pieces.push(
    Buffer.from(`],"nextOffset":${nextOffset},"highWatermark":${highWatermark},"logStartOffset":${logStartOffset}}`),
  )
  return Buffer.concat(pieces)
}

function member(name: 'key' | 'value', bytes: Buffer | null): string {
  if (bytes === null) return `"${name}":null`
  if (isUtf8(bytes)) return `"${name}":${JSON.stringify(bytes.toString())}`
  return `"${name}Base64":"${bytes.toString('base64')}"`
}

/** The value as it stands, when it is JSON: not parsed and written anew, which would change its numbers. */
function jsonMember(value: Buffer): string | undefined {
  if (!isUtf8(value)) return undefined
  const text = value.toString()
  try {
    JSON.parse(text)
  } catch {
    return undefined
  }
  // Within JSON, line ends stand only between tokens.
  return `"value":${text.replaceAll(/[\r\n]+/g, ' ').trim()}`
}

/** Bytes of a record's key, value and headers. */
function recordBytes({ key, value, headers }: StoredRecord): number {
  let bytes = (key?.length ?? 0) + (value?.length ?? 0)
  for (const header of headers) bytes += header.key.length + (header.value?.length ?? 0)
  return bytes
}

/** As many of the records as `maxBytes` allows, but at least one: a batch is opened whole, whatever it expands to. */
export function withinBytes(fetched: FetchedRecords, maxBytes: number): FetchedRecords {
  const { records } = fetched
  let bytes = 0
  for (const [index, record] of records.entries()) {
    bytes += recordBytes(record)
    if (bytes > maxBytes && index > 0) {
      return { ...fetched, records: records.slice(0, index), nextOffset: record.offset }
    }
  }
  return fetched
}
