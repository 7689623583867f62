import { Broker } from '@millrace/broker'
import { DEFAULT_LIMITS, MillraceError } from '@millrace/record'
import { createMemoryEngine, ManualClock, type MemoryEngine } from '@millrace/testkit'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { PROTOCOLS, type RestServer, restApp, serveRest } from '../../test/rest-harness.ts'

const START_MS = 1_700_000_000_000

describe.each(PROTOCOLS)('records over %s', (protocol) => {
  let clock: ManualClock
  let engine: MemoryEngine
  let rest: RestServer

  beforeEach(async () => {
    clock = new ManualClock(START_MS)
    const limits = { ...DEFAULT_LIMITS, recordsPerRequest: 100, fetchRecords: 50, fetchBytes: 4_096 }
    engine = createMemoryEngine({ clock, limits })
    const broker = new Broker({ engine, clock, limits })
    rest = await serveRest(await restApp({ broker, clock, limits }), protocol)
    await rest.ask('POST', '/v1/topics', { body: { name: 't', partitions: 2 } })
  })
  afterEach(() => rest.close())

  const produce = (records: unknown, more: object = {}) =>
    rest.ask('POST', '/v1/topics/t/records', { body: { records, ...more } })
  const fetch = (query = '', partition = 0) => rest.ask('GET', `/v1/topics/t/partitions/${partition}/records${query}`)
  const values = async (query: string) =>
    (await fetch(query)).json.records.map(({ value }: { value: unknown }) => value)
  const fill = async (count: number) => {
    const records = Array.from({ length: count }, (_, index) => ({ value: `v${index}`, partition: 0 }))
    for (const record of records) {
      await produce([record])
      clock.advance(1_000)
    }
  }

  test('are produced in the order given, and come back', async () => {
    const { status, json } = await produce([
      { key: 'k', value: { total: 10 }, headers: { h: 'x' }, partition: 1, timestamp: START_MS - 5 },
      { value: 'plain', partition: 0 },
      { value: null, partition: 1 },
    ])
    expect(status).toBe(200)
    expect(json).toEqual({
      results: [
        { partition: 1, offset: 0, timestamp: START_MS - 5 },
        { partition: 0, offset: 0, timestamp: START_MS },
        { partition: 1, offset: 1, timestamp: START_MS },
      ],
    })
    expect((await fetch('?as=json', 1)).json).toEqual({
      records: [
        { offset: 0, timestamp: START_MS - 5, key: 'k', value: { total: 10 }, headers: [{ key: 'h', value: 'x' }] },
        { offset: 1, timestamp: START_MS, key: null, value: null, headers: [] },
      ],
      nextOffset: 2,
      highWatermark: 2,
      logStartOffset: 0,
    })
    expect((await fetch('', 1)).json.records[0].value).toBe('{"total":10}')
  })

  test('of one key go to one partition, with either acks', async () => {
    const one = await produce(
      [
        { key: 'c42', value: 1 },
        { key: 'c42', value: 2 },
      ],
      { acks: 'committed' },
    )
    const two = await produce([{ key: 'c42', value: 3 }], { acks: 'none' })
    const partitions = [...one.json.results, ...two.json.results].map(({ partition }) => partition)
    expect(new Set(partitions).size).toBe(1)
  })

  test('are read from an offset, an end or a time', async () => {
    await fill(5)
    expect(await values('')).toEqual(['v0', 'v1', 'v2', 'v3', 'v4'])
    expect(await values('?from=earliest')).toHaveLength(5)
    expect(await values('?offset=3')).toEqual(['v3', 'v4'])
    expect(await values('?offset=5')).toEqual([])
    expect(await values(`?timestamp=${START_MS + 1_500}`)).toEqual(['v2', 'v3', 'v4'])
    expect(await values(`?timestamp=${START_MS + 3_000}&isolation=uncommitted`)).toEqual(['v3', 'v4'])
    expect((await fetch('?from=latest')).json).toEqual({
      records: [],
      nextOffset: 5,
      highWatermark: 5,
      logStartOffset: 0,
    })
    expect((await fetch(`?timestamp=${START_MS + 99_000}`)).json).toMatchObject({ records: [], nextOffset: 5 })
  })

  test('come in pieces that join without a gap', async () => {
    await produce(Array.from({ length: 60 }, (_, index) => ({ value: String(index), partition: 0 })))
    const seen: unknown[] = []
    let offset = 0
    for (let round = 0; round < 100 && offset < 60; round++) {
      const { json } = await fetch(`?offset=${offset}&limit=7`)
      expect(json.records.length).toBeLessThanOrEqual(7)
      seen.push(...json.records.map(({ value }: { value: unknown }) => value))
      offset = json.nextOffset
    }
    expect(seen).toEqual(Array.from({ length: 60 }, (_, index) => String(index)))
  })

  test('come no more at once than the limits allow, whatever is asked for', async () => {
    await produce(Array.from({ length: 60 }, () => ({ value: 'x', partition: 0 })))
    expect((await fetch('?limit=1000000')).json).toMatchObject({ nextOffset: 50 })
    await produce(Array.from({ length: 10 }, () => ({ value: 'y'.repeat(1_000), partition: 0 })))
    const { json } = await fetch('?offset=60&maxBytes=9007199254740991')
    expect(json.records).toHaveLength(4)
    expect(json.nextOffset).toBe(64)
    expect((await fetch('?offset=60&maxBytes=2500')).json.records).toHaveLength(2)
    expect((await fetch('?offset=60&maxBytes=1')).json).toMatchObject({ nextOffset: 61 })
  })

  test('that fail in some partitions are told apart with 207', async () => {
    const { status, json } = await produce([
      { value: 'a', partition: 0 },
      { value: 'b', partition: 9 },
      { value: 'c', partition: 0 },
    ])
    expect(status).toBe(207)
    expect(json.results).toEqual([
      { partition: 0, offset: 0, timestamp: START_MS },
      { partition: 9, error: { code: 'PARTITION_NOT_FOUND', detail: expect.stringContaining('9') } },
      { partition: 0, offset: 1, timestamp: START_MS },
    ])
    expect(await values('')).toEqual(['a', 'c'])
  })

  test('that all fail for one reason fail as a whole', async () => {
    const unknown = await produce([{ value: 'a', partition: 9 }])
    expect([unknown.status, unknown.json.code]).toEqual([404, 'PARTITION_NOT_FOUND'])
    engine.failAppends(new MillraceError('DISK_FULL', 'no space is left'))
    const full = await produce([
      { value: 'a', partition: 0 },
      { value: 'a', partition: 1 },
    ])
    expect([full.status, full.json.code, full.json.detail]).toEqual([507, 'DISK_FULL', 'no space is left'])
    engine.failAppends()
    expect((await produce([{ value: 'a', partition: 0 }])).json.results[0].offset).toBe(0)
  })

  test.each([
    [{ records: [] }, 400, 'INVALID_REQUEST', /^records must not be empty$/],
    [{}, 400, 'INVALID_REQUEST', /^the body must have the property records$/],
    [{ records: {} }, 400, 'INVALID_REQUEST', /^records must be an array$/],
    [{ records: ['x'] }, 400, 'INVALID_REQUEST', /records\/0/],
    [{ records: [{ value: 1 }], ack: 'none' }, 400, 'INVALID_REQUEST', /"ack".*records, acks/],
    [{ records: [{ value: 1 }], acks: 'all' }, 400, 'INVALID_REQUEST', /acks must be one of committed, none/],
    [{ records: [{ value: 1 }, {}] }, 400, 'INVALID_REQUEST', /^records\/1 must have value or valueBase64; null/],
    [{ records: [{ value: 1 }, { val: 1 }] }, 400, 'INVALID_REQUEST', /records\/1 has no member "val".*valueBase64/],
    [{ records: [{ headers: [{ key: 'a', val: 1 }] }] }, 400, 'INVALID_REQUEST', /records\/0\/headers/],
    [{ records: [{ headers: 'x' }] }, 400, 'INVALID_REQUEST', /records\/0\/headers/],
    [{ records: [{ headers: [{ value: 'x' }] }] }, 400, 'INVALID_REQUEST', /records\/0\/headers/],
    [{ records: [{ partition: '0' }] }, 400, 'INVALID_REQUEST', /records\/0\/partition/],
    [{ records: [{ timestamp: 1.5 }] }, 400, 'INVALID_REQUEST', /records\/0\/timestamp/],
    [{ records: [{ timestamp: null }] }, 400, 'INVALID_REQUEST', /records\/0\/timestamp/],
    [{ records: [{ value: 1, timestamp: -1, partition: 0 }] }, 400, 'INVALID_TIMESTAMP', /-1/],
    [{ records: [{ value: 1, timestamp: 9e15, partition: 0 }] }, 400, 'INVALID_TIMESTAMP', /9000000000000000/],
    [{ records: [{ keyBase64: 'a' }] }, 400, 'INVALID_REQUEST', /records\/0\/keyBase64/],
    [{ records: [{ value: 1, valueBase64: '' }] }, 400, 'INVALID_REQUEST', /both/],
    [{ records: [{ value: 'x'.repeat(1_100_000), partition: 0 }] }, 413, 'BATCH_TOO_LARGE', /bytes/],
    [{ records: Array.from({ length: 101 }, () => ({ value: 1 })) }, 413, 'REQUEST_TOO_LARGE', /101/],
  ])('that are bad are refused and leave the log as it was (%#)', async (body, status, code, detail) => {
    const { json, ...answer } = await rest.ask('POST', '/v1/topics/t/records', { body })
    expect([answer.status, json.code]).toEqual([status, code])
    expect(json.detail).toMatch(detail)
    expect((await fetch()).json.highWatermark).toBe(0)
    expect((await fetch('', 1)).json.highWatermark).toBe(0)
  })

  test.each(['{"records":[{"value":{"id":9007199254740993}}]}', '{"records":[{"timestamp":1e400}]}'])(
    'with a number that would change are refused: %s',
    async (body) => {
      const headers = { 'content-type': 'application/json' }
      const { status, json } = await rest.ask('POST', '/v1/topics/t/records', { headers, body })
      expect([status, json.code]).toEqual([400, 'NUMBER_NOT_EXACT'])
    },
  )

  test.each(['/v1/topics/nope/records', '/v1/topics/__millrace_x/records'])('are not produced to %s', async (path) => {
    const { json } = await rest.ask('POST', path, { body: { records: [{ value: 1 }] } })
    expect(json.code).toBe(path.includes('nope') ? 'TOPIC_NOT_FOUND' : 'INVALID_TOPIC_NAME')
  })

  test('out of range are told with the range', async () => {
    await fill(3)
    const { status, json } = await fetch('?offset=4')
    expect(status).toBe(416)
    expect(json).toMatchObject({ code: 'OFFSET_OUT_OF_RANGE', logStartOffset: 0, highWatermark: 3, status: 416 })
  })

  test.each([
    ['offset=1.5', 'INVALID_REQUEST'],
    ['offset=1e3', 'INVALID_REQUEST'],
    ['offset=-1', 'INVALID_REQUEST'],
    ['offset=+1', 'INVALID_REQUEST'],
    ['offset=0x1', 'INVALID_REQUEST'],
    ['offset=01', 'INVALID_REQUEST'],
    ['offset=', 'INVALID_REQUEST'],
    ['offset', 'INVALID_REQUEST'],
    ['offset=9007199254740993', 'NUMBER_NOT_EXACT'],
    ['offset=0&offset=0', 'INVALID_REQUEST'],
    ['offset=0&from=latest', 'INVALID_REQUEST'],
    ['from=latest&timestamp=0', 'INVALID_REQUEST'],
    ['from=Latest', 'INVALID_REQUEST'],
    ['limit=0', 'INVALID_REQUEST'],
    ['maxBytes=0', 'INVALID_REQUEST'],
    ['waitMs=-1', 'INVALID_REQUEST'],
    ['isolation=none', 'INVALID_REQUEST'],
    ['as=text', 'INVALID_REQUEST'],
    ['ofset=0', 'INVALID_REQUEST'],
    ['__proto__=0', 'INVALID_REQUEST'],
  ])('are not read with ?%s', async (query, code) => {
    const { status, json } = await fetch(`?${query}`)
    expect([status, json.code]).toEqual([400, code])
    expect(json.detail).toContain(query.split('=', 1)[0] === 'ofset' ? 'there are offset' : '')
  })

  test.each([
    ['2', 404, 'PARTITION_NOT_FOUND'],
    ['9007199254740991', 404, 'PARTITION_NOT_FOUND'],
    ['9007199254740993', 400, 'NUMBER_NOT_EXACT'],
    ['-1', 400, 'INVALID_REQUEST'],
    ['x', 400, 'INVALID_REQUEST'],
    ['1.0', 400, 'INVALID_REQUEST'],
    ['%30%20', 400, 'INVALID_REQUEST'],
  ])('are not in partition %s', async (partition, status, code) => {
    for (const what of ['records', 'offsets']) {
      const answer = await rest.ask('GET', `/v1/topics/t/partitions/${partition}/${what}`)
      expect([answer.status, answer.json.code]).toEqual([status, code])
    }
  })

  describe('offsets', () => {
    const offsets = (query: string) => rest.ask('GET', `/v1/topics/t/partitions/0/offsets${query}`)

    test('are both ends, one end, or the first at a time', async () => {
      await fill(3)
      expect((await offsets('')).json).toEqual({ earliest: 0, latest: 3 })
      expect((await offsets('?at=earliest')).json).toEqual({ offset: 0, found: true })
      expect((await offsets('?at=latest')).json).toEqual({ offset: 3, found: true })
      const found = { offset: 1, timestamp: START_MS + 1_000, found: true }
      expect((await offsets(`?timestamp=${START_MS + 1}`)).json).toEqual(found)
      expect((await offsets(`?timestamp=${START_MS + 99_000}`)).json).toEqual({ offset: 3, found: false })
    })

    test.each(['at=first', 'at=latest&timestamp=0', 'timestamp=x', 'timestamp=-1', 'offset=0', 'at=latest&at=latest'])(
      'are refused for ?%s',
      async (query) => {
        const { status, json } = await offsets(`?${query}`)
        expect([status, json.code]).toEqual([400, 'INVALID_REQUEST'])
      },
    )

    test('of what does not exist are not found', async () => {
      expect((await rest.ask('GET', '/v1/topics/nope/partitions/0/offsets')).json.code).toBe('TOPIC_NOT_FOUND')
    })
  })
})
