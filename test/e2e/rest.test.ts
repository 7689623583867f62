import { describe, expect, it } from 'vitest'
import { serve } from './harness.ts'
import { SPEAKERS } from './speakers.ts'

describe.each(Object.entries(SPEAKERS))('REST over %s', (_, speak) => {
  it('makes a topic, produces, reads from an offset and from a time, and deletes', async () => {
    const { url } = await serve('--data', 'memory', '--log-level', 'silent')
    const get = (path: string) => speak(url, { path })
    const post = (path: string, body: unknown) => speak(url, { method: 'POST', path, body: JSON.stringify(body) })

    expect(await get('/healthz')).toMatchObject({ status: 200, body: { status: 'ok' } })
    expect(await get('/readyz')).toMatchObject({ status: 200, body: { status: 'ready' } })

    const config = { 'segment.bytes': '1048576' }
    const created = await post('/v1/topics', { name: 'orders', partitions: 2, config })
    expect(created).toMatchObject({ status: 201, body: { name: 'orders', partitions: 2 } })
    expect((await get('/v1/topics')).body).toEqual({ topics: [created.body] })

    const records = [
      { key: 'a', value: { total: 10 }, partition: 0, timestamp: 1_700_000_000_000 },
      { key: 'a', value: 'text', headers: { source: 'web' }, partition: 0, timestamp: 1_700_000_005_000 },
      { keyBase64: '/w==', valueBase64: '/wA=', partition: 0, timestamp: 1_700_000_010_000 },
      { key: null, value: null, partition: 1 },
    ]
    expect(await post('/v1/topics/orders/records', { records, acks: 'committed' })).toMatchObject({
      status: 200,
      body: {
        results: [
          { partition: 0, offset: 0, timestamp: 1_700_000_000_000 },
          { partition: 0, offset: 1, timestamp: 1_700_000_005_000 },
          { partition: 0, offset: 2, timestamp: 1_700_000_010_000 },
          { partition: 1, offset: 0 },
        ],
      },
    })

    expect((await get('/v1/topics/orders/partitions/0/records?offset=1')).body).toEqual({
      records: [
        {
          offset: 1,
          timestamp: 1_700_000_005_000,
          key: 'a',
          value: 'text',
          headers: [{ key: 'source', value: 'web' }],
        },
        { offset: 2, timestamp: 1_700_000_010_000, keyBase64: '/w==', valueBase64: '/wA=', headers: [] },
      ],
      nextOffset: 3,
      highWatermark: 3,
      logStartOffset: 0,
    })
    const offsets = async (query: string) => {
      const { body } = await get(`/v1/topics/orders/partitions/0/records?${query}`)
      return (body as { records: { offset: number }[] }).records.map(({ offset }) => offset)
    }
    expect(await offsets('from=earliest')).toEqual([0, 1, 2])
    expect(await offsets('from=latest')).toEqual([])
    expect(await offsets('timestamp=1700000000001')).toEqual([1, 2])
    expect(await offsets('offset=0&limit=2')).toEqual([0, 1])
    expect(await offsets('offset=3&waitMs=1')).toEqual([])
    expect((await get('/v1/topics/orders/partitions/0/offsets?timestamp=1700000005000')).body).toEqual({
      offset: 1,
      timestamp: 1_700_000_005_000,
      found: true,
    })
    expect((await get('/v1/topics/orders/partitions/1/records?offset=0')).body).toMatchObject({
      records: [{ offset: 0, key: null, value: null }],
    })

    expect((await get('/v1/topics/orders')).body).toMatchObject({
      name: 'orders',
      config: { 'segment.bytes': '1048576', 'flush.policy': 'commit' },
      partitions: [
        { partition: 0, logStartOffset: 0, highWatermark: 3 },
        { partition: 1, logStartOffset: 0, highWatermark: 1 },
      ],
    })
    expect(await speak(url, { method: 'DELETE', path: '/v1/topics/orders' })).toMatchObject({ status: 204 })
    expect(await get('/v1/topics/orders')).toMatchObject({
      status: 404,
      type: 'application/problem+json',
      body: { code: 'TOPIC_NOT_FOUND', status: 404 },
    })
  })
})
