import { ManualClock } from '@millrace/testkit'
import { expect, test } from 'vitest'
import { LongWork } from './long-work.ts'

test('long work is done piece by piece, in order, with pauses as long as each piece took', () => {
  const clock = new ManualClock()
  const long = new LongWork(clock)
  const done: string[] = []
  const work = (name: string, tookMs: number) => () => {
    clock.advance(tookMs)
    done.push(name)
  }
  long.run(work('a', 100))
  long.run(work('b', 1))
  long.run(work('c', 50))
  long.run(work('d', 0))
  expect(done).toEqual(['a'])
  clock.advance(99)
  expect(done).toEqual(['a'])
  // What is short makes nobody wait.
  clock.advance(1)
  expect(done).toEqual(['a', 'b', 'c'])
  clock.advance(150)
  expect(done).toEqual(['a', 'b', 'c', 'd'])
  long.run(work('e', 0))
  expect(done).toEqual(['a', 'b', 'c', 'd', 'e'])
  expect(clock.pendingTimers).toBe(0)
})
