import { describe, expect, it } from 'vitest'
import { BatchBuilder } from './batch-builder.ts'
import { checkKeys, validateClientBatch } from './batch-validation.ts'
import { checksum } from './checksum.ts'
import { COMPRESSION_CODECS, type CompressionCodec } from './compression.ts'
import type { ErrorCode } from './errors.ts'
import { writeInt64 } from './int64.ts'
import { AT, RecordBatch } from './record-batch.ts'

const RULES = { maxBatchBytes: 10_000, minTimestamp: 500, maxTimestamp: 5000 }

/** A batch of two records, changed by `change` before it gets the checksum that goes with it. */
function batchWith(change: (bytes: Buffer) => void): RecordBatch {
  const { buffer } = new BatchBuilder()
    .append({ key: Buffer.from('k'), value: Buffer.from('v'), headers: [{ key: 'h', value: null }], timestamp: 1000 })
    .append({ key: null, value: null, timestamp: 2000 })
    .build()
  change(buffer)
  buffer.writeUInt32BE(checksum(buffer.subarray(AT.attributes)), AT.crc)
  return RecordBatch.at(buffer)
}

const attributes = (bits: number) => (bytes: Buffer) => void bytes.writeInt16BE(bits, AT.attributes)
const times = (base: number, max: number) => (bytes: Buffer) => {
  writeInt64(bytes, base, AT.baseTimestamp)
  writeInt64(bytes, max, AT.maxTimestamp)
}
const producer =
  (id: number, epoch: number, sequence: number, bits = 0) =>
  (bytes: Buffer) => {
    bytes.writeInt16BE(bits, AT.attributes)
    writeInt64(bytes, id, AT.producerId)
    bytes.writeInt16BE(epoch, AT.producerEpoch)
    bytes.writeInt32BE(sequence, AT.baseSequence)
  }
const counts = (recordCount: number, lastOffsetDelta: number) => (bytes: Buffer) => {
  bytes.writeInt32BE(recordCount, AT.recordCount)
  bytes.writeInt32BE(lastOffsetDelta, AT.lastOffsetDelta)
}
const hugeInt64 = (at: number) => (bytes: Buffer) => void bytes.writeBigInt64BE(2n ** 60n, at)
/** Byte `at` of the records; the first is the length of the first record. */
const recordByte = (at: number, value: number) => (bytes: Buffer) => void bytes.writeUInt8(value, AT.records + at)

const ALLOWED: [string, (bytes: Buffer) => void][] = [
  ['a batch as it was built', () => {}],
  ['timestamps at both bounds', times(500, 5000)],
  [
    'a base offset and a leader epoch that are not zero',
    (bytes) => {
      writeInt64(bytes, 77, AT.baseOffset)
      bytes.writeInt32BE(3, AT.leaderEpoch)
    },
  ],
  ['an idempotent producer', producer(0, 0, 0)],
  ['no producer, as Java says it', producer(-1, -1, -1)],
  ['no producer, as kafkajs and @platformatic/kafka say it', producer(-1, 0, 0)],
  ['a transactional producer', producer(7, 1, 5, 0x10)],
]

const REFUSED: [string, (bytes: Buffer) => void, ErrorCode][] = [
  ['a count above the offsets', counts(3, 1), 'INVALID_BATCH'],
  ['a count below the offsets', counts(1, 1), 'INVALID_BATCH'],
  ['no records', counts(0, -1), 'INVALID_BATCH'],
  ['a negative count', counts(-5, -6), 'INVALID_BATCH'],
  ['the largest count', counts(2 ** 31 - 1, 2 ** 31 - 2), 'INVALID_BATCH'],
  ['fewer records than it counts', counts(3, 2), 'INVALID_BATCH'],
  ['more records than it counts', counts(1, 0), 'INVALID_BATCH'],
  ['log append time', attributes(0x08), 'INVALID_BATCH'],
  ['a control batch', attributes(0x20), 'INVALID_BATCH'],
  ['a delete horizon', attributes(0x40), 'INVALID_BATCH'],
  ['an unknown attribute', attributes(0x80), 'INVALID_BATCH'],
  ['the sign bit of the attributes', attributes(-0x8000), 'INVALID_BATCH'],
  ['codec 5', attributes(5), 'UNSUPPORTED_COMPRESSION'],
  ['codec 7', attributes(7), 'UNSUPPORTED_COMPRESSION'],
  ['a largest timestamp below the base', times(1000, 999), 'INVALID_TIMESTAMP'],
  ['no timestamp', times(-1, -1), 'INVALID_TIMESTAMP'],
  ['a base timestamp too early', times(499, 1000), 'INVALID_TIMESTAMP'],
  ['a largest timestamp too late', times(1000, 5001), 'INVALID_TIMESTAMP'],
  ['a base timestamp beyond 2^53', hugeInt64(AT.baseTimestamp), 'INVALID_BATCH'],
  ['a largest timestamp beyond 2^53', hugeInt64(AT.maxTimestamp), 'INVALID_BATCH'],
  ['a producer id beyond 2^53', hugeInt64(AT.producerId), 'INVALID_BATCH'],
  ['a producer id of -2', producer(-2, 0, 0), 'INVALID_BATCH'],
  ['a producer without an epoch', producer(7, -1, 0), 'INVALID_BATCH'],
  ['a producer without a sequence', producer(7, 0, -1), 'INVALID_BATCH'],
  ['a transaction without a producer', producer(-1, 0, 0, 0x10), 'INVALID_BATCH'],
  ['a record later than the largest timestamp', times(500, 1000), 'INVALID_TIMESTAMP'],
  ['a record length that is too small', recordByte(0, 2), 'INVALID_BATCH'],
  ['a record length that is too large', recordByte(0, 0x7e), 'INVALID_BATCH'],
  ['a negative record length', recordByte(0, 1), 'INVALID_BATCH'],
  ['an offset delta out of step', recordByte(3, 2), 'INVALID_BATCH'],
  ['a key length of -2', recordByte(4, 3), 'INVALID_BATCH'],
  ['a value length past the record', recordByte(6, 0x40), 'INVALID_BATCH'],
  ['a negative header count', recordByte(8, 1), 'INVALID_BATCH'],
  ['more headers than there are', recordByte(8, 0x7e), 'INVALID_BATCH'],
  ['a header without a key', recordByte(9, 1), 'INVALID_BATCH'],
]

describe('validateClientBatch', () => {
  it.each(ALLOWED)('allows %s', (_, change) => {
    expect(() => validateClientBatch(batchWith(change), RULES)).not.toThrow()
  })

  it.each(REFUSED)('refuses %s', (_, change, code) => {
    expect(() => validateClientBatch(batchWith(change), RULES)).toThrow(expect.objectContaining({ code }))
  })

  it('refuses a batch over the largest size before it looks at anything else', () => {
    const batch = batchWith(() => {})
    expect(() => validateClientBatch(batch, { ...RULES, maxBatchBytes: batch.sizeBytes })).not.toThrow()
    batch.buffer[batch.sizeBytes - 1]! ^= 1
    expect(() => validateClientBatch(batch, { ...RULES, maxBatchBytes: batch.sizeBytes - 1 })).toThrow(
      expect.objectContaining({ code: 'BATCH_TOO_LARGE' }),
    )
  })

  it('refuses a wrong checksum', () => {
    const batch = batchWith(() => {})
    batch.buffer[batch.sizeBytes - 1]! ^= 1
    expect(() => validateClientBatch(batch, RULES)).toThrow(expect.objectContaining({ code: 'CORRUPT_BATCH' }))
  })
})

describe('where every record must have a key', () => {
  const batchOfKeys = (keys: readonly (string | null)[], compression: CompressionCodec) => {
    const builder = new BatchBuilder()
    for (const key of keys)
      builder.append({ key: key === null ? null : Buffer.from(key), value: null, timestamp: 1000 })
    return builder.build({ compression })
  }

  const check = (batch: RecordBatch): void => {
    for (const _ of checkKeys(batch, batch.recordBytes(1 << 24)));
  }

  it.each(COMPRESSION_CODECS)('a batch with a record that has none is refused, codec %s', (codec) => {
    expect(() => check(batchOfKeys(['a', ''], codec))).not.toThrow()
    expect(() => validateClientBatch(batchOfKeys(['a', null, 'b'], codec), RULES)).not.toThrow()
    expect(() => check(batchOfKeys(['a', null, 'b'], codec))).toThrow(
      expect.objectContaining({ code: 'INVALID_RECORD', message: expect.stringContaining('record 1') }),
    )
  })

  it('whoever checks many can do something else meanwhile', () => {
    const batch = batchOfKeys(Array(10_000).fill('k'), 'zstd')
    expect([...checkKeys(batch, batch.recordBytes(1 << 24))]).toHaveLength(2)
    const last = batchOfKeys([...Array(10_000).fill('k'), null], 'none')
    expect(() => check(last)).toThrow(expect.objectContaining({ message: expect.stringContaining('record 10000') }))
  })
})
