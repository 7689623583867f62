import type { MillraceError, ReadRecord } from '@millrace/client'
import { describe, expect, test } from 'vitest'
import { groupOptions, heard, scene, take, until } from './consumer.ts'

const range = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, index) => `${from + index}`)
const silent = { onWarning: () => {} }

describe('members', () => {
  test('share the partitions; one that leaves gives its part to the other, with what it has committed', async () => {
    const s = await scene(4)
    for (const partition of [0, 1, 2, 3]) await s.append(range(0, 5), { partition })
    const seen: string[] = []
    const note = (record: ReadRecord) => void seen.push(`${record.partition}:${record.offset}`)
    const one = s.consumer()
    const first = one.run(note)
    await until(() => seen.length === 20)
    const two = s.consumer()
    const second = two.run(note)
    await until(() => one.assigned().length === 2 && two.assigned().length === 2)
    for (const partition of [0, 1, 2, 3]) await s.append(range(5, 10), { partition })
    await until(() => seen.length === 40)
    await one.close()
    await first
    await until(() => two.assigned().length === 4)
    for (const partition of [0, 1, 2, 3]) await s.append(['10'], { partition })
    await until(() => seen.length === 44)
    await two.close()
    await second
    expect(new Set(seen).size).toBe(44)
    expect(await s.committed()).toEqual(['t/0:11', 't/1:11', 't/2:11', 't/3:11'])
  })

  test('lose nothing of one that dies without a word: what it did not commit is handled again', async () => {
    const s = await scene(2)
    for (const partition of [0, 1]) await s.append(range(0, 5), { partition })
    const dying = s.client()
    const dead = dying.consumer(groupOptions({ sessionTimeoutMs: 300, autoCommit: false, ...silent }))
    const records = dead[Symbol.asyncIterator]()
    expect(await take(records, 10)).toHaveLength(10)
    await dead.commit([{ topic: 't', partition: 0, offset: 3 }])
    // Without its connection nothing more is heard of it.
    const { transport } = dying as unknown as { transport: { close(): void } }
    transport.close()
    const again = s.consumer()[Symbol.asyncIterator]()
    const texts = await take(again, 7)
    await again.return?.()
    expect(texts.sort()).toEqual(['0', '1', '2', '3', '3', '4', '4'])
  })

  test('that are static come back to what they had, and nobody else notices', async () => {
    const s = await scene(4)
    const other = heard()
    const one = s.consumer({ instanceId: 'one' })
    const two = s.consumer({ instanceId: 'two', ...other.hooks })
    const running = [one.run(() => {}), two.run(() => {})]
    await until(() => one.assigned().length === 2 && two.assigned().length === 2)
    const had = one.assigned()
    const before = [...other.events]
    await one.close()
    const back = s.consumer({ instanceId: 'one' })
    running.push(back.run(() => {}))
    await until(() => back.assigned().length === 2)
    expect(back.assigned()).toEqual(had)
    expect(other.events).toEqual(before)
    const twin = s.consumer({ instanceId: 'one' })
    await expect(twin.run(() => {})).rejects.toMatchObject({ code: 'INSTANCE_ID_IN_USE' })
    await back.close({ forGood: true })
    await until(() => two.assigned().length === 4)
    await two.close()
    await Promise.all(running)
  })

  test('with a pattern hear of topics that come later, and outlive those that go', async () => {
    const s = await scene()
    const consumer = s.consumer({ pattern: 't.*', ...silent })
    const seen: string[] = []
    const running = consumer.run((record) => void seen.push(`${record.topic}:${record.text()}`))
    await s.append(['a'])
    await until(() => seen.length === 1)
    await s.mr.admin.createTopic({ name: 'two', partitions: 1 })
    await s.append(['b'], { topic: 'two' })
    await until(() => seen.length === 2)
    // Both have offsets that are not committed yet.
    await s.mr.admin.deleteTopic('two')
    await until(() => consumer.assigned().length === 1)
    await s.append(['c'])
    await until(() => seen.length === 3)
    await consumer.close()
    await running
    expect(seen).toEqual(['t:a', 'two:b', 't:c'])
    expect(await s.committed()).toEqual(['t/0:2'])
  })

  test('commit what is left of a deleted topic without the others suffering', async () => {
    const s = await scene()
    await s.mr.admin.createTopic({ name: 'gone', partitions: 1 })
    const consumer = s.consumer({ topics: ['t', 'gone'] })
    let seen = 0
    const running = consumer.run(() => void seen++)
    await s.append(['a'])
    await s.append(['b'], { topic: 'gone' })
    await until(() => seen === 2)
    await s.mr.admin.deleteTopic('gone')
    await consumer.close()
    await running
    expect(await s.committed()).toEqual(['t/0:1'])
  })

  test('that are refused hear why', async () => {
    const s = await scene()
    const refused = (options: object) => expect(s.consumer(options).run(() => {})).rejects
    await refused({ pattern: '(' }).toMatchObject({ code: 'INVALID_SUBSCRIPTION' })
    await refused({ group: 'x'.repeat(300) }).toMatchObject({ code: 'INVALID_GROUP_NAME' })
    await refused({ sessionTimeoutMs: 2 ** 31 - 1 }).toMatchObject({ code: 'INVALID_REQUEST' })
  })

  test('that close while they join are gone', async () => {
    const s = await scene()
    const consumer = s.consumer()
    const running = consumer.run(() => {})
    await new Promise((resolve) => setImmediate(resolve))
    await consumer.close()
    await running
    const { members } = await s.mr.admin.describeGroup('g').catch(() => ({ members: [] }))
    expect(members).toEqual([])
  })
})

describe('partitions that move', () => {
  test('wait for handlers, the commit and onRevoked; the others go on meanwhile', async () => {
    const s = await scene(2)
    let open = (): void => {}
    const held = new Promise<void>((resolve) => {
      open = resolve
    })
    const ears = heard()
    const one = s.consumer({ ...ears.hooks, assignor: 'range', instanceId: 'a' })
    const seen: string[] = []
    const first = one.run(
      async (record) => {
        if (record.partition === 1) await held
        seen.push(`${record.partition}:${record.text()}`)
      },
      { concurrency: 2, order: 'partition' },
    )
    await until(() => one.assigned().length === 2)
    await s.append(['slow'], { partition: 1 })
    const two = s.consumer({ assignor: 'range', instanceId: 'b' })
    const theirs: string[] = []
    const second = two.run((record) => void theirs.push(record.text() ?? ''))
    await until(async () => (await s.mr.admin.describeGroup('g')).members.length === 2)
    await s.append(['a', 'b'], { partition: 0 })
    await until(() => seen.length === 2)
    expect([ears.events, two.assigned()]).toEqual([['assigned 0,1'], []])
    await s.append(['next'], { partition: 1 })
    open()
    await until(() => theirs.length === 1)
    expect([seen, theirs, ears.events]).toEqual([['0:a', '0:b', '1:slow'], ['next'], ['assigned 0,1', 'revoked 1']])
    await Promise.all([one.close(), two.close(), first, second])
  })

  test('take along what was gathered for an array and not given out: commit does not count it', async () => {
    const s = await scene(2)
    const texts = range(0, 5)
    for (const partition of [0, 1]) await s.append(texts, { partition })
    let leave = (): void => {}
    const leaving = new Promise<void>((resolve) => {
      leave = resolve
    })
    const seen: string[] = []
    const note = (record: ReadRecord) => seen.push(`${record.partition}:${record.text()}`)
    const one = s.consumer({ autoCommit: false, onRevoked: () => leaving })
    const loop = (async () => {
      for await (const records of one.batches({ size: 100, timeMs: 500 })) {
        for (const record of records) note(record)
        await one.commit()
        leave()
      }
    })()
    await until(() => one.assigned().length === 2)
    const two = s.consumer()
    const running = two.run(note)
    await until(() => seen.length >= 10)
    expect(new Set(seen)).toEqual(new Set([0, 1].flatMap((partition) => texts.map((text) => `${partition}:${text}`))))
    await Promise.all([one.close(), two.close(), loop, running])
  })

  test('are lost alone when handlers take too long, and the membership goes on', async () => {
    const s = await scene(2)
    const ears = heard()
    const signals: AbortSignal[] = []
    const one = s.consumer({ ...ears.hooks, ...silent, assignor: 'range', instanceId: 'a', rebalanceTimeoutMs: 1_000 })
    const first = one.run(
      (_, { signal }) => {
        signals.push(signal)
        return new Promise((resolve) => signal.addEventListener('abort', resolve))
      },
      { concurrency: 2 },
    )
    await until(() => one.assigned().length === 2)
    await s.append(['stuck'], { partition: 1 })
    await until(() => signals.length === 1)
    const two = s.consumer({ assignor: 'range', instanceId: 'b' })
    const second = two.run(() => {})
    await until(() => two.assigned().length === 1)
    expect(ears.events).toEqual(['assigned 0,1', 'lost 1'])
    expect(one.assigned()).toEqual([{ topic: 't', partition: 0 }])
    await Promise.all([one.close(), two.close(), first, second])
    expect(ears.events).toEqual(['assigned 0,1', 'lost 1', 'revoked 0'])
  })

  test('can be read from elsewhere: seek in onAssigned', async () => {
    const s = await scene()
    await s.append(range(0, 10))
    const told: unknown[] = []
    const consumer = s.consumer({
      onAssigned(partitions) {
        told.push(...partitions)
        consumer.seek({ topic: 't', partition: 0, offset: 7 })
      },
    })
    const records = consumer[Symbol.asyncIterator]()
    expect(await take(records, 3)).toEqual(['7', '8', '9'])
    await records.return?.()
    expect(told).toEqual([{ topic: 't', partition: 0, committedOffset: undefined }])
    expect(await s.committed()).toEqual(['t/0:9'])
  })

  test('beyond the end begin where offsetReset says, with a warning', async () => {
    const s = await scene()
    await s.append(range(0, 3))
    const warnings: MillraceError[] = []
    const consumer = s.consumer({ onWarning: (warning) => warnings.push(warning) })
    const records = consumer[Symbol.asyncIterator]()
    expect(await take(records, 1)).toEqual(['0'])
    consumer.seek({ topic: 't', partition: 0, offset: 99 })
    expect(await take(records, 3)).toEqual(['0', '1', '2'])
    await records.return?.()
    expect(warnings.map(({ code }) => code)).toEqual(['OFFSET_OUT_OF_RANGE'])
  })

  test('a hook that fails ends the consumer, which leaves, and the client with it', async () => {
    const s = await scene()
    const mr = s.client()
    const bad = new Error('bad hook')
    const fail = () => Promise.reject(bad)
    await expect(s.consumer({ onAssigned: fail }).run(() => {})).rejects.toBe(bad)
    const consumer = mr.consumer(groupOptions({ onRevoked: fail }))
    const running = expect(consumer.run(() => {})).rejects.toBe(bad)
    await until(() => consumer.assigned().length === 1)
    await expect(mr.close()).rejects.toBe(bad)
    await running
    await expect(mr.admin.listTopics()).rejects.toMatchObject({ code: 'CLOSED' })
    expect((await s.mr.admin.describeGroup('g')).members).toEqual([])
  })
})

describe('a loop', () => {
  test('pauses and resumes partitions, which stay its own', async () => {
    const s = await scene(2)
    const consumer = s.consumer()
    const records = consumer[Symbol.asyncIterator]()
    const next = take(records, 1)
    await until(() => consumer.assigned().length === 2)
    const one = { topic: 't', partition: 1 }
    consumer.pause([one])
    await s.append(['held'], { partition: 1 })
    await s.append(['a', 'b', 'c'], { partition: 0 })
    expect([...(await next), ...(await take(records, 2))]).toEqual(['a', 'b', 'c'])
    const later = take(records, 1)
    consumer.resume([one])
    expect(await later).toEqual(['held'])
    expect(() => consumer.pause([{ topic: 't', partition: 2 }])).toThrow(
      expect.objectContaining({ code: 'PARTITION_NOT_OWNED' }),
    )
    await records.return?.()
  })

  test('that is left has not handled its last record; commit says otherwise', async () => {
    const s = await scene()
    await s.append(range(0, 5))
    for await (const record of s.consumer()) if (record.text() === '2') break
    expect(await s.committed()).toEqual(['t/0:2'])
    const consumer = s.consumer({ autoCommit: false })
    for await (const record of consumer) {
      expect(record.text()).toBe('2')
      await consumer.commit()
      break
    }
    expect(await s.committed()).toEqual(['t/0:3'])
  })

  test.each([
    ['further than what is handled', undefined, 4],
    ['not as far', [{ topic: 't', partition: 0, offset: 1 }], 1],
  ])('that is left does not take back what was committed by hand: %s', async (_, offsets, kept) => {
    const s = await scene()
    await s.append(range(0, 5))
    const consumer = s.consumer({ autoCommitIntervalMs: 10 })
    for await (const record of consumer) {
      if (record.text() !== '3') continue
      await consumer.commit(offsets)
      // Time for commits by itself, which must not come.
      await new Promise((resolve) => setTimeout(resolve, 50))
      break
    }
    expect(await s.committed()).toEqual([`t/0:${kept}`])
  })

  test('commits by itself what is handled after a commit by hand, or after one that was refused', async () => {
    const s = await scene()
    await s.append(range(0, 5))
    const consumer = s.consumer()
    const records = consumer[Symbol.asyncIterator]()
    await take(records, 2)
    await consumer.commit()
    const refused = consumer.commit([{ topic: 't', partition: 0, offset: 99 }])
    await expect(refused).rejects.toMatchObject({ code: 'OFFSET_OUT_OF_RANGE' })
    await take(records, 3)
    await records.return?.()
    expect(await s.committed()).toEqual(['t/0:4'])
  })

  test('commits by hand, with metadata, and hears what is refused', async () => {
    const s = await scene()
    await s.append(range(0, 5))
    const consumer = s.consumer({ autoCommit: false })
    const records = consumer[Symbol.asyncIterator]()
    await take(records, 5)
    const at = { topic: 't', partition: 0 }
    await consumer.commit([{ ...at, offset: 2, metadata: 'two' }])
    expect(await s.mr.admin.fetchOffsets({ group: 'g' })).toMatchObject([{ offset: 2, metadata: 'two' }])
    const refused = (offset: object) => expect(consumer.commit([{ ...at, offset: 1, ...offset }])).rejects
    await refused({ offset: 6 }).toMatchObject({ code: 'OFFSET_OUT_OF_RANGE' })
    await refused({ metadata: 'x'.repeat(4_097) }).toMatchObject({ code: 'METADATA_TOO_LARGE' })
    await refused({ partition: 1 }).toMatchObject({ code: 'PARTITION_NOT_OWNED' })
    await refused({ offset: -1 }).toMatchObject({ code: 'INVALID_CONFIG' })
    await records.return?.()
    expect(await s.committed()).toEqual(['t/0:2'])
  })

  test('commits by itself at intervals', async () => {
    const s = await scene()
    await s.append(range(0, 3))
    const records = s.consumer({ autoCommitIntervalMs: 10 })[Symbol.asyncIterator]()
    await take(records, 3)
    await until(async () => String(await s.committed()) === 't/0:2')
    const waiting = records.next()
    await until(async () => String(await s.committed()) === 't/0:3')
    await s.append(['last'])
    await waiting
    await records.return?.()
  })

  test('ends with the reason of its signal, having waited for its body and left', async () => {
    const s = await scene()
    await s.append(range(0, 5))
    const abort = new AbortController()
    const reason = new Error('enough')
    const seen: string[] = []
    const loop = async () => {
      for await (const records of s.consumer().batches({ size: 2, signal: abort.signal })) {
        seen.push(records.map((record) => record.text()).join())
        if (seen.length === 2) abort.abort(reason)
      }
    }
    await expect(loop()).rejects.toBe(reason)
    expect(seen).toEqual(['0,1', '2,3'])
    expect((await s.mr.admin.describeGroup('g')).members).toEqual([])
    expect(await s.committed()).toEqual(['t/0:4'])
  })

  test('is one, and once', async () => {
    const s = await scene()
    const consumer = s.consumer()
    const running = consumer.run(() => {})
    expect(() => consumer.batches()).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST' }))
    await consumer.close()
    await running
    expect(() => s.consumer().batches({ size: 0 })).toThrow(expect.objectContaining({ code: 'INVALID_CONFIG' }))
  })

  test('gives what there is when the time of an array is up', async () => {
    const s = await scene()
    await s.append(range(0, 3))
    const batches = s.consumer().batches({ size: 1_000, timeMs: 1 })
    const seen: (string | null)[] = []
    while (seen.length < 3) for (const record of (await batches.next()).value ?? []) seen.push(record.text())
    const more = batches.next()
    await s.append(['3'])
    expect((await more).value?.map((record) => record.text())).toEqual(['3'])
    await batches.return?.()
    expect(seen).toEqual(['0', '1', '2'])
    expect(await s.committed()).toEqual(['t/0:3'])
  })
})
