import { transactionMarkerOf } from '@millrace/record'
import { expect, test } from 'vitest'
import { type BenchTest, batchesIn, batchOf, failure, sequenced, turns } from './subject.ts'
import { consume, expectValues, transactionalBatch, twoPartitions, Writer } from './transacted.ts'

const COMMITTED = { acks: 'committed' } as const

export function transactionTests(bench: BenchTest): void {
  test(
    'a committed transaction appears in all its partitions, and only when it ends',
    bench(async (b) => {
      const { zero, one } = await twoPartitions(b)
      const writer = await Writer.start(b.engine.transactions)
      for (const value of ['a', 'b']) await writer.append(zero, [value])
      await writer.append(one, ['c'])
      await zero.append(batchOf(['behind']), COMMITTED)
      await expectValues(zero, { committed: [], uncommitted: ['a', 'b', 'behind'] })
      await expectValues(one, { committed: [], uncommitted: ['c'] })
      expect(await zero.status()).toMatchObject({ highWatermark: 3, lastStableOffset: 0 })
      await writer.end('commit')
      await expectValues(zero, { committed: ['a', 'b', 'behind'], uncommitted: ['a', 'b', 'behind'] })
      await expectValues(one, { committed: ['c'], uncommitted: ['c'] })
      expect(await zero.status()).toMatchObject({ highWatermark: 4, lastStableOffset: 4 })
    }),
  )

  test(
    'an aborted transaction is told of to committed readers, and to those alone',
    bench(async (b) => {
      const { zero } = await twoPartitions(b)
      const writer = await Writer.start(b.engine.transactions)
      await zero.append(batchOf(['before']), COMMITTED)
      await writer.append(zero, ['gone', 'gone too'])
      await zero.append(batchOf(['between']), COMMITTED)
      await writer.append(zero, ['gone as well'])
      const { producerId } = writer.identity
      await writer.end('abort')
      await zero.append(batchOf(['after']), COMMITTED)
      await expectValues(zero, {
        committed: ['before', 'between', 'after'],
        uncommitted: ['before', 'gone', 'gone too', 'between', 'gone as well', 'after'],
      })
      for (const offset of [0, 1, 2, 3, 4, 5]) {
        const read = await zero.read(offset, { maxBytes: 1 << 20 })
        expect(read.abortedTransactions).toEqual([{ producerId, firstOffset: 1 }])
        expect((await zero.read(offset, { maxBytes: 1 << 20, isolation: 'uncommitted' })).abortedTransactions).toEqual(
          [],
        )
      }
      expect((await zero.read(0, { maxBytes: 1 })).abortedTransactions).toEqual([])
      expect((await zero.read(6, { maxBytes: 1 << 20 })).abortedTransactions).toEqual([])
    }),
  )

  test(
    'the marker of an end is among what is read',
    bench(async (b) => {
      const { zero, one } = await twoPartitions(b)
      const writer = await Writer.start(b.engine.transactions)
      for (const [partition, outcome] of [
        [zero, 'commit'],
        [one, 'abort'],
      ] as const) {
        const { producerId } = writer.identity
        await writer.append(partition, ['a'])
        await writer.end(outcome)
        for (const isolation of ['committed', 'uncommitted'] as const) {
          const read = await partition.read(0, { maxBytes: 1 << 20, isolation })
          expect(read.nextOffset).toBe(2)
          const [, marker] = batchesIn(read)
          expect(marker).toMatchObject({ isControl: true, isTransactional: true, baseOffset: 1 })
          expect(marker?.hasValidChecksum()).toBe(true)
          expect(transactionMarkerOf(marker!)).toMatchObject({ producerId, outcome })
        }
        expect(await partition.offsetForTimestamp(1_001)).toBeUndefined()
      }
    }),
  )

  test(
    'transactions side by side: the last stable offset waits for the oldest, each has its own outcome',
    bench(async (b) => {
      const { zero } = await twoPartitions(b)
      const [one, two, three] = await Promise.all(
        ['one', 'two', 'three'].map((id) => Writer.start(b.engine.transactions, id)),
      )
      await one!.append(zero, ['one'])
      await two!.append(zero, ['two'])
      await three!.append(zero, ['three'])
      await one!.append(zero, ['one again'])
      await two!.end('abort')
      await three!.end('commit')
      expect(await zero.status()).toMatchObject({ highWatermark: 6, lastStableOffset: 0 })
      await one!.end('commit')
      expect(await consume(zero, 'committed')).toEqual(['one', 'three', 'one again'])
      expect(await zero.status()).toMatchObject({ highWatermark: 7, lastStableOffset: 7 })
    }),
  )

  test(
    'a reader at the last stable offset waits, and wakes at the end of the transaction',
    bench(async (b) => {
      const { zero } = await twoPartitions(b)
      const writer = await Writer.start(b.engine.transactions)
      await writer.append(zero, ['a'])
      const answers: string[] = []
      const waiting = zero.read(0, { maxBytes: 1 << 20, waitMs: 60_000 }).then((read) => {
        answers.push('read')
        return read
      })
      expect(batchesIn(await zero.read(0, { maxBytes: 1, waitMs: 60_000, isolation: 'uncommitted' }))).toHaveLength(1)
      await zero.append(batchOf(['b']), COMMITTED)
      await turns()
      expect(answers).toEqual([])
      await writer.end('commit')
      expect((await waiting).nextOffset).toBe(3)
    }),
  )

  test(
    'each transaction has an epoch of its own, and one that wrote nothing may end',
    bench(async (b) => {
      const { zero } = await twoPartitions(b)
      const writer = await Writer.start(b.engine.transactions)
      const { producerId } = writer.identity
      let { producerEpoch } = writer.identity
      for (const outcome of ['commit', 'abort', 'commit', 'commit', 'abort', 'abort'] as const) {
        if (producerEpoch % 2 === 0) await writer.append(zero, [outcome])
        const next = await writer.end(outcome)
        expect(next.producerId).toBe(producerId)
        expect(next.producerEpoch).toBeGreaterThan(producerEpoch)
        producerEpoch = next.producerEpoch
      }
    }),
  )

  test(
    'a late batch of an ended transaction is refused, and falls into no other',
    bench(async (b) => {
      const { zero, one } = await twoPartitions(b)
      const writer = await Writer.start(b.engine.transactions)
      const committed = writer.identity
      await writer.append(zero, ['a'])
      await writer.end('commit')
      const late = (identity: typeof committed, sequence: number, partition = zero) =>
        partition.append(transactionalBatch(identity, sequence, ['late']), COMMITTED)
      for (const [sequence, partition] of [
        [0, zero],
        [1, zero],
        [0, one],
        [-1, one],
      ] as const) {
        await failure(late(committed, sequence, partition), 'PRODUCER_FENCED')
      }
      const aborted = writer.identity
      await writer.append(zero, ['b'])
      await failure(late(committed, 1), 'PRODUCER_FENCED')
      await writer.end('abort')
      await failure(late(aborted, 1), 'TRANSACTION_ABORTED')
      await writer.append(zero, ['c'])
      await failure(late(aborted, 1), 'TRANSACTION_ABORTED')
      await failure(late(committed, 1), 'PRODUCER_FENCED')
      await writer.end('commit')
      await expectValues(zero, { committed: ['a', 'c'], uncommitted: ['a', 'b', 'c'] })
      await expectValues(one, { committed: [], uncommitted: [] })
    }),
  )

  test(
    'a repeat of an end is answered as the first, and one with the other outcome is refused',
    bench(async (b) => {
      const { zero } = await twoPartitions(b)
      const writer = await Writer.start(b.engine.transactions)
      const first = writer.identity
      await writer.append(zero, ['a'])
      const next = await writer.end('commit')
      expect(await writer.tryEnd('commit', first)).toEqual(next)
      await failure(writer.tryEnd('abort', first), 'INVALID_TRANSACTION_STATE')
      await writer.append(zero, ['b'])
      expect(await writer.tryEnd('commit', first)).toEqual(next)
      const after = await writer.end('abort')
      expect(await writer.tryEnd('abort', next)).toEqual(after)
      await failure(writer.tryEnd('commit', next), 'TRANSACTION_ABORTED')
      await failure(writer.tryEnd('commit', first), 'PRODUCER_FENCED')
      expect(await consume(zero, 'committed')).toEqual(['a'])
      expect(await zero.status()).toMatchObject({ highWatermark: 4 })
    }),
  )

  test(
    'ends that are called side by side have one outcome',
    bench(async (b) => {
      const { zero } = await twoPartitions(b)
      const writer = await Writer.start(b.engine.transactions)
      await writer.append(zero, ['a'])
      const [first, second, third] = await Promise.allSettled([
        writer.tryEnd('commit'),
        writer.tryEnd('commit'),
        writer.tryEnd('abort'),
      ])
      expect(first.status).toBe('fulfilled')
      expect(second).toEqual(first)
      expect(third).toMatchObject({ status: 'rejected', reason: { code: 'INVALID_TRANSACTION_STATE' } })
      expect(await consume(zero, 'committed')).toEqual(['a'])
      expect(await zero.status()).toMatchObject({ highWatermark: 2 })
    }),
  )

  test(
    'an end takes in the appends that were called before it',
    bench(async (b) => {
      const { zero, one } = await twoPartitions(b)
      const writer = await Writer.start(b.engine.transactions)
      const appends = [writer.append(zero, ['a']), writer.append(one, ['b']), writer.append(zero, ['c'])]
      const ended = writer.tryEnd('commit')
      await Promise.all([...appends, ended])
      await expectValues(zero, { committed: ['a', 'c'], uncommitted: ['a', 'c'] })
      await expectValues(one, { committed: ['b'], uncommitted: ['b'] })
    }),
  )

  test(
    'an end is answered only when its markers are committed',
    bench(async (b) => {
      const { zero } = await twoPartitions(b)
      const writer = await Writer.start(b.engine.transactions)
      await writer.append(zero, ['a'])
      const release = b.holdCommits()
      let isAnswered = false
      const ended = writer.end('commit').then(() => {
        isAnswered = true
      })
      await turns()
      expect(isAnswered).toBe(false)
      expect(await consume(zero, 'committed')).toEqual([])
      await failure(zero.append(transactionalBatch(writer.identity, 1, ['late']), COMMITTED), 'PRODUCER_FENCED')
      release()
      await ended
      await expectValues(zero, { committed: ['a'], uncommitted: ['a'] })
    }),
  )

  test(
    'sequences are checked within a transaction, and a batch without one is not',
    bench(async (b) => {
      const { zero } = await twoPartitions(b)
      const writer = await Writer.start(b.engine.transactions)
      const send = (sequence: number, value: string) =>
        zero.append(transactionalBatch(writer.identity, sequence, [value]), COMMITTED)
      expect(await send(-1, 'unnumbered')).toMatchObject({ baseOffset: 0, duplicate: false })
      await failure(send(1, 'x'), 'OUT_OF_ORDER_SEQUENCE')
      expect(await send(0, 'first')).toMatchObject({ baseOffset: 1, duplicate: false })
      expect(await send(0, 'first')).toMatchObject({ baseOffset: 1, duplicate: true })
      expect(await send(-1, 'unnumbered again')).toMatchObject({ baseOffset: 2, duplicate: false })
      expect(await send(1, 'second')).toMatchObject({ baseOffset: 3, duplicate: false })
      await failure(send(5, 'x'), 'OUT_OF_ORDER_SEQUENCE')
      await writer.end('commit')
      expect(await send(0, 'of the next')).toMatchObject({ baseOffset: 5, duplicate: false })
      await writer.end('commit')
      expect(await consume(zero, 'committed')).toEqual([
        'unnumbered',
        'first',
        'unnumbered again',
        'second',
        'of the next',
      ])
    }),
  )

  test(
    'a batch that does not go with its producer is refused, and opens nothing',
    bench(async (b) => {
      const { zero } = await twoPartitions(b)
      const writer = await Writer.start(b.engine.transactions)
      const { producerId, producerEpoch } = writer.identity
      const plain = await b.engine.producers.allocate()
      const state = 'INVALID_TRANSACTION_STATE'
      await failure(zero.append(sequenced(producerId, 0), COMMITTED), state)
      await failure(zero.append(transactionalBatch(plain, 0, ['x']), COMMITTED), state)
      const future = { producerId, producerEpoch: producerEpoch + 1 }
      await failure(zero.append(transactionalBatch(future, 0, ['x']), COMMITTED), state)
      await failure(writer.tryEnd('commit', future), state)
      await failure(writer.tryEnd('commit', plain), state)
      const unknown = new Writer(b.engine.transactions, 'unknown', writer.identity)
      await failure(unknown.tryEnd('commit'), state)
      expect(await b.engine.transactions.list()).toMatchObject([{ state: 'empty', partitions: [] }])
      expect(await zero.status()).toMatchObject({ highWatermark: 0 })
      await zero.append(sequenced(plain.producerId, 0), COMMITTED)
    }),
  )

  test(
    'an append that failed leaves a transaction that can only be aborted',
    bench(async (b) => {
      const { zero, one } = await twoPartitions(b)
      const writer = await Writer.start(b.engine.transactions)
      for (const isEarlier of [true, false]) {
        if (isEarlier) await writer.append(zero, ['a'])
        const release = b.failAppends()
        const failed = await writer.append(one, ['b']).then(
          () => 'stored',
          ({ code }) => code,
        )
        expect(['DISK_FULL', 'STORAGE_FAILED', 'COMMIT_UNKNOWN']).toContain(failed)
        release()
        await failure(writer.append(zero, ['c']), 'TRANSACTION_ABORTED')
        expect((await b.engine.transactions.list())[0]).toMatchObject({ state: 'open' })
        await failure(writer.tryEnd('commit'), 'TRANSACTION_ABORTED')
        await writer.end('abort')
      }
      await writer.append(one, ['d'])
      await writer.end('commit')
      await expectValues(zero, { committed: [], uncommitted: ['a'] })
      await expectValues(one, { committed: ['d'], uncommitted: ['d'] })
    }),
  )

  test(
    'a deleted topic drops out of a transaction, which goes on without it',
    bench(async (b) => {
      const { zero } = await twoPartitions(b)
      const writer = await Writer.start(b.engine.transactions)
      const other = await b.createTopic('other', 1)
      await writer.append(b.engine.partition(other.id, 0), ['a'])
      await writer.append(zero, ['b'])
      await b.engine.topics.delete(other.id)
      await writer.end('commit')
      expect(await consume(zero, 'committed')).toEqual(['b'])
      const only = await b.createTopic('only', 1)
      await writer.append(b.engine.partition(only.id, 0), ['c'])
      await b.engine.topics.delete(only.id)
      await writer.end('commit')
      await writer.append(zero, ['d'])
      await writer.end('abort')
      expect(await consume(zero, 'committed')).toEqual(['b'])
    }),
  )
}
