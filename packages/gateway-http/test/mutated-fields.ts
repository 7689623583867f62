import type { SeededRandom } from '@millrace/testkit'

/** A field of a protobuf message: its number, what stands for its length, and its content. */
interface Field {
  readonly number: number
  readonly wireType: number
  /** A number's varint or fixed bytes; the content of what has a length. */
  readonly content: Buffer
}

const VARINT = 0
const FIXED64 = 1
const LENGTH = 2
const FIXED32 = 5

/** Where integers of 32 and 64 bits, counts, lengths and enums change their meaning. */
const NUMBERS: readonly bigint[] = [
  0n,
  1n,
  2n,
  127n,
  128n,
  255n,
  65_535n,
  65_536n,
  1_000_000n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 32n,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 63n - 1n,
  // Negative numbers, as 64 bits of two's complement: the smallest of 64 and of 32 bits, -1, -2.
  2n ** 63n,
  2n ** 64n - 2n ** 31n,
  2n ** 64n - 1n,
  2n ** 64n - 2n,
]

const TEXTS: readonly Buffer[] = [
  '',
  '.',
  '..',
  '../x',
  'a/b',
  '\0',
  't\0',
  'T',
  '__millrace_offsets',
  '\u00fc',
  '\u202e',
  '__proto__',
  '(a+)+$',
  'x'.repeat(249),
  'x'.repeat(255),
  'x'.repeat(256),
  'x'.repeat(5_000),
]
  .map((text) => Buffer.from(text))
  // Not UTF-8: cut off, a surrogate, too long a form of 0.
  .concat([Buffer.from([0xc3]), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from([0xc0, 0x80]), Buffer.alloc(61)])

/**
 * Decodes `message` as protobuf, changes one of its fields, or of those in them, to a value from the edge of what it can
 * hold, leaves it out, repeats it, or moves it, and encodes it again: it still decodes, mostly. Lengths are right.
 */
export function mutateFields(message: Buffer, random: SeededRandom): Buffer {
  const fields = fieldsOf(message)
  if (fields === undefined || fields.length === 0) return encode(randomField(random))
  const at = random.int(0, fields.length - 1)
  const field = fields[at] as Field
  const parts = fields.map(encode)
  switch (random.int(0, 9)) {
    case 0:
      parts.splice(at, 1)
      break
    case 1:
      parts.push(...Array.from({ length: random.pick([1, 2, 50]) }, () => encode(field)))
      break
    case 2:
      // Another number: a field of another type gets its value.
      parts[at] = encode({ ...field, number: random.int(1, 16) })
      break
    case 3:
      parts.splice(random.int(0, parts.length), 0, encode(randomField(random)))
      break
    default:
      parts[at] = encode({ ...field, content: changed(field, random) })
  }
  return Buffer.concat(parts)
}

function changed({ wireType, content }: Field, random: SeededRandom): Buffer {
  if (wireType === VARINT) return varint(random.pick(NUMBERS))
  if (wireType !== LENGTH) return Buffer.alloc(content.length, random.pick([0, 127, 128, 255]))
  const inner = fieldsOf(content)
  // Text can look like a message, seldom; either is changed.
  if (inner !== undefined && inner.length > 0 && random.bool(0.8)) return mutateFields(content, random)
  return random.pick(TEXTS)
}

function randomField(random: SeededRandom): Field {
  const number = random.pick([1, 2, 3, 4, 5, 10, 15, 16, 2_047, 536_870_911])
  if (random.bool(0.5)) return { number, wireType: VARINT, content: varint(random.pick(NUMBERS)) }
  return { number, wireType: LENGTH, content: random.pick(TEXTS) }
}

/** The fields of a message, in order; undefined when the bytes are none. */
function fieldsOf(message: Buffer): Field[] | undefined {
  const fields: Field[] = []
  for (let at = 0; at < message.length; ) {
    const tagEnd = varintEnd(message, at)
    const tag = varintAt(message, at, tagEnd)
    const [number, wireType] = [Number(tag >> 3n), Number(tag & 7n)]
    if (number === 0) return undefined
    let from = tagEnd
    let end: number
    if (wireType === VARINT) end = varintEnd(message, from)
    else if (wireType === FIXED64) end = from + 8
    else if (wireType === FIXED32) end = from + 4
    else if (wireType === LENGTH) {
      from = varintEnd(message, tagEnd)
      end = from + Number(varintAt(message, tagEnd, from))
    } else return undefined
    if (end > message.length) return undefined
    fields.push({ number, wireType, content: message.subarray(from, end) })
    at = end
  }
  return fields
}

function encode({ number, wireType, content }: Field): Buffer {
  const tag = varint((BigInt(number) << 3n) | BigInt(wireType))
  return Buffer.concat(wireType === LENGTH ? [tag, varint(BigInt(content.length)), content] : [tag, content])
}

/** Past the end when it does not end. */
function varintEnd(bytes: Buffer, from: number): number {
  let at = from
  while (at < bytes.length && (bytes[at] as number) >= 128) at++
  return at + 1
}

function varintAt(bytes: Buffer, from: number, end: number): bigint {
  let value = 0n
  for (let at = from; at < Math.min(end, bytes.length); at++) {
    value |= BigInt((bytes[at] as number) & 127) << BigInt(7 * (at - from))
  }
  return value
}

function varint(value: bigint): Buffer {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128)
  bytes.push(Number(rest))
  return Buffer.from(bytes)
}
