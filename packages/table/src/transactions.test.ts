import { DEFAULT_LIMITS } from '@millrace/record'
import { createMemoryEngine, ManualClock } from '@millrace/testkit'
import { expect, test } from 'vitest'
import { jsonCodec } from './codec.ts'
import { type AppliedChange, Table } from './table.ts'

const PRODUCER = { timeoutMs: 5_000 }

async function tableInEngine() {
  const clock = new ManualClock()
  const engine = createMemoryEngine({ clock })
  const { id } = await engine.topics.create({ name: 'table', partitions: 1, settings: {} })
  const partition = engine.partition(id, 0)
  const changes: AppliedChange<string, number>[] = []
  const open = () =>
    Table.open<string, number>({
      partition,
      codec: jsonCodec(),
      clock,
      limits: DEFAULT_LIMITS,
      onChange: (change) => changes.push(change),
    })
  return { clock, engine, open, changes, table: await open() }
}

const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
}

test('changes of a transaction hold when it is committed, without anybody asking', async () => {
  const { engine, table, changes } = await tableInEngine()
  await table.set('a', 1)
  const producer = await engine.transactions.init('writer', PRODUCER)
  const others = [
    { key: 'a', value: 2 },
    { key: 'b', value: 3 },
  ]
  await table.transactional(others, producer)
  await table.set('c', 4)
  expect(Object.fromEntries(table.entries())).toEqual({ a: 1, c: 4 })
  expect(['a', 'b', 'c'].map((key) => table.pending(key))).toEqual([true, true, false])
  await engine.transactions.end({ transactionalId: 'writer', ...producer }, 'commit')
  await turns()
  expect(Object.fromEntries(table.entries())).toEqual({ a: 2, b: 3, c: 4 })
  expect(['a', 'b', 'c'].map((key) => table.pending(key))).toEqual([false, false, false])
  expect(changes.map(({ key, value }) => `${key}${value}`)).toEqual(['a1', 'c4', 'a2', 'b3'])
})

test('changes of a transaction whose time is up are dropped', async () => {
  const { clock, engine, table } = await tableInEngine()
  const producer = await engine.transactions.init('writer', PRODUCER)
  await table.transactional([{ key: 'a', value: 1 }], producer)
  clock.advance(5_000)
  await turns()
  expect([table.size, table.pending('a')]).toEqual([0, false])
  await expect(table.transactional([{ key: 'a', value: 1 }], producer)).rejects.toMatchObject({
    code: 'TRANSACTION_ABORTED',
  })
})

test('refresh takes up what the log has when it is called', async () => {
  const { engine, table } = await tableInEngine()
  const producer = await engine.transactions.init('writer', PRODUCER)
  await table.transactional([{ key: 'a', value: 1 }], producer)
  await engine.transactions.end({ transactionalId: 'writer', ...producer }, 'commit')
  await table.refresh()
  expect(table.get('a')).toBe(1)
})

test('a table that is opened while something is pending follows the log', async () => {
  const { engine, table, open } = await tableInEngine()
  const producer = await engine.transactions.init('writer', PRODUCER)
  await table.transactional([{ key: 'a', value: 1 }], producer)
  await table.close()
  const opened = await open()
  expect([opened.size, opened.pending('a')]).toEqual([0, true])
  await engine.transactions.end({ transactionalId: 'writer', ...producer }, 'commit')
  await turns()
  expect(opened.get('a')).toBe(1)
  await opened.close()
  await engine.close()
})

test('a closed table waits for nothing', async () => {
  const { clock, engine, table } = await tableInEngine()
  const producer = await engine.transactions.init('writer', PRODUCER)
  await table.transactional([{ key: 'a', value: 1 }], producer)
  await turns()
  await table.close()
  await engine.close()
  await turns()
  expect(clock.pendingTimers).toBe(0)
})
