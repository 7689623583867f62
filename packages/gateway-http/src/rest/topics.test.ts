import { Broker } from '@millrace/broker'
import { DEFAULT_LIMITS } from '@millrace/record'
import { createMemoryEngine, ManualClock } from '@millrace/testkit'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { PROTOCOLS, type RestServer, restApp, serveRest } from '../../test/rest-harness.ts'

describe.each(PROTOCOLS)('topics over %s', (protocol) => {
  let rest: RestServer

  beforeEach(async () => {
    const clock = new ManualClock(1_000)
    const limits = { ...DEFAULT_LIMITS, topics: 3 }
    const broker = new Broker({ engine: createMemoryEngine({ clock, limits }), clock, limits })
    rest = await serveRest(await restApp({ broker, clock, limits }), protocol)
  })
  afterEach(() => rest.close())

  const create = (body: unknown) => rest.ask('POST', '/v1/topics', { body })

  test('are made with 201, a Location and what was made', async () => {
    const { status, headers, json } = await create({ name: 'orders', partitions: 4 })
    expect(status).toBe(201)
    expect(headers.location).toBe('/v1/topics/orders')
    expect(json).toEqual({
      name: 'orders',
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      partitions: 4,
      createdAtMs: 1_000,
    })
    expect((await rest.ask('GET', String(headers.location))).status).toBe(200)
  })

  test('have one partition by default, and settings that may be text, numbers or booleans', async () => {
    const made = await create({
      name: 'a',
      config: { 'flush.policy': 'interval', 'flush.ms': 250, 'segment.ms': '1000' },
    })
    expect(made.json.partitions).toBe(1)
    const { json } = await rest.ask('GET', '/v1/topics/a')
    expect(json.config).toMatchObject({ 'flush.policy': 'interval', 'flush.ms': '250', 'segment.ms': '1000' })
    expect(json.config).toHaveProperty(['max.message.bytes'])
  })

  test('are listed by name', async () => {
    expect((await rest.ask('GET', '/v1/topics')).json).toEqual({ topics: [] })
    for (const name of ['b', 'a']) await create({ name })
    const { json } = await rest.ask('GET', '/v1/topics')
    expect(json.topics.map((topic: { name: string }) => topic.name)).toEqual(['a', 'b'])
    expect(json.topics[0]).toMatchObject({ partitions: 1, createdAtMs: 1_000 })
  })

  test('are described with the state of each partition', async () => {
    await create({ name: 'orders', partitions: 2 })
    await rest.ask('POST', '/v1/topics/orders/records', { body: { records: [{ value: 'x', partition: 1 }] } })
    const { json } = await rest.ask('GET', '/v1/topics/orders')
    expect(json).toMatchObject({ name: 'orders', createdAtMs: 1_000 })
    expect(json.partitions).toEqual([
      expect.objectContaining({ partition: 0, logStartOffset: 0, highWatermark: 0, sizeBytes: 0 }),
      expect.objectContaining({ partition: 1, logStartOffset: 0, highWatermark: 1, lastStableOffset: 1 }),
    ])
    expect(json.partitions[1].sizeBytes).toBeGreaterThan(0)
  })

  test('are deleted with 204 and gone', async () => {
    await create({ name: 'orders' })
    const { status, text } = await rest.ask('DELETE', '/v1/topics/orders')
    expect([status, text]).toEqual([204, ''])
    expect((await rest.ask('GET', '/v1/topics/orders')).json.code).toBe('TOPIC_NOT_FOUND')
    expect((await rest.ask('DELETE', '/v1/topics/orders')).json.code).toBe('TOPIC_NOT_FOUND')
    expect((await create({ name: 'orders' })).status).toBe(201)
  })

  test('are altered: settings, partitions or both, and the answer is what describe says', async () => {
    await create({ name: 'orders', config: { 'segment.bytes': 2_048, 'flush.policy': 'os' } })
    const alter = (body: unknown) => rest.ask('PATCH', '/v1/topics/orders', { body })
    const { status, json } = await alter({
      partitions: 3,
      config: { 'retention.ms': 60_000, 'flush.policy': null },
    })
    expect(status).toBe(200)
    expect(json.partitions.map(({ partition }: { partition: number }) => partition)).toEqual([0, 1, 2])
    expect(json.config).toMatchObject({
      'segment.bytes': '2048',
      'retention.ms': '60000',
      'flush.policy': 'commit',
    })
    expect((await rest.ask('GET', '/v1/topics/orders')).json).toEqual(json)
    expect((await alter({})).json).toEqual(json)
    const record = { value: 'x', partition: 2 }
    expect((await rest.ask('POST', '/v1/topics/orders/records', { body: { records: [record] } })).status).toBe(200)
  })

  test.each([
    [{ partitions: 1 }, 'INVALID_PARTITIONS', ''],
    [{ partitions: 0 }, 'INVALID_PARTITIONS', ''],
    [{ partitions: 1_001 }, 'INVALID_PARTITIONS', ''],
    [{ partitions: 2.5 }, 'INVALID_REQUEST', 'partitions'],
    [{ partitions: null }, 'INVALID_REQUEST', 'partitions'],
    [{ config: { 'retention.mss': '1' } }, 'INVALID_CONFIG', 'retention.mss'],
    [{ config: { 'retention.mss': null } }, 'INVALID_CONFIG', 'retention.mss'],
    [{ config: { 'flush.policy': 'never' } }, 'INVALID_CONFIG', 'never'],
    [{ config: { 'flush.ms': 'soon' }, partitions: 9 }, 'INVALID_CONFIG', 'flush.ms'],
    [{ config: { 'flush.ms': {} } }, 'INVALID_REQUEST', 'null for the default'],
    [{ config: [] }, 'INVALID_REQUEST', 'config'],
    [{ name: 'x' }, 'INVALID_REQUEST', 'there are partitions, config'],
    [{ unset: ['flush.ms'] }, 'INVALID_REQUEST', '"unset"'],
    [[], 'INVALID_REQUEST', ''],
    [null, 'INVALID_REQUEST', ''],
  ])('are not altered by %j', async (body, code, detail) => {
    await create({ name: 'orders', partitions: 2 })
    const before = (await rest.ask('GET', '/v1/topics/orders')).json
    const headers = { 'content-type': 'application/json' }
    const answer = await rest.ask('PATCH', '/v1/topics/orders', { headers, body: JSON.stringify(body) })
    expect([answer.status, answer.json.code]).toEqual([400, code])
    expect(answer.json.detail).toContain(detail)
    expect((await rest.ask('GET', '/v1/topics/orders')).json).toEqual(before)
  })

  test('lose the records before an offset', async () => {
    await create({ name: 'orders' })
    const records = ['a', 'b', 'c'].map((value) => ({ value }))
    await rest.ask('POST', '/v1/topics/orders/records', { body: { records } })
    const path = '/v1/topics/orders/partitions/0/records'
    const gone = await rest.ask('DELETE', `${path}?before=2`)
    expect([gone.status, gone.json]).toEqual([200, { logStartOffset: 2 }])
    expect((await rest.ask('DELETE', `${path}?before=1`)).json).toEqual({ logStartOffset: 2 })
    const left = (await rest.ask('GET', `${path}?from=earliest`)).json.records
    expect(left.map(({ value }: { value: string }) => value)).toEqual(['c'])
    expect((await rest.ask('DELETE', `${path}?before=3`)).json).toEqual({ logStartOffset: 3 })
  })

  test.each([
    ['/v1/topics/orders/partitions/0/records', 400, 'INVALID_REQUEST'],
    ['/v1/topics/orders/partitions/0/records?before=', 400, 'INVALID_REQUEST'],
    ['/v1/topics/orders/partitions/0/records?before=-1', 400, 'INVALID_REQUEST'],
    ['/v1/topics/orders/partitions/0/records?before=1e3', 400, 'INVALID_REQUEST'],
    ['/v1/topics/orders/partitions/0/records?before=9007199254740993', 400, 'NUMBER_NOT_EXACT'],
    ['/v1/topics/orders/partitions/0/records?before=0&befor=1', 400, 'INVALID_REQUEST'],
    ['/v1/topics/orders/partitions/x/records?before=0', 400, 'INVALID_REQUEST'],
    ['/v1/topics/orders/partitions/0/records?before=1', 416, 'OFFSET_OUT_OF_RANGE'],
    ['/v1/topics/orders/partitions/7/records?before=0', 404, 'PARTITION_NOT_FOUND'],
    ['/v1/topics/nope/partitions/0/records?before=0', 404, 'TOPIC_NOT_FOUND'],
    ['/v1/topics/__millrace_groups/partitions/0/records?before=0', 400, 'INVALID_TOPIC_NAME'],
  ])('lose nothing by DELETE %s', async (path, status, code) => {
    await create({ name: 'orders' })
    const answer = await rest.ask('DELETE', path)
    expect([answer.status, answer.json.code]).toEqual([status, code])
  })

  test('may be deleted by a client that states the type of a body that it does not send', async () => {
    await create({ name: 'orders' })
    const headers = { 'content-type': 'application/json' }
    expect((await rest.ask('DELETE', '/v1/topics/orders', { headers })).status).toBe(204)
  })

  test.each([
    [{ name: 'orders' }, 409, 'TOPIC_EXISTS'],
    [{ name: 'ORDERS' }, 409, 'TOPIC_NAME_CONFLICT'],
    [{ name: '' }, 400, 'INVALID_TOPIC_NAME'],
    [{ name: '..' }, 400, 'INVALID_TOPIC_NAME'],
    [{ name: '../../etc/passwd' }, 400, 'INVALID_TOPIC_NAME'],
    [{ name: 'a/b' }, 400, 'INVALID_TOPIC_NAME'],
    [{ name: 'grün' }, 400, 'INVALID_TOPIC_NAME'],
    [{ name: 'a'.repeat(250) }, 400, 'INVALID_TOPIC_NAME'],
    [{ name: '__millrace_x' }, 400, 'INVALID_TOPIC_NAME'],
    [{ name: 'a', partitions: 0 }, 400, 'INVALID_PARTITIONS'],
    [{ name: 'a', partitions: -1 }, 400, 'INVALID_PARTITIONS'],
    [{ name: 'a', partitions: 1_001 }, 400, 'INVALID_PARTITIONS'],
    [{ name: 'a', partitions: 1.5 }, 400, 'INVALID_REQUEST'],
    [{ name: 'a', partitions: '2' }, 400, 'INVALID_REQUEST'],
    [{ name: 'a', config: { 'retention.mss': '1' } }, 400, 'INVALID_CONFIG'],
    [{ name: 'a', config: { 'flush.policy': 'never' } }, 400, 'INVALID_CONFIG'],
    [{ name: 'a', config: { 'flush.ms': null } }, 400, 'INVALID_REQUEST'],
    [{ name: 'a', config: [] }, 400, 'INVALID_REQUEST'],
    [{ name: 1 }, 400, 'INVALID_REQUEST'],
    [{ partitions: 1 }, 400, 'INVALID_REQUEST'],
    [[], 400, 'INVALID_REQUEST'],
    [null, 400, 'INVALID_REQUEST'],
    ['"text"', 400, 'INVALID_REQUEST'],
  ])('are not made of %j', async (body, status, code) => {
    await create({ name: 'orders' })
    const headers = { 'content-type': 'application/json' }
    const answer = await rest.ask('POST', '/v1/topics', {
      headers,
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })
    expect([answer.status, answer.json.code]).toEqual([status, code])
    expect((await rest.ask('GET', '/v1/topics')).json.topics).toHaveLength(1)
  })

  test('with a misspelt member are refused with its name and the ones that there are', async () => {
    const { json } = await create({ name: 'orders', partitons: 3 })
    expect(json.code).toBe('INVALID_REQUEST')
    expect(json.detail).toMatch(/"partitons".*name, partitions, config/)
  })

  test('named __proto__ in the config pollute nothing', async () => {
    const headers = { 'content-type': 'application/json' }
    const body = '{"name":"a","config":{"__proto__":"x"}}'
    expect((await rest.ask('POST', '/v1/topics', { headers, body })).json.code).toBe('INVALID_CONFIG')
    expect(({} as Record<string, unknown>).name).toBeUndefined()
  })

  test('past the limit are refused with 429 and Retry-After', async () => {
    for (const name of ['a', 'b', 'c']) await create({ name })
    const { status, headers, json } = await create({ name: 'd' })
    expect([status, json.code, headers['retry-after']]).toEqual([429, 'LIMIT_REACHED', '1'])
  })

  test.each([
    ['GET', '/v1/topics/nope'],
    ['GET', '/v1/topics/..%2f..%2fetc%2fpasswd'],
    ['GET', `/v1/topics/${'a'.repeat(5_000)}`],
    ['GET', '/v1/topics/__millrace_groups'],
    ['GET', '/v1/topics/__proto__'],
    ['DELETE', '/v1/topics/nope'],
    ['PATCH', '/v1/topics/nope'],
  ])('that do not exist are not found: %s %s', async (method, path) => {
    const { status, json } = await rest.ask(method, path, method === 'PATCH' ? { body: {} } : {})
    expect([status, json.code]).toEqual([404, 'TOPIC_NOT_FOUND'])
  })
})
