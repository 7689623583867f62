import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BatchBuilder } from './batch-builder.ts'
import { validateClientBatch } from './batch-validation.ts'
import { COMPRESSION_CODECS } from './compression.ts'
import { MAX_HEADERS_PER_RECORD } from './limits.ts'
import type { RecordInput } from './record.ts'
import { BATCH_HEADER_BYTES, RecordBatch } from './record-batch.ts'

const MAX_BYTES = 1 << 20
const RULES = { maxBatchBytes: MAX_BYTES, minTimestamp: 0, maxTimestamp: Number.MAX_SAFE_INTEGER }

const bytes = fc.option(fc.uint8Array({ maxLength: 300, size: 'max' }).map((array) => Buffer.from(array)))
const timestamp = fc.oneof(
  fc.integer({ min: 1_760_000_000_000, max: 1_760_000_100_000 }),
  fc.maxSafeNat(),
  fc.constantFrom(0, Number.MAX_SAFE_INTEGER),
)
const headers = fc.array(fc.record({ key: fc.string({ unit: 'grapheme' }), value: bytes }), { maxLength: 5 })
const records = fc.array(fc.record({ key: bytes, value: bytes, headers, timestamp }), { minLength: 1, maxLength: 40 })

const record = (valueBytes: number): RecordInput => ({ key: null, value: Buffer.alloc(valueBytes), timestamp: 1 })

describe('BatchBuilder', () => {
  it.each(COMPRESSION_CODECS)('gives back with %s what went in', (compression) => {
    fc.assert(
      fc.property(records, (inputs) => {
        const builder = new BatchBuilder(0)
        for (const input of inputs) {
          const announced = builder.sizeWith(input)
          builder.append(input)
          expect(builder.sizeBytes).toBe(announced)
        }
        const { buffer } = builder.build({ compression })
        const batch = RecordBatch.at(buffer)
        validateClientBatch(batch, { ...RULES })
        const times = inputs.map((input) => input.timestamp)
        expect(batch).toMatchObject({
          codec: compression,
          recordCount: inputs.length,
          lastOffset: inputs.length - 1,
          baseTimestamp: times[0],
          maxTimestamp: Math.max(...times),
          producerId: -1,
        })
        expect([...batch.records(MAX_BYTES)]).toEqual(inputs.map((input, offset) => ({ ...input, offset })))
      }),
    )
  })

  it('refuses the record that would make the batch too large, but never the first', () => {
    const limit = BATCH_HEADER_BYTES + 300
    const builder = new BatchBuilder()
    expect(builder.tryAppend(record(1000), limit)).toBe(true)
    expect(builder.tryAppend(record(0), limit)).toBe(false)
    expect(builder.recordCount).toBe(1)
    expect(builder.build().sizeBytes).toBeGreaterThan(limit)
  })

  it('fills a batch to the byte', () => {
    const one = new BatchBuilder().append(record(10)).append(record(10)).build().sizeBytes
    const builder = new BatchBuilder()
    expect(builder.tryAppend(record(10), one)).toBe(true)
    expect(builder.sizeWith(record(10))).toBe(one)
    expect(builder.tryAppend(record(11), one)).toBe(false)
    expect(builder.tryAppend(record(10), one)).toBe(true)
    expect(builder.build().sizeBytes).toBe(one)
  })

  it.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])('refuses the timestamp %d', (time) => {
    const builder = new BatchBuilder()
    expect(() => builder.append({ key: null, value: null, timestamp: time })).toThrow(
      expect.objectContaining({ code: 'INVALID_TIMESTAMP' }),
    )
    expect(builder.recordCount).toBe(0)
  })

  it('takes as many headers as a reader accepts, and no more', () => {
    const header = { key: 'h', value: null }
    const most = { ...record(1), headers: Array.from({ length: MAX_HEADERS_PER_RECORD }, () => header) }
    const batch = new BatchBuilder().append(most).build()
    expect(() => validateClientBatch(batch, RULES)).not.toThrow()
    const [read] = batch.records(MAX_BYTES)
    expect(read?.headers).toHaveLength(MAX_HEADERS_PER_RECORD)
    const builder = new BatchBuilder()
    expect(() => builder.append({ ...record(1), headers: [...most.headers, header] })).toThrow(
      expect.objectContaining({ code: 'INVALID_BATCH' }),
    )
    expect(builder.recordCount).toBe(0)
  })

  it('makes no empty batch', () => {
    expect(() => new BatchBuilder().build()).toThrow(expect.objectContaining({ code: 'INVALID_BATCH' }))
  })
})
