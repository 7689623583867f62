import { setImmediate } from 'node:timers/promises'
import type { Engine, EnginePartition, ProducerIdentity } from '@millrace/engine'
import { readFile, replaceFile } from '@millrace/log'
import { BatchBuilder, readBatches } from '@millrace/record'
import { CrashDisk, type DiskFault, ManualClock, seededRandom } from '@millrace/testkit'
import { expect, test } from 'vitest'
import { openLocalEngine } from './local-engine.ts'

const COMMITTED = { acks: 'committed' } as const
const ID = 'writer'

class Bench {
  readonly disk = new CrashDisk(seededRandom(1))
  clock = new ManualClock()
  engine!: Engine
  partitions: EnginePartition[] = []
  readonly topicIds: string[] = []

  async open(): Promise<this> {
    this.clock = new ManualClock()
    this.engine = await openLocalEngine({ disk: this.disk.mount(), dataDir: '/data', clock: this.clock })
    for (let index = this.topicIds.length; index < 2; index++) {
      const { id } = await this.engine.topics.create({ name: `topic-${index}`, partitions: 1, settings: {} })
      this.topicIds.push(id)
    }
    this.partitions = this.topicIds.map((id) => this.engine.partition(id, 0))
    return this
  }

  init(): Promise<ProducerIdentity> {
    return this.engine.transactions.init(ID, { timeoutMs: 60_000 })
  }

  append(index: number, identity: ProducerIdentity, value: string) {
    const builder = new BatchBuilder().append({ key: null, value: Buffer.from(value), timestamp: 1 })
    const { buffer } = builder.build({ producer: { ...identity, baseSequence: -1 }, transactional: true })
    return (this.partitions[index] as EnginePartition).append(buffer, COMMITTED)
  }

  commit(identity: ProducerIdentity): Promise<ProducerIdentity> {
    return this.engine.transactions.end({ transactionalId: ID, ...identity }, 'commit')
  }

  async values(index: number): Promise<string[]> {
    const { batches } = await (this.partitions[index] as EnginePartition).read(0, { maxBytes: 1 << 20 })
    const data = batches.flatMap((bytes) => [...readBatches(bytes)]).filter((batch) => !batch.isControl)
    return data.flatMap((batch) => [...batch.records(1 << 20)]).map(({ value }) => `${value}`)
  }

  /** Moves time on until `call` has ended. */
  async ended<T>(call: Promise<T>): Promise<PromiseSettledResult<T>> {
    let result: PromiseSettledResult<T> | undefined
    const settled = Promise.allSettled([call]).then(([only]) => {
      result = only
    })
    while (result === undefined) {
      for (let turn = 0; turn < 50; turn++) await setImmediate()
      this.clock.advance(1_000)
    }
    await settled
    return result
  }
}

const refused = (code: string) => ({ status: 'rejected', reason: expect.objectContaining({ code }) })

/** What keeps a partition from taking anything. */
const failing = (path: string): DiskFault[] =>
  (['write', 'datasync', 'create'] as const).map((operation) => ({ operation, path, code: 'EIO', times: 10_000 }))

test('a partition that takes no marker keeps nobody for ever, and has it as soon as it can', async () => {
  const bench = await new Bench().open()
  const identity = await bench.init()
  await bench.append(0, identity, 'a')
  await bench.append(1, identity, 'b')
  for (const fault of failing('/data/topic-1-0/')) bench.disk.failNext(fault)
  expect(await bench.ended(bench.commit(identity))).toMatchObject(refused('COMMIT_UNKNOWN'))
  // What is decided stays so: nothing new begins before it holds everywhere.
  expect(await bench.ended(bench.commit(identity))).toMatchObject(refused('COMMIT_UNKNOWN'))
  expect(await bench.ended(bench.init())).toMatchObject(refused('COMMIT_UNKNOWN'))
  expect(await bench.engine.transactions.list()).toMatchObject([{ state: 'ending' }])
  expect([await bench.values(0), await bench.values(1)]).toEqual([['a'], []])
  bench.disk.clearFaults()
  const answered = await bench.ended(bench.commit(identity))
  expect(answered.status).toBe('fulfilled')
  expect([await bench.values(0), await bench.values(1)]).toEqual([['a'], ['b']])
  await bench.append(1, await bench.init(), 'c')
  await bench.engine.close()
  expect(bench.clock.pendingTimers).toBe(0)
})

test('an end that cannot be written down may be asked for again, either way', async () => {
  const bench = await new Bench().open()
  let identity = await bench.init()
  for (const outcome of ['commit', 'abort'] as const) {
    await bench.append(0, identity, outcome)
    bench.disk.failNext({ operation: 'write', path: '__millrace_transactions', code: 'ENOSPC' })
    await expect(bench.commit(identity)).rejects.toMatchObject({ code: 'DISK_FULL' })
    await expect(bench.append(0, identity, 'late')).rejects.toMatchObject({ code: 'PRODUCER_FENCED' })
    identity = await bench.engine.transactions.end({ transactionalId: ID, ...identity }, outcome)
  }
  const read = await (bench.partitions[0] as EnginePartition).read(0, { maxBytes: 1 << 20 })
  expect(await bench.values(0)).toEqual(['commit', 'abort'])
  expect(read.abortedTransactions).toHaveLength(1)
})

test('a transaction is aborted when its time is up, though that cannot be written down at first', async () => {
  const bench = await new Bench().open()
  const identity = await bench.init()
  await bench.append(0, identity, 'a')
  bench.disk.failNext({ operation: 'write', path: '__millrace_transactions', code: 'ENOSPC', times: 2 })
  bench.clock.advance(60_000)
  const waiting = (bench.partitions[0] as EnginePartition).read(0, { maxBytes: 1 << 20, waitMs: 600_000 })
  expect(await bench.ended(waiting)).toMatchObject({ value: { abortedTransactions: [{ firstOffset: 0 }] } })
  await expect(bench.commit(identity)).rejects.toMatchObject({ code: 'TRANSACTION_ABORTED' })
})

test('a decision is kept for a partition that cannot be opened, whatever comes after it', async () => {
  const bench = await new Bench().open()
  const identity = await bench.init()
  await bench.append(0, identity, 'a')
  await bench.append(1, identity, 'b')
  for (const fault of failing('/data/topic-1-0/')) bench.disk.failNext(fault)
  expect(await bench.ended(bench.commit(identity))).toMatchObject(refused('COMMIT_UNKNOWN'))
  bench.disk.kill()
  bench.disk.clearFaults()
  const path = '/data/topic-1-0/partition.metadata'
  const metadata = (await readFile(bench.disk, path)) as Buffer
  await bench.disk.remove(path)
  for (let life = 0; life < 2; life++) {
    await bench.open()
    const next = await bench.init()
    await bench.append(0, next, `later ${life}`)
    await bench.commit(next)
    await bench.engine.close()
  }
  await replaceFile(bench.disk, path, metadata)
  await bench.open()
  expect(await bench.values(0)).toEqual(['a', 'later 0', 'later 1'])
  expect(await bench.values(1)).toEqual(['b'])
})

test('is kept as the documented records say, and goes on with another producer id when the epochs are used up', async () => {
  const bench = new Bench()
  const kept = { producerId: 5_000_000, producerEpoch: 32_765, timeoutMs: 1_000, usedAtMs: bench.clock.nowMs() }
  const record = { key: Buffer.from(ID), value: Buffer.from(JSON.stringify(kept)), timestamp: 1 }
  const { disk } = bench
  for (const [name, content] of [
    ['/data/format-version', Buffer.from('1\n')],
    ['/data/__millrace_transactions-0/00000000000000000000.log', new BatchBuilder().append(record).build().buffer],
  ] as const) {
    await disk.makeDirectory(name.slice(0, name.lastIndexOf('/')))
    await (await disk.open(name, { create: true })).writev([content], 0)
  }
  await bench.open()
  const last = await bench.init()
  expect(last).toEqual({ producerId: 5_000_000, producerEpoch: 32_766 })
  await bench.append(0, last, 'a')
  const next = await bench.commit(last)
  expect(next).toMatchObject({ producerEpoch: 0 })
  expect(next.producerId).not.toBe(last.producerId)
  expect(await bench.commit(last)).toEqual(next)
  await expect(bench.append(0, last, 'late')).rejects.toMatchObject({ code: 'PRODUCER_FENCED' })
  await bench.append(0, next, 'b')
  await bench.commit(next)
  expect(await bench.values(0)).toEqual(['a', 'b'])
  await bench.engine.close()
  await bench.open()
  const [described] = await bench.engine.transactions.list()
  expect(described).toMatchObject({ transactionalId: ID, producerId: next.producerId, producerEpoch: 1 })
})
