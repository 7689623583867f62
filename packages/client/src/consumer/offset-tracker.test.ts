import fc from 'fast-check'
import { expect, test } from 'vitest'
import { OffsetTracker, type Share } from './offset-tracker.ts'

const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('give' as const), gap: fc.nat(3), count: fc.integer({ min: 1, max: 4 }) }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('handle' as const), which: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('pass' as const), gap: fc.nat(5) }) },
)

test('no record that was given out and is not handled lies before what is handled, and nothing else holds it back', () => {
  fc.assert(
    fc.property(fc.nat(100), fc.array(step, { maxLength: 200 }), (start, steps) => {
      const tracker = new OffsetTracker(start)
      const open: Share[] = []
      let end = start
      for (const it of steps) {
        if (it.do === 'give') {
          open.push(tracker.give(end + it.gap, end + it.gap + it.count))
          end += it.gap + it.count
        } else if (it.do === 'pass') {
          end += it.gap
          tracker.pass(end)
        } else if (open.length > 0) {
          tracker.handle(open.splice(it.which % open.length, 1)[0] as Share)
        }
        expect(tracker.given).toBe(end)
        expect(tracker.handled).toBe(Math.min(end, ...open.map(({ offset }) => offset)))
      }
    }),
  )
})

test('before it is known where reading begins there is nothing to commit', () => {
  const tracker = new OffsetTracker(undefined)
  expect([tracker.given, tracker.handled]).toEqual([undefined, undefined])
  tracker.pass(7)
  expect([tracker.given, tracker.handled]).toEqual([7, 7])
})

test('what was given out already is not passed again', () => {
  const tracker = new OffsetTracker(0)
  tracker.give(0, 10)
  tracker.pass(5)
  expect([tracker.given, tracker.handled]).toEqual([10, 0])
})
