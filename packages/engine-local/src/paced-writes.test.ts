import { setImmediate as turn } from 'node:timers/promises'
import { ManualClock } from '@millrace/testkit'
import { expect, test } from 'vitest'
import { PacedWrites } from './paced-writes.ts'

/** Writes in a time that stands still unless it is moved, each of which takes `tookMs` together with those of its turn. */
function setUp(tookMs: number) {
  const clock = new ManualClock()
  const paced = new PacedWrites(clock)
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
    for (let count = 0; count < writes; count++) void paced.run(write)
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

test('writes share a turn, and the next comes after a pause seven times as long where others are busy', async () => {
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
  for (let number = 0; number < 20; number++) expect(await paced.run(write)).toBe(number)
  expect(turns).toHaveLength(20)
  expect(clock.monotonicMs()).toBe(80)
})

test('a write that fails fails alone, and the next goes on', async () => {
  const { paced, write } = setUp(0)
  const failing = paced.run(() => Promise.reject(new Error('no')))
  const others = Promise.all([paced.run(write), paced.run(write)])
  await expect(failing).rejects.toThrow('no')
  expect(await others).toEqual([0, 1])
  expect(await paced.run(write)).toBe(2)
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
