import { MillraceError } from '@millrace/record'

/** What a key, value or header of a record is made from: text, bytes, null, or, as JSON, anything else. */
export type Content = unknown

/** Turns what users send into bytes, and back. Keys and values pass through it; headers too, on the way in. */
export interface Serializer {
  /**
   * The bytes of `content`; null for a tombstone. Called once for each key, value and header value that is not
   * undefined. The bytes must not change until the record is sent.
   * @throws what `send` then fails with
   */
  serialize(content: Content): Buffer | null
  /** What `ReadRecord.decode` gives for the bytes of a value. */
  deserialize(bytes: Buffer | null): Content
}

/**
 * Strings become their UTF-8 bytes; Buffers and other views of bytes stay what they are; null is null; everything else
 * becomes its JSON. What JSON would turn into something else, such as NaN, a Map or a function, is refused with
 * INVALID_REQUEST; members that JSON leaves out, undefined or functions, are left out. On the way back: the value of the
 * JSON, or the text where it is none.
 */
export const defaultSerializer: Serializer = {
  serialize(content) {
    if (typeof content === 'string') return Buffer.from(content)
    if (Buffer.isBuffer(content)) return content
    if (content === null) return null
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
  let lost: Lost | undefined
  try {
    json = JSON.stringify(content)
    // What JSON cannot keep turns into one of these, so that all other values are not looked at twice.
    if (json === undefined || json.includes('null') || json.includes('{}')) lost = findLost(content)
  } catch (cause) {
    throw new MillraceError('INVALID_REQUEST', `the content cannot become JSON: ${(cause as Error).message}`, { cause })
  }
  if (json === undefined || lost !== undefined) {
    const { what, where } = lost ?? { what: 'what its toJSON gives', where: '' }
    const at = where === '' ? '' : `, at ${where.replace(/^\./, '')}`
    throw new MillraceError('INVALID_REQUEST', `${what} cannot become JSON${at}`)
  }
  return json
}

/** A value that JSON would turn into something else, and its place, such as `[2].total`. */
interface Lost {
  readonly what: string
  readonly where: string
}

/** The first value within `content`, which JSON.stringify has taken, that came out as something else. */
function findLost(content: unknown): Lost | undefined {
  switch (typeof content) {
    case 'number':
      return Number.isFinite(content) ? undefined : { what: `${content}`, where: '' }
    case 'undefined':
      return { what: 'undefined', where: '' }
    case 'function':
    case 'symbol':
      return { what: `a ${typeof content}`, where: '' }
    case 'object':
      return content === null ? undefined : findLostWithin(content)
    default:
      return undefined
  }
}

function findLostWithin(object: object): Lost | undefined {
  if (Array.isArray(object)) {
    for (let index = 0; index < object.length; index++) {
      const lost = findLost(object[index])
      if (lost !== undefined) return { what: lost.what, where: `[${index}]${lost.where}` }
    }
    return undefined
  }
  if (object instanceof Date) return Number.isNaN(object.getTime()) ? { what: 'an invalid Date', where: '' } : undefined
  // It says itself what it is as JSON.
  if (typeof (object as { toJSON?: unknown }).toJSON === 'function') return undefined
  const names = Object.keys(object)
  if (names.length === 0 && !isPlain(object)) return { what: `a value of class ${object.constructor?.name}`, where: '' }
  for (const name of names) {
    const member = (object as Record<string, unknown>)[name]
    if (isLeftOut(member)) continue
    const lost = findLost(member)
    if (lost !== undefined) return { what: lost.what, where: `.${name}${lost.where}` }
  }
  return undefined
}

/** Whether JSON leaves a member of this value out of an object. */
function isLeftOut(member: unknown): boolean {
  return member === undefined || typeof member === 'function' || typeof member === 'symbol'
}

/** Whether an object is one of `{}`, of whatever realm; others without members keep what they hold elsewhere. */
function isPlain(object: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(object)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}
