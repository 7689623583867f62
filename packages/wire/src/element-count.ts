import { MillraceError } from '@millrace/record'
import { FieldReader } from './protobuf.ts'

/** Records and headers of one message. Each becomes an object many times as large as the two bytes that it may take. */
const MAX_ELEMENTS = 100_000
/** A message of this size cannot have too many. */
const HARMLESS_BYTES = 2 * MAX_ELEMENTS
/** Of the field `headers` in a Record. */
const HEADER_TAG = 0x1a

/**
 * Counts before anything is decoded.
 * @param recordTag the tag of the message's field of records
 * @throws MillraceError REQUEST_TOO_LARGE for more than 100,000 records and headers
 */
export function checkElementCount(bytes: Buffer, recordTag: number): void {
  if (bytes.length < HARMLESS_BYTES) return
  let count = 0
  const message = new FieldReader(bytes)
  for (let tag = message.nextTag(); tag !== 0; tag = message.nextTag()) {
    if (tag !== recordTag) {
      message.skip(tag)
      continue
    }
    const record = new FieldReader(message.readBytes())
    count++
    for (let inner = record.nextTag(); inner !== 0; inner = record.nextTag()) {
      if (inner === HEADER_TAG) count++
      record.skip(inner)
    }
    if (count > MAX_ELEMENTS) {
      throw new MillraceError('REQUEST_TOO_LARGE', `more than ${MAX_ELEMENTS} records and headers in one message`)
    }
  }
}
