import { describe, expect, it } from 'vitest'
import { meantTime, parseFrom, parseTime } from './position.ts'

describe('--from', () => {
  it.each([
    ['earliest', 'earliest'],
    ['latest', 'latest'],
    ['0', { offset: 0 }],
    ['9007199254740991', { offset: 9_007_199_254_740_991 }],
    ['1790000000000ms', { timestamp: 1_790_000_000_000 }],
    ['2026-11-01', { timestamp: Date.UTC(2026, 10, 1) }],
    ['2026-11-01T08:30:00Z', { timestamp: Date.UTC(2026, 10, 1, 8, 30) }],
    ['2026-11-01T08:30:00.5+01:00', { timestamp: Date.UTC(2026, 10, 1, 7, 30, 0, 500) }],
  ])('%s', (text, position) => expect(parseFrom(text)).toEqual(position))

  it.each(['', 'first', '-1', '1.5', '9007199254740992', '12s', '2026-13-01', '01.11.2026', '1969-01-01'])(
    'refuses %j and says what is allowed',
    (text) => expect(() => parseFrom(text)).toThrow(`--from ${text}: allowed is earliest, latest, an offset`),
  )
})

describe('--to-time', () => {
  it('takes the times of --from', () => {
    expect(parseTime('--to-time', '1790000000000ms')).toBe(1_790_000_000_000)
    expect(parseTime('--to-time', '2026-11-01')).toBe(Date.UTC(2026, 10, 1))
  })

  it.each(['', 'latest', '1790000000000', '-1ms', '2026-13-01'])('refuses %j and says what is allowed', (text) =>
    expect(() => parseTime('--to-time', text)).toThrow(`--to-time ${text}: allowed is an ISO date`),
  )
})

it.each([
  [{ offset: 1_795_219_616_682 }, '1795219616682ms'],
  [{ offset: 99_999_999_999 }, ''],
  [{ timestamp: 1_795_219_616_682 }, ''],
  ['latest', ''],
] as const)('%j may be meant as %j', (from, time) => expect(meantTime(from)).toBe(time))
