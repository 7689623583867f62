/*
 * Snapshot of a table. Integers are big-endian.
 *
 *   at    size  field
 *    0      2   version = 1
 *    2      8   from: every change before this offset is in it
 *   10      …   entries, each: 4 key length, the key, 4 value length, the value
 *   end-12  8   to: no change at or after this offset is in it
 *   end-4   4   CRC-32C of all before it
 *
 * It is written while the table goes on changing, so that some changes from `from` up to `to` are in it and others are
 * not. Whoever reads it applies all of them again, which makes it whole. A key may stand in it twice: the later one
 * counts.
 */
import { checksum, MillraceError, readInt64, writeInt64 } from '@millrace/record'
import type { TableCodec, TableKey } from './codec.ts'
import { Entries } from './entries.ts'

const VERSION = 1
const AT = { version: 0, from: 2, firstEntry: 10 } as const
/** The fields behind the entries. */
const TRAILER = { to: 0, crc: 8, sizeBytes: 12 } as const
const LENGTH_BYTES = 4
/** About as much is encoded at a time; then others have their turn. */
const SLICE_BYTES = 64 * 1024

export interface Snapshot<K extends TableKey, V> {
  readonly from: number
  readonly to: number
  readonly entries: Entries<K, V>
}

/**
 * Encodes the entries a slice at a time, each in a turn of the event loop of its own. Entries may change meanwhile.
 * @param position tells the offset after the last change that `entries` has
 * @returns the snapshot in pieces, to be put one behind the other, and its `from`
 */
export async function encodeSnapshot<K extends TableKey, V>(
  entries: Entries<K, V>,
  codec: TableCodec<K, V>,
  position: () => number,
): Promise<{ parts: Buffer[]; from: number }> {
  const from = position()
  const header = Buffer.alloc(AT.firstEntry)
  header.writeInt16BE(VERSION, AT.version)
  writeInt64(header, from, AT.from)
  const parts: Buffer[] = []
  let crc = 0
  const add = (part: Buffer): void => {
    parts.push(part)
    crc = checksum(part, crc)
  }
  add(header)
  // Those that are there now come first, and what is added behind them need not be in it: the loop ends.
  let left = entries.size
  let slice: Buffer[] = []
  let sliceBytes = 0
  for (const [key, value] of entries) {
    if (left-- === 0) break
    for (const part of [codec.encodeKey(key), codec.encodeValue(value)]) {
      slice.push(lengthOf(part), part)
      sliceBytes += LENGTH_BYTES + part.length
    }
    if (sliceBytes < SLICE_BYTES) continue
    add(Buffer.concat(slice, sliceBytes))
    slice = []
    sliceBytes = 0
    await new Promise<void>((resolve) => setImmediate(resolve))
  }
  add(Buffer.concat(slice, sliceBytes))
  const trailer = Buffer.alloc(TRAILER.sizeBytes)
  writeInt64(trailer, position(), TRAILER.to)
  trailer.writeUInt32BE(checksum(trailer.subarray(0, TRAILER.crc), crc), TRAILER.crc)
  parts.push(trailer)
  return { parts, from }
}

/**
 * What a snapshot holds.
 * @throws MillraceError STORAGE_FAILED when the bytes are not a whole snapshot of a known version
 */
export function decodeSnapshot<K extends TableKey, V>(bytes: Buffer, codec: TableCodec<K, V>): Snapshot<K, V> {
  const end = bytes.length - TRAILER.sizeBytes
  if (end < AT.firstEntry) throw unusable('it is cut off')
  if (bytes.readInt16BE(AT.version) !== VERSION) throw unusable('its version is not known')
  const crcAt = end + TRAILER.crc
  if (checksum(bytes.subarray(0, crcAt)) !== bytes.readUInt32BE(crcAt)) throw unusable('its checksum is wrong')
  const entries = new Entries<K, V>()
  let at: number = AT.firstEntry
  const next = (): Buffer => {
    const start = at + LENGTH_BYTES
    at = start + bytes.readUInt32BE(at)
    if (at > end) throw unusable('an entry is longer than all of it')
    return bytes.subarray(start, at)
  }
  try {
    while (at < end) {
      const key = next()
      const value = next()
      const sizeBytes = key.length + value.length
      entries.apply({ key: codec.decodeKey(key), value: codec.decodeValue(value), sizeBytes })
    }
    return { from: readInt64(bytes, AT.from), to: readInt64(bytes, end + TRAILER.to), entries }
  } catch (error) {
    if (error instanceof MillraceError && error.code === 'STORAGE_FAILED') throw error
    throw unusable(error instanceof Error ? error.message : String(error), error)
  }
}

function lengthOf(part: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(LENGTH_BYTES)
  bytes.writeUInt32BE(part.length)
  return bytes
}

function unusable(reason: string, cause?: unknown): MillraceError {
  return new MillraceError('STORAGE_FAILED', `a table's snapshot cannot be used: ${reason}`, { cause })
}
