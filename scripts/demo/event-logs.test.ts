import { describe, expect, it } from 'vitest'
import type { Event } from './event.ts'
import { ReplayedLog, SentLog } from './event-logs.ts'

const event = (value: string, more: Partial<Event> = {}): Event => ({
  key: null,
  value: Buffer.from(value),
  headers: [],
  timestamp: 1,
  ...more,
})
const EVENTS = [event('a'), event('b', { timestamp: 5 }), event('c', { timestamp: 9 })]

function sentLog(): SentLog {
  const sent = new SentLog(2)
  sent.add(EVENTS, [
    { partition: 0, offset: 0 },
    { partition: 0, offset: 1 },
    { partition: 1, offset: 0 },
  ])
  return sent
}

function replay(starts: number[], records: [partition: number, offset: number, event: Event][]): ReplayedLog {
  const log = new ReplayedLog(starts)
  for (const [partition, offset, each] of records) log.add({ ...each, partition, offset })
  return log
}

const [a, b, c] = EVENTS as [Event, Event, Event]

describe('what came back is the same as what went in', () => {
  it('whatever the order between partitions', () => {
    const log = replay(
      [0, 0],
      [
        [1, 0, c],
        [0, 0, a],
        [0, 1, b],
      ],
    )
    expect(log.problem).toBeUndefined()
    expect(log.summary()).toEqual(sentLog().summary([0, 0]))
  })

  it('from places in the middle', () => {
    expect(replay([1, 1], [[0, 1, b]]).summary()).toEqual(sentLog().summary([1, 1]))
    expect(sentLog().summary([1, 1]).count).toBe(1)
  })
})

describe('what came back is different', () => {
  it.each([
    [
      'when one is missing',
      [
        [0, 0, a],
        [0, 1, b],
      ],
    ],
    [
      'when one comes twice',
      [
        [0, 0, a],
        [0, 1, b],
        [0, 2, b],
        [1, 0, c],
      ],
    ],
    [
      'when two change places',
      [
        [0, 0, b],
        [0, 1, a],
        [1, 0, c],
      ],
    ],
    [
      'when one is in another partition',
      [
        [0, 0, a],
        [1, 0, b],
        [1, 1, c],
      ],
    ],
    [
      'when a value changed',
      [
        [0, 0, event('A')],
        [0, 1, b],
        [1, 0, c],
      ],
    ],
    [
      'when null became empty',
      [
        [0, 0, { ...a, key: Buffer.alloc(0) }],
        [0, 1, b],
        [1, 0, c],
      ],
    ],
    [
      'when a header came along',
      [
        [0, 0, { ...a, headers: [{ key: 'h', value: null }] }],
        [0, 1, b],
        [1, 0, c],
      ],
    ],
    [
      'when a time changed',
      [
        [0, 0, { ...a, timestamp: 2 }],
        [0, 1, b],
        [1, 0, c],
      ],
    ],
  ] as [string, [number, number, Event][]][])('%s', (_, records) => {
    expect(replay([0, 0], records).summary()).not.toEqual(sentLog().summary([0, 0]))
  })

  it('when offsets leave a gap', () => {
    expect(
      replay(
        [0, 0],
        [
          [0, 0, a],
          [0, 2, b],
        ],
      ).problem,
    ).toBe('partition 0: offset 2 came instead of 1')
  })
})

it('an acknowledgement of another offset is noticed', () => {
  const sent = sentLog()
  expect(() => sent.add([a], [{ partition: 0, offset: 1 }])).toThrow('partition 0 acknowledged offset 1 instead of 2')
  expect(() => sent.add([a], [])).toThrow('not acknowledged')
})

it('the middle time lies in the middle of the largest partition', () => {
  const sent = sentLog()
  expect(sent.middleTime()).toBe(5)
  expect(sent.partitions.map((log) => log.indexAtTime(5))).toEqual([1, 0])
  expect(sent.partitions.map((log) => log.indexAtTime(10))).toEqual([2, 1])
})
