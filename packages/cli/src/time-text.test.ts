import { expect, test } from 'vitest'
import { timeText } from './time-text.ts'

test.each([
  [0, '1970-01-01T00:00:00.000Z'],
  [8.64e15, '+275760-09-13T00:00:00.000Z'],
  [8.64e15 + 1, '8640000000000001ms'],
  [-1, '1969-12-31T23:59:59.999Z'],
])('%s is shown as %s', (timestampMs, text) => {
  expect(timeText(timestampMs)).toBe(text)
})
