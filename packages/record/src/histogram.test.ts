import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DURATION_BOUNDS_MS, Histogram } from './histogram.ts'

test('every value is counted once, under the smallest bound that is not below it', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.integer({ min: 0, max: 100 }), { minLength: 1, maxLength: 10 }),
      fc.array(fc.integer({ min: 0, max: 120 })),
      (unsorted, values) => {
        const bounds = unsorted.sort((a, b) => a - b)
        const histogram = new Histogram(bounds)
        for (const value of values) histogram.observe(value)
        for (const [index, bound] of bounds.entries()) {
          const upTo = histogram.counts.slice(0, index + 1).reduce((sum, count) => sum + count, 0)
          expect(upTo).toBe(values.filter((value) => value <= bound).length)
        }
        expect(histogram.counts.reduce((sum, count) => sum + count, 0)).toBe(values.length)
        expect(histogram.sum).toBe(values.reduce((sum, value) => sum + value, 0))
      },
    ),
  )
})

test('the bounds for durations ascend', () => {
  expect([...DURATION_BOUNDS_MS].sort((a, b) => a - b)).toEqual(DURATION_BOUNDS_MS)
})
