/*
 * The marker that ends a transaction in a partition: a batch with the attributes transactional and control, and one
 * record (apache/kafka, ControlRecordType.java and EndTransactionMarker.java). Integers are big-endian.
 *
 *   key    int16 version = 0, int16 type: 0 abort, 1 commit
 *   value  int16 version = 0, int32 coordinator epoch
 */
import { BatchBuilder } from './batch-builder.ts'
import { checksum } from './checksum.ts'
import { MillraceError } from './errors.ts'
import { AT, ATTRIBUTE, type RecordBatch } from './record-batch.ts'

/** How a transaction ended in a partition. */
export interface TransactionMarker {
  readonly producerId: number
  readonly producerEpoch: number
  readonly outcome: 'commit' | 'abort'
}

const TYPES = { abort: 0, commit: 1 } as const
const KEY_BYTES = 4
const VALUE_BYTES = 6
/** A control batch is never compressed. */
const MAX_RECORD_BYTES = 1024

/** @param timestamp in ms since 1970 */
export function controlBatch(
  { producerId, producerEpoch, outcome }: TransactionMarker,
  timestamp: number,
): RecordBatch {
  const key = Buffer.alloc(KEY_BYTES)
  key.writeInt16BE(TYPES[outcome], 2)
  const batch = new BatchBuilder().append({ key, value: Buffer.alloc(VALUE_BYTES), timestamp }).build({
    producer: { producerId, producerEpoch, baseSequence: -1 },
    transactional: true,
  })
  const { buffer } = batch
  buffer.writeInt16BE(batch.attributes | ATTRIBUTE.control, AT.attributes)
  buffer.writeUInt32BE(checksum(buffer.subarray(AT.attributes)), AT.crc)
  return batch
}

/**
 * What a control batch says; undefined when it is of a type that has no meaning here.
 * @throws MillraceError INVALID_BATCH when its record is not framed as one of a control batch
 */
export function transactionMarkerOf(batch: RecordBatch): TransactionMarker | undefined {
  const [record] = batch.records(MAX_RECORD_BYTES)
  if (record === undefined) return undefined
  const { key } = record
  if (key === null || key.length < KEY_BYTES) {
    throw new MillraceError('INVALID_BATCH', `the control record at offset ${record.offset} has no type`)
  }
  const type = key.readInt16BE(2)
  const { producerId, producerEpoch } = batch
  if (type === TYPES.commit) return { producerId, producerEpoch, outcome: 'commit' }
  if (type === TYPES.abort) return { producerId, producerEpoch, outcome: 'abort' }
  return undefined
}
