import { type Consumer, type ConsumerOptions, Millrace, type MillraceError, type ReadRecord } from '@millrace/client'
import { describe, expect, test } from 'vitest'
import { type GroupServer, numbers, produce, QUICK, serveGroups, until } from './groups-harness.ts'

const code = (expected: string) => expect.objectContaining({ code: expected })

/** A server with topic `t` of one partition and these values in it. */
async function start(count: number): Promise<{ server: GroupServer; mr: Millrace }> {
  const server = await serveGroups()
  const mr = server.client()
  await mr.admin.createTopic({ name: 't', partitions: 1 })
  if (count > 0) await produce(mr, count)
  return { server, mr }
}

/** Values that the group has still to handle. */
async function rest(mr: Millrace, group: string, last: string): Promise<string[]> {
  const seen: string[] = []
  for await (const record of mr.consumer({ ...QUICK, group })) {
    seen.push(record.text() as string)
    if (record.text() === last) break
  }
  return seen
}

async function stored(mr: Millrace, topic: string): Promise<ReadRecord[]> {
  const records: ReadRecord[] = []
  for await (const record of mr.read({ topic, to: 'end' })) records.push(record)
  return records
}

describe('a handler that fails', () => {
  const onFailure = { attempts: 3, initialMs: 1 }

  test('is tried again, while the record waits for it and other keys do not', async () => {
    const { mr } = await start(4)
    const consumer = mr.consumer({ ...QUICK, group: 'g', onFailure })
    const calls: string[] = []
    await consumer.run(
      (record, { attempt }) => {
        calls.push(`${record.text()}/${attempt}`)
        if (record.text() === '1' && attempt < 3) throw new Error('not now')
        if (new Set(calls.filter((call) => call !== '1/1' && call !== '1/2').map((call) => call[0])).size === 4)
          void consumer.close()
      },
      { concurrency: 2 },
    )
    expect(calls.toSorted()).toEqual(['0/1', '1/1', '1/2', '1/3', '2/1', '3/1'])
    expect(calls.indexOf('3/1')).toBeLessThan(calls.indexOf('1/3'))
  })

  test('for good ends the consumer, which has committed what was handled before', async () => {
    const { mr } = await start(5)
    const consumer = mr.consumer({ ...QUICK, group: 'g', onFailure })
    const failure = new Error('broken')
    const run = consumer.run((record) => {
      if (record.text() === '3') throw failure
    })
    await expect(run).rejects.toMatchObject({
      code: 'HANDLER_FAILED',
      cause: failure,
      details: { topic: 't', partition: 0, offset: 3, records: 1, attempts: 3 },
    })
    expect(await rest(mr, 'g', '4')).toEqual(['3', '4'])
    expect(() => consumer[Symbol.asyncIterator]()).toThrow(code('CLOSED'))
  })

  test('for good is passed over with a warning where that is asked for', async () => {
    const { mr } = await start(3)
    const warnings: MillraceError[] = []
    const onWarning = (warning: MillraceError): void => void warnings.push(warning)
    const consumer = mr.consumer({ ...QUICK, group: 'g', onWarning, onFailure: { ...onFailure, finally: 'skip' } })
    await consumer.run((record) => {
      if (record.text() === '1') throw new Error('broken')
      if (record.text() === '2') void consumer.close()
    })
    expect(warnings).toEqual([code('HANDLER_FAILED')])
    await produce(mr, 1)
    expect(await rest(mr, 'g', '0')).toEqual(['0'])
  })

  test.each(['run', 'runBatches'] as const)('%s: for good is set aside with the reason', async (how) => {
    const { mr } = await start(0)
    await mr.admin.createTopic({ name: 'dead' })
    const headers = { trace: 'x' }
    await mr.producer().send({ topic: 't', key: 'k', value: 'poison', headers, timestamp: 1_000 })
    await mr.producer().send({ topic: 't', value: 'fine' })
    const consumer = mr.consumer({
      ...QUICK,
      group: 'g',
      onFailure: { ...onFailure, finally: { deadLetterTopic: 'dead' } },
    })
    const handle = (text: string | null | undefined): void => {
      if (text === 'poison') throw new TypeError('broken')
      void consumer.close()
    }
    if (how === 'run') await consumer.run((record) => handle(record.text()))
    else await consumer.runBatches(({ records }) => handle(records[0]?.text()))
    const [dead] = await stored(mr, 'dead')
    expect([dead?.keyText(), dead?.text(), dead?.timestamp]).toEqual(['k', 'poison', 1_000])
    expect(dead?.headers.map(({ key, value }) => [key, String(value)])).toEqual([
      ['trace', 'x'],
      ['millrace-topic', 't'],
      ['millrace-partition', '0'],
      ['millrace-offset', '0'],
      ['millrace-error', 'TypeError: broken'],
      ['millrace-attempts', '3'],
    ])
  })

  test('ends with what cannot be set aside, and commits nothing of it', async () => {
    const { mr } = await start(2)
    const consumer = mr.consumer({
      ...QUICK,
      group: 'g',
      onFailure: { attempts: 1, finally: { deadLetterTopic: 'gone' } },
    })
    await expect(consumer.run(() => Promise.reject(new Error('broken')))).rejects.toEqual(code('TOPIC_NOT_FOUND'))
    expect(await rest(mr, 'g', '1')).toEqual(['0', '1'])
  })
})

describe('a membership', () => {
  test('that is over is given up without a commit, and begun anew', async () => {
    const { server, mr } = await start(3)
    const events: string[] = []
    const consumer = mr.consumer({
      ...QUICK,
      group: 'g',
      sessionTimeoutMs: 60,
      onAssigned: () => void events.push('assigned'),
      onLost: () => void events.push('lost'),
    })
    const seen: string[] = []
    let isHeld = true
    const run = consumer.run(async (record, { signal }) => {
      seen.push(record.text() as string)
      if (record.text() === '1' && isHeld) await new Promise((resolve) => signal.addEventListener('abort', resolve))
    })
    await until(() => seen.includes('1'))
    await server.stop()
    await until(() => events.includes('lost'))
    expect(consumer.assigned()).toEqual([])
    isHeld = false
    await server.restart()
    await until(() => seen.includes('2'))
    await Promise.all([consumer.close(), run])
    expect(events.slice(0, 3)).toEqual(['assigned', 'lost', 'assigned'])
    expect(seen.filter((text) => text === '1').length).toBeGreaterThan(1)
  })

  test('of a static member outlives it: the next with its name has its partitions at once', async () => {
    const { mr } = await start(0)
    const options = { ...QUICK, group: 'g', instanceId: 'one' }
    const first = mr.consumer(options)
    const run = first.run(() => {})
    await until(() => first.assigned().length === 1)
    await expect(mr.consumer(options).run(() => {})).rejects.toEqual(code('INSTANCE_ID_IN_USE'))
    await Promise.all([first.close(), run])
    const other = mr.consumer({ ...QUICK, group: 'g' })
    const second = mr.consumer(options)
    const runs = [other.run(() => {}), second.run(() => {})]
    await until(() => second.assigned().length === 1)
    expect(other.assigned()).toEqual([])
    await second.close({ forGood: true })
    await until(() => other.assigned().length === 1)
    await other.close()
    await Promise.all(runs)
  })

  test('by a pattern takes in topics that come later', async () => {
    const { mr } = await start(0)
    const consumer = mr.consumer({ ...QUICK, topics: undefined, group: 'g', pattern: 'orders-[a-z]+' })
    const run = consumer.run(() => {})
    await mr.admin.createTopic({ name: 'orders-eu' })
    await mr.admin.createTopic({ name: 'orders-1' })
    await until(() => consumer.assigned().length === 1)
    expect(consumer.assigned()).toEqual([{ topic: 'orders-eu', partition: 0 }])
    await Promise.all([consumer.close(), run])
  })
})

describe('offsets', () => {
  test('that are gone are passed over by offsetReset, with a warning', async () => {
    const { server, mr } = await start(3)
    await mr.admin.commitOffsets({ group: 'g', offsets: [{ topic: 't', partition: 0, offset: 1 }] })
    const id = (await server.engine.topics.find('t'))?.id as string
    await server.engine.partition(id, 0).truncateBefore(2)
    const warnings: MillraceError[] = []
    const consumer = mr.consumer({ ...QUICK, group: 'g', onWarning: (warning) => void warnings.push(warning) })
    for await (const record of consumer) {
      expect(record.offset).toBe(2)
      break
    }
    expect(warnings).toEqual([code('OFFSET_OUT_OF_RANGE')])
  })

  test('of a group that begins at the latest are committed before it has read anything', async () => {
    const { mr } = await start(3)
    const first = mr.consumer({ ...QUICK, group: 'g', offsetReset: 'latest' })
    const run = first.run(() => {})
    await until(async () => (await mr.admin.fetchOffsets({ group: 'g' }).catch(() => [])).length === 1)
    await Promise.all([first.close(), run])
    await produce(mr, 2)
    expect(await rest(mr, 'g', '1')).toEqual(['0', '1'])
  })

  test('are committed by hand up to what the loop holds', async () => {
    const { mr } = await start(4)
    const consumer = mr.consumer({ ...QUICK, group: 'g', autoCommit: false })
    for await (const record of consumer) {
      if (record.text() === '1') await consumer.commit()
      if (record.text() === '2') break
    }
    expect(await rest(mr, 'g', '3')).toEqual(['2', '3'])
  })

  test.each<[string, Parameters<Consumer['commit']>[0]]>([
    ['PARTITION_NOT_OWNED', [{ topic: 't', partition: 7, offset: 0 }]],
    ['OFFSET_OUT_OF_RANGE', [{ topic: 't', partition: 0, offset: 99 }]],
    ['METADATA_TOO_LARGE', [{ topic: 't', partition: 0, offset: 1, metadata: 'x'.repeat(5_000) }]],
    ['INVALID_CONFIG', [{ topic: 't', partition: 0, offset: -1 }]],
  ])('that are refused: %s, and the consumer goes on', async (expected, offsets) => {
    const { mr } = await start(2)
    const consumer = mr.consumer({ ...QUICK, group: 'g' })
    const seen: unknown[] = []
    for await (const record of consumer) {
      seen.push(record.text())
      await expect(consumer.commit(offsets)).rejects.toEqual(code(expected))
      if (seen.length === 2) break
    }
    expect(seen).toEqual(numbers(2))
  })
})

describe('bad input', () => {
  test.each<[string, Readonly<Record<string, unknown>>]>([
    ['INVALID_CONFIG', { group: '' }],
    ['INVALID_CONFIG', { topics: [] }],
    ['INVALID_CONFIG', { pattern: 'x' }],
    ['INVALID_CONFIG', { assignor: 'fair' }],
    ['INVALID_CONFIG', { offsetReset: 'none' }],
    ['INVALID_CONFIG', { onLost: 7 }],
    ['INVALID_CONFIG', { fromBeginning: true }],
    ['INVALID_CONFIG', { onFailure: { attempts: 0 } }],
    ['INVALID_CONFIG', { onFailure: { finally: 'ignore' } }],
    ['INVALID_CONFIG', { onFailure: { finally: { deadLetterTopic: '' } } }],
    ['INVALID_SUBSCRIPTION', { topics: undefined, pattern: '(' }],
    ['INVALID_REQUEST', { sessionTimeoutMs: 1 }],
    ['INVALID_GROUP_NAME', { group: 'a\u0000b' }],
  ])('%s: %j', async (expected, options) => {
    const { mr } = await start(0)
    const make = async () => mr.consumer({ ...QUICK, group: 'g', ...options } as ConsumerOptions).run(() => {})
    await expect(make()).rejects.toEqual(code(expected))
  })

  test('is read from in one way and once, and not after it was closed', async () => {
    const { mr } = await start(0)
    const consumer = mr.consumer({ ...QUICK, group: 'g' })
    const run = consumer.run(() => {})
    expect(() => consumer.batches()).toThrow(code('INVALID_REQUEST'))
    await Promise.all([mr.close(), run.catch(() => {})])
    await expect(consumer.run(() => {})).rejects.toEqual(code('CLOSED'))
  })

  test('a server that is not there', async () => {
    await using mr = new Millrace({ url: 'http://127.0.0.1:1', connectTimeoutMs: 20, retryMs: 1 })
    await expect(mr.consumer({ ...QUICK, group: 'g' }).run(() => {})).rejects.toEqual(code('CONNECTION_FAILED'))
  })

  test('a hook that fails ends the consumer with its reason', async () => {
    const { mr } = await start(1)
    const reason = new Error('no')
    const consumer = mr.consumer({ ...QUICK, group: 'g', onAssigned: () => Promise.reject(reason) })
    await expect(consumer.run(() => {})).rejects.toBe(reason)
  })

  test('a signal ends it with its reason, after the handlers, with what they handled committed', async () => {
    const { mr } = await start(2)
    const stop = new AbortController()
    const consumer = mr.consumer({ ...QUICK, group: 'g', autoCommitIntervalMs: 60_000 })
    const run = consumer.run(() => stop.abort(new Error('enough')), { signal: stop.signal })
    await expect(run).rejects.toThrow('enough')
    expect(await rest(mr, 'g', '1')).toEqual(['1'])
  })
})

describe('in transactions', () => {
  test('records and offsets are committed together, or neither', async () => {
    const { mr } = await start(4)
    await mr.admin.createTopic({ name: 'out' })
    const producer = mr.producer({ transactionalId: 'pipe' })
    for (const failAt of ['2', undefined]) {
      const consumer = mr.consumer({ ...QUICK, group: 'g' })
      const pipe = async (): Promise<void> => {
        for await (const record of consumer) {
          await producer.transaction(async (tx) => {
            tx.send({ topic: 'out', value: record.value })
            await tx.commitOffsets(consumer)
            if (record.text() === failAt) throw new Error('broken')
          })
          if (record.text() === '3') break
        }
      }
      if (failAt === undefined) await pipe()
      else await expect(pipe()).rejects.toThrow('broken')
    }
    expect((await stored(mr, 'out')).map((record) => record.text())).toEqual(numbers(4))
  })

  test('are refused once records that were given out are others', async () => {
    const { server, mr } = await start(2)
    const lost: unknown[] = []
    const consumer = mr.consumer({ ...QUICK, group: 'g', sessionTimeoutMs: 60, onLost: (it) => lost.push(it) })
    for await (const _ of consumer) {
      await server.stop()
      await until(() => lost.length > 0)
      expect(() => consumer.offsetsForTransaction()).toThrow(code('PARTITION_NOT_OWNED'))
      break
    }
    expect(() => consumer.offsetsForTransaction()).toThrow(code('CLOSED'))
  })
})
