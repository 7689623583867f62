import { MillraceError } from '@millrace/record'

/** What a key, value or header of a record is made from: text, bytes, null, or, as JSON, anything else. */
export type Content = unknown

/** Turns what users send into bytes, and back. Keys and values pass through it; headers too, on the way in. */
export interface Serializer {
  /**
   * The bytes of `content`; null for no key or a tombstone. Called once for each key, value and header value. The
   * bytes must not change until the record is sent.
   * @throws what `send` then fails with
   */
  serialize(content: Content): Buffer | null
  /** What `ReadRecord.decode` gives for the bytes of a value. */
  deserialize(bytes: Buffer | null): Content
}

/**
 * Strings become their UTF-8 bytes; Buffers and other views of bytes stay what they are; null and undefined are null;
 * everything else becomes its JSON. On the way back: the value of the JSON, or the text where it is none.
 */
export const defaultSerializer: Serializer = {
  serialize(content) {
    if (typeof content === 'string') return Buffer.from(content)
    if (Buffer.isBuffer(content)) return content
    if (content === null || content === undefined) return null
    if (ArrayBuffer.isView(content)) return Buffer.from(content.buffer, content.byteOffset, content.byteLength)
    if (content instanceof ArrayBuffer) return Buffer.from(content)
    return Buffer.from(toJson(content))
  },
  deserialize(bytes) {
    if (bytes === null) return null
    const text = bytes.toString('utf8')
    try {
      return JSON.parse(text)
    } catch {
      return text
    }
  },
}

function toJson(content: unknown): string {
  let json: string | undefined
  try {
    json = JSON.stringify(content)
  } catch (cause) {
    throw new MillraceError('INVALID_REQUEST', `the content cannot become JSON: ${(cause as Error).message}`, { cause })
  }
  if (json === undefined) throw new MillraceError('INVALID_REQUEST', `a ${typeof content} cannot become JSON`)
  return json
}
