import { describe, expect, it } from 'vitest'
import { BatchBuilder } from './batch-builder.ts'
import { writeInt64 } from './int64.ts'
import type { RecordInput } from './record.ts'
import {
  AT,
  ATTRIBUTE,
  BATCH_HEADER_BYTES,
  batchSizeAt,
  RecordBatch,
  readBatches,
  sequenceAfter,
} from './record-batch.ts'

const record = (value: string, timestamp = 1000): RecordInput => ({ key: null, value: Buffer.from(value), timestamp })

function batchOf(...values: string[]): RecordBatch {
  const builder = new BatchBuilder()
  for (const value of values) builder.append(record(value))
  return builder.build()
}

describe('RecordBatch', () => {
  it('is a view over the bytes that it was given', () => {
    const source = batchOf('a', 'b').buffer
    const around = Buffer.concat([Buffer.alloc(7), source, Buffer.alloc(9)])
    const batch = RecordBatch.at(around, 7)
    expect(batch.buffer.buffer).toBe(around.buffer)
    expect(batch.sizeBytes).toBe(source.length)
    const [first] = batch.records(0)
    expect(first?.value?.buffer).toBe(around.buffer)
  })

  it('keeps its checksum when the broker stamps it', () => {
    const batch = batchOf('a', 'b', 'c')
    const crc = batch.crc
    batch.stamp(2 ** 40 + 5, 17)
    expect(batch.crc).toBe(crc)
    expect(batch.hasValidChecksum()).toBe(true)
    expect(batch).toMatchObject({ baseOffset: 2 ** 40 + 5, leaderEpoch: 17, nextOffset: 2 ** 40 + 8 })
    expect([...batch.records(0)].map(({ offset }) => offset - 2 ** 40)).toEqual([5, 6, 7])
  })

  it('gets another producer stamp and the checksum that goes with it', () => {
    const batch = batchOf('a', 'b', 'c')
    batch.stampProducer({ producerId: 2 ** 33 + 1, producerEpoch: 32767, baseSequence: 2 ** 31 - 2 })
    expect(batch.hasValidChecksum()).toBe(true)
    expect(batch).toMatchObject({
      producerId: 2 ** 33 + 1,
      producerEpoch: 32767,
      baseSequence: 2 ** 31 - 2,
      lastSequence: 0,
    })
    const again = new BatchBuilder().append(record('a')).append(record('b')).append(record('c'))
    const producer = { producerId: 2 ** 33 + 1, producerEpoch: 32767, baseSequence: 2 ** 31 - 2 }
    expect(batch.buffer).toEqual(again.build({ producer }).buffer)
  })

  it('gives every record the time of the append when its type says so', () => {
    const batch = new BatchBuilder().append(record('a', 1000)).append(record('b', 5)).build()
    batch.buffer.writeInt16BE(ATTRIBUTE.logAppendTime, AT.attributes)
    writeInt64(batch.buffer, 9999, AT.maxTimestamp)
    expect([...batch.records(0)].map(({ timestamp }) => timestamp)).toEqual([9999, 9999])
  })

  it('tells its attributes apart', () => {
    const batch = batchOf('a')
    const flags = () => [batch.isLogAppendTime, batch.isTransactional, batch.isControl]
    expect(flags()).toEqual([false, false, false])
    batch.buffer.writeInt16BE(0x08, AT.attributes)
    expect(flags()).toEqual([true, false, false])
    batch.buffer.writeInt16BE(0x10, AT.attributes)
    expect(flags()).toEqual([false, true, false])
    batch.buffer.writeInt16BE(0x20, AT.attributes)
    expect(flags()).toEqual([false, false, true])
  })

  it('reads offsets with gaps, as compaction leaves them, but none that fall or leave the batch', () => {
    const batch = batchOf('a', 'b')
    const secondDelta = batch.sizeBytes - 5
    expect(batch.buffer[secondDelta]).toBe(2)
    batch.buffer.writeInt32BE(5, AT.lastOffsetDelta)
    const deltas = (delta: number) => {
      batch.buffer[secondDelta] = delta * 2
      return [...batch.records(0)].map(({ offset }) => offset)
    }
    expect(deltas(5)).toEqual([0, 5])
    expect(() => deltas(6)).toThrow(expect.objectContaining({ code: 'INVALID_BATCH' }))
    expect(() => deltas(0)).toThrow(expect.objectContaining({ code: 'INVALID_BATCH' }))
  })
})

describe('readBatches', () => {
  it('yields what lies back to back', () => {
    const batches = [batchOf('a'), batchOf('b', 'c'), batchOf('d'.repeat(1000))]
    const read = [...readBatches(Buffer.concat(batches.map(({ buffer }) => buffer)))]
    expect(read.map(({ buffer }) => buffer)).toEqual(batches.map(({ buffer }) => buffer))
    expect([...readBatches(Buffer.alloc(0))]).toEqual([])
  })

  it('throws where a batch is cut off', () => {
    const bytes = Buffer.concat([batchOf('a').buffer, batchOf('b').buffer])
    const read = readBatches(bytes.subarray(0, bytes.length - 1))
    expect(read.next().done).toBe(false)
    expect(() => read.next()).toThrow(expect.objectContaining({ code: 'CORRUPT_BATCH' }))
  })
})

describe('batchSizeAt', () => {
  it.each([
    ['less than a header', (bytes: Buffer) => bytes.subarray(0, BATCH_HEADER_BYTES - 1), 'CORRUPT_BATCH'],
    ['another magic', (bytes: Buffer) => bytes.fill(1, AT.magic, AT.magic + 1), 'INVALID_BATCH'],
    [
      'a length that is negative',
      (bytes: Buffer) => bytes.fill(0xff, AT.batchLength, AT.batchLength + 4),
      'INVALID_BATCH',
    ],
    ['a length of 0', (bytes: Buffer) => bytes.fill(0, AT.batchLength, AT.batchLength + 4), 'INVALID_BATCH'],
  ])('refuses %s', (_, change, code) => {
    expect(() => batchSizeAt(change(batchOf('a').buffer), 0)).toThrow(expect.objectContaining({ code }))
  })
})

describe('sequenceAfter', () => {
  it.each([
    [0, 1, 1],
    [2 ** 31 - 1, 1, 0],
    [2 ** 31 - 2, 1, 2 ** 31 - 1],
    [2 ** 31 - 1, 10, 9],
    [2 ** 31 - 1, 0, 2 ** 31 - 1],
  ])('%d and %d more is %d', (sequence, count, next) => {
    expect(sequenceAfter(sequence, count)).toBe(next)
  })
})
