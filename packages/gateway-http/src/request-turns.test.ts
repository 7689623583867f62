import { setImmediate as nextTurn } from 'node:timers/promises'
import { ManualClock } from '@millrace/testkit'
import { describe, expect, test } from 'vitest'
import { type RequestOwner, RequestTurns } from './request-turns.ts'

const PER_TURN = 4

/** Time stands still unless it is moved: turns of the event loop have nothing else to do, and starts take no time. */
function setUp() {
  const clock = new ManualClock()
  const turns = new RequestTurns(clock)
  const started: string[] = []
  const take = (owner: RequestOwner, name: string, count: number, tookMs = 0): void => {
    for (let index = 0; index < count; index++) {
      turns.take(owner, () => {
        clock.advance(tookMs)
        started.push(`${name}${index}`)
      })
    }
  }
  return { clock, turns, started, take }
}

const connection = (address = '10.0.0.1'): RequestOwner => ({ address })

test('a few begin at once, the rest a few in each turn of the event loop, in order', async () => {
  const { turns, started, take } = setUp()
  take(connection(), 'a', 10)
  expect(started).toHaveLength(PER_TURN)
  expect(turns.size).toBe(10 - PER_TURN)
  await nextTurn()
  expect(started).toHaveLength(2 * PER_TURN)
  await nextTurn()
  expect(started).toEqual(Array.from({ length: 10 }, (_, index) => `a${index}`))
  expect(turns.size).toBe(0)
})

test('a connection with one request waits for one of another with hundreds, not for all', async () => {
  const { started, take } = setUp()
  take(connection(), 'greedy', 500)
  take(connection(), 'polite', 1)
  await nextTurn()
  expect(started.indexOf('polite0')).toBe(PER_TURN + 1)
})

test('an address with one connection waits for one request of another with many, not for one of each', async () => {
  const { started, take } = setUp()
  for (let index = 0; index < 50; index++) take(connection('10.0.0.2'), `greedy ${index}: `, 10)
  take(connection('10.0.0.3'), 'polite', 3)
  for (let turn = 0; turn < 2; turn++) await nextTurn()
  expect(started.slice(PER_TURN).filter((name) => name.startsWith('polite'))).toHaveLength(3)
})

test('requests that come in another turn begin at once when none wait', async () => {
  const { turns, started, take } = setUp()
  take(connection(), 'a', PER_TURN)
  await nextTurn()
  take(connection(), 'b', PER_TURN)
  expect(started).toHaveLength(2 * PER_TURN)
  expect(turns.size).toBe(0)
})

test('a start that asks for another lets the others begin first', async () => {
  const { turns, started, take } = setUp()
  const again = connection()
  let left = 5
  const start = (): void => {
    started.push('again')
    if (left-- > 0) turns.take(again, start)
  }
  take(connection(), 'a', 30)
  turns.take(again, start)
  while (turns.size > 0) await nextTurn()
  expect(started.filter((name) => name === 'again')).toHaveLength(6)
  expect(started.filter((name) => name !== 'again')).toEqual(Array.from({ length: 30 }, (_, index) => `a${index}`))
})

describe('where there is other work', () => {
  test('those that had to wait go on when it has had eight times what they took', async () => {
    const { clock, started, take } = setUp()
    take(connection(), 'a', 40, 1)
    await nextTurn()
    expect(started).toHaveLength(2 * PER_TURN)
    // They took 4 ms.
    for (let turn = 0; turn < 31; turn++) {
      clock.advance(1)
      await nextTurn()
    }
    expect(started).toHaveLength(2 * PER_TURN)
    clock.advance(1)
    await nextTurn()
    expect(started).toHaveLength(3 * PER_TURN)
  })

  test('a request that begins at once, and works later, counts for 0.03 ms', async () => {
    const { clock, started, take } = setUp()
    take(connection(), 'a', 40)
    await nextTurn()
    expect(started).toHaveLength(2 * PER_TURN)
    for (const [ms, turns] of [
      [0.8, 2],
      [0.2, 3],
    ] as const) {
      clock.advance(ms)
      await nextTurn()
      expect(started).toHaveLength(turns * PER_TURN)
    }
  })

  test('they go on as soon as it has nothing to do', async () => {
    const { clock, started, take } = setUp()
    take(connection(), 'a', 40, 1)
    await nextTurn()
    clock.advance(1)
    await nextTurn()
    expect(started).toHaveLength(2 * PER_TURN)
    await nextTurn()
    expect(started).toHaveLength(3 * PER_TURN)
  })
})
