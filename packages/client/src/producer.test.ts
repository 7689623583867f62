import { COMPRESSION_CODECS, MillraceError, RecordBatch, systemClock } from '@millrace/record'
import { createMemoryEngine } from '@millrace/testkit'
import { describe, expect, test } from 'vitest'
import { type ProducerRecord, SendBatchError } from './call.ts'
import type { ProducerOptions } from './options.ts'
import { collect, gate, type Harness, startHarness } from './testing/harness.ts'

/** A harness whose server has a topic `t`. */
async function start(partitions = 1, settings: Record<string, string> = {}): Promise<Harness> {
  const engine = createMemoryEngine({ clock: systemClock })
  await engine.topics.create({ name: 't', partitions, settings })
  return startHarness(engine)
}

const texts = (count: number, from = 0): { topic: string; value: string }[] =>
  Array.from({ length: count }, (_, index) => ({ topic: 't', value: `${from + index}` }))

describe('send', () => {
  test('tells where the record is stored', async () => {
    await using h = await start()
    const producer = h.mr.producer()
    const result = await producer.send({ topic: 't', value: 'a', timestamp: 1_234 })
    expect(result).toEqual({ topic: 't', partition: 0, offset: 0, timestamp: 1_234 })
    const timestamp = new Date(5_678)
    expect(await producer.send({ topic: 't', value: 'b', timestamp })).toMatchObject({ offset: 1, timestamp: 5_678 })
    expect(await h.texts('t')).toEqual(['a', 'b'])
  })

  test('keeps the order of the calls, in few requests', async () => {
    await using h = await start()
    let requests = 0
    h.server.faults.produce = () => {
      requests++
      return 'store'
    }
    const producer = h.mr.producer()
    const results = await Promise.all(texts(1_000).map((record) => producer.send(record)))
    expect(results.map(({ offset }) => offset)).toEqual(results.map((_, index) => index))
    expect(await h.texts('t')).toEqual(texts(1_000).map(({ value }) => value))
    expect(requests).toBeLessThan(10)
  })

  test('takes keys, values and headers of all kinds', async () => {
    await using h = await start()
    const producer = h.mr.producer()
    await producer.send({ topic: 't', key: 'k', value: { total: 10 }, headers: { a: 'x', b: 1, c: null } })
    await producer.send({ topic: 't', key: Buffer.from([0xff]), value: new Uint8Array([1, 2]), headers: [] })
    await producer.send({
      topic: 't',
      value: null,
      headers: [
        { key: 'n', value: 'v' },
        { key: 'n', value: 'w' },
      ],
    })
    await producer.send({ topic: 't', value: 'ü' })
    const records = await collect(h.mr.read({ topic: 't', to: 'end' }))
    expect(records.map(({ key, value }) => [key?.toString('hex'), value?.toString('hex')])).toEqual([
      ['6b', '7b22746f74616c223a31307d'],
      ['ff', '0102'],
      [undefined, undefined],
      [undefined, 'c3bc'],
    ])
    expect(records[0]?.headers.map(({ key, value }) => [key, value?.toString()])).toEqual([
      ['a', 'x'],
      ['b', '1'],
      ['c', undefined],
    ])
    expect(records[2]?.headers).toHaveLength(2)
    expect(records[0]?.decode()).toEqual({ total: 10 })
  })

  test.each(COMPRESSION_CODECS)('compresses with %s', async (compression) => {
    await using h = await start()
    const codecs = new Set<string>()
    h.server.faults.produce = ({ batch }) => {
      codecs.add(RecordBatch.at(batch as Buffer).codec)
      return 'store'
    }
    await h.mr.producer({ compression }).sendBatch(texts(100))
    expect([...codecs]).toEqual([compression])
    expect(await h.texts('t')).toHaveLength(100)
  })

  test('lets linger gather what comes within the time', async () => {
    await using h = await start()
    let requests = 0
    h.server.faults.produce = () => {
      requests++
      return 'store'
    }
    const producer = h.mr.producer({ lingerMs: 50 })
    const first = producer.send({ topic: 't', value: 'a' })
    await new Promise((resolve) => setImmediate(resolve))
    await Promise.all([first, producer.send({ topic: 't', value: 'b' })])
    expect(requests).toBe(1)
  })

  test.each([
    ['an unknown topic', { topic: 'nope', value: 'x' }, 'TOPIC_NOT_FOUND'],
    ['no topic', { topic: '', value: 'x' }, 'INVALID_TOPIC_NAME'],
    ['a partition that is not there', { topic: 't', value: 'x', partition: 7 }, 'PARTITION_NOT_FOUND'],
    ['a partition that is no number', { topic: 't', value: 'x', partition: 0.5 }, 'PARTITION_NOT_FOUND'],
    ['a timestamp before 1970', { topic: 't', value: 'x', timestamp: -1 }, 'INVALID_TIMESTAMP'],
    ['an invalid Date', { topic: 't', value: 'x', timestamp: new Date(Number.NaN) }, 'INVALID_TIMESTAMP'],
    ['a timestamp that is null', { topic: 't', value: 'x', timestamp: null }, 'INVALID_TIMESTAMP'],
    ['a value without JSON', { topic: 't', value: () => {} }, 'INVALID_REQUEST', 'a function cannot become JSON'],
    ['a key without JSON', { topic: 't', key: Number.NaN, value: 1 }, 'INVALID_REQUEST', 'NaN cannot become JSON'],
    ['a value whose JSON throws', { topic: 't', value: 1n }, 'INVALID_REQUEST', 'BigInt'],
    ['no value', { topic: 't' }, 'INVALID_REQUEST', 'a record needs a value; null is a tombstone'],
    ['an undefined value', { topic: 't', value: undefined }, 'INVALID_REQUEST', 'needs a value'],
    [
      'a misspelt value',
      { topic: 't', vaule: 'x' },
      'INVALID_REQUEST',
      'a record has no member "vaule"; there are topic,',
    ],
    ['a member too many', { topic: 't', value: 'x', offset: 7 }, 'INVALID_REQUEST', 'no member "offset"'],
    ['a misspelt topic', { topics: 't', value: 'x' }, 'INVALID_REQUEST', 'no member "topics"'],
    ['no record', null, 'INVALID_REQUEST', 'a record is an object'],
    ['text in its place', 'x', 'INVALID_REQUEST', 'a record is an object'],
    ['headers in a Map', { topic: 't', value: 'x', headers: new Map([['a', 'b']]) }, 'INVALID_REQUEST', 'headers are'],
    ['headers as text', { topic: 't', value: 'x', headers: 'a' }, 'INVALID_REQUEST', 'headers are'],
    ['a header without a value', { topic: 't', value: 'x', headers: [{ key: 'a' }] }, 'INVALID_REQUEST', 'header "a"'],
  ])('fails for %s, and the producer goes on', async (_, record, code, words = '') => {
    await using h = await start()
    const producer = h.mr.producer()
    const message = expect.stringContaining(words)
    await expect(producer.send(record as unknown as ProducerRecord)).rejects.toMatchObject({ code, message })
    expect(await producer.send({ topic: 't', value: 'ok' })).toMatchObject({ offset: 0 })
    expect(producer.bufferedBytes).toBe(0)
  })

  test('a serializer of the user is not asked for what is missing', async () => {
    const engine = createMemoryEngine({ clock: systemClock })
    await engine.topics.create({ name: 't', partitions: 1, settings: {} })
    const serializer = { serialize: (content: unknown) => Buffer.from(String(content)), deserialize: String }
    await using h = await startHarness(engine, { serializer })
    const producer = h.mr.producer()
    await expect(producer.send({ topic: 't', value: undefined })).rejects.toMatchObject({ code: 'INVALID_REQUEST' })
    await producer.send({ topic: 't', key: undefined, value: new Map() })
    expect(await h.texts('t')).toEqual(['[object Map]'])
  })
})

describe('sendBatch', () => {
  test('gives a result for each record in the order given, over partitions', async () => {
    await using h = await start(4)
    const records = Array.from({ length: 5_000 }, (_, index) => ({
      topic: 't',
      key: `k${index % 97}`,
      value: `${index}`,
    }))
    const results = await h.mr.producer({ batchBytes: 2_000 }).sendBatch(records)
    expect(results).toHaveLength(records.length)
    const stored = await collect(h.mr.read({ topic: 't', to: 'end' }))
    const place = new Map(stored.map((record) => [record.text(), `${record.partition}/${record.offset}`]))
    for (const [index, { partition, offset }] of results.entries()) {
      expect(place.get(`${index}`)).toBe(`${partition}/${offset}`)
    }
  })

  test('of nothing is nothing', async () => {
    await using h = await start()
    expect(await h.mr.producer().sendBatch([])).toEqual([])
  })

  test('fails with the first failure; each record that is right is stored', async () => {
    await using h = await start()
    const producer = h.mr.producer()
    const records = [
      ...texts(2),
      { topic: 'nope', value: 'x' },
      { topic: 't', value: 'y', partition: 9 },
      ...texts(2, 2),
    ]
    const error = await producer.sendBatch(records).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(SendBatchError)
    expect(error).toMatchObject({
      code: 'TOPIC_NOT_FOUND',
      message: expect.stringContaining('2 of 6 records failed, first: '),
      details: { failedRecords: 2, firstFailed: 2 },
    })
    const told = (error as SendBatchError).results
    expect(told.map((result) => ('error' in result ? result.error.code : result.offset))).toEqual([
      0,
      1,
      'TOPIC_NOT_FOUND',
      'PARTITION_NOT_FOUND',
      2,
      3,
    ])
    expect(await h.texts('t')).toEqual(['0', '1', '2', '3'])
    const results = await producer.sendBatchSettled(records)
    expect(results.map((result) => ('error' in result ? result.error.code : result.offset))).toEqual([
      4,
      5,
      'TOPIC_NOT_FOUND',
      'PARTITION_NOT_FOUND',
      6,
      7,
    ])
  })

  test('says that the outcome is unknown where it is for any record', async () => {
    await using h = await start(2)
    h.server.faults.produce = ({ partition }) =>
      partition === 0
        ? { refuse: new MillraceError('BATCH_TOO_LARGE', 'too large') }
        : { answer: new MillraceError('STORAGE_FAILED', 'broken') }
    const records = [0, 1].map((partition) => ({ topic: 't', value: 'x', partition }))
    const error = await h.mr
      .producer()
      .sendBatch(records)
      .catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'BATCH_TOO_LARGE', details: { failedRecords: 2, outcomeUnknown: true } })
    const one = await h.mr
      .producer()
      .sendBatch(records.slice(0, 1))
      .catch((reason: unknown) => reason)
    expect(one).toMatchObject({ code: 'BATCH_TOO_LARGE', message: 'too large', details: { failedRecords: 1 } })
    expect((one as SendBatchError).details).not.toHaveProperty('outcomeUnknown')
  })

  test('a record larger than the topic takes fails alone', async () => {
    await using h = await start()
    h.server.faults.produce = ({ batch }) =>
      (batch as Buffer).length > 1_000 ? { refuse: new MillraceError('BATCH_TOO_LARGE', 'too large') } : 'store'
    const records = [...texts(50), { topic: 't', value: 'x'.repeat(2_000) }, ...texts(50, 50)]
    const results = await h.mr.producer().sendBatchSettled(records)
    const failed = results.flatMap((result, index) => ('error' in result ? [[index, result.error.code]] : []))
    expect(failed).toEqual([[50, 'BATCH_TOO_LARGE']])
    expect(await h.texts('t')).toEqual(texts(100).map(({ value }) => value))
  })

  test('keeps batches within what the topic takes', async () => {
    await using h = await start(1, { 'max.message.bytes': '1000' })
    let largest = 0
    h.server.faults.produce = ({ batch }) => {
      largest = Math.max(largest, (batch as Buffer).length)
      return 'store'
    }
    await h.mr.producer().sendBatch(texts(2_000))
    expect(largest).toBeGreaterThan(500)
    expect(largest).toBeLessThanOrEqual(1_000)
  })
})

describe('partitions', () => {
  test('without a key: a batch to one, the next to another', async () => {
    await using h = await start(3)
    const producer = h.mr.producer()
    const used: number[] = []
    for (let turn = 0; turn < 6; turn++) {
      const results = await producer.sendBatch(texts(5))
      expect(new Set(results.map(({ partition }) => partition)).size).toBe(1)
      used.push(results[0]?.partition ?? -1)
    }
    expect(used).toEqual([0, 1, 2, 0, 1, 2])
  })

  test('by the user, or by the record itself', async () => {
    await using h = await start(3)
    const producer = h.mr.producer({ partitioner: ({ value }, partitions) => Number(value) % partitions })
    const results = await producer.sendBatch([...texts(4), { topic: 't', value: '1', partition: 2 }])
    expect(results.map(({ partition }) => partition)).toEqual([0, 1, 2, 0, 2])
    const wrong = h.mr.producer({ partitioner: () => 3 })
    await expect(wrong.send({ topic: 't', value: 'x' })).rejects.toMatchObject({ code: 'PARTITION_NOT_FOUND' })
  })
})

describe('bounds', () => {
  test('never more in flight per partition than maxInFlight', async () => {
    await using h = await start()
    const shut = gate()
    h.server.faults.produce = async () => {
      await shut.opened
      return 'store' as const
    }
    const producer = h.mr.producer({ batchBytes: 100, maxInFlight: 3 })
    // The first has to be stored before others may follow.
    const warm = producer.send({ topic: 't', value: 'warm' })
    shut.open()
    await warm
    const again = gate()
    h.server.faults.produce = async () => {
      await again.opened
      return 'store' as const
    }
    const sent = producer.sendBatch(texts(200))
    await expect.poll(() => h.server.inFlight).toBe(3)
    again.open()
    await sent
    expect(h.server.maxInFlight).toBe(3)
  })

  test('send waits in line while the buffer is full, and can be aborted', async () => {
    await using h = await start()
    const shut = gate()
    h.server.faults.produce = async () => {
      await shut.opened
      return 'store' as const
    }
    const producer = h.mr.producer({ bufferBytes: 1_000 })
    const value = Buffer.alloc(400)
    const sends = Array.from({ length: 4 }, () => producer.send({ topic: 't', value }))
    const abort = new AbortController()
    const aborted = producer.send({ topic: 't', value: 'aborted' }, { signal: abort.signal })
    sends.push(producer.send({ topic: 't', value: 'last' }))
    await expect.poll(() => h.server.inFlight).toBe(1)
    expect(producer.bufferedBytes).toBeLessThanOrEqual(1_000)
    abort.abort(new Error('enough'))
    await expect(aborted).rejects.toThrow('enough')
    shut.open()
    expect((await Promise.all(sends)).map(({ offset }) => offset)).toEqual([0, 1, 2, 3, 4])
    expect(producer.bufferedBytes).toBe(0)
    expect((await h.texts('t')).at(-1)).toBe('last')
  })

  test('a batch of records larger than the buffer goes through it, and so does one record', async () => {
    await using h = await start()
    const producer = h.mr.producer({ bufferBytes: 2_000, batchBytes: 500, lingerMs: 60_000 })
    const sent = producer.sendBatch(texts(1_000))
    const large = producer.send({ topic: 't', value: Buffer.alloc(5_000) })
    await producer.flush()
    expect(await sent).toHaveLength(1_000)
    expect(await large).toMatchObject({ offset: 1_000 })
    expect(producer.bufferedBytes).toBe(0)
  })

  test('a signal that has aborted sends nothing', async () => {
    await using h = await start()
    const producer = h.mr.producer()
    await expect(producer.send({ topic: 't', value: 'x' }, { signal: AbortSignal.abort() })).rejects.toThrow()
    await producer.flush()
    expect(await h.texts('t')).toEqual([])
  })
})

describe('flush and close', () => {
  test('flush sends what lingers and waits for it', async () => {
    await using h = await start()
    const producer = h.mr.producer({ lingerMs: 60_000 })
    let settled = false
    const sent = producer.send({ topic: 't', value: 'a' }).then(() => {
      settled = true
    })
    await producer.flush()
    expect(settled).toBe(true)
    await sent
    await producer.flush()
  })

  test('close sends what is pending; afterwards send fails', async () => {
    await using h = await start()
    const producer = h.mr.producer({ lingerMs: 60_000 })
    const sent = producer.sendBatch(texts(10))
    await h.mr.close()
    expect(await sent).toHaveLength(10)
    await expect(producer.send({ topic: 't', value: 'x' })).rejects.toMatchObject({ code: 'CLOSED' })
    expect(() => h.mr.producer()).toThrow(expect.objectContaining({ code: 'CLOSED' }))
    await producer.close()
  })

  test('close with a signal gives up what is not stored by then', async () => {
    await using h = await start()
    const arrived = gate()
    h.server.faults.produce = () => {
      arrived.open()
      return new Promise(() => {})
    }
    const producer = h.mr.producer()
    const sent = producer.send({ topic: 't', value: 'a' })
    const failure = expect(sent).rejects.toMatchObject({ code: 'CLOSED', details: { outcomeUnknown: true } })
    await arrived.opened
    await producer.close({ signal: AbortSignal.abort() })
    await failure
  })
})

describe('acks and idempotence', () => {
  test('acks and the stamp of the producer are as the options say', async () => {
    await using h = await start()
    const seen: string[] = []
    h.server.faults.produce = ({ acks, batch }) => {
      const { producerId, baseSequence } = RecordBatch.at(batch as Buffer)
      seen.push(`${acks} ${producerId} ${baseSequence}`)
      return 'store'
    }
    const both: ProducerOptions[] = [{}, { idempotent: false, acks: 'none' }]
    for (const options of both) {
      const producer = h.mr.producer(options)
      await producer.send({ topic: 't', value: 'a' })
      await producer.sendBatch(texts(2))
      await producer.send({ topic: 't', value: 'b' })
    }
    expect(seen).toEqual(['committed 0 0', 'committed 0 1', 'committed 0 3', 'none -1 -1', 'none -1 -1', 'none -1 -1'])
  })

  test('without idempotence, what may be stored is not sent again', async () => {
    await using h = await start()
    h.server.faults.produce = () => 'cut-after'
    const producer = h.mr.producer({ idempotent: false })
    const failure = { code: 'CONNECTION_FAILED', details: { outcomeUnknown: true } }
    await expect(producer.send({ topic: 't', value: 'a' })).rejects.toMatchObject(failure)
    h.server.faults.produce = () => 'store'
    await producer.send({ topic: 't', value: 'b' })
    expect(await h.texts('t')).toEqual(['a', 'b'])
  })
})

describe('a server that is away', () => {
  test('is waited for: what was not answered is sent again, and stored once', async () => {
    await using h = await start()
    const producer = h.mr.producer()
    await producer.send({ topic: 't', value: 'a' })
    h.server.faults.produce = () => 'cut-after'
    const sent = Promise.all([producer.send({ topic: 't', value: 'b' }), producer.send({ topic: 't', value: 'c' })])
    await expect.poll(() => h.server.connections).toBeGreaterThan(1)
    await h.server.stop()
    h.server.faults.produce = () => 'store'
    await h.server.start()
    expect((await sent).map(({ offset }) => offset)).toEqual([1, 2])
    expect(await h.texts('t')).toEqual(['a', 'b', 'c'])
  })

  test('is given up when the time is over', async () => {
    await using h = await start()
    await h.mr.producer().send({ topic: 't', value: 'a' })
    const producer = h.mr.producer({ deliveryTimeoutMs: 50 })
    await h.server.stop()
    await expect(producer.send({ topic: 't', value: 'b' })).rejects.toMatchObject({ code: 'TIMED_OUT' })
    expect(producer.bufferedBytes).toBe(0)
    await h.server.start()
    const send = (): Promise<number> =>
      producer.send({ topic: 't', value: 'c' }).then(
        ({ offset }) => offset,
        () => -1,
      )
    await expect.poll(send).toBeGreaterThan(0)
    expect(await h.texts('t')).not.toContain('b')
  })

  test('a server that never answers: the outcome is unknown', async () => {
    await using h = await start()
    const producer = h.mr.producer({ deliveryTimeoutMs: 50 })
    h.server.faults.produce = () => new Promise(() => {})
    const failure = { code: 'TIMED_OUT', details: { outcomeUnknown: true } }
    await expect(producer.send({ topic: 't', value: 'b' })).rejects.toMatchObject(failure)
  })

  test('a server that refuses the stream for good fails what is pending at once', async () => {
    await using h = await start()
    h.server.faults.stream = () => new MillraceError('ORIGIN_NOT_ALLOWED', 'go away')
    const producer = h.mr.producer()
    await expect(producer.send({ topic: 't', value: 'b' })).rejects.toMatchObject({ code: 'ORIGIN_NOT_ALLOWED' })
  })

  test('a server that takes only small messages: the largest batch is halved until it fits', async () => {
    await using h = await start()
    h.server.faults.maxMessageBytes = 700
    const records = [...texts(100), { topic: 't', value: 'x'.repeat(1_000) }, ...texts(100, 100)]
    const results = await h.mr.producer().sendBatchSettled(records)
    const failed = results.flatMap((result, index) => ('error' in result ? [[index, result.error.code]] : []))
    expect(failed).toEqual([[100, 'REQUEST_TOO_LARGE']])
    expect(await h.texts('t')).toEqual(texts(200).map(({ value }) => value))
  })
})

describe('a topic that changes', () => {
  test('deleted and made again with fewer partitions: the producer learns of it', async () => {
    await using h = await start(3)
    const producer = h.mr.producer()
    await producer.send({ topic: 't', value: 'a', partition: 2 })
    await h.mr.admin.deleteTopic('t')
    await h.mr.admin.createTopic({ name: 't', partitions: 1 })
    await expect(producer.send({ topic: 't', value: 'b', partition: 2 })).rejects.toMatchObject({
      code: 'PARTITION_NOT_FOUND',
    })
    expect(await producer.send({ topic: 't', value: 'c' })).toMatchObject({ partition: 0, offset: 0 })
  })

  test('deleted and made again: a partition that was written to before is written to from its start', async () => {
    await using h = await start()
    const producer = h.mr.producer()
    await producer.sendBatch(texts(3))
    await h.mr.admin.deleteTopic('t')
    await h.mr.admin.createTopic({ name: 't' })
    expect(await producer.send({ topic: 't', value: 'x' })).toMatchObject({ offset: 0 })
  })
})
