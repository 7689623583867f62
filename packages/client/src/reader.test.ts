import { MillraceError, systemClock } from '@millrace/record'
import { batchOf, createMemoryEngine, type MemoryEngine, seededRandom } from '@millrace/testkit'
import { describe, expect, test } from 'vitest'
import type { ReadOptions } from './read-options.ts'
import { collect, type Harness, startHarness } from './testing/harness.ts'

interface ReaderHarness extends Harness {
  readonly engine: MemoryEngine
  /** Appends a batch with these values. */
  append(values: readonly string[], options?: { partition?: number; timestamp?: number }): Promise<void>
}

async function start(partitions = 1): Promise<ReaderHarness> {
  const engine = createMemoryEngine({ clock: systemClock })
  const { id } = await engine.topics.create({ name: 't', partitions, settings: {} })
  const harness = await startHarness(engine)
  return {
    ...harness,
    engine,
    async append(values, { partition = 0, timestamp = 1_000 } = {}) {
      await engine.partition(id, partition).append(batchOf(values, { timestamp }), { acks: 'committed' })
    },
    [Symbol.asyncDispose]: () => harness[Symbol.asyncDispose](),
  }
}

const range = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, index) => `${from + index}`)

/** Reads with `options` until the end; `offset:text` of each record. */
async function read(h: Harness, options: Partial<ReadOptions> = {}): Promise<string[]> {
  const records = await collect(h.mr.read({ topic: 't', to: 'end', ...options }))
  return records.map(({ offset, value }) => `${offset}:${value}`)
}

describe('where to begin and to end', () => {
  async function tenRecords(): Promise<ReaderHarness> {
    const h = await start()
    await h.append(['a', 'b', 'c', 'd'], { timestamp: 1_000 })
    await h.append(['e', 'f'], { timestamp: 2_000 })
    await h.append(['g', 'h', 'i', 'j'], { timestamp: 3_000 })
    return h
  }

  test.each<[Partial<ReadOptions>, string]>([
    [{}, 'abcdefghij'],
    [{ from: 'earliest' }, 'abcdefghij'],
    [{ from: 'latest' }, ''],
    [{ from: { offset: 0 } }, 'abcdefghij'],
    [{ from: { offset: 2 } }, 'cdefghij'],
    [{ from: { offset: 5 } }, 'fghij'],
    [{ from: { offset: 10 } }, ''],
    [{ from: { timestamp: 2_000 } }, 'efghij'],
    [{ from: { timestamp: 2_001 } }, 'ghij'],
    [{ from: { timestamp: new Date(2_001) } }, 'ghij'],
    [{ from: { timestamp: 9_999 } }, ''],
    [{ to: { offset: 5 } }, 'abcde'],
    [{ from: { offset: 3 }, to: { offset: 7 } }, 'defg'],
    [{ from: { offset: 3 }, to: { offset: 3 } }, ''],
    [{ from: { offset: 7 }, to: { offset: 3 } }, ''],
  ])('%j reads %j', async (options, expected) => {
    await using h = await tenRecords()
    const records = await read(h, options)
    const first = expected === '' ? 0 : 'abcdefghij'.indexOf(expected)
    expect(records).toEqual(Array.from(expected, (letter, index) => `${first + index}:${letter}`))
  })

  test('to end: the end that was there when reading began', async () => {
    await using h = await start()
    await h.append(range(0, 5))
    const seen: string[] = []
    for await (const record of h.mr.read({ topic: 't', to: 'end' })) {
      seen.push(record.text() ?? '')
      await h.append(['later'])
    }
    expect(seen).toEqual(range(0, 5))
  })

  test('to end of an empty topic ends at once', async () => {
    await using h = await start(3)
    expect(await read(h)).toEqual([])
  })

  test('follow goes on with what comes', async () => {
    await using h = await start()
    await h.append(['0'])
    const reader = h.mr.read({ topic: 't' })
    const next = async (): Promise<string | null | undefined> => (await reader.next()).value?.text()
    expect(await next()).toBe('0')
    const later = next()
    await h.append(['1', '2'])
    expect([await later, await next()]).toEqual(['1', '2'])
    await reader.close()
    expect(await reader.next()).toEqual({ done: true, value: undefined })
  })
})

describe('partitions', () => {
  test('all of them, each in its order', async () => {
    await using h = await start(3)
    for (let partition = 0; partition < 3; partition++) {
      await h.append(range(0, 50), { partition })
      await h.append(range(50, 100), { partition })
    }
    const records = await collect(h.mr.read({ topic: 't', to: 'end' }))
    expect(records).toHaveLength(300)
    for (let partition = 0; partition < 3; partition++) {
      const own = records.filter((record) => record.partition === partition)
      expect(own.map((record) => record.text())).toEqual(range(0, 100))
    }
  })

  test('one or several that are named', async () => {
    await using h = await start(3)
    for (let partition = 0; partition < 3; partition++) await h.append([`p${partition}`], { partition })
    expect(await read(h, { partition: 1 })).toEqual(['0:p1'])
    expect((await read(h, { partition: [0, 2] })).sort()).toEqual(['0:p0', '0:p2'])
  })

  test('a topic or partition that is not there', async () => {
    await using h = await start()
    await expect(read(h, { topic: 'nope' })).rejects.toMatchObject({ code: 'TOPIC_NOT_FOUND' })
    await expect(read(h, { topic: 'nope', partition: 0 })).rejects.toMatchObject({ code: 'TOPIC_NOT_FOUND' })
    const failure = { code: 'PARTITION_NOT_FOUND', details: { topic: 't', partition: 4 } }
    await expect(read(h, { partition: 4 })).rejects.toMatchObject(failure)
  })

  test('a topic that is deleted ends the reading', async () => {
    await using h = await start()
    const reader = h.mr.read({ topic: 't' })
    const next = reader.next()
    await expect.poll(() => h.server.calls).toContain('/millrace.v1.Records/FetchStream')
    await h.mr.admin.deleteTopic('t')
    await expect(next).rejects.toMatchObject({ code: 'TOPIC_NOT_FOUND' })
    expect(await reader.next()).toEqual({ done: true, value: undefined })
  })
})

describe('an offset that is not there', () => {
  async function truncated(): Promise<ReaderHarness> {
    const h = await start()
    for (let batch = 0; batch < 4; batch++) await h.append(range(batch * 5, batch * 5 + 5))
    const { id } = (await h.engine.topics.find('t')) as { id: string }
    await h.engine.partition(id, 0).truncateBefore(10)
    return h
  }

  test('fails with the range', async () => {
    await using h = await truncated()
    const failure = {
      code: 'OFFSET_OUT_OF_RANGE',
      details: { topic: 't', partition: 0, logStartOffset: 10, highWatermark: 20 },
    }
    await expect(read(h, { from: { offset: 3 } })).rejects.toMatchObject(failure)
    await expect(read(h, { from: { offset: 21 } })).rejects.toMatchObject(failure)
  })

  test('or goes where the options say', async () => {
    await using h = await truncated()
    const rest = range(10, 20).map((text) => `${text}:${text}`)
    expect(await read(h, { from: { offset: 3 }, onOutOfRange: 'earliest' })).toEqual(rest)
    expect(await read(h, { from: { offset: 3 }, onOutOfRange: 'latest' })).toEqual([])
    expect(await read(h)).toEqual(rest)
  })
})

describe('through broken connections', () => {
  test.each(Array.from({ length: 8 }, (_, seed) => seed + 1))('no gap and no repeat (seed %i)', async (seed) => {
    const random = seededRandom(seed)
    await using h = await start(2)
    h.server.faults.fetch = () => random.bool(0.2)
    const expected = [0, 0]
    const writer = (async () => {
      for (let batch = 0; batch < 40; batch++) {
        const partition = random.int(0, 1)
        const from = expected[partition] as number
        expected[partition] = from + random.int(1, 20)
        await h.append(range(from, expected[partition] as number), { partition })
        if (random.bool(0.2)) await new Promise((resolve) => setImmediate(resolve))
        if (random.bool(0.1)) h.server.cut()
      }
      await h.append(['end'], { partition: 0 })
      await h.append(['end'], { partition: 1 })
    })()
    const seen: string[][] = [[], []]
    let ends = 0
    for await (const record of h.mr.read({ topic: 't', from: 'earliest', prefetchBytes: 40_000 })) {
      if (record.text() === 'end' && ++ends === 2) break
      if (record.text() !== 'end') seen[record.partition]?.push(`${record.offset}:${record.text()}`)
    }
    await writer
    expect(seen).toEqual(expected.map((count) => range(0, count).map((text) => `${text}:${text}`)))
  })

  test('also when the server is away for a while, and to the end that was there first', async () => {
    await using h = await start()
    for (let batch = 0; batch < 20; batch++) await h.append(range(batch * 10, batch * 10 + 10))
    const seen: string[] = []
    const reader = h.mr.read({ topic: 't', to: 'end', prefetchBytes: 1 })
    for await (const record of reader) {
      seen.push(record.text() ?? '')
      if (seen.length !== 25) continue
      await h.server.stop()
      await h.append(['later'])
      await h.server.start()
    }
    expect(seen).toEqual(range(0, 200))
  })

  test('an answer that may pass is asked for again', async () => {
    await using h = await start()
    await h.append(['a'])
    let refusals = 3
    h.server.faults.stream = () => (refusals-- > 0 ? new MillraceError('SHUTTING_DOWN', 'soon') : undefined)
    expect(await read(h)).toEqual(['0:a'])
  })

  test('a server that is not there is given up after a time', async () => {
    await using h = await start()
    await h.append(['a'])
    const reader = h.mr.read({ topic: 't', reconnectTimeoutMs: 20 })
    expect((await reader.next()).value?.text()).toBe('a')
    const next = reader.next()
    await h.server.stop()
    await expect(next).rejects.toMatchObject({ code: 'CONNECTION_FAILED' })
  })
})

describe('bounds', () => {
  test('no more is fetched ahead than the options say', async () => {
    await using h = await start()
    const batchBytes = batchOf(range(0, 100)).length
    for (let batch = 0; batch < 200; batch++) await h.append(range(0, 100))
    let sent = 0
    h.server.faults.fetch = () => {
      sent++
      return false
    }
    const reader = h.mr.read({ topic: 't', to: 'end', prefetchBytes: 20_000 })
    await reader.next()
    // What the server may send without more being granted has come when nothing comes for a whole round trip.
    for (let before = -1; before !== sent; ) {
      before = sent
      await h.mr.admin.listTopics()
    }
    expect(sent * batchBytes).toBeLessThan(20_000 + 66_000 + batchBytes)
    let count = 1
    for await (const _ of reader) count++
    expect(count).toBe(20_000)
  })

  test('a partition whose records nobody takes does not hold up others of another reader', async () => {
    await using h = await start(2)
    for (let batch = 0; batch < 50; batch++) await h.append(range(0, 100), { partition: 0 })
    await h.append(['b'], { partition: 1 })
    const idle = h.mr.read({ topic: 't', partition: 0, prefetchBytes: 1 })
    await idle.next()
    expect(await read(h, { partition: 1 })).toEqual(['0:b'])
  })
})

describe('ending', () => {
  test('leaving the loop ends the subscription', async () => {
    await using h = await start()
    await h.append(range(0, 10))
    const reader = h.mr.read({ topic: 't' })
    for await (const record of reader) if (record.offset === 3) break
    expect(await reader.next()).toEqual({ done: true, value: undefined })
    await expect.poll(() => h.server.openStreams).toBe(0)
  })

  test('a signal ends it with its reason', async () => {
    await using h = await start()
    const abort = new AbortController()
    const reader = h.mr.read({ topic: 't', signal: abort.signal })
    const next = reader.next()
    abort.abort(new Error('enough'))
    await expect(next).rejects.toThrow('enough')
    expect(await reader.next()).toEqual({ done: true, value: undefined })
    await expect(h.mr.read({ topic: 't', signal: abort.signal }).next()).rejects.toThrow('enough')
  })

  test('a signal ends it at once, whatever has come', async () => {
    await using h = await start()
    await h.append(range(0, 10))
    const abort = new AbortController()
    const seen: (string | null)[] = []
    const reading = async (): Promise<void> => {
      for await (const record of h.mr.read({ topic: 't', signal: abort.signal })) {
        seen.push(record.text())
        if (seen.length === 3) abort.abort(new Error('enough'))
      }
    }
    await expect(reading()).rejects.toThrow('enough')
    expect(seen).toEqual(range(0, 3))
  })

  test('closing the client ends it', async () => {
    await using h = await start()
    const next = h.mr.read({ topic: 't' }).next()
    await h.mr.close()
    expect(await next).toEqual({ done: true, value: undefined })
    expect(() => h.mr.read({ topic: 't' })).toThrow(expect.objectContaining({ code: 'CLOSED' }))
  })

  test('calls to next are answered in their order', async () => {
    await using h = await start()
    const reader = h.mr.read({ topic: 't' })
    const calls = Array.from({ length: 5 }, () => reader.next())
    await h.append(range(0, 3))
    await h.append(range(3, 5))
    expect((await Promise.all(calls)).map(({ value }) => value?.text())).toEqual(range(0, 5))
  })
})

describe('contents', () => {
  test('a batch whose bytes have changed is not read', async () => {
    await using h = await start()
    await h.append(['a'])
    await h.append(['b'])
    h.server.faults.mangle = (batches) => {
      const last = batches.at(-1)
      if (last !== undefined) last[last.length - 2] = (last.at(-2) as number) ^ 1
    }
    const failure = { code: 'CORRUPT_BATCH', details: { partition: 0 } }
    await expect(read(h)).rejects.toMatchObject(failure)
  })

  test('batch by batch', async () => {
    await using h = await start(1)
    await h.append(['a', 'b'])
    await h.append(['c'])
    const batches = await collect(h.mr.readBatches({ topic: 't', to: 'end' }))
    expect(batches.map(({ records }) => records.map((record) => record.text()))).toEqual([['a', 'b'], ['c']])
    expect(batches[1]).toMatchObject({ topic: 't', partition: 0 })
  })

  test('a record gives its parts as text, JSON or bytes', async () => {
    await using h = await start()
    const producer = h.mr.producer()
    await producer.send({ topic: 't', key: 'k', value: { a: 1 }, headers: { h: 'v' }, timestamp: 5 })
    await producer.send({ topic: 't', value: 'plain' })
    await producer.send({ topic: 't', value: null })
    const [first, second, third] = await collect(h.mr.read({ topic: 't', to: 'end' }))
    expect(first).toMatchObject({ topic: 't', partition: 0, offset: 0, timestamp: 5, key: Buffer.from('k') })
    expect([first?.keyText(), first?.json(), first?.decode(), first?.text()]).toEqual([
      'k',
      { a: 1 },
      { a: 1 },
      '{"a":1}',
    ])
    expect([first?.header('h')?.toString(), first?.header('x')]).toEqual(['v', undefined])
    expect([second?.keyText(), second?.decode(), second?.text()]).toEqual([null, 'plain', 'plain'])
    expect(() => second?.json()).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST' }))
    expect([third?.text(), third?.json(), third?.decode(), third?.value]).toEqual([null, null, null, null])
  })
})
