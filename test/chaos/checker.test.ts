import { describe, expect, test } from 'vitest'
import { checkAtLeastOnce, checkExactlyOnce } from './checker.ts'
import type { HistoryEvent } from './history.ts'

/** Two partitions with one key each, three records a key; a member for each, and one that takes over. */
function soundHistory(): HistoryEvent[] {
  const history: HistoryEvent[] = []
  for (const partition of [0, 1]) {
    const key = `k${partition}`
    history.push({ kind: 'assigned', at: 1, member: `m${partition}`, partition })
    for (const offset of [0, 1, 2]) {
      const place = { partition, offset }
      history.push({ kind: 'sent', at: 0, place, key, sequence: offset })
      const member = partition === 0 && offset === 2 ? 'm1' : `m${partition}`
      history.push({ kind: 'handled', at: 10 + 10 * offset, member, place, key, sequence: offset })
      history.push({ kind: 'output', output: { partition, offset: 2 * offset }, place, key, sequence: offset })
    }
    history.push({ kind: 'finished', partition, offset: 3, end: 3 })
  }
  history.push({ kind: 'committed', began: 21, at: 22, member: 'm0', partition: 0, offset: 2 })
  history.push({ kind: 'revoked', at: 25, member: 'm0', partition: 0 })
  history.push({ kind: 'assigned', at: 26, member: 'm1', partition: 0 })
  history.push({ kind: 'committed', began: 31, at: 32, member: 'm1', partition: 0, offset: 3 })
  history.push({ kind: 'committed', began: 31, at: 32, member: 'm1', partition: 1, offset: 3 })
  return history
}

function find<K extends HistoryEvent['kind']>(
  history: HistoryEvent[],
  kind: K,
  is: (event: Extract<HistoryEvent, { kind: K }>) => boolean = () => true,
): number {
  const index = history.findIndex((event) => event.kind === kind && is(event as Extract<HistoryEvent, { kind: K }>))
  if (index < 0) throw new Error(`the history has no such ${kind}`)
  return index
}

/** The history with one event changed; undefined: without it. */
function change(index: number, changes: Partial<HistoryEvent> | undefined): HistoryEvent[] {
  const history = soundHistory()
  if (changes === undefined) history.splice(index, 1)
  else history[index] = { ...history[index], ...changes } as HistoryEvent
  return history
}

const sound = soundHistory()

test('a sound history passes', () => {
  expect(checkAtLeastOnce(sound)).toEqual([])
  expect(checkExactlyOnce(sound)).toEqual([])
})

test('what came again from the committed offset on passes', () => {
  const again: HistoryEvent[] = [
    { kind: 'handled', at: 27, member: 'm1', place: { partition: 0, offset: 1 }, key: 'k0', sequence: 1 },
  ]
  const late = soundHistory().map((event) =>
    event.kind === 'committed' && event.at === 22 ? { ...event, offset: 1 } : event,
  )
  expect(checkAtLeastOnce([...late, ...again])).toEqual([])
})

test('a commit that overlaps a newer one may come to be known later', () => {
  const overlapping: HistoryEvent = { kind: 'committed', began: 20, at: 40, member: 'm0', partition: 0, offset: 1 }
  expect(checkAtLeastOnce([...soundHistory(), overlapping])).toEqual([])
})

describe('at least once, a wrong history is found:', () => {
  test.each<[string, HistoryEvent[], RegExp]>([
    [
      'a record that nobody handled',
      change(
        find(sound, 'handled', (e) => e.sequence === 1),
        undefined,
      ),
      /is missing/,
    ],
    [
      'an offset committed before its records were handled',
      change(
        find(sound, 'committed', (e) => e.offset === 2),
        { at: 15, began: 14 },
      ),
      /before record 0\/1 was handled/,
    ],
    [
      'an offset committed whose record nobody handled',
      change(
        find(sound, 'handled', (e) => e.sequence === 2),
        undefined,
      ),
      /before record 0\/2 was handled/,
    ],
    [
      'an offset that goes back',
      change(
        find(sound, 'committed', (e) => e.offset === 3),
        { offset: 1 },
      ),
      /took partition 0 back from 2 to 1/,
    ],
    [
      'an end behind what was committed',
      change(find(sound, 'finished'), { offset: 1, end: 1 }),
      /ended at 1, although 3/,
    ],
    ['an end that was not reached', change(find(sound, 'finished'), { end: 4 }), /ended at 3 of 4/],
    [
      'a record handled before the one before it',
      change(
        find(sound, 'handled', (e) => e.sequence === 1),
        { at: 35 },
      ),
      /before k0 1/,
    ],
    [
      'a record handled twice by one owner',
      [
        ...soundHistory(),
        { kind: 'handled', at: 24, member: 'm0', place: { partition: 0, offset: 0 }, key: 'k0', sequence: 0 },
      ],
      /handled k0 0 after 1/,
    ],
    ['a partition with two owners', change(find(sound, 'revoked'), undefined), /given to m1 while m0 had it/],
  ])('%s', (_, history, breach) => {
    expect(checkAtLeastOnce(history).join('\n')).toMatch(breach)
  })

  test('but a member that was halted had nothing any more', () => {
    expect(checkAtLeastOnce(change(find(sound, 'revoked'), { kind: 'halted' } as Partial<HistoryEvent>))).toEqual([])
  })
})

describe('exactly once, a wrong history is found:', () => {
  test.each<[string, HistoryEvent[], RegExp]>([
    ['a record that is not in the output', change(find(sound, 'output'), undefined), /is missing/],
    [
      'a record twice in the output',
      [
        ...soundHistory(),
        {
          kind: 'output',
          output: { partition: 0, offset: 9 },
          place: { partition: 0, offset: 2 },
          key: 'k0',
          sequence: 2,
        },
      ],
      /twice: 0\/4, 0\/9/,
    ],
    [
      'records of a key out of order',
      change(
        find(sound, 'output', (e) => e.sequence === 0),
        { output: { partition: 0, offset: 7 } },
      ),
      /k0 0 comes after k0 2/,
    ],
    ['a partition with two owners', change(find(sound, 'revoked'), undefined), /given to m1 while m0 had it/],
    ['an end that was not reached', change(find(sound, 'finished'), { offset: 2 }), /ended at 2 of 3/],
  ])('%s', (_, history, breach) => {
    expect(checkExactlyOnce(history).join('\n')).toMatch(breach)
  })
})
