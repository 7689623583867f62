import { ManualClock } from '@millrace/testkit'
import { expect, test } from 'vitest'
import { Arrivals } from './arrivals.ts'

function wary() {
  const clock = new ManualClock()
  const arrivals = new Arrivals(clock)
  arrivals.noteMisuse('bad')
  const entered: string[] = []
  const admit = (address: string, name: string) => arrivals.admit(address, () => entered.push(name))
  return { clock, arrivals, entered, admit }
}

test('connections come in at once, whatever another address did', () => {
  const { arrivals, entered, admit } = wary()
  admit('good', 'a')
  admit('good', 'b')
  expect(entered).toEqual(['a', 'b'])
  expect([arrivals.isWary('good'), arrivals.isWary('bad')]).toEqual([false, true])
})

test('those of an address that misbehaved come in one by one, in order, for ten seconds', () => {
  const { clock, arrivals, entered, admit } = wary()
  for (const name of ['a', 'b', 'c']) admit('bad', name)
  expect(entered).toEqual([])
  clock.advance(50)
  expect(entered).toEqual(['a'])
  clock.advance(50)
  expect(entered).toEqual(['a', 'b'])
  clock.advance(10_000)
  expect(entered).toEqual(['a', 'b', 'c'])
  expect(arrivals.isWary('bad')).toBe(false)
  admit('bad', 'd')
  expect(entered).toEqual(['a', 'b', 'c', 'd'])
  expect(clock.pendingTimers).toBe(0)
})

test('whoever leaves the line is not called, and does not hold up the next', () => {
  const { clock, entered, admit } = wary()
  const leave = admit('bad', 'a')
  admit('bad', 'b')
  leave()
  clock.advance(50)
  expect(entered).toEqual(['b'])
})

test('after close nobody comes in and no timer is left', () => {
  const { clock, arrivals, entered, admit } = wary()
  admit('bad', 'a')
  arrivals.close()
  expect(clock.pendingTimers).toBe(0)
  clock.advance(1_000)
  expect(entered).toEqual([])
})

test('10,000 addresses are remembered, and those that somebody waits for', () => {
  const { arrivals, admit } = wary()
  admit('bad', 'waits')
  for (let number = 0; number < 10_001; number++) arrivals.noteMisuse(`${number}`)
  expect(arrivals.isWary('bad')).toBe(true)
  expect([arrivals.isWary('0'), arrivals.isWary('1'), arrivals.isWary('2')]).toEqual([false, false, true])
  arrivals.close()
})
