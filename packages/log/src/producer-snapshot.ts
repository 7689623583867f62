/*
 * Producer snapshot: what was known of idempotent producers at the offset in the file's name. Integers are big-endian.
 *
 *   at  size  field
 *    0     2  version = 1
 *    2     4  CRC-32C of byte 6 to the end
 *    6     4  number of producers, the one that was idle longest first; for each:
 *          8    producer id
 *          4    number of batches, oldest first; for each:
 *          2      producer epoch
 *          4      base sequence
 *          4      last offset delta
 *          8      base offset
 *          8      largest timestamp, ms since 1970
 */
import { checksum, MillraceError, readInt64, writeInt64 } from '@millrace/record'
import { ProducerState, type RememberedBatch } from './producer-state.ts'

const VERSION = 1
const AT = { crc: 2, producers: 6, firstProducer: 10 } as const
const PRODUCER_BYTES = 12
const BATCH_BYTES = 26

/** The snapshot of `state` at `end`: only batches that end at or before it are in it. */
export function encodeProducerSnapshot(state: ProducerState, end: number): Buffer {
  const producers = [...state.below(end)]
  let size: number = AT.firstProducer
  for (const [, batches] of producers) size += PRODUCER_BYTES + batches.length * BATCH_BYTES
  const bytes = Buffer.alloc(size)
  bytes.writeInt16BE(VERSION, 0)
  bytes.writeInt32BE(producers.length, AT.producers)
  let at: number = AT.firstProducer
  for (const [producerId, batches] of producers) {
    writeInt64(bytes, producerId, at)
    bytes.writeInt32BE(batches.length, at + 8)
    at += PRODUCER_BYTES
    for (const batch of batches) {
      bytes.writeInt16BE(batch.producerEpoch, at)
      bytes.writeInt32BE(batch.baseSequence, at + 2)
      bytes.writeInt32BE(batch.lastOffsetDelta, at + 6)
      writeInt64(bytes, batch.baseOffset, at + 10)
      writeInt64(bytes, batch.timestamp, at + 18)
      at += BATCH_BYTES
    }
  }
  bytes.writeUInt32BE(checksum(bytes.subarray(AT.producers)), AT.crc)
  return bytes
}

/**
 * The state that a snapshot holds.
 * @throws MillraceError STORAGE_FAILED when the bytes are not a whole snapshot of a known version
 */
export function decodeProducerSnapshot(bytes: Buffer, maxProducers: number): ProducerState {
  if (bytes.length < AT.firstProducer || bytes.readInt16BE(0) !== VERSION) throw unusable('its version is not known')
  if (checksum(bytes.subarray(AT.producers)) !== bytes.readUInt32BE(AT.crc)) throw unusable('its checksum is wrong')
  const state = new ProducerState(maxProducers)
  let at: number = AT.firstProducer
  for (let producers = bytes.readInt32BE(AT.producers); producers > 0; producers--) {
    const producerId = readInt64(bytes, at)
    const count = bytes.readInt32BE(at + 8)
    at += PRODUCER_BYTES
    for (let batch = 0; batch < count; batch++, at += BATCH_BYTES) {
      const remembered = readRememberedBatch(bytes, at)
      state.add(producerId, remembered, Number.MAX_SAFE_INTEGER)
    }
  }
  return state
}

function readRememberedBatch(bytes: Buffer, at: number): RememberedBatch {
  return {
    producerEpoch: bytes.readInt16BE(at),
    baseSequence: bytes.readInt32BE(at + 2),
    lastOffsetDelta: bytes.readInt32BE(at + 6),
    baseOffset: readInt64(bytes, at + 10),
    timestamp: readInt64(bytes, at + 18),
  }
}

function unusable(reason: string): MillraceError {
  return new MillraceError('STORAGE_FAILED', `a producer snapshot cannot be used: ${reason}`)
}
