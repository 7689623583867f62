import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  checkHistory,
  fingerprint,
  HISTORY_PROBLEMS,
  type HistoryProblemKind,
  type PartitionHistory,
  type ReadRecord,
  type SendOutcome,
  type SentRecord,
} from './history.ts'

const sent = (value: string, outcome: SendOutcome | number, producer?: string): SentRecord => ({
  key: 'k',
  value,
  producer,
  outcome: typeof outcome === 'number' ? { acknowledgedAt: outcome } : outcome,
})

/** What was read: the values at the offsets from `from` on. */
const read = (values: string, from = 0): ReadRecord[] =>
  Array.from(values, (value, index) => ({ key: 'k', value, offset: from + index }))

const acknowledged = (values: string): SentRecord[] => Array.from(values, (value, offset) => sent(value, offset))

/** The kinds of the problems that are found, each as often as it is. */
function problems(history: Omit<PartitionHistory, 'name'>): HistoryProblemKind[] {
  const report = checkHistory([{ name: 'orders/0', ...history }])
  for (const kind of HISTORY_PROBLEMS) {
    expect(report.counts[kind]).toBe(report.problems.filter((problem) => problem.kind === kind).length)
  }
  return report.problems.map((problem) => problem.kind)
}

describe('a history without a fault', () => {
  test('all was acknowledged and is there', () => {
    expect(problems({ sent: acknowledged('abc'), read: read('abc') })).toEqual([])
    expect(problems({ sent: [], read: [] })).toEqual([])
  })

  test('what is unknown may be there or not, what was refused is not', () => {
    const history = [sent('a', 0), sent('b', 'unknown'), sent('c', 'refused'), sent('d', 'unknown'), sent('e', 2)]
    const report = checkHistory([{ name: 'orders/0', sent: history, read: read('abe') }])
    expect(report).toMatchObject({ acknowledged: 2, unknown: 2, unknownStored: 1, refused: 1, read: 3, problems: [] })
  })

  test('producers are in order each by itself', () => {
    const history = [sent('a', 1, 'x'), sent('b', 0, 'y'), sent('c', 3, 'x'), sent('d', 2, 'y')]
    expect(problems({ sent: history, read: read('badc') })).toEqual([])
  })

  test('an acknowledgement need not say where', () => {
    const history = [sent('a', { acknowledgedAt: undefined }), sent('b', 1)]
    expect(problems({ sent: history, read: read('ab') })).toEqual([])
  })

  test('what lies before the log start is not missed', () => {
    expect(problems({ sent: acknowledged('abcd'), read: read('cd', 2), readFrom: 2 })).toEqual([])
  })

  test('a producer that is not idempotent may repeat', () => {
    expect(problems({ sent: acknowledged('abc'), read: read('abca'), idempotent: false })).toEqual([])
  })
})

describe('a history with a fault is found out:', () => {
  test.each<[string, HistoryProblemKind[], SentRecord[], ReadRecord[]]>([
    ['the last record is lost', ['lost'], acknowledged('abc'), read('ab')],
    ['a record in the middle is lost', ['offsets', 'lost'], acknowledged('abc'), [...read('a'), ...read('c', 2)]],
    ['all are lost', ['lost', 'lost'], acknowledged('ab'), []],
    ['lost without a known place', ['lost'], [sent('a', { acknowledgedAt: undefined })], []],
    ['a value is changed', ['changed'], acknowledged('abc'), read('aXc')],
    ['a key is changed', ['changed'], acknowledged('a'), [{ key: 'K', value: 'a', offset: 0 }]],
    ['a key is lost', ['changed'], acknowledged('a'), [{ key: null, value: 'a', offset: 0 }]],
    ['two are exchanged', ['moved', 'moved', 'out-of-order'], acknowledged('abc'), read('bac')],
    ['one is at another place', ['moved'], [sent('a', 0), sent('b', 'unknown'), sent('c', 1)], read('abc')],
    ['an offset was given twice', ['lost'], [sent('a', 0), sent('b', 0)], read('b')],
    ['a repeat is stored', ['duplicated'], acknowledged('abc'), read('abca')],
    ['a repeat of an unknown one is stored', ['duplicated'], [sent('a', 0), sent('b', 'unknown')], read('abb')],
    ['stored thrice', ['duplicated', 'duplicated'], acknowledged('a'), read('aaa')],
    ['an unknown one comes late', ['out-of-order'], [sent('a', 'unknown'), sent('b', 0)], read('ba')],
    ['nobody sent it', ['invented'], acknowledged('ab'), read('abX')],
    ['a refused one is stored', ['refused-but-stored'], [sent('a', 0), sent('b', 'refused')], read('ab')],
    ['offsets begin late', ['offsets', 'moved'], acknowledged('a'), read('a', 1)],
    ['an offset is read twice', ['offsets', 'duplicated'], acknowledged('a'), [...read('a'), ...read('a')]],
    ['reading goes back', ['offsets', 'offsets'], acknowledged('ab'), [...read('b', 1), ...read('a')]],
  ])('%s', (_, kinds, history, records) => {
    expect(problems({ sent: history, read: records })).toEqual(kinds)
  })

  test('in the partition where it is, with a message that names the record', () => {
    const report = checkHistory([
      { name: 'orders/0', sent: acknowledged('abc'), read: read('abc') },
      { name: 'orders/1', sent: acknowledged('xyz'), read: read('xy') },
    ])
    expect(report.problems).toEqual([
      { kind: 'lost', partition: 'orders/1', message: 'orders/1: lost: "k=z" was acknowledged at 2' },
    ])
    expect(report).toMatchObject({ acknowledged: 6, read: 5 })
  })

  test('a record of one partition in another', () => {
    const report = checkHistory([
      { name: 'orders/0', sent: acknowledged('ab'), read: read('a') },
      { name: 'orders/1', sent: acknowledged('xy'), read: read('xyb') },
    ])
    expect(report.problems.map(({ kind, partition }) => [kind, partition])).toEqual([
      ['lost', 'orders/0'],
      ['invented', 'orders/1'],
    ])
  })

  test('many problems are all counted, and the first are shown', () => {
    const history = Array.from({ length: 1_000 }, (_, offset) => sent(`value ${offset}`, offset))
    const report = checkHistory([{ name: 'orders/0', sent: history, read: [] }])
    expect(report.counts.lost).toBe(1_000)
    expect(report.problems).toHaveLength(50)
  })

  test('whichever record is taken out, changed, stored again or exchanged with its neighbour', () => {
    const histories = fc.record({ length: fc.integer({ min: 2, max: 40 }), at: fc.nat({ max: 38 }) })
    fc.assert(
      fc.property(histories, fc.constantFrom('drop', 'change', 'repeat', 'swap'), ({ length, at }, fault) => {
        const values = Array.from({ length }, (_, index) => `value ${index}`)
        const history = values.map((value, offset) => sent(value, offset))
        const place = at % (length - 1)
        const wrong = [...values]
        if (fault === 'drop') wrong.splice(place, 1)
        else if (fault === 'change') wrong[place] = 'changed'
        else if (fault === 'repeat') wrong.splice(place + 1, 0, values[place]!)
        else wrong.splice(place, 2, values[place + 1]!, values[place]!)
        const stored = (list: string[]) => list.map((value, offset) => ({ key: 'k', value, offset }))
        expect(problems({ sent: history, read: stored(values) })).toEqual([])
        const expected = { drop: 'lost', change: 'changed', repeat: 'duplicated', swap: 'out-of-order' } as const
        expect(problems({ sent: history, read: stored(wrong) })).toContain(expected[fault])
      }),
    )
  })

  test('records that cannot be told apart are the mistake of the test', () => {
    expect(() => checkHistory([{ name: 'orders/0', sent: [sent('a', 0), sent('a', 1)], read: [] }])).toThrow(
      'sent twice',
    )
  })
})

describe('fingerprint', () => {
  test('tells values apart, null and empty too', () => {
    const values = [null, Buffer.alloc(0), Buffer.from('null'), Buffer.from('a'), Buffer.from('b'), Buffer.alloc(1)]
    expect(new Set(values.map(fingerprint)).size).toBe(values.length)
    expect(fingerprint(Buffer.from('abc'))).toBe(fingerprint(Buffer.from('xabcx').subarray(1, 4)))
  })
})
