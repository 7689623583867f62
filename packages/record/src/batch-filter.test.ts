import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BatchBuilder } from './batch-builder.ts'
import { emptiedBatch, filterBatch, gapBatch, Scratch } from './batch-filter.ts'
import { checksum } from './checksum.ts'
import { COMPRESSION_CODECS } from './compression.ts'
import type { RecordInput, StoredRecord } from './record.ts'
import { AT, ATTRIBUTE, RecordBatch } from './record-batch.ts'
import { RecordCursor } from './record-cursor.ts'

const MAX_BYTES = 1 << 24
const BASE_OFFSET = 5_000_000_000
const LEADER_EPOCH = 7
const PRODUCER = { producerId: 77, producerEpoch: 3, baseSequence: 2 ** 31 - 3 }

const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array))
const record: fc.Arbitrary<RecordInput> = fc.record({
  key: fc.option(bytes),
  value: fc.option(bytes),
  headers: fc.array(fc.record({ key: fc.string({ maxLength: 8 }), value: fc.option(bytes) }), { maxLength: 3 }),
  timestamp: fc.oneof(fc.integer({ min: 0, max: 2 ** 33 }), fc.constant(2 ** 45)),
})
/** Records, and for each whether it is to stay. */
const choices = fc.array(fc.tuple(record, fc.boolean()), { minLength: 1, maxLength: 12 })

/** A batch as it is stored, with attribute bits that clients do not set. */
function stored(records: readonly RecordInput[], compression: (typeof COMPRESSION_CODECS)[number], attributes = 0) {
  const builder = new BatchBuilder()
  for (const input of records) builder.append(input)
  const batch = builder.build({ compression, producer: PRODUCER })
  batch.stamp(BASE_OFFSET, LEADER_EPOCH)
  batch.buffer.writeInt16BE(batch.attributes | attributes, AT.attributes)
  batch.buffer.writeUInt32BE(checksum(batch.buffer.subarray(AT.attributes)), AT.crc)
  return batch
}

/** With what earlier batches left in it. */
const scratch = new Scratch()

function filter(
  batch: RecordBatch,
  keeps: (offset: number) => boolean,
  deleteHorizonMs?: number,
): Promise<RecordBatch | undefined> {
  const chosen = Uint8Array.from(recordsOf(batch), ({ offset }) => (keeps(offset) ? 1 : 0))
  return filterBatch(batch, batch.recordBytes(MAX_BYTES), chosen, { deleteHorizonMs, scratch })
}

const recordsOf = (batch: RecordBatch): StoredRecord[] => [...batch.records(MAX_BYTES)]

/** What compaction never changes. */
function identityOf(batch: RecordBatch) {
  const { baseOffset, lastOffsetDelta, leaderEpoch, producerId, producerEpoch, baseSequence, isTransactional } = batch
  return { baseOffset, lastOffsetDelta, leaderEpoch, producerId, producerEpoch, baseSequence, isTransactional }
}

describe.each(COMPRESSION_CODECS)('a filtered batch (%s)', (codec) => {
  test('has the records that were to stay, as they were, and the identity of the batch', async () => {
    await fc.assert(
      fc.asyncProperty(choices, fc.constantFrom(0, ATTRIBUTE.transactional), async (wanted, attributes) => {
        const batch = stored(
          wanted.map(([input]) => input),
          codec,
          attributes,
        )
        const before = Buffer.from(batch.buffer)
        const keeps = (offset: number): boolean => wanted[offset - BASE_OFFSET]?.[1] ?? false
        const expected = recordsOf(batch).filter(({ offset }) => keeps(offset))
        const left = await filter(batch, keeps)
        expect(batch.buffer.equals(before)).toBe(true)
        if (expected.length === 0 || expected.length === wanted.length) {
          expect(left).toBe(expected.length === 0 ? undefined : batch)
          return
        }
        const kept = RecordBatch.at((left as RecordBatch).buffer)
        expect(recordsOf(kept)).toEqual(expected)
        expect(identityOf(kept)).toEqual(identityOf(batch))
        expect(kept.hasValidChecksum()).toBe(true)
        expect([kept.codec, kept.recordCount]).toEqual([codec, expected.length])
        expect(kept.maxTimestamp).toBe(Math.max(...expected.map(({ timestamp }) => timestamp)))
        expect(kept.deleteHorizonMs).toBeUndefined()
      }),
      { numRuns: 60 },
    )
  })

  test('that keeps a tombstone gets the horizon, once, and no record changes by it', async () => {
    await fc.assert(
      fc.asyncProperty(choices, fc.integer({ min: 0, max: 2 ** 45 }), async (wanted, horizon) => {
        const batch = stored(
          wanted.map(([input]) => input),
          codec,
        )
        const keeps = (offset: number): boolean => wanted[offset - BASE_OFFSET]?.[1] ?? false
        const expected = recordsOf(batch).filter(({ offset }) => keeps(offset))
        const first = await filter(batch, keeps, horizon)
        if (first === undefined) {
          expect(expected).toEqual([])
          return
        }
        const marked = expected.some(({ key, value }) => key !== null && value === null)
        expect(first.deleteHorizonMs).toBe(marked ? horizon : undefined)
        expect(recordsOf(first)).toEqual(expected)
        expect(first.hasValidChecksum()).toBe(true)
        expect(identityOf(first)).toEqual(identityOf(batch))
        const again = await filter(first, () => true, horizon + 1)
        if (marked) expect(again).toBe(first)
        const last = expected.at(-1) as StoredRecord
        const rest = (await filter(first, (offset) => offset === last.offset, horizon + 1)) as RecordBatch
        expect(recordsOf(rest)).toEqual([last])
        if (marked) expect(rest.deleteHorizonMs).toBe(horizon)
      }),
      { numRuns: 60 },
    )
  })
})

test('a batch with log append time keeps that time for all that stay', async () => {
  const inputs = [1, 2, 3].map((timestamp) => ({ key: Buffer.from('k'), value: null, timestamp }))
  const batch = stored(inputs, 'none', ATTRIBUTE.logAppendTime)
  const kept = (await filter(batch, (offset) => offset === BASE_OFFSET, 1_000)) as RecordBatch
  expect(recordsOf(kept).map(({ timestamp }) => timestamp)).toEqual([3])
  expect([kept.maxTimestamp, kept.isLogAppendTime]).toEqual([3, true])
})

test('a batch that was emptied stands for its offsets and sequence numbers', () => {
  for (const codec of COMPRESSION_CODECS) {
    const inputs = [5, 9, 7].map((timestamp) => ({ key: null, value: Buffer.alloc(50), timestamp }))
    const batch = stored(inputs, codec, ATTRIBUTE.transactional)
    const empty = RecordBatch.at(emptiedBatch(batch).buffer)
    expect(recordsOf(empty)).toEqual([])
    expect(identityOf(empty)).toEqual(identityOf(batch))
    expect([empty.lastSequence, empty.nextOffset]).toEqual([batch.lastSequence, batch.nextOffset])
    expect([empty.sizeBytes, empty.recordCount, empty.codec, empty.maxTimestamp]).toEqual([61, 0, 'none', 9])
    expect(empty.hasValidChecksum()).toBe(true)
  }
})

test('a batch for a gap stands for its offsets and for nobody', () => {
  for (const span of [1, 2, 2 ** 31]) {
    const gap = RecordBatch.at(gapBatch(BASE_OFFSET, BASE_OFFSET + span, LEADER_EPOCH).buffer)
    expect(recordsOf(gap)).toEqual([])
    expect([gap.baseOffset, gap.nextOffset]).toEqual([BASE_OFFSET, BASE_OFFSET + span])
    expect([gap.producerId, gap.producerEpoch, gap.baseSequence, gap.maxTimestamp]).toEqual([-1, -1, -1, -1])
    expect([gap.leaderEpoch, gap.attributes, gap.sizeBytes]).toEqual([LEADER_EPOCH, 0, 61])
    expect(gap.hasValidChecksum()).toBe(true)
  }
})

describe('a cursor', () => {
  test('sees what reading the records sees', () => {
    fc.assert(
      fc.property(fc.array(record, { maxLength: 12, minLength: 1 }), (inputs) => {
        const batch = stored(inputs, 'none')
        const cursor = new RecordCursor(batch.recordBytes(MAX_BYTES), batch)
        for (const { offset, timestamp, key, value } of recordsOf(batch)) {
          expect(cursor.next()).toBe(true)
          const { bytes: block, keyAt, keyBytes } = cursor
          expect(batch.baseOffset + cursor.offsetDelta).toBe(offset)
          expect(batch.baseTimestamp + cursor.timestampDelta).toBe(timestamp)
          expect(keyBytes < 0 ? null : Buffer.from(block.subarray(keyAt, keyAt + keyBytes))).toEqual(key)
          expect(cursor.isTombstone).toBe(key !== null && value === null)
        }
        expect(cursor.next()).toBe(false)
      }),
    )
  })

  test('refuses any framing that does not hold, and gets to the end of any other', () => {
    const batch = stored([{ key: Buffer.from('key'), value: Buffer.from('value'), timestamp: 1 }], 'none')
    const block = batch.recordBytes(MAX_BYTES)
    const walk = (records: Buffer): void => {
      for (const cursor = new RecordCursor(records, batch); cursor.next(); );
    }
    for (let end = 0; end < block.length; end++) {
      expect(() => walk(block.subarray(0, end))).toThrow(expect.objectContaining({ code: 'INVALID_BATCH' }))
    }
    expect(() => walk(Buffer.concat([block, Buffer.alloc(1)]))).toThrow(
      expect.objectContaining({ code: 'INVALID_BATCH' }),
    )
    for (let bit = 0; bit < block.length * 8; bit++) {
      const flipped = Buffer.from(block)
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7))
      try {
        walk(flipped)
      } catch (error) {
        expect(error).toMatchObject({ code: 'INVALID_BATCH' })
      }
    }
  })
})
