import { setImmediate as turn } from 'node:timers/promises'
import { ManualClock } from '@millrace/testkit'
import { expect, test } from 'vitest'
import { PacedTurns } from './paced-turns.ts'

/** Turns in a time that stands still unless it is moved, each of which takes `tookMs`; `write` is work for them. */
function setUp(tookMs: number, { perTurn = 64, pauseFrom = 2, pause = 7 } = {}) {
  const clock = new ManualClock()
  const paced = new PacedTurns({ clock, perTurn, pauseFrom, pause })
  /** How many writes each turn had. */
  const turns: number[] = []
  let underWay = 0
  let written = 0
  const write = async (): Promise<number> => {
    if (underWay++ === 0) {
      turns.push(0)
      clock.advance(tookMs)
    }
    turns.push((turns.pop() as number) + 1)
    await turn()
    underWay--
    return written++
  }
  const settle = async (): Promise<void> => {
    for (let count = 0; count < 10; count++) await turn()
  }
  const start = async (writes: number): Promise<void> => {
    for (let count = 0; count < writes; count++) void paced.run('line', write)
    await settle()
  }
  /** Moves on in small steps, as an event loop does, `busy` or with nothing to do. */
  const pass = async (ms: number, how: 'busy' | 'idle'): Promise<void> => {
    for (let passed = 0; passed < ms; passed++) {
      if (how === 'busy') clock.advance(1)
      else clock.rest(1)
      await settle()
    }
  }
  return { clock, paced, turns, write, settle, start, pass }
}

test('works share a turn, and the next comes after a pause in proportion where others are busy', async () => {
  const { clock, turns, start, pass } = setUp(4)
  await start(150)
  expect(turns).toEqual([64])
  await pass(27, 'busy')
  expect(turns).toEqual([64])
  await pass(1, 'busy')
  expect(turns).toEqual([64, 64])
  await start(10)
  await pass(27, 'busy')
  expect(turns).toEqual([64, 64])
  await pass(1, 'busy')
  expect(turns).toEqual([64, 64, 32])
  await pass(28, 'busy')
  expect(clock.pendingTimers).toBe(0)
  await start(3)
  expect(turns).toEqual([64, 64, 32, 3])
})

test('the pause is short where nobody else has anything to do', async () => {
  const { turns, start, pass } = setUp(4)
  await start(100)
  await pass(3, 'idle')
  expect(turns).toEqual([64])
  await pass(1, 'idle')
  expect(turns).toEqual([64, 36])
})

test('whoever asks for one after another waits for no pause', async () => {
  const { clock, paced, turns, write } = setUp(4)
  for (let number = 0; number < 20; number++) expect(await paced.run('line', write)).toBe(number)
  expect(turns).toHaveLength(20)
  expect(clock.monotonicMs()).toBe(80)
})

test('one that fails fails alone, and the next goes on', async () => {
  const { paced, write } = setUp(0)
  const failing = paced.run('line', () => Promise.reject(new Error('no')))
  const others = Promise.all([paced.run('line', write), paced.run('line', write)])
  await expect(failing).rejects.toThrow('no')
  expect(await others).toEqual([0, 1])
  expect(await paced.run('line', write)).toBe(2)
})

test('when it is closed, what waits goes on without a pause', async () => {
  const { clock, paced, turns, settle, start } = setUp(4)
  await start(200)
  expect(turns).toEqual([64])
  paced.close()
  await settle()
  await settle()
  expect(turns).toEqual([64, 64, 64, 8])
  expect(clock.pendingTimers).toBe(0)
})

test('each line has its turn, and those who leave theirs are passed over', async () => {
  const { paced, settle } = setUp(0, { perTurn: 2 })
  const done: string[] = []
  const many = Array.from({ length: 6 }, (_, index) => paced.take('many', () => done.push(`many ${index}`)))
  paced.take('one', () => done.push('one'))
  const gone = paced.take('gone', () => done.push('gone'))
  many[1]?.()
  many[1]?.()
  gone()
  await settle()
  expect(done).toEqual(['many 0', 'one', 'many 2', 'many 3', 'many 4', 'many 5'])
})

test('where every turn is followed by a pause, one after another wait for it too', async () => {
  const { turns, start, pass } = setUp(2, { perTurn: 4, pauseFrom: 1, pause: 3 })
  await start(1)
  await start(1)
  expect(turns).toEqual([1])
  await pass(5, 'busy')
  expect(turns).toEqual([1])
  await pass(1, 'busy')
  expect(turns).toEqual([1, 1])
})
