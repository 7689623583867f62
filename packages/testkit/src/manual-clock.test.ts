import { describe, expect, test } from 'vitest'
import { ManualClock } from './manual-clock.ts'

describe('ManualClock', () => {
  test('fires timers by due time, then by the order in which they were set, each at its own moment', () => {
    const clock = new ManualClock(1_000)
    const fired: [string, number, number][] = []
    const note = (name: string) => () => fired.push([name, clock.nowMs(), clock.monotonicMs()])
    clock.setTimer(20, note('late'))
    clock.setTimer(10, note('first of two'))
    clock.setTimer(10, note('second of two'))
    clock.setTimer(31, note('not yet'))
    clock.advance(30)
    expect(fired).toEqual([
      ['first of two', 1_010, 10],
      ['second of two', 1_010, 10],
      ['late', 1_020, 20],
    ])
    expect(clock.nowMs()).toBe(1_030)
    expect(clock.pendingTimers).toBe(1)
  })

  test('includes timers that a timer sets', () => {
    const clock = new ManualClock()
    let ticks = 0
    const tick = () => {
      ticks++
      clock.setTimer(10, tick)
    }
    clock.setTimer(10, tick)
    clock.advance(35)
    expect(ticks).toBe(3)
  })

  test('a cancelled timer does not fire, also when a timer of the same moment cancels it', () => {
    const clock = new ManualClock()
    const fired: string[] = []
    clock.setTimer(5, () => {
      fired.push('a')
      b.cancel()
    })
    const b = clock.setTimer(5, () => fired.push('b'))
    clock.advance(10)
    b.cancel()
    expect(fired).toEqual(['a'])
  })

  test('the wall clock may jump without a timer or monotonic time noticing', () => {
    const clock = new ManualClock(5_000)
    let fired = false
    clock.setTimer(10, () => {
      fired = true
    })
    clock.setWallClock(1_000)
    expect(clock.monotonicMs()).toBe(0)
    clock.advance(9)
    expect([fired, clock.nowMs()]).toEqual([false, 1_009])
    clock.advance(1)
    expect(fired).toBe(true)
  })
})
