import { setImmediate as turn } from 'node:timers/promises'
import { ManualClock } from '@millrace/testkit'
import { describe, expect, test } from 'vitest'
import { LongWork } from '../work/long-work.ts'
import { JoinRounds } from './join-rounds.ts'

/**
 * Rounds in a time that stands still unless it is moved. A join of `wait` takes `tookMs` of the event loop and is on disk
 * when `write` is called; one of `join` is at once.
 */
function setUp({ members = 1_000 } = {}) {
  const clock = new ManualClock()
  const rounds = new JoinRounds({ clock, longWork: new LongWork(clock), limits: { members } })
  const begun: string[] = []
  const over: string[] = []
  const writes: (() => void)[] = []
  const join = (name: string, tookMs = 0, line = 'line'): void => {
    void rounds.run(line, async () => {
      clock.advance(tookMs)
      begun.push(name)
    })
  }
  const wait = (name: string, line = 'line'): void => {
    const written = rounds.run(line, () => {
      begun.push(name)
      return new Promise<void>((resolve) => writes.push(resolve))
    })
    void written.then(() => over.push(name))
  }
  const settle = async (): Promise<void> => {
    for (let count = 0; count < 20; count++) await turn()
  }
  const write = async (): Promise<void> => {
    for (const resolve of writes.splice(0)) resolve()
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
  return { clock, rounds, begun, over, join, wait, write, settle, pass }
}

describe('joins in rounds', () => {
  test('those of one turn of the event loop are one round, those that come meanwhile the next', async () => {
    const { begun, over, wait, write, settle } = setUp()
    for (const name of ['a', 'b', 'c']) wait(name)
    await settle()
    expect(begun).toEqual(['a', 'b', 'c'])
    wait('d')
    wait('e')
    await settle()
    expect([begun.length, over]).toEqual([3, []])
    await write()
    expect([begun, over]).toEqual([
      ['a', 'b', 'c', 'd', 'e'],
      ['a', 'b', 'c'],
    ])
    await write()
    expect(over).toEqual(['a', 'b', 'c', 'd', 'e'])
  })

  test('one line waits for one join of each other, and a round has so many', async () => {
    const { begun, wait, write, settle } = setUp()
    for (let number = 0; number < 300; number++) wait(`many ${number}`, 'many')
    wait('few 0', 'few')
    wait('few 1', 'few')
    await settle()
    expect(begun.slice(0, 5)).toEqual(['many 0', 'few 0', 'many 1', 'few 1', 'many 2'])
    expect(begun).toHaveLength(128)
    wait('few 2', 'few')
    await write()
    expect(begun).toHaveLength(256)
    expect(begun.slice(128, 131)).toEqual(['many 126', 'few 2', 'many 127'])
    await write()
    expect(begun).toHaveLength(303)
  })

  test('a group that comes all at once makes no pause', async () => {
    const { clock, begun, join, settle } = setUp()
    for (let number = 0; number < 100; number++) {
      join(`${number}`, 2)
      await settle()
    }
    expect(begun).toHaveLength(100)
    expect(clock.pendingTimers).toBe(0)
  })

  test('where joins go on and on, others have three quarters of the time', async () => {
    const { begun, join, settle, pass } = setUp()
    join('first', 400)
    await settle()
    join('a', 10)
    await settle()
    join('b', 10)
    await settle()
    expect(begun).toEqual(['first', 'a'])
    await pass(29, 'busy')
    expect(begun).toEqual(['first', 'a'])
    await pass(3, 'busy')
    expect(begun).toEqual(['first', 'a', 'b'])
  })

  test('they go on sooner where nobody else has anything to do', async () => {
    const { begun, join, settle, pass } = setUp()
    join('first', 400)
    await settle()
    for (const name of ['a', 'b']) {
      join(name, 10)
      await settle()
    }
    await pass(4, 'idle')
    expect(begun).toEqual(['first', 'a'])
    await pass(6, 'idle')
    expect(begun).toEqual(['first', 'a', 'b'])
  })

  test('what they took is forgiven with the time, and waiting for the disk takes nothing', async () => {
    const { clock, begun, join, wait, write, settle, pass } = setUp()
    join('first', 10_000)
    await settle()
    clock.advance(1_000)
    wait('a')
    await settle()
    clock.rest(5_000)
    await write()
    for (const name of ['b', 'c', 'd']) {
      join(name, 10)
      await settle()
    }
    expect(begun).toEqual(['first', 'a', 'b', 'c', 'd'])
    await pass(1, 'busy')
    expect(clock.pendingTimers).toBe(0)
  })

  test('one that fails fails alone', async () => {
    const { rounds, over, wait, write, settle } = setUp()
    const failing = rounds.run('line', () => Promise.reject(new Error('no')))
    wait('a')
    await expect(failing).rejects.toThrow('no')
    await settle()
    await write()
    wait('b')
    await settle()
    await write()
    expect(over).toEqual(['a', 'b'])
    expect(await rounds.run('line', async () => 7)).toBe(7)
  })

  test('no more wait than may', async () => {
    const { rounds, wait, write, settle, over } = setUp({ members: 2 })
    wait('a')
    await settle()
    wait('b')
    wait('c')
    await expect(rounds.run('line', async () => {})).rejects.toMatchObject({ code: 'LIMIT_REACHED' })
    await write()
    await write()
    expect(over).toEqual(['a', 'b', 'c'])
  })
})
