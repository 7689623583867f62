/*
 * One entry of a journal file: a batch, and where it belongs. Integers are big-endian.
 *
 *   at  size  field
 *    0     4  CRC-32C of byte 4 to 48: this header and the part of the batch that its own CRC leaves out
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

export function encodeEntryHeader({ topicId, partition }: PartitionIdentity, batch: RecordBatch): Buffer {
  const header = Buffer.allocUnsafe(ENTRY_HEADER_BYTES)
  header.write(topicId.replaceAll('-', ''), AT.topicId, 'hex')
  header.writeInt32BE(partition, AT.partition)
  header.writeInt32BE(batch.sizeBytes, AT.size)
  header.writeUInt32BE(entryChecksum(header, batch.buffer), AT.crc)
  return header
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
export function decodeEntry(bytes: Buffer, at: number): { key: string; batch: RecordBatch } | undefined {
  const header = bytes.subarray(at, at + ENTRY_HEADER_BYTES)
  const size = header.readInt32BE(AT.size)
  const body = bytes.subarray(at + ENTRY_HEADER_BYTES, at + ENTRY_HEADER_BYTES + size)
  if (entryChecksum(header, body) !== header.readUInt32BE(AT.crc)) return undefined
  const batch = RecordBatch.at(body)
  if (batch.sizeBytes !== size || !batch.hasValidChecksum()) return undefined
  const topicId = header.toString('hex', AT.topicId, AT.partition)
  return { key: `${topicId}/${header.readInt32BE(AT.partition)}`, batch }
}

function entryChecksum(header: Buffer, batch: Buffer): number {
  return checksum(batch.subarray(0, UNCOVERED_BYTES), checksum(header.subarray(AT.topicId)))
}
