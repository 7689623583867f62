import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { FetchSource } from '@millrace/broker'
import { type Limits, RecordBatch, silentLogger } from '@millrace/record'
import { batchOf, eventsOf, openTail, type TailReader } from '@millrace/testkit'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { PROTOCOLS } from '../../test/rest-harness.ts'
import { serveTails, type TailServer } from '../../test/tail-server.ts'
import { RequestStats } from '../request-stats.ts'
import { LiveTails } from './live-tails.ts'
import { EVENT_STREAM } from './tail-format.ts'
import { Waits } from './waits.ts'

const PATH = '/v1/topics/t/partitions/0/records'
const EVENTS = { accept: 'text/event-stream' }
const LINES = { accept: 'application/x-ndjson' }

describe.each(PROTOCOLS)('a live tail over %s', (protocol) => {
  let server: TailServer
  const readers: TailReader[] = []
  afterEach(async () => {
    for (const reader of readers.splice(0)) reader.leave()
    await server.rest.close()
  })

  const start = async (limits: Partial<Limits> = {}) => {
    server = await serveTails(protocol, limits)
  }
  const open = (query = '', headers: Readonly<Record<string, string>> = EVENTS): TailReader => {
    const reader = openTail(server.rest.port, protocol, `${PATH}${query}`, headers)
    readers.push(reader)
    return reader
  }
  const append = async (...values: string[]) => {
    const { id } = (await server.engine.topics.find('t'))!
    await server.engine.partition(id, 0).append(batchOf(values), { acks: 'committed' })
  }
  const truncate = async (before: number) => {
    const { id } = (await server.engine.topics.find('t'))!
    await server.engine.partition(id, 0).truncateBefore(before)
  }
  const untilEvents = async (reader: TailReader, count: number) =>
    eventsOf(await reader.until((text) => eventsOf(text).length >= count))
  const untilLines = async (reader: TailReader, count: number) => {
    const text = await reader.until((received) => received.split('\n').length > count)
    return text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
  }
  const valueIn = (data: string | undefined) => (JSON.parse(data ?? '') as { value: unknown }).value
  /** Tells of the read that waits last, once it waits. */
  const watchReads = () => {
    const source = server.broker.fetch.source.bind(server.broker.fetch)
    const waits: { signal: AbortSignal; ended: Promise<unknown> }[] = []
    vi.spyOn(server.broker.fetch, 'source').mockImplementation(async (topic, partition) => {
      const found = await source(topic, partition)
      const records = found.records.bind(found)
      vi.spyOn(found, 'records').mockImplementation((...args: Parameters<FetchSource['records']>) => {
        const ended = records(...args)
        if (args[1]?.waitMs !== 0) waits.push({ signal: args[1]!.signal!, ended })
        return ended
      })
      return found
    })
    return async () => vi.waitFor(() => waits.at(-1) ?? expect.fail('nothing waits'))
  }

  test('opens with the offset before the next, gives what is there, and then what comes', async () => {
    await start()
    await append('a', 'b')
    const tail = open()
    expect(await tail.status).toBe(200)
    expect(await tail.headers).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    })
    await untilEvents(tail, 3)
    await append('c')
    const events = await untilEvents(tail, 4)
    expect(tail.text()).toMatch(/^retry: 1000\nid: -1\n\nid: 0\ndata: \{"offset":0,/)
    expect(events.map(({ id }) => id)).toEqual(['-1', '0', '1', '2'])
    expect(events.slice(1).map(({ data }) => valueIn(data))).toEqual(['a', 'b', 'c'])
    const fetched = await server.rest.ask('GET', PATH)
    expect(events.slice(1).map(({ data }) => JSON.parse(data ?? ''))).toEqual(fetched.json.records)
  })

  test('as JSON lines tells each kind of line by a member of its own', async () => {
    await start({ liveTailHeartbeatMs: 500 })
    await append('{"a":\r\n1}', 'b')
    await truncate(1)
    const tail = open('?offset=0&as=json', LINES)
    expect((await tail.headers)['content-type']).toBe('application/x-ndjson')
    await untilLines(tail, 3)
    await vi.waitFor(() => expect(server.clock.pendingTimers).toBeGreaterThan(1))
    server.clock.advance(500)
    await untilLines(tail, 4)
    await server.broker.topics.delete('t')
    expect(await untilLines(tail, 5)).toEqual([
      { nextOffset: 0 },
      { reset: { offset: 0, logStartOffset: 1, highWatermark: 2 } },
      { offset: 1, timestamp: 1_000, key: null, value: 'b', headers: [] },
      { nextOffset: 2 },
      { error: expect.objectContaining({ code: 'TOPIC_NOT_FOUND', status: 404 }) },
    ])
    expect(await tail.ended).toBe(true)
  })

  test('gives values as JSON on one line', async () => {
    await start()
    await append('{"a":\r\n1}\n', '\n')
    const [, json, text] = await untilEvents(open('?as=json'), 3)
    expect([valueIn(json?.data), valueIn(text?.data)]).toEqual([{ a: 1 }, '\n'])
  })

  test.each([
    ['', -1],
    ['?from=earliest', -1],
    ['?from=latest', 2],
    ['?offset=1', 0],
    ['?offset=3', 2],
    ['?timestamp=1000', -1],
    ['?timestamp=1001', 2],
  ])('with %s begins after offset %i', async (query, id) => {
    await start()
    await append('a', 'b', 'c')
    expect((await untilEvents(open(query), 1))[0]).toEqual({ id: `${id}`, event: 'message', data: undefined })
  })

  test.each([
    ['-1', ['a', 'b']],
    ['0', ['b']],
  ])('goes on after Last-Event-ID %s, whatever the query says', async (lastEventId, values) => {
    await start()
    await append('a', 'b')
    for (const query of ['', '?from=latest', '?offset=1', '?timestamp=9999']) {
      const tail = open(query, { ...EVENTS, 'last-event-id': lastEventId })
      const [opening, ...events] = await untilEvents(tail, 1 + values.length)
      expect(opening?.id).toBe(lastEventId)
      expect(events.map(({ data }) => valueIn(data))).toEqual(values)
    }
  })

  test('of from=latest that has received nothing loses nothing when it comes back', async () => {
    await start()
    const tail = open('?from=latest')
    await untilEvents(tail, 1)
    tail.leave()
    await append('a')
    const again = open('?from=latest', { ...EVENTS, 'last-event-id': tail.lastEventId() })
    expect(valueIn((await untilEvents(again, 2))[1]?.data)).toBe('a')
  })

  test.each(['x', '-2', '01', '1.5', '1e3', '9007199254740991', '99999999999999999999'])(
    'refuses Last-Event-ID %s',
    async (lastEventId) => {
      await start()
      const answer = await server.rest.ask('GET', PATH, { headers: { ...EVENTS, 'last-event-id': lastEventId } })
      expect(answer).toMatchObject({ status: 400, json: { code: 'INVALID_REQUEST' } })
    },
  )

  test.each(['?maxBytes=5', '?waitMs=5', '?from=latest&offset=1', '?nope=1'])('refuses %s', async (query) => {
    await start()
    const answer = await server.rest.ask('GET', `${PATH}${query}`, { headers: EVENTS })
    expect(answer).toMatchObject({ status: 400, json: { code: 'INVALID_REQUEST' } })
  })

  test.each([
    ['/v1/topics/nope/partitions/0/records', 'TOPIC_NOT_FOUND'],
    ['/v1/topics/t/partitions/1/records', 'PARTITION_NOT_FOUND'],
  ])('of %s is refused with a status, which makes an EventSource give up', async (path, code) => {
    await start()
    const answer = await server.rest.ask('GET', path, { headers: EVENTS })
    expect(answer).toMatchObject({ status: 404, json: { code } })
    expect(answer.headers['content-type']).toBe('application/problem+json')
  })

  test('that is only asked for its head has no body', async () => {
    await start()
    const answer = await server.rest.ask('HEAD', PATH, { headers: EVENTS })
    expect(answer).toMatchObject({ status: 200, text: '', headers: { 'content-type': 'text/event-stream' } })
  })

  test('with a limit ends after so many records, and goes on from there', async () => {
    await start()
    await append('a', 'b', 'c')
    const tail = open('?limit=2')
    expect(await tail.ended).toBe(true)
    expect(eventsOf(tail.text()).map(({ id }) => id)).toEqual(['-1', '0', '1'])
    const again = open('?limit=2', { ...EVENTS, 'last-event-id': tail.lastEventId() })
    await untilEvents(again, 2)
    await append('d')
    expect(await again.ended).toBe(true)
    expect(eventsOf(again.text()).map(({ id }) => id)).toEqual(['1', '2', '3'])
  })

  test('tells of an offset that is gone and goes on at the log start, also on the way', async () => {
    await start()
    await append('a', 'b', 'c')
    await truncate(2)
    const early = open('?offset=0')
    const late = open('', { ...EVENTS, 'last-event-id': '41' })
    for (const [tail, offset] of [
      [early, 0],
      [late, 42],
    ] as const) {
      const [opening, reset, record] = await untilEvents(tail, 3)
      expect(opening?.id).toBe(`${offset - 1}`)
      expect(reset).toMatchObject({ id: '1', event: 'reset' })
      expect(JSON.parse(reset?.data ?? '')).toEqual({ offset, logStartOffset: 2, highWatermark: 3 })
      expect(record?.id).toBe('2')
    }
  })

  test('says that it lives, and from where it would go on', async () => {
    await start({ liveTailHeartbeatMs: 7_000 })
    await append('a')
    const nextWait = watchReads()
    const tail = open('?from=latest')
    await untilEvents(tail, 1)
    for (const beats of [1, 2]) {
      await nextWait()
      server.clock.advance(6_999)
      expect(eventsOf(tail.text())).toHaveLength(beats)
      server.clock.advance(1)
      await untilEvents(tail, 1 + beats)
    }
    expect(tail.text()).toBe('retry: 1000\nid: 0\n\nid: 0\n\nid: 0\n\n')
  })

  test('moves its id over what it leaves out', async () => {
    await start()
    const identity = await server.broker.transactions.init('pipe')
    const target = await server.broker.produce.target('t', 0)
    const tail = open()
    await untilEvents(tail, 1)
    const producer = { ...identity, baseSequence: 0 }
    await target.append(batchOf(['x', 'y'], { transactional: true, producer }), 'committed')
    await append('held back')
    const next = await server.broker.transactions.end({ transactionalId: 'pipe', ...identity }, 'abort')
    expect(next).toBeDefined()
    const events = await untilEvents(tail, 3)
    expect(events.map(({ id }) => id)).toEqual(['-1', '2', '3'])
    expect(events.map(({ data }) => data && valueIn(data))).toEqual([undefined, 'held back', undefined])
    tail.leave()
    const uncommitted = await untilEvents(open('?isolation=uncommitted'), 5)
    expect(uncommitted.map(({ id }) => id)).toEqual(['-1', '0', '1', '2', '3'])
  })

  test('of a batch that cannot be opened tells it at its end, and next time as a refusal', async () => {
    await start()
    const bad = RecordBatch.at(batchOf(['x'], { compression: 'gzip' }))
    bad.buffer.fill(0xff, 61)
    bad.stampProducer({ producerId: -1, producerEpoch: -1, baseSequence: -1 })
    await append('a')
    const tail = open()
    await untilEvents(tail, 2)
    const { id } = (await server.engine.topics.find('t'))!
    await server.engine.partition(id, 0).append(bad.buffer, { acks: 'committed' })
    expect(await tail.ended).toBe(true)
    const last = eventsOf(tail.text()).at(-1)
    expect(last).toMatchObject({ id: '0', event: 'error' })
    expect(JSON.parse(last?.data ?? '')).toMatchObject({ code: 'CORRUPT_BATCH', nextOffset: 2 })
    const again = await server.rest.ask('GET', PATH, { headers: { ...EVENTS, 'last-event-id': '0' } })
    expect(again).toMatchObject({ status: 500, json: { code: 'CORRUPT_BATCH', nextOffset: 2 } })
    expect(server.lines.map(({ level, fields }) => [level, fields.code])).toEqual(
      Array(2).fill(['error', 'CORRUPT_BATCH']),
    )
  })

  test('ends with TOPIC_NOT_FOUND when the topic is deleted, also when there is one of that name again', async () => {
    await start()
    await append('a')
    const nextWait = watchReads()
    const tail = open()
    await untilEvents(tail, 2)
    await nextWait()
    await Promise.all([server.broker.topics.delete('t'), server.broker.topics.create({ name: 'u' })])
    await server.broker.topics.create({ name: 't' })
    expect(await tail.ended).toBe(true)
    const last = eventsOf(tail.text()).at(-1)
    expect(last).toMatchObject({ id: '0', event: 'error' })
    expect(JSON.parse(last?.data ?? '')).toMatchObject({ code: 'TOPIC_NOT_FOUND', status: 404 })
  })

  test('ends its read at once when its client goes away', async () => {
    await start()
    const nextWait = watchReads()
    const tail = open()
    await untilEvents(tail, 1)
    const { signal, ended } = await nextWait()
    const aborted = once(signal, 'abort')
    tail.leave()
    await aborted
    await ended
    expect(server.lines).toEqual([])
  })

  test('ends in order when the server drains', async () => {
    await start()
    const tail = open('?from=latest')
    await untilEvents(tail, 1)
    server.app.drain()
    expect(await tail.ended).toBe(true)
    expect(tail.text()).toBe('retry: 1000\nid: -1\n\n')
  })

  test('is refused where too many are open, until one has gone', async () => {
    await start({ liveTails: 2 })
    const [first, second] = [open(), open('', LINES)]
    await Promise.all([first.until((text) => text !== ''), second.until((text) => text !== '')])
    const refused = await server.rest.ask('GET', PATH, { headers: EVENTS })
    expect(refused).toMatchObject({ status: 429, json: { code: 'LIMIT_REACHED', limit: 2 } })
    expect(refused.headers['retry-after']).toBe('1')
    expect((await server.rest.ask('GET', PATH)).status).toBe(200)
    second.leave()
    await vi.waitFor(async () => expect(await open().status).toBe(200))
  })

  test('that is not read holds one read, and is cut off when it takes nothing for too long', async () => {
    await start({ unsentBytes: 0 })
    const value = randomBytes(100_000).toString('base64url')
    for (let batch = 0; batch < 60; batch++) await append(value, value)
    const tail = open()
    await tail.until((text) => text.length > 100_000)
    tail.pause()
    let most = 0
    await vi.waitFor(
      () => {
        most = Math.max(most, server.unsent.bytes)
        server.clock.advance(server.limits.stalledReaderTimeoutMs)
        expect(server.lines).toMatchObject([{ level: 'info', message: expect.stringContaining('does not read') }])
      },
      { timeout: 5_000 },
    )
    await vi.waitFor(() => expect(server.unsent.bytes).toBe(0))
    expect(most).toBeLessThan(2 * value.length)
    tail.resume()
    expect(await tail.ended).toBe(false)
  })

  test('of a page that may call lets its browser show it', async () => {
    await start()
    const headers = await open('', { ...EVENTS, origin: 'http://page.example' }).headers
    expect(headers['access-control-allow-origin']).toBe('http://page.example')
    const foreign = await server.rest.ask('GET', PATH, { headers: { ...EVENTS, origin: 'http://other.example' } })
    expect(foreign).toMatchObject({ status: 403, json: { code: 'ORIGIN_NOT_ALLOWED' } })
  })
})

test('a client that is gone before its tail begins leaves no reader behind', async () => {
  const { app, rest, broker, clock, limits, unsent } = await serveTails('HTTP/1.1')
  const raw = new ServerResponse(new IncomingMessage(new Socket()))
  raw.destroy()
  await once(raw, 'close')
  const reply = { raw, hijack: () => {}, getHeaders: () => ({}) } as unknown as FastifyReply
  const request = { method: 'GET', url: PATH } as FastifyRequest
  const tails = new LiveTails({
    broker,
    clock,
    limits,
    unsent,
    logger: silentLogger,
    requests: new RequestStats(),
    waits: new Waits(),
  })
  await tails.follow(request, reply, {
    topic: 't',
    partition: 0,
    from: { at: 'earliest' },
    isolation: 'committed',
    values: 'bytes',
    limit: Number.POSITIVE_INFINITY,
    format: EVENT_STREAM,
  })
  expect((await broker.stats()).readers).toBe(0)
  await rest.close()
  await app.close()
})
