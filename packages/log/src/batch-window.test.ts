import { MillraceError, type RecordBatch } from '@millrace/record'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { valuesBatch } from '../test/log-harness.ts'
import { type BatchWindow, selectBatches } from './batch-window.ts'

interface Placed {
  readonly batch: RecordBatch
  readonly at: number
}

/** Stamps batches with consecutive offsets and lays them back to back. */
function layOut(
  shapes: readonly { records: number; size: number }[],
  firstOffset = 0,
): { bytes: Buffer; placed: Placed[] } {
  let offset = firstOffset
  let at = 0
  const placed = shapes.map(({ records, size }) => {
    const batch = valuesBatch(Array.from({ length: records }, () => 'x'.repeat(size)))
    batch.stamp(offset, 0)
    offset = batch.nextOffset
    const entry = { batch, at }
    at += batch.sizeBytes
    return entry
  })
  return { bytes: Buffer.concat(placed.map(({ batch }) => batch.buffer)), placed }
}

const shapes = fc.array(fc.record({ records: fc.integer({ min: 1, max: 4 }), size: fc.nat({ max: 80 }) }), {
  minLength: 1,
  maxLength: 8,
})

/** What a reader is to get, worked out batch by batch. */
function expected(placed: readonly Placed[], bytes: number, offset: number, maxBytes: number): BatchWindow {
  const first = placed.findIndex(({ batch }) => batch.nextOffset > offset)
  const end = (entry: Placed): number => entry.at + entry.batch.sizeBytes
  const behind = placed.at(-1) as Placed
  const from = first < 0 ? end(behind) : (placed[first] as Placed).at
  const wanted = first < 0 ? [] : placed.slice(first).filter((entry) => end(entry) <= bytes)
  const taken = wanted.filter((entry, index) => index === 0 || end(entry) - from <= maxBytes)
  const last = taken.at(-1)
  if (last !== undefined)
    return { from, to: end(last), nextOffset: last.batch.nextOffset, due: undefined, neededBytes: 0 }
  // Nothing wanted is whole: the piece ends inside the batch that is wanted, or inside one before it.
  const cut = placed.find((entry) => end(entry) > bytes)
  const at = cut?.at ?? end(behind)
  const hasHeader = cut !== undefined && bytes - at >= 61
  const due = at === 0 ? undefined : (cut?.batch.baseOffset ?? behind.batch.nextOffset)
  return { from: at, to: at, nextOffset: offset, due, neededBytes: hasHeader ? cut.batch.sizeBytes : 61 }
}

function failure(work: () => unknown): MillraceError {
  try {
    work()
  } catch (error) {
    if (error instanceof MillraceError) return error
    throw error
  }
  throw new RangeError('it did not fail')
}

describe('the window of batches that a reader wants', () => {
  test('is what a walk over the list finds, for every offset, bound and cut', () => {
    fc.assert(
      fc.property(shapes, fc.nat({ max: 700 }), fc.nat(), (list, maxBytes, pick) => {
        const { bytes, placed } = layOut(list, 40)
        const length = bytes.length - (pick % (bytes.length + 1))
        const end = (placed.at(-1) as Placed).batch.nextOffset
        for (let offset = 40; offset <= end; offset++) {
          const window = selectBatches(bytes.subarray(0, length), offset, maxBytes)
          const model = expected(placed, length, offset, maxBytes)
          expect({ ...window, neededBytes: 0 }).toEqual({ ...model, neededBytes: 0 })
          if (window.to === window.from) expect(window.neededBytes).toBe(model.neededBytes)
        }
      }),
      { numRuns: 200 },
    )
  })

  test('asks for what leads on: reading that much from there on finds the batch', () => {
    const { bytes, placed } = layOut([
      { records: 1, size: 10 },
      { records: 2, size: 300 },
    ])
    const wanted = placed[1] as Placed
    let position = 0
    let length = 1
    for (let reads = 0; reads < 5; reads++) {
      const window = selectBatches(bytes.subarray(position, position + length), 1, 1)
      if (window.to > window.from) {
        expect(position + window.from).toBe(wanted.at)
        return
      }
      position += window.from
      length = window.neededBytes
    }
    throw new RangeError('it did not get there')
  })

  test('holds the first batch against what is known of it', () => {
    const { bytes } = layOut([{ records: 2, size: 5 }], 10)
    expect(selectBatches(bytes, 10, 1, { base: 10 })).toMatchObject({ nextOffset: 12 })
    expect(selectBatches(bytes, 10, 1, { last: 11 })).toMatchObject({ nextOffset: 12 })
    for (const first of [{ base: 9 }, { base: 11 }, { last: 10 }, { last: 12 }]) {
      const error = failure(() => selectBatches(bytes, 11, 1, first))
      expect([error.code, error.details.position]).toEqual(['CORRUPT_BATCH', 0])
    }
  })

  test('ends in front of damage, and begins with it the next time', () => {
    const { bytes, placed } = layOut([
      { records: 2, size: 5 },
      { records: 1, size: 50 },
      { records: 1, size: 5 },
    ])
    const damaged = placed[1] as Placed
    bytes[damaged.at + 70] = (bytes[damaged.at + 70] as number) ^ 1
    expect(selectBatches(bytes, 0, 1 << 20)).toMatchObject({ from: 0, to: damaged.at, nextOffset: 2 })
    const error = failure(() => selectBatches(bytes, 2, 1 << 20))
    expect(error.code).toBe('CORRUPT_BATCH')
    expect(error.details).toEqual({ position: damaged.at })
    expect(selectBatches(bytes, 3, 1 << 20)).toMatchObject({ from: placed[2]?.at, nextOffset: 4 })
  })

  test.each([
    ['length', 8, 3],
    ['length, far too large', 8, 0x7f],
    ['magic', 16, 1],
    ['last offset delta', 23, 0x80],
  ])('cannot pass a batch whose %s is damaged', (_, field, value) => {
    const { bytes, placed } = layOut([
      { records: 1, size: 5 },
      { records: 1, size: 5 },
      { records: 1, size: 5 },
    ])
    const at = (placed[1] as Placed).at
    if (field === 8) bytes.writeInt32BE(value === 3 ? 3 : -1, at + 8)
    else bytes[at + field] = value
    expect(selectBatches(bytes, 0, 1 << 20)).toMatchObject({ from: 0, to: at, nextOffset: 1 })
    for (const offset of [1, 2]) {
      const error = failure(() => selectBatches(bytes, offset, 1 << 20))
      expect([error.code, error.details.position]).toEqual(['CORRUPT_BATCH', at])
    }
  })

  test.each([
    ['that no number holds', 2n ** 60n],
    ['below zero', -5n],
    ['lower than that of the batch before', 0n],
    ['that is negative by far', -(2n ** 62n)],
  ])('refuses a batch with a base offset %s', (_, baseOffset) => {
    const { bytes, placed } = layOut([
      { records: 2, size: 5 },
      { records: 1, size: 5 },
      { records: 1, size: 5 },
    ])
    const at = (placed[1] as Placed).at
    bytes.writeBigInt64BE(baseOffset, at)
    expect(selectBatches(bytes, 0, 1 << 20)).toMatchObject({ from: 0, to: at, nextOffset: 2 })
    for (const offset of [2, 3]) {
      const error = failure(() => selectBatches(bytes, offset, 1 << 20))
      expect([error.code, error.details.position]).toEqual(['CORRUPT_BATCH', at])
    }
  })
})
