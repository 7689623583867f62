import { MillraceError } from './errors.ts'
import { ATTRIBUTE, type RecordBatch } from './record-batch.ts'
import { checkRecordFraming } from './record-codec.ts'
import { RecordCursor } from './record-cursor.ts'

/** What a batch from a client is held against. */
export interface BatchRules {
  /** Largest batch, its header included. */
  readonly maxBatchBytes: number
  /** Bounds that every timestamp must keep, in ms since 1970; of a compressed batch, those of its header. */
  readonly minTimestamp: number
  readonly maxTimestamp: number
}

/** Attribute bits that a client may set: the codec and, once there are transactions, their bit. */
const CLIENT_ATTRIBUTES = ATTRIBUTE.codec | ATTRIBUTE.transactional

/**
 * Checks a batch as a client sent it: size, CRC, a count that agrees with the offsets, timestamps in bounds, no bits
 * that are the broker's to set, a producer stamp that is whole, and, where the batch is not compressed, the framing of
 * its records (apache/kafka, LogValidator.java, asks for the same).
 * @throws MillraceError BATCH_TOO_LARGE, CORRUPT_BATCH, INVALID_BATCH, INVALID_TIMESTAMP, UNSUPPORTED_COMPRESSION
 */
export function validateClientBatch(batch: RecordBatch, rules: BatchRules): void {
  if (batch.sizeBytes > rules.maxBatchBytes) {
    throw new MillraceError(
      'BATCH_TOO_LARGE',
      `a batch of ${batch.sizeBytes} bytes; at most ${rules.maxBatchBytes} are allowed`,
    )
  }
  if (!batch.hasValidChecksum()) throw new MillraceError('CORRUPT_BATCH', 'the CRC of the batch is wrong')
  const { recordCount, lastOffsetDelta, attributes } = batch
  if (recordCount < 1 || recordCount !== lastOffsetDelta + 1) {
    throw new MillraceError(
      'INVALID_BATCH',
      `a record count of ${recordCount} with a last offset delta of ${lastOffsetDelta}`,
    )
  }
  if ((attributes & ~CLIENT_ATTRIBUTES) !== 0) {
    throw new MillraceError(
      'INVALID_BATCH',
      `attributes 0x${(attributes & 0xffff).toString(16)} set bits that are not a client's to set`,
    )
  }
  checkTimestamps(batch, rules)
  checkProducer(batch)
  if (batch.codec === 'none') checkRecordFraming(batch.recordBytes(rules.maxBatchBytes), batch, rules.minTimestamp)
}

/** What a batch is refused with whose record `index` must have a key. */
export function keyMissing(index: number): MillraceError {
  return new MillraceError('INVALID_RECORD', `record ${index} has no key, which a topic that is compacted asks for`)
}

/** Records that are looked at between two moments at which the caller may do something else. */
const KEYS_AT_ONCE = 4_096

/**
 * Checks that every record has a key, and yields now and then.
 * @param recordBytes what `batch.recordBytes` or one of its like has given
 * @throws MillraceError INVALID_RECORD, INVALID_BATCH
 */
export function* checkKeys(batch: RecordBatch, recordBytes: Buffer): Generator<void, void, undefined> {
  const record = new RecordCursor(recordBytes, batch)
  for (let index = 0; record.next(); index++) {
    if (record.keyBytes < 0) throw keyMissing(index)
    if (index % KEYS_AT_ONCE === KEYS_AT_ONCE - 1) yield
  }
}

function checkTimestamps({ baseTimestamp, maxTimestamp }: RecordBatch, rules: BatchRules): void {
  if (baseTimestamp < 0 || maxTimestamp < baseTimestamp) {
    throw new MillraceError(
      'INVALID_TIMESTAMP',
      `a base timestamp of ${baseTimestamp} with a largest of ${maxTimestamp}`,
    )
  }
  if (baseTimestamp < rules.minTimestamp || maxTimestamp > rules.maxTimestamp) {
    throw new MillraceError(
      'INVALID_TIMESTAMP',
      `timestamps ${baseTimestamp} to ${maxTimestamp} are not within ${rules.minTimestamp} to ${rules.maxTimestamp}`,
    )
  }
}

/** Without a producer id, epoch and sequence mean nothing: some clients set them to 0, others to -1. */
function checkProducer({ producerId, producerEpoch, baseSequence, isTransactional }: RecordBatch): void {
  if (producerId === -1 && !isTransactional) return
  if (producerId < 0 || producerEpoch < 0 || baseSequence < 0) {
    throw new MillraceError(
      'INVALID_BATCH',
      `producer ${producerId}, epoch ${producerEpoch} and sequence ${baseSequence} do not go together`,
    )
  }
}
