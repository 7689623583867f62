import { BatchBuilder, COMPRESSION_CODECS, DEFAULT_LIMITS, type Limits, RecordBatch } from '@millrace/record'
import { batchOf, createMemoryEngine, ManualClock } from '@millrace/testkit'
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { Broker } from '../broker.ts'
import type { Position } from './position.ts'

function setUp(limits: Partial<Limits> = {}) {
  const clock = new ManualClock()
  const engine = createMemoryEngine({ clock })
  const broker = new Broker({ engine, clock, limits: { ...DEFAULT_LIMITS, ...limits } })
  return { clock, engine, broker }
}

/** A topic with one batch of one record at each of the times. */
async function setUpTimes(times: readonly number[], limits: Partial<Limits> = {}) {
  const s = setUp(limits)
  const { id } = await s.broker.topics.create({ name: 'orders' })
  const partition = s.engine.partition(id, 0)
  for (const timestamp of times) await partition.append(batchOf([`${timestamp}`], { timestamp }), { acks: 'committed' })
  return { ...s, partition, source: await s.broker.fetch.source('orders', 0) }
}

const EARLIEST: Position = { at: 'earliest' }

describe('a fetch source', () => {
  test('finds positions', async () => {
    const { source, partition } = await setUpTimes([10, 30, 20, 40, 50])
    await partition.truncateBefore(1)
    expect(await source.offsetAt({ at: 'earliest' })).toEqual({ offset: 1, found: true })
    expect(await source.offsetAt({ at: 'latest' })).toEqual({ offset: 5, found: true })
    expect(await source.offsetAt({ offset: 3 })).toEqual({ offset: 3, found: true })
    expect(await source.offsetAt({ timestampMs: 0 })).toEqual({ offset: 1, timestamp: 30, found: true })
    expect(await source.offsetAt({ timestampMs: 31 })).toEqual({ offset: 3, timestamp: 40, found: true })
    expect(await source.offsetAt({ timestampMs: 51 })).toEqual({ offset: 5, found: false })
    for (const offset of [0, 6]) {
      await expect(source.offsetAt({ offset })).rejects.toMatchObject({
        code: 'OFFSET_OUT_OF_RANGE',
        details: { logStartOffset: 1, highWatermark: 5 },
      })
    }
  })

  test('resolves an offset to itself, and whatever else to where it is now', async () => {
    const { source } = await setUpTimes([10, 20])
    expect(await source.resolve({ offset: 99 })).toBe(99)
    expect(await source.resolve(EARLIEST)).toBe(0)
    expect(await source.resolve({ at: 'latest' })).toBe(2)
    expect(await source.resolve({ timestampMs: 11 })).toBe(1)
    expect(await source.resolve({ timestampMs: 21 })).toBe(2)
  })

  test.each<Position>([
    { offset: -1 },
    { offset: 0.5 },
    { offset: 2 ** 53 },
    { offset: Number.NaN },
    { timestampMs: -1 },
    { timestampMs: 1.5 },
  ])('refuses %o', async (position) => {
    const { source } = await setUpTimes([10])
    await expect(source.resolve(position)).rejects.toMatchObject({ code: 'INVALID_REQUEST' })
    await expect(source.offsetAt(position)).rejects.toMatchObject({ code: 'INVALID_REQUEST' })
    if ('offset' in position) {
      await expect(source.read(position.offset, { maxBytes: 1 })).rejects.toMatchObject({ code: 'INVALID_REQUEST' })
    }
  })

  test('a record that comes while a time is looked up is not skipped', async () => {
    const { source, partition } = await setUpTimes([10, 20])
    const found = source.offsetAt({ timestampMs: 25 })
    await partition.append(batchOf(['30'], { timestamp: 30 }), { acks: 'committed' })
    expect((await found).offset).toBe(2)
  })

  test('asks the engine for no more bytes and no longer a wait than the limits say', async () => {
    const { broker, engine } = setUp({ fetchBytes: 1_000, fetchWaitMs: 500 })
    await broker.topics.create({ name: 'orders' })
    const read = vi.fn(engine.partition((await engine.topics.find('orders'))!.id, 0).read)
    vi.spyOn(engine, 'partition').mockReturnValue({ read: read.mockResolvedValue({} as never) } as never)
    const source = await broker.fetch.source('orders', 0)
    for (const [maxBytes, waitMs, asked] of [
      [10, 5, { maxBytes: 10, waitMs: 5 }],
      [0, 501, { maxBytes: 1_000, waitMs: 500 }],
      [1_001, 0, { maxBytes: 1_000, waitMs: 0 }],
    ] as const) {
      await source.read(3, { maxBytes, waitMs, isolation: 'uncommitted' })
      expect(read).toHaveBeenLastCalledWith(3, expect.objectContaining({ ...asked, isolation: 'uncommitted' }))
    }
  })

  test('waits for a commit, and is ended by an abort', async () => {
    const { source, partition } = await setUpTimes([])
    const abort = new AbortController()
    const aborted = source.read(0, { maxBytes: 0, waitMs: 1_000, signal: abort.signal })
    const woken = source.read(0, { maxBytes: 0, waitMs: 1_000 })
    abort.abort()
    expect(await aborted).toMatchObject({ batches: [], nextOffset: 0 })
    await partition.append(batchOf(['x']), { acks: 'committed' })
    expect(await woken).toMatchObject({ nextOffset: 1 })
  })

  test('fails for a topic that is gone, also when it was made again, until another source is asked for', async () => {
    const { source, broker } = await setUpTimes([10])
    const waiting = source.read(1, { maxBytes: 0, waitMs: 1_000 })
    const ended = expect(waiting).rejects.toMatchObject({ code: 'TOPIC_NOT_FOUND' })
    await broker.topics.delete('orders')
    await ended
    await broker.topics.create({ name: 'orders' })
    await expect(source.read(0, { maxBytes: 0 })).rejects.toMatchObject({ code: 'TOPIC_NOT_FOUND' })
    await expect(source.resolve(EARLIEST)).rejects.toMatchObject({ code: 'TOPIC_NOT_FOUND' })
    const made = await broker.fetch.source('orders', 0)
    expect(await made.read(0, { maxBytes: 0 })).toMatchObject({ highWatermark: 0 })
  })

  test('that fails because somebody else deleted the topic lets the next one find the new topic', async () => {
    const { source, broker, engine } = await setUpTimes([10])
    await engine.topics.delete((await engine.topics.find('orders'))!.id)
    await engine.topics.create({ name: 'orders', partitions: 1, settings: {} })
    await expect(source.read(0, { maxBytes: 0 })).rejects.toMatchObject({ code: 'TOPIC_NOT_FOUND' })
    expect(await (await broker.fetch.source('orders', 0)).resolve({ at: 'latest' })).toBe(0)
  })

  test('is refused for what is not there and what is Millrace’s own', async () => {
    const { broker, engine } = setUp()
    await engine.topics.create({ name: '__millrace_groups', partitions: 1, settings: {} })
    await broker.topics.create({ name: 'orders' })
    for (const name of ['nope', '__millrace_groups']) {
      await expect(broker.fetch.source(name, 0)).rejects.toMatchObject({ code: 'TOPIC_NOT_FOUND' })
    }
    await expect(broker.fetch.source('orders', 1)).rejects.toMatchObject({ code: 'PARTITION_NOT_FOUND' })
  })
})

describe('fetching records', () => {
  test('gives them decoded, from the exact offset on', async () => {
    const s = setUp()
    const { id } = await s.broker.topics.create({ name: 'orders' })
    const headers = [
      { key: 'h', value: Buffer.from('1') },
      { key: 'h', value: null },
    ]
    const batch = new BatchBuilder()
      .append({ key: null, value: Buffer.from('a'), timestamp: 7 })
      .append({ key: Buffer.from('k'), value: null, headers, timestamp: 8 })
      .build({ compression: 'gzip' })
    await s.engine.partition(id, 0).append(batch.buffer, { acks: 'committed' })
    expect(await s.broker.fetch.records('orders', 0, { offset: 1 })).toEqual({
      records: [{ offset: 1, timestamp: 8, key: Buffer.from('k'), value: null, headers }],
      // The key, the headers, and 1 for the record.
      sizeBytes: 1 + 3 + 1,
      nextOffset: 2,
      highWatermark: 2,
      logStartOffset: 0,
    })
    expect(await s.broker.fetch.records('orders', 0, { at: 'latest' })).toMatchObject({ records: [], nextOffset: 2 })
    expect(await s.broker.fetch.records('orders', 0, { timestampMs: 8 })).toMatchObject({ records: [{ offset: 1 }] })
  })

  test('page by page gives each record once, whatever the limits, the batches and the log start are', async () => {
    const batches = fc.array(
      fc.record({ count: fc.integer({ min: 1, max: 6 }), gzip: fc.boolean(), bytes: fc.nat({ max: 300 }) }),
      { maxLength: 12 },
    )
    const pages = {
      limit: fc.option(fc.integer({ min: 1, max: 9 })),
      maxBytes: fc.option(fc.integer({ min: 1, max: 900 })),
    }
    await fc.assert(
      fc.asyncProperty(batches, fc.record(pages), fc.nat({ max: 20 }), async (written, { limit, maxBytes }, cut) => {
        const { broker, engine } = setUp()
        const { id } = await broker.topics.create({ name: 'orders' })
        const partition = engine.partition(id, 0)
        let end = 0
        for (const { count, gzip, bytes } of written) {
          const values = Array.from({ length: count }, () => `${end++} ${'.'.repeat(bytes)}`)
          await partition.append(batchOf(values, { compression: gzip ? 'gzip' : 'none' }), { acks: 'committed' })
        }
        const start = await partition.truncateBefore(Math.min(cut, end))
        const found: number[] = []
        for (let offset: number = start; offset < end; ) {
          const options = { limit: limit ?? undefined, maxBytes: maxBytes ?? undefined }
          const { records, nextOffset } = await broker.fetch.records('orders', 0, { offset }, options)
          expect(records.length).toBeGreaterThan(0)
          expect(records.length).toBeLessThanOrEqual(limit ?? Number.POSITIVE_INFINITY)
          for (const record of records) {
            expect(Number(String(record.value).split(' ')[0])).toBe(record.offset)
            found.push(record.offset)
          }
          expect(nextOffset).toBe(records.at(-1)!.offset + 1)
          offset = nextOffset
        }
        expect(found).toEqual(Array.from({ length: end - start }, (_, index) => start + index))
      }),
      { numRuns: 100 },
    )
  })

  test('no more come than the limits allow, though they compress well', async () => {
    const { broker, engine } = setUp({ fetchBytes: 5_000, fetchRecords: 3 })
    const { id } = await broker.topics.create({ name: 'orders' })
    const partition = engine.partition(id, 0)
    for (let batch = 0; batch < 4; batch++) {
      await partition.append(batchOf(['x'.repeat(3_000)], { compression: 'gzip' }), { acks: 'committed' })
    }
    expect((await broker.fetch.records('orders', 0, EARLIEST)).records).toHaveLength(2)
    const small = { limit: 1_000, maxBytes: 1 << 30 }
    for (let batch = 0; batch < 5; batch++) await partition.append(batchOf(['x']), { acks: 'committed' })
    expect((await broker.fetch.records('orders', 0, { offset: 4 }, small)).records).toHaveLength(3)
  })

  test('of a packed batch that gets large come page by page, from any offset', async () => {
    const { broker, engine } = setUp()
    const longWork = vi.spyOn(broker.longWork, 'run')
    const { id } = await broker.topics.create({ name: 'orders' })
    const texts = Array.from({ length: 30_000 }, (_, index) => `record ${index}`)
    await engine.partition(id, 0).append(batchOf(texts, { compression: 'zstd' }), { acks: 'committed' })
    const found: string[] = []
    for (let offset = 0; offset < texts.length; ) {
      const { records, nextOffset } = await broker.fetch.records('orders', 0, { offset }, { limit: 7_000 })
      found.push(...records.map(({ value }) => String(value)))
      offset = nextOffset
    }
    expect(found).toEqual(texts)
    expect(longWork).toHaveBeenCalledTimes(5)
  })

  test.each(COMPRESSION_CODECS)(
    'are no long work when they are few of a batch as clients send it, codec %s',
    async (codec) => {
      const { broker, engine } = setUp()
      const longWork = vi.spyOn(broker.longWork, 'run')
      const { id } = await broker.topics.create({ name: 'orders' })
      const texts = Array.from({ length: 1_000 }, (_, index) => `${Math.sqrt(index)}`.repeat(12))
      await engine.partition(id, 0).append(batchOf(texts, { compression: codec }), { acks: 'committed' })
      for (const offset of [0, 500, 990]) {
        const { records } = await broker.fetch.records('orders', 0, { offset }, { limit: 10 })
        expect(records.map(({ value }) => String(value))).toEqual(texts.slice(offset, offset + 10))
      }
      expect(longWork).not.toHaveBeenCalled()
    },
  )

  test('are long work when they are many, on disk or unpacked, and not when there are few or no more', async () => {
    const { broker, engine } = setUp()
    const longWork = vi.spyOn(broker.longWork, 'run')
    const ask = async (options: { limit?: number; maxBytes?: number }): Promise<[number, boolean]> => {
      longWork.mockClear()
      const { records } = await broker.fetch.records('orders', 0, EARLIEST, options)
      return [records.length, longWork.mock.calls.length > 0]
    }
    const { id } = await broker.topics.create({ name: 'orders' })
    const partition = engine.partition(id, 0)
    expect(await ask({})).toEqual([0, false])
    await partition.append(batchOf(['x'.repeat(30_000)], { compression: 'gzip' }), { acks: 'committed' })
    expect(await ask({})).toEqual([1, false])
    for (let count = 0; count < 9; count++) {
      await partition.append(batchOf(['x'.repeat(30_000)], { compression: 'gzip' }), { acks: 'committed' })
    }
    expect(await ask({})).toEqual([10, true])
    expect(await ask({ limit: 2 })).toEqual([2, false])
    for (let count = 0; count < 5; count++) {
      await partition.append(batchOf(['x'.repeat(30_000)]), { acks: 'committed' })
    }
    expect(await ask({})).toEqual([15, true])
  })

  test('passes over control batches', async () => {
    const { broker, partition } = await setUpTimes([10])
    const control = RecordBatch.at(batchOf(['marker']))
    control.buffer.writeInt16BE(0x20, 21)
    control.stampProducer({ producerId: -1, producerEpoch: -1, baseSequence: -1 })
    await partition.append(control.buffer, { acks: 'committed' })
    await partition.append(batchOf(['after']), { acks: 'committed' })
    const { records, nextOffset } = await broker.fetch.records('orders', 0, EARLIEST)
    expect(records.map(({ offset }) => offset)).toEqual([0, 2])
    expect(nextOffset).toBe(3)
    expect(await broker.fetch.records('orders', 0, { offset: 1 }, { limit: 1 })).toMatchObject({ nextOffset: 3 })
  })

  test('waits at the end', async () => {
    const { broker, partition, clock } = await setUpTimes([10])
    const waiting = broker.fetch.records('orders', 0, { at: 'latest' }, { waitMs: 1_000 })
    await vi.waitUntil(() => clock.pendingTimers > 0)
    await partition.append(batchOf(['x']), { acks: 'committed' })
    expect(await waiting).toMatchObject({ records: [{ offset: 1 }], nextOffset: 2 })
  })

  test('out of range names the range', async () => {
    const { broker, partition } = await setUpTimes([10, 20, 30])
    await partition.truncateBefore(2)
    for (const offset of [1, 4]) {
      await expect(broker.fetch.records('orders', 0, { offset })).rejects.toMatchObject({
        code: 'OFFSET_OUT_OF_RANGE',
        details: { logStartOffset: 2, highWatermark: 3 },
      })
    }
  })

  test.each([
    ['does not decompress', 'CORRUPT_BATCH', (batch: Buffer) => batch.fill(0xff, 61)],
    ['holds fewer records than it says', 'INVALID_BATCH', (batch: Buffer) => setCount(batch, 9)],
  ])('a stored batch that %s ends the page before it, and can be skipped', async (_, code, spoil) => {
    const { broker, partition } = await setUpTimes([10, 20])
    const bad = RecordBatch.at(batchOf(['a', 'b'], { compression: 'gzip' }))
    spoil(bad.buffer)
    bad.stampProducer({ producerId: -1, producerEpoch: -1, baseSequence: -1 })
    await partition.append(bad.buffer, { acks: 'committed' })
    await partition.append(batchOf(['after']), { acks: 'committed' })
    const page = await broker.fetch.records('orders', 0, EARLIEST)
    expect(page).toMatchObject({ records: [{ offset: 0 }, { offset: 1 }], nextOffset: 2 })
    const error = await broker.fetch.records('orders', 0, { offset: page.nextOffset }).catch((cause: unknown) => cause)
    expect(error).toMatchObject({ code, details: { baseOffset: 2, nextOffset: bad.nextOffset } })
    expect(await broker.fetch.records('orders', 0, { offset: bad.nextOffset })).toMatchObject({ records: [{}] })
  })

  test('goes to the topic that has the name now, and looks it up once', async () => {
    const { broker, engine } = await setUpTimes([10])
    const find = vi.spyOn(engine.topics, 'find')
    for (let call = 0; call < 3; call++) await broker.fetch.records('orders', 0, EARLIEST)
    expect(find).not.toHaveBeenCalled()
    const old = (await engine.topics.find('orders'))!
    await engine.topics.delete(old.id)
    await expect(broker.fetch.records('orders', 0, EARLIEST)).rejects.toMatchObject({ code: 'TOPIC_NOT_FOUND' })
    await engine.topics.create({ name: 'orders', partitions: 2, settings: {} })
    expect(await broker.fetch.records('orders', 1, EARLIEST)).toMatchObject({ records: [], highWatermark: 0 })
  })
})

function setCount(batch: Buffer, count: number): void {
  batch.writeInt32BE(count - 1, 23)
  batch.writeInt32BE(count, 57)
}

test('a record that its batch unpacks to more than an answer may have is refused by itself, and can be passed over', async () => {
  const { broker, engine } = setUp({ requestBytes: 1_000, fetchBytes: 1_000 })
  const { id } = await broker.topics.create({ name: 'packed' })
  const builder = new BatchBuilder()
  for (const bytes of [10, 100_000, 20]) builder.append({ key: null, value: Buffer.alloc(bytes), timestamp: 1 })
  await engine.partition(id, 0).append(builder.build({ compression: 'zstd' }).buffer, { acks: 'committed' })
  const read = (offset: number) => broker.fetch.records('packed', 0, { offset }, {})
  expect(await read(0)).toMatchObject({ records: [{ offset: 0 }], nextOffset: 1 })
  await expect(read(1)).rejects.toMatchObject({ code: 'BATCH_TOO_LARGE', details: { offset: 1, nextOffset: 2 } })
  expect(await read(2)).toMatchObject({ records: [{ offset: 2 }], nextOffset: 3 })
})
