/*
 * A journal file: a header, then entries back to back. Integers are big-endian.
 *
 *   at  size  field
 *    0     4  "MLRJ"
 *    4     2  version = 1
 *    6     2  0
 *    8     8  where the journal before this one ends; what it holds behind that failed. -1: it ends with its file
 *   16     4  CRC-32C of byte 0 to 15
 *   20     …  entries
 */
import { checksum, readInt64, writeInt64 } from '@millrace/record'
import type { DiskFile } from './disk.ts'
import { decodeEntry, ENTRY_HEADER_BYTES, entryBatchBytes } from './journal-entry.ts'

export const JOURNAL_HEADER_BYTES = 20
const MAGIC = Buffer.from('MLRJ')
const VERSION = 1
const AT = { version: 4, previousEnd: 8, crc: 16 } as const
const CHUNK_BYTES = 1 << 20

/** Where in a journal file a batch lies, and which offsets it has. */
export interface JournaledBatch {
  readonly path: string
  readonly position: number
  readonly sizeBytes: number
  readonly baseOffset: number
  readonly nextOffset: number
}

export function encodeJournalHeader(previousEnd: number): Buffer {
  const header = Buffer.alloc(JOURNAL_HEADER_BYTES)
  MAGIC.copy(header)
  header.writeInt16BE(VERSION, AT.version)
  writeInt64(header, previousEnd, AT.previousEnd)
  header.writeUInt32BE(checksum(header.subarray(0, AT.crc)), AT.crc)
  return header
}

/** Where the journal before this one ends; undefined when this file's header is not whole, so that it was never used. */
export async function readPreviousEnd(file: DiskFile): Promise<number | undefined> {
  const header = Buffer.alloc(JOURNAL_HEADER_BYTES)
  const filled = await file.read(header, 0)
  if (filled < header.length || !header.subarray(0, MAGIC.length).equals(MAGIC)) return undefined
  if (header.readInt16BE(AT.version) !== VERSION) return undefined
  if (checksum(header.subarray(0, AT.crc)) !== header.readUInt32BE(AT.crc)) return undefined
  return readInt64(header, AT.previousEnd)
}

/**
 * Walks the entries of a journal file up to `end`, or to the first that is not whole: behind it nothing was synced.
 */
export async function scanJournal(
  file: DiskFile,
  path: string,
  end: number,
  visit: (key: string, batch: JournaledBatch) => void,
): Promise<void> {
  let chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES)
  let position = JOURNAL_HEADER_BYTES
  while (position + ENTRY_HEADER_BYTES <= end) {
    const bytes = chunk.subarray(
      0,
      await file.read(chunk.subarray(0, Math.min(chunk.length, end - position)), position),
    )
    let at = 0
    let needed = ENTRY_HEADER_BYTES
    while (bytes.length - at >= ENTRY_HEADER_BYTES) {
      const size = entryBatchBytes(bytes, at)
      if (size === undefined) return
      needed = ENTRY_HEADER_BYTES + size
      if (at + needed > bytes.length) break
      const entry = decodeEntry(bytes, at)
      if (entry === undefined) return
      const { baseOffset, nextOffset, sizeBytes } = entry.batch
      visit(entry.key, { path, position: position + at + ENTRY_HEADER_BYTES, sizeBytes, baseOffset, nextOffset })
      at += needed
      needed = ENTRY_HEADER_BYTES
    }
    position += at
    if (position + needed > end) return
    if (needed > chunk.length) chunk = Buffer.allocUnsafeSlow(needed)
  }
}
