import { describeTopicConfig, parseTopicConfig } from '@millrace/engine'
import { DEFAULT_LIMITS, silentLogger } from '@millrace/record'
import { batchOf, createMemoryEngine, ManualClock } from '@millrace/testkit'
import { describe, expect, test, vi } from 'vitest'
import { Traffic } from '../stats/traffic.ts'
import { Topics } from './topics.ts'

function setUp(limits = DEFAULT_LIMITS) {
  const clock = new ManualClock()
  const engine = createMemoryEngine({ clock })
  const find = vi.spyOn(engine.topics, 'find')
  const topics = new Topics({ engine, limits, logger: silentLogger, traffic: new Traffic(10) })
  return { clock, engine, find, topics }
}

describe('creating a topic', () => {
  test('one partition and default settings unless told otherwise', async () => {
    const { topics, clock } = setUp()
    const made = await topics.create({ name: 'orders' })
    expect(made).toMatchObject({ name: 'orders', partitions: 1, settings: {}, createdAtMs: clock.nowMs() })
    const given = await topics.create({ name: 'others', partitions: 3, settings: { 'segment.ms': '5000' } })
    expect(given).toMatchObject({ partitions: 3, settings: { 'segment.ms': '5000' } })
  })

  test.each([
    ['a name that is empty', { name: '' }, 'INVALID_TOPIC_NAME'],
    ['a name that is a path', { name: '..' }, 'INVALID_TOPIC_NAME'],
    ['a name that leaves the directory', { name: '../../etc/passwd' }, 'INVALID_TOPIC_NAME'],
    ['a name of 250 characters', { name: 'x'.repeat(250) }, 'INVALID_TOPIC_NAME'],
    ['a name that is kept', { name: '__millrace_groups' }, 'INVALID_TOPIC_NAME'],
    ['a name that differs only in case', { name: 'TAKEN' }, 'TOPIC_NAME_CONFLICT'],
    ['a name that is taken', { name: 'taken' }, 'TOPIC_EXISTS'],
    ['no partition', { name: 'a', partitions: 0 }, 'INVALID_PARTITIONS'],
    ['half a partition', { name: 'a', partitions: 1.5 }, 'INVALID_PARTITIONS'],
    ['too many partitions', { name: 'a', partitions: 1_001 }, 'INVALID_PARTITIONS'],
    ['a setting that does not exist', { name: 'a', settings: { 'segment.byte': '1' } }, 'INVALID_CONFIG'],
    ['a setting out of bounds', { name: 'a', settings: { 'segment.bytes': '12' } }, 'INVALID_CONFIG'],
  ])('%s is refused', async (_, topic, code) => {
    const { topics } = setUp()
    const taken = await topics.create({ name: 'taken' })
    await expect(topics.create(topic)).rejects.toMatchObject({ code })
    expect(await topics.list()).toEqual([taken])
  })
})

describe("Millrace's own topics", () => {
  test('are neither listed nor described, nor deleted', async () => {
    const { topics, engine } = setUp()
    await engine.topics.create({ name: '__millrace_groups', partitions: 1, settings: {} })
    const mine = await topics.create({ name: 'mine' })
    expect(await topics.list()).toEqual([mine])
    await expect(topics.describe('__millrace_groups')).rejects.toMatchObject({ code: 'TOPIC_NOT_FOUND' })
    await expect(topics.handle('__millrace_groups')).rejects.toMatchObject({ code: 'TOPIC_NOT_FOUND' })
    await expect(topics.delete('__millrace_groups')).rejects.toMatchObject({ code: 'INVALID_TOPIC_NAME' })
    expect(await engine.topics.list()).toHaveLength(2)
  })
})

describe('describing a topic', () => {
  test('tells all settings, defaults included, and the state of each partition', async () => {
    const { topics, engine } = setUp()
    const topic = await topics.create({ name: 'orders', partitions: 2, settings: { 'segment.ms': '5000' } })
    const batch = batchOf(['a', 'b'])
    await engine.partition(topic.id, 1).append(batch, { acks: 'committed' })
    const details = await topics.describe('orders')
    expect(details.topic).toEqual(topic)
    expect(details.settings).toEqual({ ...describeTopicConfig(parseTopicConfig({})), 'segment.ms': '5000' })
    expect(details.partitions).toEqual([
      { partition: 0, logStartOffset: 0, highWatermark: 0, lastStableOffset: 0, sizeBytes: 0, leaderEpoch: 0 },
      {
        partition: 1,
        logStartOffset: 0,
        highWatermark: 2,
        lastStableOffset: 2,
        sizeBytes: batch.length,
        leaderEpoch: 0,
      },
    ])
  })

  test('a topic that is not there is named, cut short when it is long', async () => {
    const { topics } = setUp()
    await expect(topics.describe('nope')).rejects.toMatchObject({
      code: 'TOPIC_NOT_FOUND',
      message: expect.stringContaining('"nope"'),
    })
    const error = await topics.describe('x'.repeat(100_000)).catch((cause: Error) => cause)
    expect((error as Error).message.length).toBeLessThan(200)
  })
})

describe('deleting a topic', () => {
  test('takes its records and its name', async () => {
    const { topics } = setUp()
    const old = await topics.create({ name: 'orders' })
    await topics.describe('orders')
    await topics.delete('orders')
    await expect(topics.describe('orders')).rejects.toMatchObject({ code: 'TOPIC_NOT_FOUND' })
    await expect(topics.delete('orders')).rejects.toMatchObject({ code: 'TOPIC_NOT_FOUND' })
    expect((await topics.create({ name: 'orders' })).id).not.toBe(old.id)
  })
})

describe('kept handles', () => {
  test('a topic is looked up once', async () => {
    const { topics, find } = setUp()
    await topics.create({ name: 'orders' })
    const first = await topics.handle('orders')
    for (let call = 0; call < 5; call++) expect(await topics.handle('orders')).toBe(first)
    expect(find).toHaveBeenCalledTimes(1)
  })

  test('a topic that is not there is looked up each time, and found once it is made', async () => {
    const { topics } = setUp()
    await expect(topics.handle('orders')).rejects.toMatchObject({ code: 'TOPIC_NOT_FOUND' })
    const made = await topics.create({ name: 'orders' })
    expect((await topics.handle('orders')).description).toEqual(made)
  })

  test('a handle of a topic that somebody else deleted is replaced once it fails', async () => {
    const { topics, engine } = setUp()
    const old = await topics.create({ name: 'orders' })
    await topics.handle('orders')
    await engine.topics.delete(old.id)
    const made = await engine.topics.create({ name: 'orders', partitions: 2, settings: {} })
    expect((await topics.describe('orders')).topic).toEqual(made)
    expect((await topics.handle('orders')).description).toEqual(made)
  })

  test('work is done over once, not for ever', async () => {
    const { topics, engine } = setUp()
    await topics.create({ name: 'orders' })
    await topics.handle('orders')
    const work = vi.fn(() => engine.partition('no such id', 0).status())
    await expect(topics.use('orders', work)).rejects.toMatchObject({ code: 'TOPIC_NOT_FOUND' })
    expect(work).toHaveBeenCalledTimes(2)
  })

  test('forgetting an old handle leaves the new one', async () => {
    const { topics, find } = setUp()
    await topics.create({ name: 'orders' })
    const old = await topics.handle('orders')
    await topics.delete('orders')
    await topics.create({ name: 'orders' })
    const made = await topics.handle('orders')
    topics.forget(old)
    find.mockClear()
    expect(await topics.handle('orders')).toBe(made)
    expect(find).not.toHaveBeenCalled()
  })

  test('no more are kept than there may be topics', async () => {
    const { topics, find } = setUp({ ...DEFAULT_LIMITS, topics: 2 })
    for (const name of ['a', 'b', 'c']) {
      await topics.create({ name })
      await topics.handle(name)
    }
    find.mockClear()
    await topics.handle('b')
    await topics.handle('c')
    expect(find).not.toHaveBeenCalled()
    await topics.handle('a')
    expect(find).toHaveBeenCalledTimes(1)
  })

  test('a partition that is not there is refused with the range', async () => {
    const { topics } = setUp()
    await topics.create({ name: 'orders', partitions: 3 })
    const handle = await topics.handle('orders')
    for (const partition of [-1, 3, 0.5, Number.NaN]) {
      expect(() => handle.partition(partition)).toThrow(expect.objectContaining({ code: 'PARTITION_NOT_FOUND' }))
    }
    expect(() => handle.partition(3)).toThrow('0 to 2')
  })
})
