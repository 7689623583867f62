import { MillraceError, REMEMBERED_BATCHES } from '@millrace/record'
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { ProducerState, type RememberedBatch, type SequenceCheck } from './producer-state.ts'

const P = 7
const LAST_SEQUENCE = 2 ** 31 - 1

/** One batch of producer P's; `offset` is where it begins. */
function remembered(offset: number, baseSequence: number, records = 1, producerEpoch = 0): RememberedBatch {
  return { producerEpoch, baseSequence, lastOffsetDelta: records - 1, baseOffset: offset, timestamp: 1_000 + offset }
}

function sequenced(baseSequence: number, records = 1, producerEpoch = 0, producerId = P) {
  return { producerId, producerEpoch, baseSequence, lastOffsetDelta: records - 1 }
}

/** What `check` says: a kind, the offset of the original, or the code of the error with the sequence that it names. */
function verdict(state: ProducerState, batch: ReturnType<typeof sequenced>): unknown {
  let result: SequenceCheck
  try {
    result = state.check(batch)
  } catch (error) {
    if (!(error instanceof MillraceError)) throw error
    return [error.code, error.details.expectedSequence]
  }
  return result.kind === 'next' ? 'next' : ['duplicate', result.original?.baseOffset]
}

describe('what a partition knows of its producers', () => {
  test.each([
    ['begins at 0', sequenced(0), 'next'],
    ['does not begin elsewhere', sequenced(3), ['OUT_OF_ORDER_SEQUENCE', 0]],
    ['does not begin at the last sequence', sequenced(LAST_SEQUENCE), ['OUT_OF_ORDER_SEQUENCE', 0]],
  ])('a producer that is not known %s', (_, batch, expected) => {
    expect(verdict(new ProducerState(10), batch)).toEqual(expected)
  })

  test.each([
    ['the next sequence', sequenced(5, 2), 'next'],
    ['a gap', sequenced(6), ['OUT_OF_ORDER_SEQUENCE', 5]],
    ['a large gap', sequenced(2 ** 30), ['OUT_OF_ORDER_SEQUENCE', 5]],
    ['a repeat of the last batch', sequenced(3, 2), ['duplicate', 103]],
    ['a repeat of the first', sequenced(0, 3), ['duplicate', 100]],
    ['a part of a batch that is known', sequenced(0, 2), ['duplicate', undefined]],
    ['a batch over the border of two', sequenced(2, 2), ['duplicate', undefined]],
    ['a batch that begins before and ends behind', sequenced(4, 2), ['OUT_OF_ORDER_SEQUENCE', 5]],
    ['a newer epoch that begins at 0', sequenced(0, 3, 1), 'next'],
    ['a newer epoch that goes on', sequenced(5, 1, 1), ['OUT_OF_ORDER_SEQUENCE', 0]],
    ['an older epoch', sequenced(5, 1, -1), ['PRODUCER_FENCED', undefined]],
    ['another producer', sequenced(0, 1, 0, P + 1), 'next'],
  ])('after the sequences 0 to 4: %s', (_, batch, expected) => {
    const state = new ProducerState(10)
    state.add(P, remembered(100, 0, 3), 103)
    state.add(P, remembered(103, 3, 2), 105)
    expect(verdict(state, batch)).toEqual(expected)
  })

  test.each([
    ['the next sequence is 0', 1, sequenced(0), 'next'],
    ['a gap over the border is one', 1, sequenced(1), ['OUT_OF_ORDER_SEQUENCE', 0]],
    ['a batch may lie over the border', 3, sequenced(LAST_SEQUENCE - 1, 4), 'next'],
    ['a repeat before the border is known', 1, sequenced(LAST_SEQUENCE), ['duplicate', 50]],
  ])('sequences wrap behind 2^31 - 1: %s', (_, left, batch, expected) => {
    const state = new ProducerState(10)
    state.add(P, remembered(10, 0, 5), 15)
    // Whatever came between, the last batch that is known is the one before the border.
    state.add(P, remembered(50, LAST_SEQUENCE - left + 1, 1), 51)
    expect(verdict(state, batch)).toEqual(expected)
  })

  test('a repeat of a batch that lies over the border is known', () => {
    const state = new ProducerState(10)
    state.add(P, remembered(50, LAST_SEQUENCE - 1, 4), 54)
    expect(verdict(state, sequenced(LAST_SEQUENCE - 1, 4))).toEqual(['duplicate', 50])
    expect(verdict(state, sequenced(2))).toBe('next')
    expect(verdict(state, sequenced(LAST_SEQUENCE, 2))).toEqual(['duplicate', undefined])
    expect(verdict(state, sequenced(LAST_SEQUENCE, 4))).toEqual(['OUT_OF_ORDER_SEQUENCE', 2])
  })

  test('batches that were taken back cost a producer nothing of its window', () => {
    const state = new ProducerState(10)
    let offset = 0
    for (; offset < REMEMBERED_BATCHES; offset++) state.add(P, remembered(offset, offset), offset)
    for (; offset < 3 * REMEMBERED_BATCHES; offset++) state.add(P, remembered(offset, offset), REMEMBERED_BATCHES)
    state.forgetFrom(REMEMBERED_BATCHES)
    for (let sequence = 0; sequence < REMEMBERED_BATCHES; sequence++) {
      expect(verdict(state, sequenced(sequence)), `sequence ${sequence}`).toEqual(['duplicate', sequence])
    }
    expect(verdict(state, sequenced(REMEMBERED_BATCHES))).toBe('next')
  })

  test('an epoch whose batches were all taken back gives way to the one before', () => {
    const state = new ProducerState(10)
    state.add(P, remembered(0, 0, 4), 0)
    state.add(P, remembered(4, 0, 2, 1), 4)
    expect(verdict(state, sequenced(4))).toEqual(['PRODUCER_FENCED', undefined])
    state.forgetFrom(4)
    expect(verdict(state, sequenced(4))).toBe('next')
    expect(verdict(state, sequenced(0, 4))).toEqual(['duplicate', 0])
    state.forgetFrom(0)
    expect(state.size).toBe(0)
  })

  test('of producers that are replayed, the one that was silent longest is forgotten first', () => {
    const state = new ProducerState(3)
    for (const [offset, id] of [1, 2, 3, 1, 4].entries()) state.add(id, remembered(offset, 0), offset)
    expect(state.size).toBe(3)
    expect([...state.below(100)].map(([id]) => id)).toEqual([3, 1, 4])
  })

  test('of producers that are replayed, those in transactions are not forgotten, nor looked at for each new one', () => {
    const state = new ProducerState(1_000)
    const looks = vi.spyOn(state.transactions, 'of')
    for (let id = 0; id < 1_000; id++) {
      state.add(id, remembered(id, 0), id)
      state.transactions.open(id, 0, id)
    }
    for (let id = 1_000; id < 2_000; id++) state.add(id, remembered(id, 0), id)
    expect(looks.mock.calls.length).toBeLessThanOrEqual(100 * 1_000)
    expect(state.size).toBeLessThan(1_100)
    const kept = new Set(Array.from(state.below(Number.MAX_SAFE_INTEGER), ([id]) => id))
    for (let id = 0; id < 1_000; id++) expect(kept.has(id)).toBe(true)
  })

  test('a snapshot sees the last batches that end at or before its offset', () => {
    const state = new ProducerState(10)
    for (let offset = 0; offset < 40; offset++) state.add(P, remembered(offset * 2, offset * 2, 2), 0)
    state.add(P + 1, remembered(80, 0), 0)
    const below = new Map(state.below(71))
    expect([...below.keys()]).toEqual([P])
    const sequences = below.get(P)?.map((batch) => batch.baseSequence) ?? []
    expect(sequences).toHaveLength(REMEMBERED_BATCHES)
    expect([sequences[0], sequences.at(-1)]).toEqual([6, 68])
  })
})

describe('against a model', () => {
  /** What a test asks for; numbers are picked modulo what there is. */
  const calls = fc.array(
    fc.record({
      producer: fc.nat({ max: 2 }),
      what: fc.constantFrom(
        ...(['next', 'next', 'next', 'next', 'repeat', 'repeat', 'gap', 'straddle'] as const),
        ...(['new epoch', 'old epoch', 'commit', 'commit some', 'fail'] as const),
      ),
      pick: fc.nat(),
      records: fc.integer({ min: 1, max: 3 }),
    }),
    { maxLength: 160 },
  )

  interface ModelBatch {
    readonly epoch: number
    /** Counted without wrapping. */
    readonly first: number
    readonly records: number
    readonly offset: number
  }

  /** Each producer as the list of what it wrote and what is left of it in the window. */
  class Model {
    readonly written = new Map<number, ModelBatch[]>()
    readonly window = new Map<number, ModelBatch[]>()
    end = 0
    committedEnd = 0

    last(producer: number): ModelBatch | undefined {
      return this.written.get(producer)?.at(-1)
    }

    add(producer: number, batch: ModelBatch): void {
      this.written.set(producer, [...(this.written.get(producer) ?? []), batch])
      const window = [...(this.window.get(producer) ?? []), batch]
      const committed = window.filter(({ offset, records }) => offset + records <= this.committedEnd)
      const tooOld = new Set(committed.slice(0, Math.max(committed.length - REMEMBERED_BATCHES, 0)))
      this.window.set(
        producer,
        window.filter((known) => !tooOld.has(known)),
      )
      this.end += batch.records
    }

    fail(): void {
      for (const lists of [this.written, this.window]) {
        for (const [producer, list] of lists) {
          lists.set(
            producer,
            list.filter(({ offset }) => offset < this.committedEnd),
          )
        }
      }
      this.end = this.committedEnd
    }
  }

  /** Where the first epoch of each producer begins to count: far from the border, and just before it. */
  const STARTS = [0, 2 ** 31 - 6, 2 ** 31 - 90]

  test('any sequence of appends, commits and failures is answered as a list of all batches says', () => {
    fc.assert(
      fc.property(calls, (list) => {
        const state = new ProducerState(10)
        const model = new Model()
        const wire = (sequence: number): number => sequence % 2 ** 31
        const add = (producer: number, epoch: number, first: number, records: number): void => {
          const batch = { epoch, first, records, offset: model.end }
          state.add(producer, remembered(model.end, wire(first), records, epoch), model.committedEnd)
          model.add(producer, batch)
        }
        for (const [producer, start] of STARTS.entries()) add(producer, 0, start, 1)
        model.committedEnd = model.end

        for (const { producer, what, pick, records } of list) {
          const last = model.last(producer) as ModelBatch
          const next = last.first + last.records
          const check = (first: number, count: number, epoch = last.epoch): unknown =>
            verdict(state, sequenced(wire(first), count, epoch, producer))
          if (what === 'next') {
            expect(check(next, records)).toBe('next')
            add(producer, last.epoch, next, records)
          } else if (what === 'repeat') {
            const batches = (model.written.get(producer) ?? []).filter(({ epoch }) => epoch === last.epoch)
            const original = batches[batches.length - 1 - (pick % Math.min(batches.length, 40))] as ModelBatch
            const isKnown = model.window.get(producer)?.includes(original)
            const expected = ['duplicate', isKnown ? original.offset : undefined]
            expect(check(original.first, original.records)).toEqual(expected)
          } else if (what === 'gap') {
            expect(check(next + 1 + (pick % 1_000), records)).toEqual(['OUT_OF_ORDER_SEQUENCE', wire(next)])
          } else if (what === 'straddle') {
            expect(check(next - 1, records + 1)).toEqual(['OUT_OF_ORDER_SEQUENCE', wire(next)])
          } else if (what === 'new epoch') {
            expect(check(next === 0 ? 1 : next, records, last.epoch + 1)).toEqual(
              wire(next) === 0 ? 'next' : ['OUT_OF_ORDER_SEQUENCE', 0],
            )
            expect(check(0, records, last.epoch + 1)).toBe('next')
            add(producer, last.epoch + 1, 0, records)
          } else if (what === 'old epoch') {
            expect(check(next, records, last.epoch - 1)).toEqual(['PRODUCER_FENCED', undefined])
          } else if (what === 'commit') {
            model.committedEnd = model.end
          } else if (what === 'commit some') {
            const ends = [...model.written.values()].flat().map((batch) => batch.offset + batch.records)
            const ahead = ends.filter((end) => end > model.committedEnd).sort((a, b) => a - b)
            if (ahead.length > 0) model.committedEnd = ahead[pick % ahead.length] as number
          } else {
            state.forgetFrom(model.committedEnd)
            model.fail()
          }
        }
      }),
      { numRuns: 300 },
    )
  })
})
