import { CrashDisk, seededRandom } from '@millrace/testkit'
import { describe, expect, test } from 'vitest'
import { append, failureOf, LogBench, type OpenLog, turns, valuesBatch } from '../test/log-harness.ts'
import { readAll, TransactionalProducer, transactionalBatch } from '../test/transaction-harness.ts'
import { memoryDisk } from './memory-disk.ts'

const open = (options: OpenLog = {}) => new LogBench(memoryDisk()).open(options)

describe('readers of what is committed', () => {
  test('see nothing from the first offset of an open transaction on until it ends', async () => {
    const log = await open()
    const producer = new TransactionalProducer(7)
    await append(log, 'before')
    await producer.append(log, ['in'])
    await append(log, 'behind')
    expect([log.lastStableOffset, log.highWatermark]).toEqual([1, 3])
    expect(await readAll(log, 'committed')).toEqual(['before'])
    expect(await readAll(log, 'uncommitted')).toEqual(['before', 'in', 'behind'])
    expect(await log.read(1, 1_000, 'committed')).toEqual({ batches: [], nextOffset: 1, abortedTransactions: [] })
    await producer.end(log, 'commit')
    expect(log.lastStableOffset).toBe(4)
    expect(await readAll(log, 'committed')).toEqual(['before', 'in', 'behind'])
  })

  test('are told of aborted transactions that overlap what they get', async () => {
    const log = await open()
    const [one, two] = [new TransactionalProducer(1), new TransactionalProducer(2)]
    await one.append(log, ['0'])
    await two.append(log, ['1'])
    await one.append(log, ['2'])
    expect(await two.end(log, 'abort')).toBe(3)
    expect(log.lastStableOffset).toBe(0)
    await one.end(log, 'abort')
    await append(log, '5')
    const aborted = async (offset: number, maxBytes = 1) =>
      (await log.read(offset, maxBytes, 'committed')).abortedTransactions.map(({ firstOffset }) => firstOffset)
    expect(await Promise.all([0, 1, 2, 3, 4, 5].map((offset) => aborted(offset)))).toEqual([
      [0],
      [0, 1],
      [0, 1],
      [0, 1],
      [0],
      [],
    ])
    expect((await log.read(0, 1_000, 'uncommitted')).abortedTransactions).toEqual([])
    expect(await readAll(log, 'committed')).toEqual(['5'])
  })

  test('are not shown what was aborted when it is deleted while they read it', async () => {
    const outcomes = new Set<string>()
    for (const tailCacheBytes of [0, 1 << 20]) {
      for (let turn = 0; turn < 40; turn++) {
        const bench = new LogBench(new CrashDisk(seededRandom(turn)), { limits: { tailCacheBytes } })
        const log = await bench.open({ segmentBytes: 1_024 })
        const producer = new TransactionalProducer(7)
        await producer.append(log, ['aborted'])
        await producer.end(log, 'abort')
        for (let record = 0; record < 3; record++) await append(log, 'x'.repeat(700))
        await turns(50)
        const reading = turns(Math.max(turn - 20, 0)).then(() => log.read(0, 1, 'committed'))
        const deleting = turns(Math.max(20 - turn, 0)).then(() => log.truncateBefore(3))
        const [read] = await Promise.allSettled([reading, deleting])
        if (read.status === 'fulfilled') {
          expect(read.value.abortedTransactions, `turn ${turn}`).toEqual([{ producerId: 7, firstOffset: 0 }])
        } else expect(read.reason).toMatchObject({ code: 'OFFSET_OUT_OF_RANGE' })
        outcomes.add(read.status)
      }
    }
    expect(outcomes).toEqual(new Set(['fulfilled', 'rejected']))
  })

  test('wait for the end of a transaction', async () => {
    const log = await open()
    const producer = new TransactionalProducer(7)
    await producer.append(log, ['in'])
    const woken: string[] = []
    const waits = (['committed', 'uncommitted'] as const).map((isolation) =>
      log.waitFor(isolation === 'committed' ? 0 : 1, 60_000, undefined, isolation).then(() => woken.push(isolation)),
    )
    await append(log, 'behind')
    await turns(5)
    expect(woken).toEqual(['uncommitted'])
    await producer.end(log, 'commit')
    await Promise.all(waits)
    await log.close()
  })

  test('see no marker by its time', async () => {
    const log = await open()
    const producer = new TransactionalProducer(7)
    await producer.append(log, ['in'])
    await producer.end(log, 'commit')
    expect(await log.findTimestamp(1_700_000_000_001)).toBeUndefined()
  })
})

describe('a marker', () => {
  test('for a transaction that is not open does nothing', async () => {
    const log = await open()
    const producer = new TransactionalProducer(7)
    expect(await log.appendMarker({ ...producer.identity, outcome: 'abort' })).toBeUndefined()
    await producer.append(log, ['in'])
    const { identity } = producer
    const marks = [1, 2].map(() => log.appendMarker({ ...identity, outcome: 'commit' }))
    expect(await Promise.all(marks)).toEqual([1, undefined])
    expect(await log.appendMarker({ ...identity, outcome: 'commit' })).toBeUndefined()
    expect(log.logEndOffset).toBe(2)
  })

  test('fences its epoch, and the next begins at sequence 0', async () => {
    const log = await open()
    const producer = new TransactionalProducer(7)
    await producer.append(log, ['in'])
    const { producerEpoch } = producer
    await producer.end(log, 'commit')
    const late = (epoch: number, baseSequence: number) =>
      failureOf(() => log.append(transactionalBatch(['x'], { producerId: 7, producerEpoch: epoch, baseSequence })))
    for (const sequence of [0, 1, -1]) expect((await late(producerEpoch, sequence)).code).toBe('PRODUCER_FENCED')
    expect((await late(producerEpoch + 1, 1)).details).toEqual({ expectedSequence: 0 })
    await producer.append(log, ['next'])
    expect(log.openTransactions()).toEqual([{ producerId: 7, producerEpoch: producerEpoch + 1, firstOffset: 2 }])
    const old = await failureOf(log.appendMarker({ producerId: 7, producerEpoch, outcome: 'abort' }))
    expect(old.code).toBe('PRODUCER_FENCED')
  })

  test.each(['commit', 'interval', 'os'] as const)(
    'is on disk with all before it, with flush.policy=%s',
    async (flushPolicy) => {
      const disk = new CrashDisk(seededRandom(3))
      const log = await new LogBench(disk).open({ flushPolicy })
      const producer = new TransactionalProducer(7)
      await append(log, 'plain')
      await producer.append(log, ['in'])
      await producer.end(log, 'commit')
      expect(log.durableEnd).toBe(3)
      disk.crash()
      const reopened = await new LogBench(disk.mount()).open({ flushPolicy })
      expect(reopened.openTransactions()).toEqual([])
      expect(await readAll(reopened, 'committed')).toEqual(['plain', 'in'])
    },
  )
})

describe('a batch without a sequence', () => {
  test('is in its transaction, and is no sequence to follow on', async () => {
    const log = await open()
    const send = (baseSequence: number) =>
      log.append(transactionalBatch(['x'], { producerId: 7, producerEpoch: 3, baseSequence })).committed
    expect(await send(-1)).toMatchObject({ baseOffset: 0, duplicate: false })
    expect((await failureOf(() => send(1))).details).toEqual({ expectedSequence: 0 })
    expect(await send(0)).toMatchObject({ baseOffset: 1, duplicate: false })
    expect(await send(-1)).toMatchObject({ baseOffset: 2, duplicate: false })
    expect(await send(-1)).toMatchObject({ baseOffset: 3, duplicate: false })
    expect(await send(0)).toMatchObject({ baseOffset: 1, duplicate: true })
    expect(await send(1)).toMatchObject({ baseOffset: 4, duplicate: false })
    expect(log.openTransactions()).toEqual([{ producerId: 7, producerEpoch: 3, firstOffset: 0 }])
  })
})

test('a producer with an open transaction is never forgotten', async () => {
  const bench = new LogBench(memoryDisk(), { limits: { producersPerPartition: 2 } })
  const log = await bench.open()
  const producer = new TransactionalProducer(7)
  await producer.append(log, ['in'])
  for (let producerId = 100; producerId < 110; producerId++) {
    await log.append(valuesBatch(['x'], { producerId })).committed
    bench.clock.advance(bench.limits.producerIdExpirationMs)
  }
  await producer.append(log, ['in too'])
  await producer.end(log, 'commit')
  expect(await readAll(log, 'committed')).toHaveLength(12)
})
