import { setImmediate as turn } from 'node:timers/promises'
import { ManualClock } from '@millrace/testkit'
import { describe, expect, test } from 'vitest'
import { LongWork } from './long-work.ts'

/** Long work in a time that stands still unless it is moved; `settle` lets everything happen that may by then. */
function setUp() {
  const clock = new ManualClock()
  const long = new LongWork(clock)
  const done: string[] = []
  const run = (name: string, tookMs: number, line = 'line'): void => {
    void long.run(line, () => {
      clock.advance(tookMs)
      done.push(name)
    })
  }
  const settle = async (): Promise<void> => {
    for (let count = 0; count < 20; count++) await turn()
  }
  /** Moves on in small steps, as an event loop does, `busy` or with nothing to do. */
  const pass = async (ms: number, how: 'busy' | 'idle'): Promise<void> => {
    for (let passed = 0; passed < ms; passed++) {
      if (how === 'busy') clock.advance(1)
      else clock.rest(1)
      await settle()
    }
  }
  return { clock, long, done, run, settle, pass }
}

describe('long work', () => {
  test('is done one after another, with pauses three times as long as each took where others are busy', async () => {
    const { clock, done, run, settle, pass } = setUp()
    run('a', 100)
    run('b', 1)
    run('c', 50)
    run('d', 0)
    await settle()
    expect(done).toEqual(['a'])
    await pass(295, 'busy')
    expect(done).toEqual(['a'])
    // What is short makes nobody wait.
    await pass(5, 'busy')
    expect(done).toEqual(['a', 'b', 'c'])
    await pass(170, 'busy')
    expect(done).toEqual(['a', 'b', 'c', 'd'])
    run('e', 0)
    await settle()
    expect(done.at(-1)).toBe('e')
    expect(clock.pendingTimers).toBe(0)
  })

  test('goes on sooner where nobody else has anything to do', async () => {
    const { done, run, settle, pass } = setUp()
    run('a', 100)
    run('b', 0)
    await settle()
    await pass(20, 'busy')
    await pass(40, 'idle')
    expect(done).toEqual(['a'])
    await pass(40, 'idle')
    expect(done).toEqual(['a', 'b'])
  })

  test('goes on no sooner where others had more to do than not', async () => {
    const { done, run, settle, pass } = setUp()
    run('a', 100)
    run('b', 0)
    await settle()
    await pass(150, 'busy')
    await pass(60, 'idle')
    expect(done).toEqual(['a'])
    await pass(90, 'busy')
    expect(done).toEqual(['a', 'b'])
  })

  test('that can be interrupted is, and nothing else of its kind comes in between', async () => {
    const { clock, long, done, run, settle, pass } = setUp()
    void long.run('line', async (pace) => {
      for (let piece = 0; piece < 3; piece++) {
        clock.advance(3)
        done.push(`piece ${piece}`)
        if (pace.isLong) await pace.rest()
      }
    })
    run('next', 0)
    await settle()
    expect(done).toEqual(['piece 0', 'piece 1'])
    await pass(17, 'busy')
    expect(done).toEqual(['piece 0', 'piece 1'])
    await pass(3, 'busy')
    expect(done).toEqual(['piece 0', 'piece 1', 'piece 2'])
    await pass(10, 'busy')
    expect(done.at(-1)).toBe('next')
  })

  test('of one line waits for one of each other, not for all', async () => {
    const { done, run, settle } = setUp()
    for (let count = 0; count < 20; count++) run(`many ${count}`, 0, 'many')
    run('one', 0, 'one')
    run('other', 0, 'other')
    await settle()
    expect(done.slice(0, 4)).toEqual(['many 0', 'many 1', 'one', 'other'])
    expect(done).toHaveLength(22)
    expect(done.filter((name) => name.startsWith('many'))).toEqual(Array.from({ length: 20 }, (_, at) => `many ${at}`))
  })

  test('that fails makes room for the next, and says so', async () => {
    const { long, done, run, settle } = setUp()
    const failed = long.run('line', () => {
      throw new Error('no')
    })
    run('next', 0)
    await expect(failed).rejects.toThrow('no')
    await settle()
    expect(done).toEqual(['next'])
  })
})
