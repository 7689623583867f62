import type { MillraceError, ReadRecord } from '@millrace/client'
import { describe, expect, test } from 'vitest'
import { groupOptions, scene, take, until } from './consumer.ts'

const range = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, index) => `${from + index}`)
const fast = { attempts: 2, initialMs: 1, maxMs: 100 }
const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('handlers', () => {
  test('run at once, each key in order, and what is committed is handled', async () => {
    const s = await scene(2)
    const keys = ['a', 'b', 'c', 'd', 'e']
    for (const number of range(0, 40)) {
      for (const key of keys) await s.append([number], { partition: key < 'c' ? 0 : 1, key })
    }
    const last = new Map<string, number>()
    const running = new Set<string>()
    let atOnce = 0
    let handled = 0
    const consumer = s.consumer()
    const done = consumer.run(
      async (record) => {
        const key = record.keyText() ?? ''
        expect(running.has(key)).toBe(false)
        running.add(key)
        atOnce = Math.max(atOnce, running.size)
        for (let turns = record.offset % 3; turns > 0; turns--) await turn()
        expect(Number(record.text())).toBe((last.get(key) ?? -1) + 1)
        last.set(key, Number(record.text()))
        running.delete(key)
        handled++
      },
      { concurrency: 4 },
    )
    await until(() => handled === 200)
    await consumer.close()
    await done
    expect(atOnce).toBe(4)
    expect(await s.committed()).toEqual(['t/0:80', 't/1:120'])
  })

  test('that run when the consumer closes end first, and what waits behind them is not begun', async () => {
    const s = await scene()
    await s.append(range(0, 10))
    let open = (): void => {}
    const held = new Promise<void>((resolve) => {
      open = resolve
    })
    const begun: string[] = []
    const consumer = s.consumer()
    const done = consumer.run(async (record) => {
      begun.push(record.text() ?? '')
      await held
    })
    await until(() => begun.length === 1)
    let isClosed = false
    const closing = consumer.close().then(() => {
      isClosed = true
    })
    await turn()
    expect(isClosed).toBe(false)
    open()
    await Promise.all([closing, done])
    expect(begun).toEqual(['0'])
    expect(await s.committed()).toEqual(['t/0:1'])
  })

  test('that never end do not keep a consumer from closing: by a signal, or when its time is up', async () => {
    const s = await scene()
    await s.append(['stuck'])
    for (const [rebalanceTimeoutMs, signal] of [
      [60_000, AbortSignal.timeout(50)],
      [50, undefined],
    ] as const) {
      const lost: AbortSignal[] = []
      const consumer = s.consumer({ rebalanceTimeoutMs, sessionTimeoutMs: 10_000 })
      const done = consumer.run((_, context) => {
        lost.push(context.signal)
        return new Promise(() => {})
      })
      await until(() => lost.length === 1)
      await consumer.close({ signal })
      await done
      expect(lost[0]?.aborted).toBe(true)
      expect((await s.mr.admin.describeGroup('g')).members).toEqual([])
    }
    expect(await s.committed()).toEqual([])
  })

  test('end with the reason of the signal once they are through', async () => {
    const s = await scene()
    await s.append(range(0, 5))
    const abort = new AbortController()
    const reason = new Error('enough')
    const consumer = s.consumer()
    const done = consumer.run(
      async (record) => {
        if (record.text() === '2') abort.abort(reason)
        await turn()
      },
      { signal: abort.signal },
    )
    await expect(done).rejects.toBe(reason)
    expect(await s.committed()).toEqual(['t/0:3'])
    await expect(s.consumer().run(() => {}, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })

  test('get batches as they were stored, each partition in order', async () => {
    const s = await scene(2)
    for (const partition of [0, 1]) {
      await s.append(['0', '1'], { partition })
      await s.append(['2'], { partition })
    }
    const seen: string[] = []
    const consumer = s.consumer()
    const done = consumer.runBatches(async ({ partition, records }) => {
      await turn()
      seen.push(`${partition}:${records.map((record) => record.text())}`)
    })
    await until(() => seen.length === 4)
    await consumer.close()
    await done
    expect(seen.filter((text) => text.startsWith('0:'))).toEqual(['0:0,1', '0:2'])
    expect(await s.committed()).toEqual(['t/0:3', 't/1:3'])
  })

  test('a seek meanwhile: what they do counts for nothing, and a failure is not tried again', async () => {
    const s = await scene()
    await s.append(range(0, 3))
    const seen: string[] = []
    const consumer = s.consumer({ onFailure: fast })
    const done = consumer.run((record) => {
      seen.push(record.text() ?? '')
      if (seen.length !== 1) return
      consumer.seek({ topic: 't', partition: 0, offset: 2 })
      throw new Error('of no account')
    })
    await until(() => seen.length === 2)
    await consumer.close()
    await done
    expect(seen).toEqual(['0', '2'])
    expect(await s.committed()).toEqual(['t/0:3'])
  })
})

describe('a handler that fails', () => {
  const failing =
    (seen: string[]) =>
    (record: ReadRecord, { attempt }: { attempt: number }) => {
      seen.push(`${record.text()}/${attempt}`)
      if (record.text() === 'bad') throw new TypeError('no good')
    }

  test('is tried again, and then ends the consumer; the record is not committed', async () => {
    const s = await scene()
    await s.append(['good', 'bad', 'next'])
    const seen: string[] = []
    const done = s.consumer({ onFailure: fast }).run(failing(seen))
    await expect(done).rejects.toMatchObject({
      code: 'HANDLER_FAILED',
      cause: expect.any(TypeError),
      details: { topic: 't', partition: 0, offset: 1, attempts: 2 },
    })
    expect(seen).toEqual(['good/1', 'bad/1', 'bad/2'])
    expect(await s.committed()).toEqual(['t/0:1'])
  })

  test('is what run tells of, also where a hook fails on the way out', async () => {
    const s = await scene()
    await s.append(['bad'])
    const onRevoked = () => Promise.reject(new Error('a hook'))
    const done = s.consumer({ onFailure: { attempts: 1 }, onRevoked }).run(failing([]))
    await expect(done).rejects.toMatchObject({ code: 'HANDLER_FAILED' })
  })

  test('is skipped with a warning where that is asked for', async () => {
    const s = await scene()
    await s.append(['bad', 'good'])
    const warnings: MillraceError[] = []
    const seen: string[] = []
    const consumer = s.consumer({
      onFailure: { ...fast, finally: 'skip' },
      onWarning: (warning) => warnings.push(warning),
    })
    const done = consumer.run(failing(seen))
    await until(() => seen.length === 3)
    await consumer.close()
    await done
    expect(seen).toEqual(['bad/1', 'bad/2', 'good/1'])
    expect(warnings.map(({ code }) => code)).toEqual(['HANDLER_FAILED'])
    expect(await s.committed()).toEqual(['t/0:2'])
  })

  test('sets its record aside, with what is to be known of it, before it counts as handled', async () => {
    const s = await scene()
    await s.mr.admin.createTopic({ name: 'aside', partitions: 1 })
    const headers = { trace: 'x1' }
    await s.mr.producer().send({ topic: 't', key: 'k', value: 'bad', headers, timestamp: 5_000 })
    await s.append(['good'])
    const seen: string[] = []
    const onFailure = { ...fast, finally: { deadLetterTopic: 'aside' } } as const
    const consumer = s.consumer({ onFailure, onWarning: () => {} })
    const done = consumer.run(failing(seen))
    await until(() => seen.length === 3)
    await consumer.close()
    await done
    const letters: ReadRecord[] = []
    for await (const record of s.mr.read({ topic: 'aside', to: 'end' })) letters.push(record)
    expect(letters).toHaveLength(1)
    const [letter] = letters
    expect([letter?.keyText(), letter?.text(), letter?.timestamp]).toEqual(['k', 'bad', 5_000])
    expect(letter?.headers.map(({ key, value }) => `${key}=${value}`)).toEqual([
      'trace=x1',
      'millrace-topic=t',
      'millrace-partition=0',
      'millrace-offset=0',
      'millrace-error=TypeError: no good',
      'millrace-attempts=2',
    ])
    expect(await s.committed()).toEqual(['t/0:2'])
  })

  test('stops the consumer where its record cannot be set aside', async () => {
    const s = await scene()
    await s.append(['bad'])
    const onFailure = { ...fast, finally: { deadLetterTopic: 'nowhere' } } as const
    const done = s.consumer({ onFailure }).run(failing([]))
    await expect(done).rejects.toMatchObject({ code: 'TOPIC_NOT_FOUND' })
    expect(await s.committed()).toEqual(['t/0:0'])
  })

  test('for long is warned of, since it holds up its partition', async () => {
    const s = await scene()
    await s.append(['bad'])
    const warnings: MillraceError[] = []
    const onWarning = (warning: MillraceError) => warnings.push(warning)
    const onFailure = { attempts: 1_000_000, initialMs: 1, maxMs: 4 }
    const consumer = s.consumer({ onFailure, onWarning })
    const done = consumer.run(failing([]))
    await until(() => warnings.length >= 2)
    await consumer.close()
    await done
    expect(warnings.slice(0, 2).map(({ details }) => details.attempts)).toEqual([3, 4])
    expect(await s.committed()).toEqual(['t/0:0'])
  })

  test('a warning that nobody can take ends the consumer', async () => {
    const s = await scene()
    await s.append(['bad'])
    const cannot = new Error('cannot')
    const onWarning = () => {
      throw cannot
    }
    const done = s.consumer({ onFailure: { attempts: 1, finally: 'skip' }, onWarning }).run(failing([]))
    await expect(done).rejects.toBe(cannot)
  })
})

describe('transactions', () => {
  test('carry the offsets: what is aborted is handled again, and shown once', async () => {
    const s = await scene()
    await s.mr.admin.createTopic({ name: 'out', partitions: 1 })
    await s.append(range(0, 9))
    const pipe = s.mr.producer({ transactionalId: 'pipe' })
    const reason = new Error('the second transaction')
    const copy = async (fails: boolean): Promise<void> => {
      const consumer = s.mr.consumer(groupOptions({ autoCommitIntervalMs: 1 }))
      let transactions = 0
      let copied = (await s.committed()).length === 0 ? 0 : 3
      for await (const records of consumer.batches({ size: 3, timeMs: 10_000 })) {
        await pipe.transaction(async (tx) => {
          for (const record of records) tx.send({ topic: 'out', value: record.value })
          await tx.commitOffsets(consumer)
          if (fails && ++transactions === 2) throw reason
        })
        copied += records.length
        if (copied === 9) break
      }
    }
    await expect(copy(true)).rejects.toBe(reason)
    expect(await s.committed()).toEqual(['t/0:3'])
    await copy(false)
    expect(await s.committed()).toEqual(['t/0:9'])
    const texts: (string | null)[] = []
    for await (const record of s.mr.read({ topic: 'out', to: 'end' })) texts.push(record.text())
    expect(texts).toEqual(range(0, 9))
  })

  test('that are open hold up who takes the partition over, until it is known where to go on', async () => {
    const s = await scene()
    await s.append(range(0, 5))
    const first = s.consumer({ autoCommit: false })
    const records = first[Symbol.asyncIterator]()
    expect(await take(records, 2)).toEqual(['0', '1'])
    const second = s.consumer({ autoCommit: false })
    const theirs = second[Symbol.asyncIterator]()
    let next: Promise<string[]> | undefined
    await s.mr.producer({ transactionalId: 'slow' }).transaction(async (tx) => {
      await tx.commitOffsets(first)
      await records.return?.()
      next = take(theirs, 1)
      await until(async () => (await s.mr.admin.describeGroup('g')).members[0]?.owned[0]?.partitions.length === 1)
      await turn()
      expect(second.assigned()).toEqual([])
    })
    expect(await next).toEqual(['2'])
    await theirs.return?.()
  })

  test('take no offsets of handlers that run at once', async () => {
    const s = await scene()
    await s.append(['a'])
    const consumer = s.consumer()
    expect(() => consumer.offsetsForTransaction()).toThrow(expect.objectContaining({ code: 'UNKNOWN_MEMBER' }))
    const done = consumer.run(() => void consumer.offsetsForTransaction(), {
      concurrency: 2,
    })
    await expect(done).rejects.toMatchObject({ code: 'HANDLER_FAILED', cause: { code: 'INVALID_REQUEST' } })
  })
})
