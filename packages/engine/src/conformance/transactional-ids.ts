import { DEFAULT_LIMITS, MAX_NAME_BYTES } from '@millrace/record'
import { expect, test } from 'vitest'
import { type BenchTest, batchesIn, failure, turns } from './subject.ts'
import { consume, expectValues, transactionalBatch, twoPartitions, Writer } from './transacted.ts'

const COMMITTED = { acks: 'committed' } as const

export function transactionalIdTests(bench: BenchTest): void {
  test(
    'a newer instance aborts what the older one had open, and fences it',
    bench(async (b) => {
      const { zero } = await twoPartitions(b)
      const older = await Writer.start(b.engine.transactions)
      await older.append(zero, ['older'])
      const newer = await Writer.start(b.engine.transactions)
      expect(newer.identity.producerEpoch).toBeGreaterThan(older.identity.producerEpoch)
      await failure(older.append(zero, ['x']), 'PRODUCER_FENCED')
      await failure(older.tryEnd('commit'), 'PRODUCER_FENCED')
      await failure(older.tryEnd('abort'), 'PRODUCER_FENCED')
      await newer.append(zero, ['newer'])
      await failure(older.append(zero, ['x']), 'PRODUCER_FENCED')
      await failure(older.tryEnd('commit'), 'PRODUCER_FENCED')
      await newer.end('commit')
      await expectValues(zero, { committed: ['newer'], uncommitted: ['older', 'newer'] })
    }),
  )

  test(
    'nothing that an older instance appends while a newer one comes in is part of a transaction of the newer one',
    bench(async (b) => {
      const { zero } = await twoPartitions(b)
      for (const turnsBefore of [0, 1, 2, 3]) {
        const older = await Writer.start(b.engine.transactions)
        const coming = Writer.start(b.engine.transactions)
        await turns(turnsBefore)
        await older.append(zero, ['older']).catch(() => {})
        const newer = await coming
        await newer.append(zero, ['newer'])
        await newer.end('commit')
      }
      expect(await consume(zero, 'committed')).toEqual(Array.from({ length: 4 }, () => 'newer'))
    }),
  )

  test(
    'what is appended while a transaction without records ends is part of it, or refused',
    bench(async (b) => {
      const { zero } = await twoPartitions(b)
      const writer = await Writer.start(b.engine.transactions)
      const expected: string[] = []
      for (const turnsBefore of [0, 1, 2, 3]) {
        const ending = writer.tryEnd('commit')
        await turns(turnsBefore)
        await writer.append(zero, [`late ${turnsBefore}`]).then(
          () => void expected.push(`late ${turnsBefore}`),
          () => {},
        )
        const next = new Writer(b.engine.transactions, writer.transactionalId, await ending)
        await next.append(zero, ['next'])
        await next.end('abort')
        expect(await consume(zero, 'committed')).toEqual(expected)
        writer.identity = next.identity
      }
    }),
  )

  test(
    'each call of init gives its caller a higher epoch than any before, made side by side too',
    bench(async (b) => {
      const given = await Promise.all(
        Array.from({ length: 20 }, () => b.engine.transactions.init('one', { timeoutMs: 1_000 })),
      )
      expect(new Set(given.map(({ producerId }) => producerId)).size).toBe(1)
      expect(new Set(given.map(({ producerEpoch }) => producerEpoch)).size).toBe(20)
      const other = await b.engine.transactions.init('other', { timeoutMs: 1_000 })
      const plain = await b.engine.producers.allocate()
      expect(new Set([given[0]!.producerId, other.producerId, plain.producerId]).size).toBe(3)
    }),
  )

  test(
    'a transaction whose time is up is aborted, and its producer is told so',
    bench(async (b) => {
      const { zero, one } = await twoPartitions(b)
      const writer = await Writer.start(b.engine.transactions, 'slow', 5_000)
      b.clock.advance(60_000)
      const first = writer.identity
      await writer.append(zero, ['a'])
      b.clock.advance(4_000)
      await writer.append(one, ['b'])
      const waiting = one.read(1, { maxBytes: 1 << 20, isolation: 'uncommitted', waitMs: 600_000 })
      const stable = zero.read(0, { maxBytes: 1 << 20, waitMs: 600_000 })
      b.clock.advance(1_000)
      expect((await stable).abortedTransactions).toEqual([{ producerId: first.producerId, firstOffset: 0 }])
      expect(batchesIn(await waiting)[0]).toMatchObject({ isControl: true })
      await failure(zero.append(transactionalBatch(first, 1, ['x']), COMMITTED), 'TRANSACTION_ABORTED')
      await failure(writer.tryEnd('commit'), 'TRANSACTION_ABORTED')
      await failure(writer.tryEnd('commit'), 'TRANSACTION_ABORTED')
      await writer.end('abort')
      await writer.append(zero, ['c'])
      await writer.end('commit')
      await expectValues(zero, { committed: ['c'], uncommitted: ['a', 'c'] })
      await expectValues(one, { committed: [], uncommitted: ['b'] })
    }),
  )

  test(
    'a restart aborts what was open, and ends each instance until it calls init or abort',
    bench(async (b) => {
      const { id, zero } = await twoPartitions(b)
      const idle = await Writer.start(b.engine.transactions, 'idle')
      const busy = await Writer.start(b.engine.transactions, 'busy')
      const done = await Writer.start(b.engine.transactions, 'done')
      await busy.append(zero, ['open'])
      await done.append(zero, ['done'])
      const doneFirst = done.identity
      await done.end('commit')
      const engine = await b.reopen()
      const partition = engine.partition(id, 0)
      const again = (writer: Writer) => new Writer(engine.transactions, writer.transactionalId, writer.identity)
      expect(await consume(partition, 'committed')).toEqual(['done'])
      expect((await engine.transactions.list()).map(({ state }) => state)).toEqual(['empty', 'empty', 'empty'])
      for (const writer of [idle, busy, done].map(again)) {
        await failure(writer.append(partition, ['x']), 'TRANSACTION_ABORTED')
        await failure(writer.tryEnd('commit'), 'TRANSACTION_ABORTED')
      }
      await failure(again(done).tryEnd('abort', doneFirst), 'INVALID_TRANSACTION_STATE')
      await failure(partition.append(transactionalBatch(doneFirst, 1, ['late']), COMMITTED), 'PRODUCER_FENCED')
      const [first, second, third] = [again(idle), again(busy), again(done)]
      await first!.end('abort')
      second!.identity = await engine.transactions.init('busy', { timeoutMs: 1_000 })
      third!.identity = await third!.tryEnd('commit', doneFirst)
      for (const writer of [first, second, third]) {
        const fresh = new Writer(engine.transactions, writer!.transactionalId, writer!.identity)
        await fresh.append(partition, [writer!.transactionalId])
        await fresh.end('commit')
      }
      await failure(partition.append(transactionalBatch(busy.identity, 1, ['x']), COMMITTED), 'PRODUCER_FENCED')
      expect(await consume(partition, 'committed')).toEqual(['done', 'idle', 'busy', 'done'])
      expect(await consume(partition, 'uncommitted')).toEqual(['open', 'done', 'idle', 'busy', 'done'])
    }),
  )

  test(
    'time counts anew in each transaction, and not between two',
    bench(async (b) => {
      const { zero } = await twoPartitions(b)
      const writer = await Writer.start(b.engine.transactions, 'steady', 5_000)
      for (let round = 0; round < 5; round++) {
        await writer.append(zero, ['a'])
        b.clock.advance(4_000)
        await writer.end('commit')
        b.clock.advance(6_000)
        await turns()
      }
      expect(await consume(zero, 'committed')).toHaveLength(5)
    }),
  )

  test(
    'all transactional ids are listed, with what they have open',
    bench(async (b) => {
      const { id, zero, one } = await twoPartitions(b)
      expect(await b.engine.transactions.list()).toEqual([])
      const [second, first] = await Promise.all([
        Writer.start(b.engine.transactions, 'second', 2_000),
        Writer.start(b.engine.transactions, 'first', 1_000),
      ])
      const none = { state: 'empty', startedAtMs: undefined, partitions: [] }
      const described = () => [
        { transactionalId: 'first', ...first.identity, timeoutMs: 1_000, ...none },
        { transactionalId: 'second', ...second.identity, timeoutMs: 2_000, ...none },
      ]
      expect(await b.engine.transactions.list()).toEqual(described())
      const startedAtMs = b.clock.nowMs()
      await second.append(one, ['a'])
      b.clock.advance(10)
      await second.append(zero, ['a'])
      await second.append(one, ['a'])
      const [, open] = await b.engine.transactions.list()
      expect(open).toMatchObject({ ...second.identity, state: 'open', startedAtMs })
      expect([...open!.partitions].sort((a, c) => a.partition - c.partition)).toEqual([
        { topicId: id, partition: 0 },
        { topicId: id, partition: 1 },
      ])
      await second.end('commit')
      expect(await b.engine.transactions.list()).toEqual(described())
    }),
  )

  test(
    'what init is given is checked',
    bench(async (b) => {
      const { transactions } = b.engine
      for (const id of ['', 'x'.repeat(MAX_NAME_BYTES + 1), 'ö'.repeat(MAX_NAME_BYTES / 2 + 1)]) {
        await failure(transactions.init(id, { timeoutMs: 1_000 }), 'INVALID_TRANSACTIONAL_ID')
      }
      for (const timeoutMs of [0, -1, 1.5, Number.NaN, DEFAULT_LIMITS.transactionTimeoutMs + 1]) {
        await failure(transactions.init('a', { timeoutMs }), 'INVALID_REQUEST')
      }
      expect(await transactions.list()).toEqual([])
      await transactions.init('x'.repeat(MAX_NAME_BYTES), { timeoutMs: 1 })
      await transactions.init('🦀', { timeoutMs: DEFAULT_LIMITS.transactionTimeoutMs })
    }),
  )

  test(
    'there are no more transactional ids than the limit says, and those that nobody uses are forgotten',
    bench(
      async (b) => {
        const { zero } = await twoPartitions(b)
        const idle = await Writer.start(b.engine.transactions, 'idle')
        b.clock.advance(600)
        const used = await Writer.start(b.engine.transactions, 'used')
        await used.append(zero, ['a'])
        await failure(b.engine.transactions.init('third', { timeoutMs: 1_000 }), 'LIMIT_REACHED')
        await b.engine.transactions.init('used', { timeoutMs: 10_000 })
        b.clock.advance(600)
        const third = await Writer.start(b.engine.transactions, 'third')
        expect((await b.engine.transactions.list()).map(({ transactionalId }) => transactionalId)).toEqual([
          'third',
          'used',
        ])
        await failure(idle.tryEnd('commit'), 'INVALID_TRANSACTION_STATE')
        await failure(idle.append(zero, ['x']), 'INVALID_TRANSACTION_STATE')
        await third.append(zero, ['b'])
        b.clock.advance(5_000)
        await third.end('commit')
        expect(await consume(zero, 'committed')).toEqual(['b'])
      },
      { transactionalIds: 2, transactionalIdExpirationMs: 1_000 },
    ),
  )
}
