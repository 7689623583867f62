import { type Clock, systemClock } from '@millrace/record'
import { batchOf, createMemoryEngine } from '@millrace/testkit'
import { expect, test, vi } from 'vitest'
import { Millrace } from './millrace.ts'
import type { ReadOptions } from './read-options.ts'
import { FakeServer } from './testing/fake-server.ts'
import { FRESH_MS } from './topic-directory.ts'

/** A topic of two partitions, and a client whose time until it looks for more passes at once. */
async function setUp() {
  const engine = createMemoryEngine({ clock: systemClock })
  const { id } = await engine.topics.create({ name: 't', partitions: 2, settings: {} })
  const server = await new FakeServer(engine).start()
  const clock: Clock = {
    nowMs: () => systemClock.nowMs(),
    monotonicMs: () => systemClock.monotonicMs(),
    idleMs: () => systemClock.idleMs(),
    setTimer: (ms, callback) => systemClock.setTimer(ms === FRESH_MS ? 1 : ms, callback),
  }
  const mr = new Millrace({ url: server.url, retryMs: 1, keepaliveMs: 9_999, connectTimeoutMs: 9_999 }, { clock })
  const lookups = vi.spyOn(engine.topics, 'find')
  return {
    lookups,
    append: async (partition: number, ...values: string[]) => {
      await engine.partition(id, partition).append(batchOf(values, { timestamp: 1_000 }), { acks: 'committed' })
    },
    addPartitions: (partitions: number) => engine.topics.alter(id, { partitions }),
    read: (options: Partial<ReadOptions> = {}) => mr.read({ topic: 't', ...options }),
    async [Symbol.asyncDispose]() {
      await mr.close({ signal: AbortSignal.abort() })
      await server.stop()
    },
  }
}

test.each(['earliest', 'latest', { timestamp: 1_000 }] as const)(
  'who follows a topic from %j gets the records of partitions that are added, from their beginning',
  async (from) => {
    await using h = await setUp()
    const reader = h.read({ from })
    const next = async () => {
      const { value } = await reader.next()
      return `${value?.partition}/${value?.offset} ${value?.text()}`
    }
    const first = next()
    // It has asked for the topic that has two partitions.
    await vi.waitUntil(() => h.lookups.mock.calls.length > 0)
    for (const partition of [0, 1]) await h.append(partition, 'old')
    if (from !== 'latest') expect([await first, await next()].toSorted()).toEqual(['0/0 old', '1/0 old'])
    const waiting = from === 'latest' ? first : next()
    await h.addPartitions(4)
    await h.append(3, 'a', 'b')
    const found = [await waiting]
    while (found.at(-1)?.startsWith('3/') !== true) found.push(await next())
    expect([found.at(-1), await next()]).toEqual(['3/0 a', '3/1 b'])
    await h.append(2, 'c')
    expect(await next()).toBe('2/0 c')
    await reader.return()
  },
)

test('who asked for partitions by their numbers, or for an end, gets no others, and the topic is not asked for', async () => {
  await using h = await setUp()
  await h.append(0, 'a')
  const named = h.read({ partition: [0, 1] })
  expect((await named.next()).value?.text()).toBe('a')
  const toEnd = h.read({ to: 'end' })
  expect((await toEnd.next()).value?.text()).toBe('a')
  expect((await toEnd.next()).done).toBe(true)
  const asked = h.lookups.mock.calls.length
  await h.addPartitions(3)
  await h.append(2, 'never')
  await h.append(1, 'b')
  expect((await named.next()).value?.text()).toBe('b')
  expect(h.lookups.mock.calls.length).toBe(asked)
})
