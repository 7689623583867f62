import { type ErrorCode, MillraceError, systemClock } from '@millrace/record'
import { createMemoryEngine, type MemoryEngine } from '@millrace/testkit'
import { UNARY } from '@millrace/wire'
import { describe, expect, test } from 'vitest'
import type { ProducerOptions } from './options.ts'
import type { ProduceFate } from './testing/fake-server.ts'
import { collect, gate, type Harness, startHarness } from './testing/harness.ts'
import type { Transaction } from './transaction.ts'

/** A harness whose server has topics `t` and `offsets`, and the engine behind it. */
async function start(partitions = 2): Promise<Harness & { readonly engine: MemoryEngine }> {
  const engine = createMemoryEngine({ clock: systemClock })
  await engine.topics.create({ name: 't', partitions, settings: {} })
  await engine.topics.create({ name: 'offsets', partitions: 1, settings: {} })
  return Object.assign(await startHarness(engine), { engine })
}

const PIPE = { transactionalId: 'pipe' }
const record = (value: string, partition = 0) => ({ topic: 't', partition, value })
const error = (code: ErrorCode): MillraceError => new MillraceError(code, 'so it is')

async function all(h: Harness, topic = 't', isolation: 'committed' | 'uncommitted' = 'committed'): Promise<string[]> {
  return (await collect(h.mr.read({ topic, to: 'end', isolation }))).map(({ value }) => `${value}`).sort()
}

describe('a transaction', () => {
  test('shows what it sent to all partitions when it is committed, and returns what its function returned', async () => {
    await using h = await start()
    const producer = h.mr.producer(PIPE)
    const result = await producer.transaction(async (tx) => {
      tx.send(record('a'))
      await tx.sendBatch([record('b', 1), record('c', 1)])
      expect(await all(h)).toEqual([])
      expect(await all(h, 't', 'uncommitted')).toContain('b')
      return 7
    })
    expect(result).toBe(7)
    expect(await all(h)).toEqual(['a', 'b', 'c'])
    expect(await h.mr.producer().send(record('d'))).toMatchObject({ offset: 2 })
  })

  test('follows on another, each with sequences from 0 under an epoch of its own', async () => {
    await using h = await start()
    const producer = h.mr.producer({ ...PIPE, lingerMs: 5 })
    for (const value of ['a', 'b', 'c']) await producer.transaction((tx) => void tx.send(record(value)))
    expect(await all(h)).toEqual(['a', 'b', 'c'])
    expect(h.server.calls.filter((path) => path === UNARY.initProducer.path)).toHaveLength(1)
  })

  test('waits for its turn, in the order of the calls', async () => {
    await using h = await start()
    const producer = h.mr.producer(PIPE)
    const { opened, open } = gate()
    const order: string[] = []
    const slow = producer.transaction(async () => {
      order.push('slow begins')
      await opened
      order.push('slow ends')
    })
    const fast = producer.transaction(() => void order.push('fast'))
    setTimeout(open, 10)
    await Promise.all([slow, fast])
    expect(order).toEqual(['slow begins', 'slow ends', 'fast'])
  })

  test('that sends nothing asks nothing of the server but who it is', async () => {
    await using h = await start()
    const producer = h.mr.producer(PIPE)
    await producer.transaction(() => {})
    await producer.transaction(() => {})
    expect(h.server.calls).toEqual([UNARY.initProducer.path])
  })

  test('is aborted when its function throws, which is told', async () => {
    await using h = await start()
    const producer = h.mr.producer(PIPE)
    const wrong = new Error('of its own accord')
    const work = async (tx: Transaction): Promise<void> => {
      await tx.send(record('a'))
      tx.send(record('b', 1)).catch(() => {})
      throw wrong
    }
    await expect(producer.transaction(work)).rejects.toBe(wrong)
    await producer.transaction((tx) => tx.send(record('c')))
    expect(await all(h)).toEqual(['c'])
    expect(await h.engine.transactions.list()).toMatchObject([{ state: 'empty' }])
  })

  test.each<[string, (tx: Transaction) => unknown, ErrorCode]>([
    ['a send that nobody awaits', (tx) => void tx.send({ topic: 'nope', value: 'x' }), 'TOPIC_NOT_FOUND'],
    ['a send that is caught', (tx) => tx.send({ topic: 'nope', value: 'x' }).catch(() => {}), 'TOPIC_NOT_FOUND'],
    ['a record that is none', (tx) => void tx.send({ topic: 't' } as never), 'INVALID_REQUEST'],
    ['a batch', (tx) => void tx.sendBatch([record('x'), record('y', 9)]), 'PARTITION_NOT_FOUND'],
    ['an offset that is none', (tx) => void tx.commitOffsets(offsetsAt(-1)), 'INVALID_REQUEST'],
    [
      'a source that throws',
      (tx) =>
        void tx.commitOffsets({
          offsetsForTransaction: () => {
            throw error('UNKNOWN_MEMBER')
          },
        }),
      'UNKNOWN_MEMBER',
    ],
  ])('is aborted by the failure of %s, and the next goes on', async (_, fail, code) => {
    await using h = await start()
    const producer = h.mr.producer(PIPE)
    const failed = producer.transaction(async (tx) => {
      await tx.send(record('a'))
      await fail(tx)
      tx.send(record('b'))
    })
    await expect(failed).rejects.toMatchObject({ code })
    expect(producer.bufferedBytes).toBe(0)
    await producer.transaction((tx) => tx.send(record('c')))
    expect(await all(h)).toEqual(['c'])
  })

  test('takes nothing more once something has failed, or once it has ended', async () => {
    await using h = await start()
    const producer = h.mr.producer(PIPE)
    let kept: Transaction | undefined
    const failed = producer.transaction(async (tx) => {
      kept = tx
      await tx.send({ topic: 'nope', value: 'x' }).catch(() => {})
      await tx.send(record('a'))
    })
    await expect(failed).rejects.toMatchObject({ code: 'TRANSACTION_ABORTED', cause: { code: 'TOPIC_NOT_FOUND' } })
    await expect(kept?.send(record('b'))).rejects.toMatchObject({ code: 'INVALID_TRANSACTION_STATE' })
    expect(await all(h, 't', 'uncommitted')).toEqual([])
  })

  test('commits offsets with its records, or neither', async () => {
    await using h = await start()
    const producer = h.mr.producer(PIPE)
    const consumer = {
      offsetsForTransaction: () => ({ ...offsetsAt(5), memberId: 'm', memberEpoch: 3 }),
    }
    await producer.transaction(async (tx) => {
      tx.commitOffsets(consumer)
      tx.commitOffsets({ group: 'g', offsets: [] })
    })
    const failed = producer.transaction(async (tx) => {
      await tx.commitOffsets(offsetsAt(6))
      throw error('TIMED_OUT')
    })
    await expect(failed).rejects.toMatchObject({ code: 'TIMED_OUT' })
    expect(await all(h, 'offsets')).toEqual(['{"group":"g","offsets":[5]}'])
  })

  test.each([UNARY.initProducer.path, 'function', 'stream', 'turn'])(
    'ends with the reason of a signal that aborts in its wait for: %s',
    async (where) => {
      await using h = await start()
      const producer = h.mr.producer(PIPE)
      if (where !== UNARY.initProducer.path) await producer.transaction(() => {})
      const reason = new Error('enough')
      const controller = new AbortController()
      let silent: string | undefined = where
      h.server.faults.unary = (path) => (path === silent ? 'silent' : undefined)
      if (where === 'stream') h.server.faults.produce = () => new Promise(() => {})
      const { opened, open } = gate()
      const before = where === 'turn' ? producer.transaction(() => opened) : undefined
      const sent = producer.transaction(
        async (tx) => {
          await tx.send(record('a')).catch(() => {})
          if (where === 'function') await opened
        },
        { signal: controller.signal },
      )
      setTimeout(() => controller.abort(reason), 20)
      await expect(sent).rejects.toBe(reason)
      silent = undefined
      open()
      await before
      h.server.faults.produce = () => 'store'
      h.server.cut()
      await producer.transaction((tx) => tx.send(record('b')))
      expect(await all(h)).toEqual(['b'])
    },
  )
})

test('what is open is listed', async () => {
  await using h = await start()
  const producer = h.mr.producer({ ...PIPE, transactionTimeoutMs: 9_000 })
  const ids = { transactionalId: 'pipe', producerId: 0, timeoutMs: 9_000 }
  await producer.transaction(async (tx) => {
    await tx.sendBatch([record('a'), record('b', 1)])
    const open = { ...ids, producerEpoch: 0, state: 'open', startedAtMs: expect.any(Number), partitions: 2 }
    expect(await h.mr.admin.listTransactions()).toEqual([open])
  })
  const empty = { ...ids, producerEpoch: 1, state: 'empty', startedAtMs: undefined, partitions: 0 }
  expect(await h.mr.admin.listTransactions()).toEqual([empty])
})

describe('what the server answers', () => {
  test.each<[string, ProduceFate]>([
    ['a batch before it is stored', 'cut-before'],
    ['a batch after it is stored', 'cut-after'],
  ])('is asked again when the connection is cut at %s', async (_, fate) => {
    await using h = await start()
    const producer = h.mr.producer(PIPE)
    let cuts = 2
    h.server.faults.produce = () => (cuts-- > 0 ? fate : 'store')
    await producer.transaction((tx) => tx.sendBatch([record('a'), record('b', 1)]))
    expect(await all(h)).toEqual(['a', 'b'])
  })

  test.each([
    [UNARY.initProducer.path, 'cut'],
    [UNARY.initProducer.path, 'cut-after'],
    [UNARY.endTransaction.path, 'cut'],
    [UNARY.endTransaction.path, 'cut-after'],
    [UNARY.endTransaction.path, error('COMMIT_UNKNOWN')],
    [UNARY.endTransaction.path, error('DISK_FULL')],
    [UNARY.commitOffsets.path, 'cut'],
    [UNARY.commitOffsets.path, 'cut-after'],
  ] as const)('%s: is asked again after %s', async (path, fault) => {
    await using h = await start()
    const producer = h.mr.producer(PIPE)
    let faults = 2
    h.server.faults.unary = (called) => (called === path && faults-- > 0 ? fault : undefined)
    await producer.transaction(async (tx) => {
      tx.send(record('a'))
      await tx.commitOffsets(offsetsAt(1))
    })
    await producer.transaction((tx) => tx.send(record('b')))
    expect(await all(h)).toEqual(['a', 'b'])
    expect(new Set(await all(h, 'offsets'))).toEqual(new Set(['{"group":"g","offsets":[1]}']))
  })

  test('that a batch may be lost keeps those behind it back: under the same identity they would pass for it', async () => {
    await using h = await start()
    const producer = h.mr.producer({ ...PIPE, batchBytes: 1 })
    let batches = 0
    h.server.faults.produce = () => {
      batches++
      return { answer: error('STORAGE_FAILED') }
    }
    const failed = producer.transaction((tx) => tx.sendBatch([record('a'), record('b'), record('c')]))
    await expect(failed).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
    expect(batches).toBe(1)
    h.server.faults.produce = () => 'store'
    await producer.transaction((tx) => tx.send(record('d')))
    expect(await all(h)).toEqual(['d'])
  })

  test('stays unknown where nobody answers in time, is told so, and the next transaction is sound', async () => {
    await using h = await start()
    const producer = h.mr.producer({ ...PIPE, deliveryTimeoutMs: 300 })
    h.server.faults.unary = (path) => (path === UNARY.endTransaction.path ? 'cut-after' : undefined)
    const failed = producer.transaction((tx) => tx.send(record('a')))
    await expect(failed).rejects.toMatchObject({ details: { outcomeUnknown: true } })
    h.server.faults.unary = () => undefined
    await producer.transaction((tx) => tx.send(record('b')))
    expect(await all(h)).toEqual(['a', 'b'])
  })

  test('TRANSACTION_ABORTED to a batch or to the commit: the next transaction begins anew', async () => {
    await using h = await start()
    const producer = h.mr.producer({ ...PIPE, transactionTimeoutMs: 20 })
    const late = producer.transaction(async (tx) => {
      await tx.send(record('a'))
      await new Promise((resolve) => setTimeout(resolve, 60))
    })
    await expect(late).rejects.toMatchObject({ code: 'TRANSACTION_ABORTED', details: {} })
    const later = producer.transaction(async (tx) => {
      await tx.send(record('b'))
      await new Promise((resolve) => setTimeout(resolve, 60))
      await tx.send(record('c'))
    })
    await expect(later).rejects.toMatchObject({ code: 'TRANSACTION_ABORTED', details: {} })
    await producer.transaction((tx) => tx.send(record('d')))
    expect(await all(h)).toEqual(['d'])
  })

  test('after a restart in between, the next transaction just works', async () => {
    await using h = await start()
    const producer = h.mr.producer(PIPE)
    await producer.transaction((tx) => tx.send(record('a')))
    await h.server.stop()
    await h.server.start()
    // What a started engine says of identities that it gave out before.
    let stale = true
    h.server.faults.unary = (path) => {
      if (path === UNARY.initProducer.path) stale = false
      return stale && path === UNARY.endTransaction.path ? error('TRANSACTION_ABORTED') : undefined
    }
    h.server.faults.produce = () => (stale ? { refuse: error('TRANSACTION_ABORTED') } : 'store')
    await producer.transaction((tx) => tx.send(record('b')))
    expect(await all(h)).toEqual(['a', 'b'])
  })
})

describe('of two producers with one id', () => {
  test.each(['send', 'commit', 'begin anew'])(
    'the older is fenced when it comes to %s, and closes itself',
    async (when) => {
      await using h = await start()
      const older = h.mr.producer(PIPE)
      const newer = h.mr.producer(PIPE)
      if (when === 'begin anew') {
        await older.transaction((tx) => tx.send(record('before')))
        await newer.transaction(() => {})
        h.server.cut()
        // Time to notice; without it the send below is what is refused.
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
      const fenced = older.transaction(async (tx) => {
        if (when === 'commit') await tx.send(record('older'))
        if (when !== 'begin anew') await newer.transaction(() => {})
        if (when !== 'commit') await tx.send(record('older'))
      })
      await expect(fenced).rejects.toMatchObject({ code: 'PRODUCER_FENCED', details: {} })
      await expect(older.transaction(() => {})).rejects.toMatchObject({ code: 'PRODUCER_FENCED' })
      await older.close()
      await newer.transaction((tx) => tx.send(record('newer')))
      expect(await all(h)).toEqual(when === 'begin anew' ? ['before', 'newer'] : ['newer'])
    },
  )
})

describe('a transactional producer', () => {
  test('sends nothing outside of a transaction', async () => {
    await using h = await start()
    const producer = h.mr.producer(PIPE)
    const plain: { send(record: object): Promise<unknown>; sendBatch(records: object[]): Promise<unknown> } = producer
    await expect(plain.send(record('a'))).rejects.toMatchObject({ code: 'INVALID_TRANSACTION_STATE' })
    await producer.transaction(async (tx) => {
      await expect(plain.sendBatch([record('a')])).rejects.toMatchObject({ code: 'INVALID_TRANSACTION_STATE' })
      await tx.send(record('b'))
    })
    expect(await all(h)).toEqual(['b'])
  })

  test('waits for its transactions when it is closed, and takes no more', async () => {
    await using h = await start()
    const producer = h.mr.producer(PIPE)
    const running = [
      producer.transaction((tx) => tx.send(record('a'))),
      producer.transaction((tx) => tx.send(record('b'))),
    ]
    const closed = producer.close()
    await expect(producer.transaction(() => {})).rejects.toMatchObject({ code: 'CLOSED' })
    await closed
    await Promise.all(running)
    expect(await h.texts('t')).toEqual(['a', 'b'])
  })

  test('aborts its transactions when the signal of close does', async () => {
    await using h = await start()
    const producer = h.mr.producer(PIPE)
    const running = producer.transaction(async (tx) => {
      await tx.send(record('a'))
      await new Promise(() => {})
    })
    const next = producer.transaction((tx) => tx.send(record('b')))
    const failures = [expect(running).rejects, expect(next).rejects].map((it) => it.toMatchObject({ code: 'CLOSED' }))
    await new Promise((resolve) => setTimeout(resolve, 20))
    await producer.close({ signal: AbortSignal.abort() })
    await Promise.all(failures)
    expect(await h.texts('t')).toEqual([])
    expect(await h.engine.transactions.list()).toMatchObject([{ state: 'empty' }])
  })

  test.each<[ProducerOptions, string]>([
    [{ transactionalId: '' }, 'transactionalId=""'],
    [{ transactionalId: 'é'.repeat(128) }, 'transactionalId='],
    [{ transactionalId: 7 as never }, 'transactionalId=7'],
    [{ ...PIPE, transactionTimeoutMs: 0 }, 'transactionTimeoutMs=0'],
    [{ ...PIPE, transactionTimeoutMs: 1.5 }, 'transactionTimeoutMs=1.5'],
    [{ transactionTimeoutMs: 5 }, 'transactionTimeoutMs=5'],
    [{ ...PIPE, idempotent: false }, 'idempotent=false'],
    [{ ...PIPE, acks: 'none' }, 'acks="none"'],
  ])('is not made with %o', async (options, words) => {
    await using h = await start()
    const message = expect.stringContaining(words)
    expect(() => h.mr.producer(options)).toThrow(expect.objectContaining({ code: 'INVALID_CONFIG', message }))
  })

  test('fails with what the server says of its time-out', async () => {
    await using h = await start()
    const producer = h.mr.producer({ ...PIPE, transactionTimeoutMs: 900_001 })
    await expect(producer.transaction(() => {})).rejects.toMatchObject({ code: 'INVALID_REQUEST' })
  })
})

function offsetsAt(offset: number) {
  return { group: 'g', offsets: [{ topic: 'in', partition: 0, offset, metadata: '' }] }
}
