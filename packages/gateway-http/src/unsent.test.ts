import { expect, test } from 'vitest'
import { Unsent } from './unsent.ts'

const MiB = 1_048_576
const LEAST = 65_536

test('gives what is wanted while little is held up', () => {
  const unsent = new Unsent(64 * MiB)
  expect(unsent.portion(MiB)).toBe(MiB)
  expect(unsent.portion(100)).toBe(100)
  expect(unsent.portion(100 * MiB)).toBe(8 * MiB)
})

test('however many clients stop reading, they stay within the limit and a little for each', () => {
  for (const clients of [10, 100, 1_000, 10_000]) {
    const unsent = new Unsent(64 * MiB)
    for (let client = 0; client < clients; client++) unsent.add(unsent.portion(MiB))
    expect(unsent.bytes).toBeLessThanOrEqual(64 * MiB + clients * LEAST)
    // Who reads goes on.
    expect(unsent.portion(MiB)).toBeGreaterThanOrEqual(LEAST)
  }
})

test('counts a portion while it is read, also when that fails', async () => {
  const unsent = new Unsent(16 * MiB)
  const seen = await unsent.whileReading(4 * MiB, async (bytes) => [bytes, unsent.bytes])
  expect(seen).toEqual([2 * MiB, 2 * MiB])
  await expect(unsent.whileReading(MiB, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
  expect(unsent.bytes).toBe(0)
})
