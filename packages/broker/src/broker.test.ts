import { batchOf, createMemoryEngine, ManualClock } from '@millrace/testkit'
import { expect, test } from 'vitest'
import { Broker } from './broker.ts'

test('a broker has the problems of its engine', async () => {
  const clock = new ManualClock()
  const engine = createMemoryEngine({ clock })
  const broker = new Broker({ engine, clock })
  expect(await broker.problems()).toEqual([])
  await engine.close()
  expect(await broker.problems()).toEqual(await engine.problems())
  expect(await broker.problems()).not.toEqual([])
})

test('once the engine is closed, every call says so', async () => {
  const clock = new ManualClock()
  const engine = createMemoryEngine({ clock })
  const broker = new Broker({ engine, clock })
  await broker.topics.create({ name: 'orders' })
  const target = await broker.produce.target('orders', 0)
  await engine.close()
  const calls = [
    target.append(batchOf(['x']), 'committed'),
    broker.fetch.records('orders', 0, { at: 'earliest' }),
    broker.topics.create({ name: 'others' }),
    broker.topics.describe('orders'),
    broker.topics.list(),
    broker.produce.initProducer(),
  ]
  for (const call of calls) await expect(call).rejects.toMatchObject({ code: 'SHUTTING_DOWN' })
})
