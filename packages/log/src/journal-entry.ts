/*
 * One entry of a journal file: a batch, and where it belongs. Integers are big-endian.
 *
 *   at  size  field
 *    0     4  CRC-32C, begun with the file's salt, of byte 4 to 48: this header and the part of the batch that its own
 *             CRC leaves out
 *    4    16  topic id
 *   20     4  partition
 *   24     4  size of the batch
 *   28     …  the batch, as it is in the segment: its own CRC covers it from byte 21 on
 */
import { BATCH_HEADER_BYTES, checksum, RecordBatch } from '@millrace/record'

export const ENTRY_HEADER_BYTES = 28
const AT = { crc: 0, topicId: 4, partition: 20, size: 24 } as const
/** Bytes of a batch before those that its CRC covers. */
const UNCOVERED_BYTES = 21

/** Which partition, for the life of a data directory. */
export interface PartitionIdentity {
  /** UUID. */
  readonly topicId: string
  readonly partition: number
}

/** The identity in the header of the entry at `at`, as `encodeIdentity` gives it. */
export function identityAt(bytes: Buffer, at: number): Buffer {
  return bytes.subarray(at + AT.topicId, at + AT.size)
}

/** Which partition, as every entry of it says it. */
export function encodeIdentity({ topicId, partition }: PartitionIdentity): Buffer {
  const bytes = Buffer.alloc(AT.size - AT.topicId)
  bytes.write(topicId.replaceAll('-', ''), 'hex')
  bytes.writeInt32BE(partition, AT.partition - AT.topicId)
  return bytes
}

/**
 * Writes the header of an entry at `at`.
 * @param identity as `encodeIdentity` gives it
 * @param salt of the file
 */
export function writeEntryHeader(target: Buffer, at: number, identity: Buffer, batch: RecordBatch, salt: number): void {
  identity.copy(target, at + AT.topicId)
  target.writeInt32BE(batch.sizeBytes, at + AT.size)
  const covered = target.subarray(at + AT.topicId, at + ENTRY_HEADER_BYTES)
  target.writeUInt32BE(entryChecksum(covered, batch.buffer, salt), at)
}

/** The partition that an entry header names, as a key of maps. */
export function identityKey({ topicId, partition }: PartitionIdentity): string {
  return `${topicId.replaceAll('-', '').toLowerCase()}/${partition}`
}

/** The size of the batch that the entry at `at` announces; undefined when that cannot be one. */
export function entryBatchBytes(bytes: Buffer, at: number): number | undefined {
  const size = bytes.readInt32BE(at + AT.size)
  return size >= BATCH_HEADER_BYTES ? size : undefined
}

/** The entry at `at`, which must be there in full; undefined when it is damaged. */
export function decodeEntry(bytes: Buffer, at: number, salt: number): { key: string; batch: RecordBatch } | undefined {
  const header = bytes.subarray(at, at + ENTRY_HEADER_BYTES)
  const size = header.readInt32BE(AT.size)
  const body = bytes.subarray(at + ENTRY_HEADER_BYTES, at + ENTRY_HEADER_BYTES + size)
  if (entryChecksum(header.subarray(AT.topicId), body, salt) !== header.readUInt32BE(AT.crc)) return undefined
  const batch = RecordBatch.at(body)
  if (batch.sizeBytes !== size || !batch.hasValidChecksum()) return undefined
  const topicId = header.toString('hex', AT.topicId, AT.partition)
  return { key: `${topicId}/${header.readInt32BE(AT.partition)}`, batch }
}

function entryChecksum(headerWithoutCrc: Buffer, batch: Buffer, salt: number): number {
  return checksum(batch.subarray(0, UNCOVERED_BYTES), checksum(headerWithoutCrc, salt))
}
