/*
 * Producer snapshot: what was known of producers at the offset in the file's name. Integers are big-endian.
 *
 *   at  size  field
 *    0     2  version = 2; in version 1, which is read too, producers have no transactions
 *    2     4  CRC-32C of byte 6 to the end
 *    6     4  number of producers, the one that was idle longest first; for each:
 *          8    producer id
 *          8    first offset of its open transaction, -1: none; not in version 1
 *          4    number of batches, oldest first; for each:
 *          2      producer epoch; of a marker, the one after its own
 *          4      base sequence, -1: none
 *          4      last offset delta
 *          8      base offset
 *          8      largest timestamp, ms since 1970
 */
import { checksum, MillraceError, readInt64, writeInt64 } from '@millrace/record'
import type { OpenTransaction } from './open-transactions.ts'
import { ProducerState, type RememberedBatch } from './producer-state.ts'

const VERSION = 2
const VERSION_WITHOUT_TRANSACTIONS = 1
const AT = { crc: 2, producers: 6, firstProducer: 10 } as const
const PRODUCER_BYTES = 20
const NO_TRANSACTION = -1
const BATCH_BYTES = 26

/** The snapshot of `state` at `end`: only batches that end at or before it are in it. */
export function encodeProducerSnapshot(state: ProducerState, end: number): Buffer {
  const producers = [...state.below(end)]
  const open = state.transactions.at(end)
  let size: number = AT.firstProducer
  for (const [, batches] of producers) size += PRODUCER_BYTES + batches.length * BATCH_BYTES
  const bytes = Buffer.alloc(size)
  bytes.writeInt16BE(VERSION, 0)
  bytes.writeInt32BE(producers.length, AT.producers)
  let at: number = AT.firstProducer
  for (const [producerId, batches] of producers) {
    writeInt64(bytes, producerId, at)
    writeInt64(bytes, open.get(producerId)?.firstOffset ?? NO_TRANSACTION, at + 8)
    bytes.writeInt32BE(batches.length, at + 16)
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
  const version = bytes.length < AT.firstProducer ? 0 : bytes.readInt16BE(0)
  const hasTransactions = version === VERSION
  if (!hasTransactions && version !== VERSION_WITHOUT_TRANSACTIONS) throw unusable('its version is not known')
  if (checksum(bytes.subarray(AT.producers)) !== bytes.readUInt32BE(AT.crc)) throw unusable('its checksum is wrong')
  const state = new ProducerState(maxProducers)
  const open: OpenTransaction[] = []
  let at: number = AT.firstProducer
  for (let producers = bytes.readInt32BE(AT.producers); producers > 0; producers--) {
    const producerId = readInt64(bytes, at)
    at += 8
    const firstOffset = hasTransactions ? readInt64(bytes, at) : NO_TRANSACTION
    if (hasTransactions) at += 8
    const count = bytes.readInt32BE(at)
    at += 4
    let epoch = 0
    for (let batch = 0; batch < count; batch++, at += BATCH_BYTES) {
      const remembered = readRememberedBatch(bytes, at)
      state.add(producerId, remembered, Number.MAX_SAFE_INTEGER)
      epoch = remembered.producerEpoch
    }
    if (firstOffset !== NO_TRANSACTION) open.push({ producerId, producerEpoch: epoch, firstOffset })
  }
  for (const transaction of open.sort((a, b) => a.firstOffset - b.firstOffset)) {
    state.transactions.open(transaction.producerId, transaction.producerEpoch, transaction.firstOffset)
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
