/*
 * The part of the Protocol Buffers wire format that the hot messages need, with 64-bit integers as numbers.
 *
 *   field   = tag value            tag = varint of field number * 8 + wire type
 *   value   = varint               wire type 0
 *           | 8 bytes              wire type 1
 *           | varint length, bytes wire type 2
 *           | 4 bytes              wire type 5
 *   varint  = 7 bits a byte, the lowest first, the high bit says that more follow; at most 10 bytes
 *
 * A negative int32 or int64 is the varint of its two's complement in 64 bits, 10 bytes long.
 */
import { MillraceError } from '@millrace/record'
import { notExact } from './int64.ts'

export const WIRE_TYPE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const

const MAX_VARINT_BYTES = 10
const SIGN_64 = 1n << 63n
const RANGE_64 = 1n << 64n

/** Bytes that the safe integer `value` takes as a varint. */
export function varintBytes(value: number): number {
  if (value < 0) return MAX_VARINT_BYTES
  if (value < 0x80) return 1
  if (value < 0x4000) return 2
  if (value < 0x20_0000) return 3
  if (value < 0x1000_0000) return 4
  let rest = Math.floor(value / 0x1000_0000)
  let bytes = 5
  while (rest >= 0x80) {
    rest = Math.floor(rest / 0x80)
    bytes++
  }
  return bytes
}

/** Writes the safe integer `value` at `at` and returns the position after it. */
export function writeVarint(bytes: Buffer, value: number, at: number): number {
  let position = at
  if (value < 0) {
    let raw = RANGE_64 + BigInt(value)
    while (raw >= 0x80n) {
      bytes[position++] = Number(raw & 0x7fn) | 0x80
      raw >>= 7n
    }
    bytes[position++] = Number(raw)
    return position
  }
  let rest = value
  while (rest > 0x7fff_ffff) {
    bytes[position++] = (rest % 0x80) | 0x80
    rest = Math.floor(rest / 0x80)
  }
  while (rest >= 0x80) {
    bytes[position++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  bytes[position++] = rest
  return position
}

/** Bytes of a varint field whose tag takes one byte; 0 for the value 0, which is left out. */
export function intFieldBytes(value: number): number {
  return value === 0 ? 0 : 1 + varintBytes(value)
}

/** Writes such a field. @throws MillraceError NUMBER_NOT_EXACT when `value` is not a safe integer */
export function writeIntField(bytes: Buffer, field: number, value: number, at: number): number {
  if (value === 0) return at
  if (!Number.isSafeInteger(value)) throw notExact()
  bytes[at] = field << 3
  return writeVarint(bytes, value, at + 1)
}

/** Bytes of a length-delimited field of `length` bytes whose tag takes one byte. */
export function bytesFieldBytes(length: number): number {
  return 1 + varintBytes(length) + length
}

/** Writes tag and length of such a field; its bytes go where the returned position is. */
export function writeBytesPrefix(bytes: Buffer, field: number, length: number, at: number): number {
  bytes[at] = (field << 3) | WIRE_TYPE.bytes
  return writeVarint(bytes, length, at + 1)
}

/** Reads a message field by field. Every read checks its bounds and fails with INVALID_REQUEST. */
export class FieldReader {
  private readonly bytes: Buffer
  private readonly end: number
  private position: number

  constructor(bytes: Buffer) {
    this.bytes = bytes
    this.position = 0
    this.end = bytes.length
  }

  /** The next field's tag, number * 8 + wire type; 0 at the end of the message. */
  nextTag(): number {
    if (this.position >= this.end) return 0
    const tag = this.readUint()
    if (tag < 8 || tag > 0xffff_ffff) throw malformed('a field number is out of range')
    return tag
  }

  /** @throws MillraceError NUMBER_NOT_EXACT when the unsigned integer is beyond 2^53 */
  readUint(): number {
    const { bytes, end } = this
    let position = this.position
    let value = 0
    let scale = 1
    for (let length = 0; length < MAX_VARINT_BYTES; length++) {
      if (position >= end) throw malformed('a varint is cut off')
      const byte = bytes[position++] as number
      value += (byte & 0x7f) * scale
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) throw notExact()
        this.position = position
        return value
      }
      scale *= 0x80
    }
    throw malformed('a varint is longer than 64 bits')
  }

  /** @throws MillraceError NUMBER_NOT_EXACT when the signed integer is beyond 2^53 */
  readInt(): number {
    // Only a negative number has ten bytes; the ninth then still says that one follows.
    const ninth = this.position + MAX_VARINT_BYTES - 2
    if (ninth + 1 >= this.end || !this.isLongVarint(ninth)) return this.readUint()
    let raw = 0n
    for (let index = 0; index < MAX_VARINT_BYTES; index++) {
      raw |= BigInt((this.bytes[this.position + index] as number) & 0x7f) << BigInt(7 * index)
    }
    if ((this.bytes[ninth + 1] as number) > 1) throw malformed('a varint is longer than 64 bits')
    const value = Number(raw >= SIGN_64 ? raw - RANGE_64 : raw)
    if (!Number.isSafeInteger(value)) throw notExact()
    this.position = ninth + 2
    return value
  }

  /** An int32, which may come as 32 or 64 bits. @throws MillraceError INVALID_REQUEST when it does not fit */
  readInt32(): number {
    const value = this.readInt()
    if (value !== (value | 0)) throw malformed('an integer does not fit in 32 bits')
    return value
  }

  /** The bytes of a length-delimited field, as a view. */
  readBytes(): Buffer {
    const length = this.readUint()
    const start = this.position
    if (length > this.end - start) throw malformed('a field is longer than its message')
    this.position = start + length
    return this.bytes.subarray(start, this.position)
  }

  readString(): string {
    return this.readBytes().toString('utf8')
  }

  /** Passes over the value of a field that this version does not know. */
  skip(tag: number): void {
    switch (tag & 7) {
      case WIRE_TYPE.varint:
        while (this.position < this.end && (this.bytes[this.position] as number) >= 0x80) this.position++
        this.advance(1)
        return
      case WIRE_TYPE.fixed64:
        this.advance(8)
        return
      case WIRE_TYPE.bytes:
        this.readBytes()
        return
      case WIRE_TYPE.fixed32:
        this.advance(4)
        return
      default:
        throw malformed(`wire type ${tag & 7} is not known`)
    }
  }

  private isLongVarint(ninth: number): boolean {
    for (let at = this.position; at <= ninth; at++) if ((this.bytes[at] as number) < 0x80) return false
    return true
  }

  private advance(count: number): void {
    if (count > this.end - this.position) throw malformed('a message is cut off')
    this.position += count
  }
}

export function malformed(what: string): MillraceError {
  return new MillraceError('INVALID_REQUEST', `not a message of this protocol: ${what}`)
}
