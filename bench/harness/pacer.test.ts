import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Pacer } from './pacer.ts'

/** Turns of the event loop that take as long as the list says, again and again. */
function surroundings(turnsMs: readonly number[]) {
  let nowMs = 500
  let turns = 0
  return {
    nowMs: () => nowMs,
    async turn() {
      nowMs += turnsMs[turns++ % turnsMs.length]!
    },
  }
}

test('each step is taken once, in order, never before it is due, and late only by the turn it had to wait for', async () => {
  const turns = fc.array(fc.double({ min: 0.01, max: 50, noNaN: true }), { minLength: 1, maxLength: 20 })
  await fc.assert(
    fc.asyncProperty(turns, fc.integer({ min: 1, max: 100_000 }), async (turnsMs, perSecond) => {
      const world = surroundings(turnsMs)
      const pacer = new Pacer(perSecond, world)
      const taken: number[] = []
      await pacer.run(200, (index) => {
        taken.push(index)
        const lateMs = world.nowMs() - pacer.dueMs(index)
        expect(lateMs).toBeGreaterThanOrEqual(0)
        expect(lateMs).toBeLessThanOrEqual(Math.max(...turnsMs))
      })
      expect(taken).toEqual(Array.from({ length: 200 }, (_, index) => index))
    }),
  )
})

test('a delay moves no later step: the schedule stays', async () => {
  const world = surroundings([1, 1, 700, 1])
  const pacer = new Pacer(1_000, world)
  await pacer.run(1_000, () => {})
  expect(pacer.dueMs(999)).toBe(500 + 999)
})

test('it ends when it is told', async () => {
  let taken = 0
  await new Pacer(1_000, surroundings([1])).run(
    1_000,
    () => taken++,
    () => taken >= 10,
  )
  expect(taken).toBe(10)
})
