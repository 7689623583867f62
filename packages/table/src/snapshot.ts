/*
 * Snapshot of a table. Integers are big-endian.
 *
 *   at    size  field
 *    0      2   version = 2
 *    2      8   from: every change before this offset is in it
 *   10      4   number of transactions that are open at `from`; for each:
 *              8   producer id
 *              4   number of changes, in their order; for each:
 *                 8 offset, 4 key length, the key, 4 value length (-1: deleted), the value
 *    …      …   entries, each: 4 key length, the key, 4 value length, the value
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
import { PendingChanges } from './pending-changes.ts'

const VERSION = 2
const AT = { version: 0, from: 2, transactions: 10, rest: 14 } as const
/** The fields behind the entries. */
const TRAILER = { to: 0, crc: 8, sizeBytes: 12 } as const
const LENGTH_BYTES = 4
const INT64_BYTES = 8
const NOTHING = Buffer.alloc(0)
/** About as much is encoded at a time; then others have their turn. */
const SLICE_BYTES = 64 * 1024

export interface Snapshot<K extends TableKey, V> {
  readonly from: number
  readonly to: number
  readonly entries: Entries<K, V>
  /** What transactions that are open at `from` have changed. */
  readonly pending: PendingChanges<K, V>
}

/**
 * Encodes the entries a slice at a time, each in a turn of the event loop of its own. Entries may change meanwhile; what
 * is pending is taken at once, as it is at `from`.
 * @param position tells the offset after the last change that `entries` has
 * @returns the snapshot in pieces, to be put one behind the other, and its `from`
 */
export async function encodeSnapshot<K extends TableKey, V>(
  entries: Entries<K, V>,
  pending: PendingChanges<K, V>,
  codec: TableCodec<K, V>,
  position: () => number,
): Promise<{ parts: Buffer[]; from: number }> {
  const from = position()
  const header = Buffer.alloc(AT.rest)
  header.writeInt16BE(VERSION, AT.version)
  writeInt64(header, from, AT.from)
  header.writeInt32BE(pending.size, AT.transactions)
  const parts: Buffer[] = []
  let crc = 0
  const add = (part: Buffer): void => {
    parts.push(part)
    crc = checksum(part, crc)
  }
  add(header)
  add(encodePending(pending, codec))
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
  if (end < AT.rest) throw unusable('it is cut off')
  if (bytes.readInt16BE(AT.version) !== VERSION) throw unusable('its version is not known')
  const crcAt = end + TRAILER.crc
  if (checksum(bytes.subarray(0, crcAt)) !== bytes.readUInt32BE(crcAt)) throw unusable('its checksum is wrong')
  const entries = new Entries<K, V>()
  const pending = new PendingChanges<K, V>()
  let at: number = AT.rest
  const take = (length: number): Buffer => {
    const start = at
    at += length
    if (at > end) throw unusable('what it says is longer than all of it')
    return bytes.subarray(start, at)
  }
  const takeNumber = (): number => take(LENGTH_BYTES).readInt32BE()
  try {
    for (let transactions = bytes.readInt32BE(AT.transactions); transactions > 0; transactions--) {
      const producerId = readInt64(take(INT64_BYTES), 0)
      for (let changes = takeNumber(); changes > 0; changes--) {
        const offset = readInt64(take(INT64_BYTES), 0)
        const key = take(takeNumber())
        const length = takeNumber()
        const value = length < 0 ? undefined : codec.decodeValue(take(length))
        const change = { offset, key: codec.decodeKey(key), value, sizeBytes: key.length + Math.max(length, 0) }
        pending.take({ producerId, changes: [change] })
      }
    }
    while (at < end) {
      const key = take(takeNumber())
      const value = take(takeNumber())
      const sizeBytes = key.length + value.length
      entries.apply({ key: codec.decodeKey(key), value: codec.decodeValue(value), sizeBytes })
    }
    return { from: readInt64(bytes, AT.from), to: readInt64(bytes, end + TRAILER.to), entries, pending }
  } catch (error) {
    if (error instanceof MillraceError && error.code === 'STORAGE_FAILED') throw error
    throw unusable(error instanceof Error ? error.message : String(error), error)
  }
}

function encodePending<K extends TableKey, V>(pending: PendingChanges<K, V>, codec: TableCodec<K, V>): Buffer {
  const parts: Buffer[] = []
  for (const [producerId, changes] of pending) {
    const count = Buffer.alloc(LENGTH_BYTES)
    count.writeInt32BE(changes.length)
    parts.push(int64(producerId), count)
    for (const change of changes) {
      const key = codec.encodeKey(change.key)
      const value = change.value === undefined ? undefined : codec.encodeValue(change.value)
      parts.push(int64(change.offset), lengthOf(key), key, lengthOf(value), value ?? NOTHING)
    }
  }
  return Buffer.concat(parts)
}

function int64(value: number): Buffer {
  const bytes = Buffer.alloc(INT64_BYTES)
  writeInt64(bytes, value, 0)
  return bytes
}

/** The length field of `part`; -1 for one that is not there. */
function lengthOf(part: Buffer | undefined): Buffer {
  const bytes = Buffer.allocUnsafe(LENGTH_BYTES)
  bytes.writeInt32BE(part?.length ?? -1)
  return bytes
}

function unusable(reason: string, cause?: unknown): MillraceError {
  return new MillraceError('STORAGE_FAILED', `a table's snapshot cannot be used: ${reason}`, { cause })
}
