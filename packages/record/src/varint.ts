/*
 * Varints as in Protocol Buffers: 7 bits a byte, the lowest first, the high bit says that more follow; signed numbers
 * are zig-zag coded. Up to 5 bytes for 32 bits (varint), up to 10 for 64 (varlong).
 */
import { MillraceError } from './errors.ts'

/** Reads one after another the varints of a Buffer. Every read checks its bounds. */
export class VarintReader {
  readonly bytes: Buffer
  position: number

  constructor(bytes: Buffer, position = 0) {
    this.bytes = bytes
    this.position = position
  }

  /** @throws MillraceError INVALID_BATCH when it is cut off or longer than 32 bits */
  readVarint(): number {
    const { bytes } = this
    let byte = bytes[this.position++]
    if (byte === undefined) throw cutOff()
    if (byte < 0x80) return (byte >>> 1) ^ -(byte & 1)
    let raw = byte & 0x7f
    for (let shift = 7; shift < 35; shift += 7) {
      byte = bytes[this.position++]
      if (byte === undefined) throw cutOff()
      raw |= (byte & 0x7f) << shift
      if (byte < 0x80) {
        if (shift === 28 && byte > 0x0f) break
        return (raw >>> 1) ^ -(raw & 1)
      }
    }
    throw new MillraceError('INVALID_BATCH', 'a varint is longer than 32 bits')
  }

  /** @throws MillraceError INVALID_BATCH when it is cut off or not a safe integer */
  readVarlong(): number {
    const { bytes } = this
    let raw = 0
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = bytes[this.position++]
      if (byte === undefined) throw cutOff()
      raw |= (byte & 0x7f) << shift
      if (byte < 0x80) return (raw >>> 1) ^ -(raw & 1)
    }
    return this.readLongTail(BigInt(raw))
  }

  /** The rest of a varlong whose first four bytes gave `low`. */
  private readLongTail(low: bigint): number {
    let raw = low
    for (let shift = 28n; shift < 70n; shift += 7n) {
      const byte = this.bytes[this.position++]
      if (byte === undefined) throw cutOff()
      raw |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) {
        const value = Number((raw >> 1n) ^ -(raw & 1n))
        if (!Number.isSafeInteger(value)) throw new MillraceError('INVALID_BATCH', 'a varlong is beyond 2^53')
        return value
      }
    }
    throw new MillraceError('INVALID_BATCH', 'a varlong is longer than 64 bits')
  }

  /** The next `length` bytes as a view. @throws MillraceError INVALID_BATCH when fewer are left */
  readBytes(length: number): Buffer {
    const end = this.position + length
    if (end > this.bytes.length) throw cutOff()
    const view = this.bytes.subarray(this.position, end)
    this.position = end
    return view
  }

  /** Passes over `length` bytes. @throws MillraceError INVALID_BATCH when fewer are left */
  skip(length: number): void {
    const end = this.position + length
    if (end > this.bytes.length) throw cutOff()
    this.position = end
  }
}

function cutOff(): MillraceError {
  return new MillraceError('INVALID_BATCH', 'a record is cut off')
}

/** Bytes that `value`, a 32-bit integer, takes as a varint. */
export function varintBytes(value: number): number {
  const raw = ((value << 1) ^ (value >> 31)) >>> 0
  return raw < 0x80 ? 1 : raw < 0x4000 ? 2 : raw < 0x20_0000 ? 3 : raw < 0x1000_0000 ? 4 : 5
}

/** Bytes that `value`, a safe integer, takes as a varlong. */
export function varlongBytes(value: number): number {
  let raw = value >= 0 ? value * 2 : -value * 2 - 1
  let bytes = 1
  while (raw >= 0x80) {
    raw = Math.floor(raw / 0x80)
    bytes++
  }
  return bytes
}

/** Writes `value`, a 32-bit integer, at `at`, and returns the position after it. */
export function writeVarint(bytes: Buffer, value: number, at: number): number {
  let raw = ((value << 1) ^ (value >> 31)) >>> 0
  let position = at
  while (raw >= 0x80) {
    bytes[position++] = (raw & 0x7f) | 0x80
    raw >>>= 7
  }
  bytes[position++] = raw
  return position
}

/** Writes `value`, a safe integer, at `at`, and returns the position after it. */
export function writeVarlong(bytes: Buffer, value: number, at: number): number {
  if (value >= -0x4000_0000 && value < 0x4000_0000) return writeVarint(bytes, value, at)
  let raw = value >= 0 ? BigInt(value) << 1n : (-BigInt(value) << 1n) - 1n
  let position = at
  while (raw >= 0x80n) {
    bytes[position++] = Number(raw & 0x7fn) | 0x80
    raw >>= 7n
  }
  bytes[position++] = Number(raw)
  return position
}
