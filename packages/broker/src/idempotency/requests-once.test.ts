import { type Limits, MillraceError } from '@millrace/record'
import { describe, expect, test, vi } from 'vitest'
import { setUp as setUpBroker } from '../../test/set-up.ts'
import type { Broker } from '../broker.ts'
import type { PlainRecord } from '../produce/plain-record.ts'
import { IDEMPOTENCY_TOPIC } from './idempotency-store.ts'

const WINDOW_MS = 600_000

function plain(value: string, more: Partial<PlainRecord> = {}): PlainRecord {
  return { key: null, value: Buffer.from(value), ...more }
}

async function setUp(limits: Partial<Limits> = {}, partitions = 4) {
  const s = await setUpBroker({ limits, partitions })
  const send = (key: string, records: readonly PlainRecord[], broker: Broker = s.broker) =>
    broker.produce.recordsOnce('orders', records, { acks: 'committed', idempotencyKey: key })
  const stored = async (): Promise<string[]> => {
    const { topic } = await s.broker.topics.describe('orders')
    const numbers = Array.from({ length: topic.partitions }, (_, partition) => partition)
    const read = await Promise.all(
      numbers.map((partition) => s.broker.fetch.records('orders', partition, { at: 'earliest' }, {})),
    )
    return read.flatMap(({ records }) => records.map(({ value }) => String(value)))
  }
  return { ...s, send, stored }
}

const at = (partition: number) => (value: string) => plain(value, { partition })

describe('a request with an idempotency key', () => {
  test('is answered again as it was, and stored once', async () => {
    const { clock, send, stored } = await setUp()
    const records = [plain('a'), plain('b', { key: Buffer.from('k') }), plain('c'), plain('d', { timestamp: 5 })]
    const first = await send('one', records)
    expect(first.isRepeat).toBe(false)
    await send('two', [plain('other')])
    clock.advance(WINDOW_MS - 1)
    expect(await send('one', records)).toEqual({ results: first.results, isRepeat: true })
    expect((await stored()).toSorted()).toEqual(['a', 'b', 'c', 'd', 'other'])
  })

  test('is a new one when its time is over, whatever it asks for', async () => {
    const { clock, send, stored } = await setUp()
    await send('one', [plain('a')])
    clock.advance(WINDOW_MS)
    expect(await send('one', [plain('b')])).toMatchObject({ isRepeat: false })
    expect(await send('one', [plain('b')])).toMatchObject({ isRepeat: true })
    expect((await stored()).toSorted()).toEqual(['a', 'b'])
  })

  test.each([
    ['value', [plain('x')]],
    ['key', [plain('a', { key: Buffer.from('') })]],
    ['no value', [{ key: null, value: null }]],
    ['header', [plain('a', { headers: [{ key: 'h', value: null }] })]],
    ['timestamp', [plain('a', { timestamp: 1 })]],
    ['partition', [plain('a', { partition: 0 })]],
    ['number of records', [plain('a'), plain('a')]],
    ['split', [plain(''), plain('a')]],
  ])('is refused for another request: %s', async (_, other) => {
    const { send, stored } = await setUp()
    await send('one', [plain('a')])
    await expect(send('one', other)).rejects.toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' })
    expect(await stored()).toEqual(['a'])
  })

  test('is refused for other acks', async () => {
    const { broker, send } = await setUp()
    await send('one', [plain('a')])
    const other = broker.produce.recordsOnce('orders', [plain('a')], { acks: 'none', idempotencyKey: 'one' })
    await expect(other).rejects.toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' })
  })

  test.each(['', 'x'.repeat(256), 'a b', 'ä', 'a\n'])('must have a key that is allowed: %j', async (key) => {
    const { send } = await setUp()
    await expect(send(key, [plain('a')])).rejects.toMatchObject({ code: 'INVALID_REQUEST' })
  })

  test('takes a key of 255 characters', async () => {
    const { send } = await setUp()
    expect(await send('~'.repeat(255), [plain('a')])).toMatchObject({ isRepeat: false })
  })

  test('that comes again while it runs waits for what becomes of it', async () => {
    const { engine, send, stored } = await setUp()
    await send('warm', [plain('w')])
    const release = engine.holdCommits()
    const first = send('one', [plain('a')])
    const second = send('one', [plain('a')])
    const other = expect(send('one', [plain('b')])).rejects.toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' })
    await other
    release()
    const { results } = await first
    expect(await second).toEqual({ results, isRepeat: true })
    expect((await stored()).toSorted()).toEqual(['a', 'w'])
  })

  test('belongs to its topic, and not to one that has the name later', async () => {
    const { broker, send, stored } = await setUp()
    await send('one', [plain('a')])
    await broker.topics.delete('orders')
    await broker.topics.create({ name: 'orders' })
    expect(await send('one', [plain('b')])).toMatchObject({ isRepeat: false, results: [{ offset: 0 }] })
    expect(await stored()).toEqual(['b'])
  })

  test('makes the place where keys are kept when the first one comes', async () => {
    const { broker, engine, send } = await setUp()
    await broker.produce.records('orders', [plain('a')], { acks: 'committed' })
    expect(await engine.topics.find(IDEMPOTENCY_TOPIC)).toBeUndefined()
    await Promise.all([send('one', [plain('a')]), send('two', [plain('a')])])
    expect(await engine.topics.find(IDEMPOTENCY_TOPIC)).toBeDefined()
  })

  test('shares a producer with those before it', async () => {
    const { engine, send } = await setUp()
    const allocate = vi.spyOn(engine.producers, 'allocate')
    for (let number = 0; number < 50; number++) await send(`key-${number}`, [plain('a')])
    expect(allocate).toHaveBeenCalledTimes(1)
  })
})

describe('a repeat is answered as the first was', () => {
  const records = Array.from({ length: 20 }, (_, n) => plain(`${n}`, { key: n % 5 === 0 ? null : Buffer.from(`${n}`) }))

  test('when the topic has got more partitions, known or not known what was stored', async () => {
    const { broker, open, send, stored } = await setUp({}, 2)
    const first = await send('one', records)
    await broker.topics.alter('orders', { partitions: 7 })
    expect(await send('one', records)).toEqual({ ...first, isRepeat: true })
    expect(await send('one', records, await open())).toEqual({ ...first, isRepeat: true })
    expect(await stored()).toHaveLength(20)
  })

  test('when its records were deleted', async () => {
    const { broker, open, send, stored } = await setUp({}, 1)
    const first = await send('one', records)
    await broker.topics.deleteRecords('orders', 0, 20)
    expect(await send('one', records, await open())).toEqual({ ...first, isRepeat: true })
    expect(await stored()).toEqual([])
  })

  test('with the time of the append, where records bear that, also when they no longer do', async () => {
    const { broker, clock, engine, open, send } = await setUp({}, 1)
    await broker.topics.alter('orders', { set: { 'message.timestamp.type': 'LogAppendTime' } })
    await send('warm', [plain('a')])
    const release = engine.holdCommits()
    const sent = send('one', records)
    clock.advance(1_000)
    release()
    const first = await sent
    clock.advance(1_000)
    expect(new Set(first.results.map((result) => 'offset' in result && result.timestamp)).size).toBe(1)
    const read = await broker.fetch.records('orders', 0, { offset: 1 }, {})
    expect(first.results[0]).toMatchObject({ offset: 1, timestamp: read.records[0]?.timestamp })
    await broker.topics.alter('orders', { set: { 'message.timestamp.type': 'CreateTime' } })
    expect(await send('one', records)).toEqual({ ...first, isRepeat: true })
    expect(await send('one', records, await open())).toEqual({ ...first, isRepeat: true })
  })
})

describe('what is wrong with a part of a request', () => {
  test('is remembered with what was stored', async () => {
    const { send, stored } = await setUp()
    const records = [at(0)('a'), at(9)('b'), at(1)('c'), plain('d', { partition: 2, timestamp: -1 }), at(0)('e')]
    const { results } = await send('one', records)
    expect(results).toMatchObject([
      { offset: 0 },
      { error: { code: 'PARTITION_NOT_FOUND', details: { partitions: 4 } } },
      { offset: 0 },
      { error: { code: 'INVALID_TIMESTAMP' } },
      { offset: 1 },
    ])
    expect(await send('one', records)).toEqual({ results, isRepeat: true })
    expect(await stored()).toEqual(['a', 'e', 'c'])
  })

  test('is not remembered when nothing was stored', async () => {
    const { send } = await setUp()
    expect(await send('one', [at(9)('b')])).toMatchObject({ results: [{ error: { code: 'PARTITION_NOT_FOUND' } }] })
    expect(await send('one', [at(1)('b')])).toMatchObject({ isRepeat: false, results: [{ offset: 0 }] })
  })
})

/** Fails the next append to a partition of `orders`, before or after it took effect. */
async function failAppend(
  { engine }: Awaited<ReturnType<typeof setUp>>,
  partition: number,
  error: MillraceError,
  { isStored }: { isStored: boolean },
): Promise<void> {
  const { id } = (await engine.topics.find('orders'))!
  const open = engine.partition.bind(engine)
  let left = 1
  vi.spyOn(engine, 'partition').mockImplementation((topicId, number) => {
    const real = open(topicId, number)
    if (topicId !== id || number !== partition) return real
    const append: typeof real.append = async (batch, options) => {
      if (left-- > 0) {
        if (isStored) await real.append(batch, options)
        throw error
      }
      return real.append(batch, options)
    }
    return new Proxy(real, {
      get: (target, name) => (name === 'append' ? append : Reflect.get(target, name).bind(target)),
    })
  })
}

describe('what fails on the side of the server', () => {
  const full = new MillraceError('LIMIT_REACHED', 'too much waits')
  const unknown = new MillraceError('COMMIT_UNKNOWN', 'a sync failed')

  test('is not remembered when nothing was stored', async () => {
    const s = await setUp()
    await failAppend(s, 0, full, { isStored: false })
    expect(await s.send('one', [at(0)('a')])).toMatchObject({ results: [{ error: { code: 'LIMIT_REACHED' } }] })
    expect(await s.send('two', [at(0)('b')])).toMatchObject({ isRepeat: false, results: [{ offset: 0 }] })
    expect(await s.send('one', [at(0)('c')])).toMatchObject({ isRepeat: false, results: [{ offset: 1 }] })
    expect(await s.stored()).toEqual(['b', 'c'])
  })

  test('is made good by the repeat where a part was stored', async () => {
    const s = await setUp()
    await failAppend(s, 1, full, { isStored: false })
    const records = [at(0)('a'), at(1)('b')]
    expect(await s.send('one', records)).toMatchObject({
      results: [{ offset: 0 }, { error: { code: 'LIMIT_REACHED' } }],
    })
    await s.send('two', records)
    const again = await s.send('one', records)
    expect(again).toMatchObject({ isRepeat: true, results: [{ offset: 0 }, { offset: 1 }] })
    expect(await s.send('one', records)).toEqual(again)
    expect(await s.stored()).toEqual(['a', 'a', 'b', 'b'])
  })

  test.each([true, false])('is found out by the repeat where it was not known; stored: %j', async (isStored) => {
    const s = await setUp()
    await failAppend(s, 0, unknown, { isStored })
    expect(await s.send('one', [at(0)('a')])).toMatchObject({ results: [{ error: { code: 'COMMIT_UNKNOWN' } }] })
    await s.send('two', [at(0)('b')])
    expect(await s.send('one', [at(0)('a')])).toMatchObject({ isRepeat: true, results: [{ offset: isStored ? 0 : 1 }] })
    expect((await s.stored()).toSorted()).toEqual(['a', 'b'])
  })

  test('refuses when a request cannot be written down, and stores nothing', async () => {
    const s = await setUp()
    await s.send('one', [at(0)('a')])
    s.engine.failAppends(new MillraceError('DISK_FULL', 'full'))
    await expect(s.send('two', [at(0)('b')])).rejects.toMatchObject({ code: 'DISK_FULL' })
    s.engine.failAppends()
    expect(await s.stored()).toEqual(['a'])
    expect(await s.send('two', [at(0)('b')])).toMatchObject({ isRepeat: false })
    expect(await s.send('one', [at(0)('a')])).toMatchObject({ isRepeat: true })
  })
})

describe('bounds', () => {
  test('of keys: one more is refused, until the first ones are over', async () => {
    const { clock, send } = await setUp({ idempotencyKeys: 3 })
    for (const key of ['a', 'b', 'c']) {
      await send(key, [plain('x')])
      clock.advance(100_000)
    }
    // When the first one's time is over, and it is cleared away, every ten seconds.
    const details = { retryAfterSeconds: (WINDOW_MS - 300_000 + 10_000) / 1_000 }
    await expect(send('d', [plain('x')])).rejects.toMatchObject({ code: 'LIMIT_REACHED', details })
    expect(await send('a', [plain('x')])).toMatchObject({ isRepeat: true })
    clock.advance(WINDOW_MS)
    await vi.waitFor(async () => {
      clock.advance(10_000)
      await send('d', [plain('x')])
    })
    expect(await send('a', [plain('y')])).toMatchObject({ isRepeat: false })
  })

  test('of keys: one that is used again when its time is over does not keep the others', async () => {
    const { clock, send } = await setUp({ idempotencyKeys: 4 })
    for (const key of ['a', 'b', 'c']) await send(key, [plain('x')])
    clock.advance(WINDOW_MS)
    expect(await send('a', [plain('y')])).toMatchObject({ isRepeat: false })
    // Then what is over is dropped.
    clock.advance(10_000)
    await vi.waitFor(async () => {
      for (const key of ['d', 'e', 'f']) await send(key, [plain('x')])
    })
  })

  test('that cannot be read, the keys are a problem until they can', async () => {
    const { engine, send, clock, open } = await setUp()
    await send('a', [plain('x')])
    const { partition } = engine
    const broken = new Error('the disk is broken')
    engine.partition = (...which) => ({ ...partition.apply(engine, which), status: () => Promise.reject(broken) })
    const broker = await open()
    expect(await broker.problems()).toEqual(['idempotency keys cannot be read: the disk is broken'])
    engine.partition = partition
    expect(await send('a', [plain('x')], broker)).toMatchObject({ isRepeat: true })
    expect(await broker.problems()).toEqual([])
    clock.advance(WINDOW_MS)
  })

  test('of requests at once', async () => {
    const { engine, send } = await setUp({ idempotentRequests: 2 })
    await send('warm', [plain('x')])
    const release = engine.holdCommits()
    const two = [send('a', [plain('x')]), send('b', [plain('x')])]
    await expect(send('c', [plain('x')])).rejects.toMatchObject({ code: 'LIMIT_REACHED' })
    release()
    await Promise.all(two)
    expect(await send('c', [plain('x')])).toMatchObject({ isRepeat: false })
  })
})

describe('another broker over the same engine', () => {
  test('answers as the first one did, also what it had no time to note', async () => {
    const { open, send, stored } = await setUp()
    const records = [at(0)('a'), at(1)('b'), at(7)('c')]
    const first = await send('one', records)
    // Nothing was written since: as after a crash, only the plan is there.
    const second = await open()
    expect(await send('one', records, second)).toEqual({ results: first.results, isRepeat: true })
    await second.close()
    const third = await open()
    expect(await send('one', records, third)).toEqual({ results: first.results, isRepeat: true })
    expect(await stored()).toEqual(['a', 'b'])
  })

  test('does not use the producers of the one before', async () => {
    const { open, send, stored } = await setUp()
    await send('one', [at(0)('a')])
    const second = await open()
    await send('two', [at(0)('b')], second)
    expect(await send('one', [at(0)('a')], second)).toMatchObject({ isRepeat: true, results: [{ offset: 0 }] })
    expect(await stored()).toEqual(['a', 'b'])
  })

  test('forgets what is over', async () => {
    const { broker, clock, open, send } = await setUp()
    await send('one', [at(0)('a')])
    await broker.close()
    clock.advance(WINDOW_MS)
    expect(await send('one', [at(0)('b')], await open())).toMatchObject({ isRepeat: false })
  })
})
