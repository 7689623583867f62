/*
 * A journal file: a header, then entries back to back. Integers are big-endian.
 *
 *   at  size  field
 *    0     4  "MLRJ"
 *    4     2  version = 2
 *    6     2  0
 *    8     8  where the journal before this one ends; what it holds behind that failed, or is older. -1: there is none
 *   16     4  salt: the checksums of the entries begin with it
 *   20     4  CRC-32C of byte 0 to 19
 *   24     …  entries
 *
 * Files are used again, because writing over what is there makes a sync much cheaper than growing a file: behind the last
 * entry there may be those of an earlier use, whose salt was another.
 */
import { checksum, readInt64, writeInt64 } from '@millrace/record'
import type { DiskFile } from './disk.ts'
import { decodeEntry, ENTRY_HEADER_BYTES, entryBatchBytes } from './journal-entry.ts'

export const JOURNAL_HEADER_BYTES = 24
const MAGIC = Buffer.from('MLRJ')
const VERSION = 2
const AT = { version: 4, previousEnd: 8, salt: 16, crc: 20 } as const
const CHUNK_BYTES = 1 << 20

/** Where in a journal file a batch lies, and which offsets it has. */
export interface JournaledBatch {
  readonly path: string
  readonly position: number
  readonly sizeBytes: number
  readonly baseOffset: number
  readonly nextOffset: number
}

export interface JournalHeader {
  /** Where the journal before this file ends; -1 when there is none. */
  readonly previousEnd: number
  /** Of the checksums of its entries; uint32. */
  readonly salt: number
}

export function encodeJournalHeader({ previousEnd, salt }: JournalHeader): Buffer {
  const header = Buffer.alloc(JOURNAL_HEADER_BYTES)
  MAGIC.copy(header)
  header.writeInt16BE(VERSION, AT.version)
  writeInt64(header, previousEnd, AT.previousEnd)
  header.writeUInt32BE(salt, AT.salt)
  header.writeUInt32BE(checksum(header.subarray(0, AT.crc)), AT.crc)
  return header
}

/** Undefined when the file's header is not whole, so that it was never used. */
export async function readJournalHeader(file: DiskFile): Promise<JournalHeader | undefined> {
  const header = Buffer.alloc(JOURNAL_HEADER_BYTES)
  const filled = await file.read(header, 0)
  if (filled < header.length || !header.subarray(0, MAGIC.length).equals(MAGIC)) return undefined
  if (header.readInt16BE(AT.version) !== VERSION) return undefined
  if (checksum(header.subarray(0, AT.crc)) !== header.readUInt32BE(AT.crc)) return undefined
  return { previousEnd: readInt64(header, AT.previousEnd), salt: header.readUInt32BE(AT.salt) }
}

/**
 * Walks the entries of a journal file up to `end`, or to the first that is not whole: behind it nothing was synced.
 * @returns where the last whole one ends
 */
export async function scanJournal(
  file: DiskFile,
  path: string,
  { end, salt }: { readonly end: number; readonly salt: number },
  visit: (key: string, batch: JournaledBatch) => void,
): Promise<number> {
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
      if (size === undefined) return position + at
      needed = ENTRY_HEADER_BYTES + size
      if (at + needed > bytes.length) break
      const entry = decodeEntry(bytes, at, salt)
      if (entry === undefined) return position + at
      const { baseOffset, nextOffset, sizeBytes } = entry.batch
      visit(entry.key, { path, position: position + at + ENTRY_HEADER_BYTES, sizeBytes, baseOffset, nextOffset })
      at += needed
      needed = ENTRY_HEADER_BYTES
    }
    position += at
    if (position + needed > end) break
    if (needed > chunk.length) chunk = Buffer.allocUnsafeSlow(needed)
  }
  return position
}
