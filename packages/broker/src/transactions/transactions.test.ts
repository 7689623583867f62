import type { ProducerIdentity } from '@millrace/engine'
import { DEFAULT_LIMITS } from '@millrace/record'
import { batchOf, createMemoryEngine, ManualClock } from '@millrace/testkit'
import { describe, expect, test } from 'vitest'
import { Broker } from '../broker.ts'

async function setUp(limits = DEFAULT_LIMITS) {
  const clock = new ManualClock()
  const engine = createMemoryEngine({ clock, limits })
  const broker = new Broker({ engine, clock, limits })
  const { id } = await broker.topics.create({ name: 't' })
  const target = await broker.produce.target('t', 0)
  const write = async (value: string, identity?: ProducerIdentity, baseSequence = 0): Promise<void> => {
    const producer = identity === undefined ? {} : { transactional: true, producer: { ...identity, baseSequence } }
    await target.append(batchOf([value], producer), 'committed')
  }
  const read = async (offset: number, more: { isolation?: 'uncommitted'; limit?: number } = {}) => {
    const { records, nextOffset } = await broker.fetch.records('t', 0, { offset }, more)
    return { values: records.map(({ value }) => `${value}`), nextOffset }
  }
  return { clock, broker, id, write, read }
}

describe('transactions', () => {
  test.each([
    [DEFAULT_LIMITS, 60_000],
    [{ ...DEFAULT_LIMITS, transactionTimeoutMs: 5_000 }, 5_000],
  ])('stay open for a minute where nothing was said, or what the limit allows', async (limits, timeoutMs) => {
    const { broker } = await setUp(limits)
    await broker.transactions.init('pipe')
    expect(await broker.transactions.list()).toMatchObject([{ transactionalId: 'pipe', state: 'empty', timeoutMs }])
  })

  test.each([
    ['', 1, 'INVALID_TRANSACTIONAL_ID'],
    ['x'.repeat(256), 1, 'INVALID_TRANSACTIONAL_ID'],
    ['é'.repeat(128), 1, 'INVALID_TRANSACTIONAL_ID'],
    ['pipe', 0, 'INVALID_REQUEST'],
    ['pipe', -1, 'INVALID_REQUEST'],
    ['pipe', 1.5, 'INVALID_REQUEST'],
    ['pipe', DEFAULT_LIMITS.transactionTimeoutMs + 1, 'INVALID_REQUEST'],
  ])('refuse the id %j with a time-out of %d', async (id, timeoutMs, code) => {
    const { broker } = await setUp()
    await expect(broker.transactions.init(id, { timeoutMs })).rejects.toMatchObject({ code })
    expect(await broker.transactions.list()).toEqual([])
  })

  test('list what is open', async () => {
    const { broker, write, id, clock } = await setUp()
    const identity = await broker.transactions.init('pipe', { timeoutMs: 7_000 })
    await write('a', identity)
    const open = { transactionalId: 'pipe', ...identity, state: 'open', timeoutMs: 7_000, startedAtMs: clock.nowMs() }
    expect(await broker.transactions.list()).toEqual([{ ...open, partitions: [{ topicId: id, partition: 0 }] }])
  })

  test('fence an older instance', async () => {
    const { broker, write } = await setUp()
    const old = await broker.transactions.init('pipe')
    await write('a', old)
    await broker.transactions.init('pipe')
    await expect(write('b', old, 1)).rejects.toMatchObject({ code: 'PRODUCER_FENCED' })
    const ended = broker.transactions.end({ transactionalId: 'pipe', ...old }, 'commit')
    await expect(ended).rejects.toMatchObject({ code: 'PRODUCER_FENCED' })
  })
})

describe('decoded records', () => {
  test('come when their transaction is committed, without markers', async () => {
    const { broker, write, read } = await setUp()
    const identity = await broker.transactions.init('pipe')
    await write('plain')
    await write('a', identity)
    await write('later')
    expect(await read(0)).toEqual({ values: ['plain'], nextOffset: 1 })
    expect(await read(0, { isolation: 'uncommitted' })).toEqual({ values: ['plain', 'a', 'later'], nextOffset: 3 })
    await broker.transactions.end({ transactionalId: 'pipe', ...identity }, 'commit')
    expect(await read(0)).toEqual({ values: ['plain', 'a', 'later'], nextOffset: 4 })
  })

  test('leave out aborted transactions, wherever reading begins', async () => {
    const { broker, write, read } = await setUp()
    const identity = await broker.transactions.init('pipe')
    await write('a', identity)
    await write('b', identity, 1)
    await write('plain')
    const next = await broker.transactions.end({ transactionalId: 'pipe', ...identity }, 'abort')
    await write('c', next)
    await broker.transactions.end({ transactionalId: 'pipe', ...next }, 'commit')
    expect(await read(0)).toEqual({ values: ['plain', 'c'], nextOffset: 6 })
    expect(await read(1)).toEqual({ values: ['plain', 'c'], nextOffset: 6 })
    expect(await read(1, { limit: 1 })).toEqual({ values: ['plain'], nextOffset: 3 })
    expect(await read(0, { isolation: 'uncommitted' })).toEqual({ values: ['a', 'b', 'plain', 'c'], nextOffset: 6 })
  })

  test('from the latest on miss nothing that was written before and is committed after', async () => {
    const { broker, write } = await setUp()
    const identity = await broker.transactions.init('pipe')
    await write('plain')
    await write('a', identity)
    const source = await broker.fetch.source('t', 0)
    expect(await source.resolve({ at: 'latest' })).toBe(1)
    expect(await source.resolve({ timestampMs: 2_000 })).toBe(1)
    expect(await source.resolve({ at: 'latest' }, 'uncommitted')).toBe(2)
    expect(await source.offsetAt({ at: 'latest' })).toEqual({ offset: 2, found: true })
  })
})
