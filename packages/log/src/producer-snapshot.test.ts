import { checksum, MillraceError } from '@millrace/record'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeProducerSnapshot, encodeProducerSnapshot } from './producer-snapshot.ts'
import { ProducerState } from './producer-state.ts'

const AT_FIRST_PRODUCER = 10
const PRODUCER_BYTES = 20
const BATCH_BYTES = 26
const ALL = Number.MAX_SAFE_INTEGER
const safe = fc.nat({ max: Number.MAX_SAFE_INTEGER })
const int32 = fc.nat({ max: 2 ** 31 - 1 })

const states = fc
  .array(
    fc.record({
      producerId: fc.oneof(fc.nat({ max: 3 }), safe),
      producerEpoch: fc.nat({ max: 2 ** 15 - 1 }),
      baseSequence: int32,
      lastOffsetDelta: fc.nat({ max: 10 }),
      timestamp: safe,
    }),
    { maxLength: 60 },
  )
  .map((list) => {
    const state = new ProducerState(1_000)
    let offset = 2 ** 40
    for (const { producerId, ...batch } of list) {
      state.add(producerId, { ...batch, baseOffset: offset }, offset)
      offset += batch.lastOffsetDelta + 1
    }
    return { state, end: offset }
  })

function contentOf(state: ProducerState): unknown {
  return [...state.below(ALL)]
}

function sample(): { state: ProducerState; bytes: Buffer } {
  const state = new ProducerState(10)
  for (let index = 0; index < 3; index++) {
    const sequence = { producerEpoch: 1, baseSequence: index * 2, lastOffsetDelta: 1 }
    state.add(8 + (index % 2), { ...sequence, baseOffset: 100 + index * 2, timestamp: 1_000 + index }, 100)
  }
  return { state, bytes: encodeProducerSnapshot(state, ALL) }
}

/** The state that the bytes decode to; undefined when they are refused as they should be. */
function decoded(bytes: Buffer): ProducerState | undefined {
  try {
    return decodeProducerSnapshot(bytes, 10)
  } catch (error) {
    expect(error).toBeInstanceOf(MillraceError)
    expect((error as MillraceError).code).toBe('STORAGE_FAILED')
    return undefined
  }
}

describe('a producer snapshot', () => {
  test('gives back what was in it, the idlest producer first', () => {
    fc.assert(
      fc.property(states, ({ state, end }) => {
        expect(contentOf(decodeProducerSnapshot(encodeProducerSnapshot(state, end), 1_000))).toEqual(contentOf(state))
      }),
    )
  })

  test('holds nothing that ends behind its offset', () => {
    fc.assert(
      fc.property(states, fc.nat({ max: 300 }), ({ state }, above) => {
        const end = 2 ** 40 + above
        const restored = decodeProducerSnapshot(encodeProducerSnapshot(state, end), 1_000)
        expect(contentOf(restored)).toEqual([...state.below(end)])
      }),
    )
  })

  test('is laid out as its table says', () => {
    const state = new ProducerState(10)
    state.add(0x0102, { producerEpoch: 3, baseSequence: 4, lastOffsetDelta: 5, baseOffset: 6, timestamp: 7 }, 0)
    const bytes = encodeProducerSnapshot(state, ALL)
    const body = [
      '00000001', // producers
      '0000000000000102' + 'ffffffffffffffff' + '00000001', // id, no transaction, batches
      '0003' + '00000004' + '00000005' + '0000000000000006' + '0000000000000007',
    ].join('')
    const sum = checksum(Buffer.from(body, 'hex')).toString(16).padStart(8, '0')
    expect(bytes.toString('hex')).toBe(`0002${sum}${body}`)
  })

  test('of version 1, without transactions, is read too', () => {
    const { state, bytes } = sample()
    // Each of the two producers has its id and the transaction that version 1 lacks.
    const second = AT_FIRST_PRODUCER + PRODUCER_BYTES + BATCH_BYTES
    const parts = [[AT_FIRST_PRODUCER - 4, AT_FIRST_PRODUCER + 8], [AT_FIRST_PRODUCER + 16, second + 8], [second + 16]]
    const body = Buffer.concat(parts.map(([from, to]) => bytes.subarray(from, to)))
    const head = Buffer.alloc(6)
    head.writeInt16BE(1, 0)
    head.writeUInt32BE(checksum(body), 2)
    const restored = decodeProducerSnapshot(Buffer.concat([head, body]), 10)
    expect(contentOf(restored)).toEqual(contentOf(state))
    expect(restored.transactions.all()).toEqual([])
  })

  test('has the transactions that were open at its offset', () => {
    const state = new ProducerState(10)
    const batch = { producerEpoch: 1, baseSequence: 0, lastOffsetDelta: 0, timestamp: 1 }
    for (const [producerId, baseOffset] of [
      [1, 10],
      [2, 11],
      [3, 12],
      [4, 20],
    ] as const) {
      state.add(producerId, { ...batch, baseOffset }, 0)
      state.transactions.open(producerId, 1, baseOffset)
    }
    for (const [producerId, baseOffset] of [
      [2, 13],
      [1, 21],
    ] as const) {
      state.add(producerId, { ...batch, baseSequence: -1, baseOffset }, 0)
      state.transactions.end(producerId, baseOffset)
    }
    const restored = (end: number) => decodeProducerSnapshot(encodeProducerSnapshot(state, end), 10).transactions.all()
    const first = (producerId: number, firstOffset: number) => ({ producerId, producerEpoch: 1, firstOffset })
    expect(restored(20)).toEqual([first(1, 10), first(3, 12)])
    expect(restored(ALL)).toEqual([first(3, 12), first(4, 20)])
  })

  test('keeps to a bound that was lowered since, and forgets the idlest', () => {
    const state = new ProducerState(10)
    const batch = { producerEpoch: 0, lastOffsetDelta: 0, timestamp: 1 }
    for (let id = 0; id < 4; id++) state.add(id, { ...batch, baseSequence: 0, baseOffset: id }, id)
    for (let id = 0; id < 4; id++) state.add(id, { ...batch, baseSequence: 1, baseOffset: 4 + id }, 4 + id)
    const restored = decodeProducerSnapshot(encodeProducerSnapshot(state, ALL), 2)
    expect([...restored.below(ALL)].map(([id]) => id)).toEqual([2, 3])
  })

  test('that is cut off anywhere is refused', () => {
    const { bytes } = sample()
    for (let length = 0; length < bytes.length; length++) expect(decoded(bytes.subarray(0, length))).toBeUndefined()
  })

  test('in which any bit is wrong is refused', () => {
    const { bytes } = sample()
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Buffer.from(bytes)
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7))
      expect(decoded(flipped), `bit ${bit}`).toBeUndefined()
    }
  })

  test('with bytes behind its end is refused', () => {
    expect(decoded(Buffer.concat([sample().bytes, Buffer.alloc(1)]))).toBeUndefined()
  })
})
