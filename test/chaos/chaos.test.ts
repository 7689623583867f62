import { expect, test } from 'vitest'
import { runChaos } from './chaos.ts'

const CHAOS_MS = 15_000

// The seed gives what goes wrong and when, as far as time does not; `npm run chaos -- --seed` takes it.
const seed = Math.floor(Math.random() * 2 ** 31)

test.each([
  { members: 'workers, at least once and in order', transactions: false },
  { members: 'pipes with transactions, exactly once and in order', transactions: true },
])(`$members, whatever is killed, stopped and cut (seed ${seed})`, { timeout: 120_000 }, async ({ transactions }) => {
  const { breaches, counts } = await runChaos({ seed, ms: CHAOS_MS, transactions })
  expect(breaches.slice(0, 20)).toEqual([])
  // A run in which nothing happened would prove nothing.
  expect(counts[transactions ? 'output' : 'handled']).toBeGreaterThan(100)
  expect(counts.committed).toBeGreaterThan(0)
})
