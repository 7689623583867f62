import { ManualClock } from '@millrace/testkit'
import { describe, expect, test } from 'vitest'
import { turns } from '../test/log-harness.ts'
import { Throttle } from './throttle.ts'

const { signal } = new AbortController()

describe('the throttle', () => {
  test('lets through, over any time, what its rate allows, and a little ahead', async () => {
    const clock = new ManualClock()
    const throttle = new Throttle(clock, 1_000)
    let passed = 0
    const work = async (): Promise<void> => {
      while (passed < 2_000) {
        await throttle.pass(10, signal)
        passed += 10
      }
    }
    const done = work()
    for (let elapsed = 0; elapsed < 1_500; elapsed += 5) {
      await turns(3)
      expect(passed).toBeLessThanOrEqual(elapsed + 20)
      expect(passed).toBeGreaterThanOrEqual(elapsed - 20)
      clock.advance(5)
    }
    for (let left = 0; left < 200; left++) {
      await turns(3)
      clock.advance(5)
    }
    await done
  })

  test('always gives way to what waits already', async () => {
    const throttle = new Throttle(new ManualClock(), Number.POSITIVE_INFINITY)
    let wentFirst = false
    setImmediate(() => {
      wentFirst = true
    })
    await throttle.pass(1, signal)
    expect(wentFirst).toBe(true)
  })

  test('does not hold up what is to end', async () => {
    const clock = new ManualClock()
    const throttle = new Throttle(clock, 1)
    const ending = new AbortController()
    const passing = throttle.pass(1_000, ending.signal)
    expect(clock.pendingTimers).toBe(1)
    ending.abort()
    await passing
    expect(clock.pendingTimers).toBe(0)
    await throttle.pass(1_000, ending.signal)
    expect(clock.pendingTimers).toBe(0)
  })
})
