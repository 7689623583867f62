import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Meter } from './meter.ts'

/** A meter with a clock that the test sets. */
function meterAt(warmupMs: number, ms: number) {
  let nowMs = 1_000
  const meter = new Meter(warmupMs, ms, () => nowMs)
  const passAndAdd = (passMs: number, count: number): void => {
    nowMs += passMs
    meter.add(count)
  }
  return { meter, passAndAdd }
}

test('what is done in the warm-up does not count', () => {
  const { meter, passAndAdd } = meterAt(100, 1_000)
  passAndAdd(50, 7)
  passAndAdd(50, 9)
  passAndAdd(500, 10)
  passAndAdd(500, 20)
  passAndAdd(500, 1_000)
  expect(meter.perSecond).toBe(30)
  expect(meter.total).toBe(1_046)
})

test('a steady rate is told as it is, whatever the steps', () => {
  const steps = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 200 })
  fc.assert(
    fc.property(steps, fc.integer({ min: 0, max: 200 }), fc.integer({ min: 1, max: 500 }), (passes, warmupMs, ms) => {
      const { meter, passAndAdd } = meterAt(warmupMs, ms)
      for (const passMs of passes) passAndAdd(passMs, passMs * 5)
      meter.end()
      if (passes.reduce((sum, passMs) => sum + passMs) > warmupMs + 40) expect(meter.perSecond).toBeCloseTo(5_000)
    }),
  )
})

test('without a span there is no rate', () => {
  const { meter, passAndAdd } = meterAt(100, 1_000)
  passAndAdd(50, 7)
  meter.end()
  expect(meter.isCounting).toBe(false)
  expect(meter.perSecond).toBeNaN()
})

test('the span can be ended before its time', () => {
  const { meter, passAndAdd } = meterAt(0, 1_000)
  passAndAdd(500, 100)
  expect(meter.isOver).toBe(false)
  meter.end()
  expect(meter.isOver).toBe(true)
  expect(meter.perSecond).toBe(200)
})
