import fc from 'fast-check'
import { expect, test } from 'vitest'
import { median, medianRatio, spread } from './statistics.ts'

test('half of the values are not above the median, half not below', () => {
  fc.assert(
    fc.property(fc.array(fc.integer(), { minLength: 1 }), (values) => {
      const middle = median(values)
      const half = values.length / 2
      expect(values.filter((value) => value <= middle).length).toBeGreaterThanOrEqual(half)
      expect(values.filter((value) => value >= middle).length).toBeGreaterThanOrEqual(half)
    }),
  )
})

test('of an even number it is the mean of the two in the middle', () => {
  expect(median([4, 1, 3, 100])).toBe(3.5)
})

test('a round without a figure leaves none for all of them', () => {
  expect(median([1, Number.NaN, 3])).toBeNaN()
  expect(median([])).toBeNaN()
  expect(spread([1, Number.NaN]).median).toBeNaN()
})

test('ratios are taken round by round', () => {
  // Of the medians it would be 20 / 10.
  expect(medianRatio([10, 90, 20], [100, 10, 2])).toBe(9)
})

test('a ratio to what was not measured is none', () => {
  expect(medianRatio([1, 2], [1])).toBeNaN()
})
