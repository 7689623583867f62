import { ManualClock } from '@millrace/testkit'
import { expect, test } from 'vitest'
import { RequestStats } from './request-stats.ts'

test('a code is news once in ten seconds, whatever other codes are', () => {
  const clock = new ManualClock()
  const stats = new RequestStats(clock)
  expect([stats.isNews('LIMIT_REACHED'), stats.isNews('LIMIT_REACHED'), stats.isNews('TIMED_OUT')]).toEqual([
    true,
    false,
    true,
  ])
  clock.advance(9_999)
  expect(stats.isNews('LIMIT_REACHED')).toBe(false)
  clock.advance(1)
  expect([stats.isNews('LIMIT_REACHED'), stats.isNews('LIMIT_REACHED')]).toEqual([true, false])
})
