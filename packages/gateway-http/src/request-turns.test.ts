import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { RequestTurns } from './request-turns.ts'

const PER_TURN = 4

function starter(turns: RequestTurns) {
  const started: string[] = []
  const take = (owner: object, name: string, count: number): void => {
    for (let index = 0; index < count; index++) turns.take(owner, () => started.push(`${name}${index}`))
  }
  return { started, take }
}

test('a few begin at once, the rest a few in each turn of the event loop, in order', async () => {
  const turns = new RequestTurns()
  const { started, take } = starter(turns)
  take({}, 'a', 10)
  expect(started).toHaveLength(PER_TURN)
  expect(turns.size).toBe(10 - PER_TURN)
  await nextTurn()
  expect(started).toHaveLength(2 * PER_TURN)
  await nextTurn()
  expect(started).toEqual(Array.from({ length: 10 }, (_, index) => `a${index}`))
  expect(turns.size).toBe(0)
})

test('a connection with one request waits for one of another with hundreds, not for all', async () => {
  const turns = new RequestTurns()
  const { started, take } = starter(turns)
  take({}, 'greedy', 500)
  take({}, 'polite', 1)
  await nextTurn()
  expect(started.indexOf('polite0')).toBe(PER_TURN + 1)
})

test('requests that come in another turn begin at once when none wait', async () => {
  const turns = new RequestTurns()
  const { started, take } = starter(turns)
  take({}, 'a', PER_TURN)
  await nextTurn()
  take({}, 'b', PER_TURN)
  expect(started).toHaveLength(2 * PER_TURN)
  expect(turns.size).toBe(0)
})

test('a start that asks for another lets the others begin first', async () => {
  const turns = new RequestTurns()
  const { started, take } = starter(turns)
  const again = {}
  let left = 5
  const start = (): void => {
    started.push('again')
    if (left-- > 0) turns.take(again, start)
  }
  take({}, 'a', 30)
  turns.take(again, start)
  while (turns.size > 0) await nextTurn()
  expect(started.filter((name) => name === 'again')).toHaveLength(6)
  expect(started.filter((name) => name !== 'again')).toEqual(Array.from({ length: 30 }, (_, index) => `a${index}`))
})
