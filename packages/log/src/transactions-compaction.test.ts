import { readBatches, transactionMarkerOf } from '@millrace/record'
import { CrashDisk, seededRandom } from '@millrace/testkit'
import { describe, expect, test } from 'vitest'
import { COMPACT, DELETE_RETENTION_MS, keyedBatch } from '../test/compaction-bench.ts'
import { findingsIn, LogBench, type OpenLog, TIMESTAMP } from '../test/log-harness.ts'
import { committedValues, readAll, TransactionalProducer } from '../test/transaction-harness.ts'
import type { PartitionLog } from './partition-log.ts'
import { Throttle } from './throttle.ts'

const SEEDS = 60
const OPTIONS: OpenLog = { segmentBytes: 700, cleanup: COMPACT }

class Bench {
  readonly disk: CrashDisk
  bench: LogBench
  log!: PartitionLog

  /** @param tailCacheBytes of batches that are read from memory, as they were before compaction */
  constructor(seed: number, tailCacheBytes = 100_000) {
    this.disk = new CrashDisk(seededRandom(seed))
    this.bench = new LogBench(this.disk, { limits: { tailCacheBytes } })
    this.bench.clock.setWallClock(TIMESTAMP + 60_000)
  }

  async open(disk: CrashDisk | ReturnType<CrashDisk['mount']> = this.disk): Promise<this> {
    this.bench = new LogBench(disk, { clock: this.bench.clock, limits: this.bench.limits })
    this.log = await this.bench.open(OPTIONS)
    return this
  }

  async put(key: string, value: string): Promise<number> {
    return (await this.log.append(keyedBatch([{ key, value }])).committed).baseOffset
  }

  maintain(): Promise<void> {
    return this.log.maintain(new Throttle(this.bench.clock, Number.POSITIVE_INFINITY))
  }

  /** Has all that was written so far in closed segments. */
  async roll(): Promise<void> {
    for (let count = 0; count < 3; count++) await this.put('roll', 'x'.repeat(400))
  }

  async batches() {
    const { batches } = await this.log.read(0, 1 << 20, 'uncommitted')
    return batches.flatMap((buffer) => [...readBatches(buffer)])
  }

  async verify(): Promise<void> {
    await this.log.close()
    for (const { kind, severity, message } of await findingsIn(this.bench.disk, { compacts: true })) {
      expect(severity, `${kind}: ${message}`).toBe('note')
    }
  }
}

describe('compaction of a topic with transactions', () => {
  test('takes what was aborted, which takes nothing else with it', async () => {
    const b = await new Bench(1).open()
    const producer = new TransactionalProducer(7)
    await b.put('k', 'committed')
    await producer.append(b.log, ['aborted'], 'k')
    await producer.end(b.log, 'abort')
    await b.roll()
    await b.maintain()
    expect((await readAll(b.log, 'uncommitted'))[0]).toBe('committed')
    expect(await readAll(b.log, 'uncommitted')).not.toContain('aborted')
    await b.verify()
  })

  test('keeps a marker for its time after all of its transaction is gone', async () => {
    const b = await new Bench(1).open()
    const producer = new TransactionalProducer(7)
    await producer.append(b.log, ['old'], 'k')
    await producer.end(b.log, 'commit')
    await producer.append(b.log, ['aborted'], 'k')
    await producer.end(b.log, 'abort')
    await producer.append(b.log, ['last'], 'other')
    await producer.end(b.log, 'commit')
    await b.roll()
    await b.maintain()
    const markers = async () => (await b.batches()).flatMap((batch) => (batch.isControl ? [batch.baseOffset] : []))
    expect(await markers()).toEqual([1, 3, 5])
    await b.put('k', 'new')
    await b.roll()
    await b.maintain()
    expect(await markers()).toEqual([1, 3, 5])
    b.bench.clock.advance(DELETE_RETENTION_MS)
    await b.maintain()
    expect(await markers()).toEqual([5])
    expect((await b.log.read(0, 1 << 20, 'committed')).abortedTransactions).toEqual([])
    expect(await readAll(b.log, 'committed')).toContain('last')
    await b.verify()
  })

  test('goes no further than the first offset of an open transaction', async () => {
    const b = await new Bench(1, 0).open()
    const producer = new TransactionalProducer(7)
    await b.put('k', 'old')
    await producer.append(b.log, ['in'], 'k')
    await b.roll()
    await b.maintain()
    expect((await readAll(b.log, 'uncommitted')).slice(0, 2)).toEqual(['old', 'in'])
    await producer.end(b.log, 'commit')
    await b.roll()
    await b.maintain()
    expect((await readAll(b.log, 'uncommitted'))[0]).toBe('in')
    await b.verify()
  })

  test('never shows what was aborted, never loses what was committed last, over random histories', async () => {
    let compacted = 0
    for (let seed = 1; seed <= SEEDS; seed++) {
      const random = seededRandom(seed)
      const b = await new Bench(seed, random.pick([0, 2_000, 100_000])).open()
      const producers = [1, 2, 3].map((id) => new TransactionalProducer(id))
      const pending = new Map<TransactionalProducer, string[]>()
      const aborted = new Set<string>()
      const written: { key: string; value: string; offset: number }[] = []
      const key = () => random.pick(['a', 'b', 'c', 'd'])
      for (let step = 0; step < 120; step++) {
        const dice = random.int(0, 99)
        const producer = random.pick(producers)
        const value = `${step}${'.'.repeat(random.int(0, 60))}`
        const to = key()
        if (dice < 25) written.push({ key: to, value, offset: await b.put(to, value) })
        else if (dice < 60) {
          written.push({ key: to, value, offset: await producer.append(b.log, [value], to) })
          pending.set(producer, [...(pending.get(producer) ?? []), value])
        } else if (dice < 80) {
          const outcome = random.pick(['commit', 'abort'] as const)
          await producer.end(b.log, outcome)
          if (outcome === 'abort') for (const gone of pending.get(producer) ?? []) aborted.add(gone)
          pending.delete(producer)
        } else if (dice < 92) {
          b.bench.clock.advance(random.pick([0, DELETE_RETENTION_MS / 2, 2 * DELETE_RETENTION_MS]))
          await b.maintain()
          compacted += b.bench.logger.lines.filter(({ message }) => message === 'a partition was compacted').length
        } else if (dice < 95) {
          b.disk.kill()
          await b.open(b.disk.mount())
        }
        const { log } = b
        const stable = log.lastStableOffset
        const read = await readAll(log, 'committed', { maxBytes: random.pick([1, 500, 100_000]) })
        for (const seen of read)
          expect(aborted.has(seen), `seed ${seed}, step ${step}: ${seen} was aborted`).toBe(false)
        const last = new Map<string, string>()
        for (const each of written) if (each.offset < stable && !aborted.has(each.value)) last.set(each.key, each.value)
        for (const wanted of last.values()) expect(read, `seed ${seed}, step ${step}`).toContain(wanted)
        const at = random.int(0, Math.max(stable - 1, 0))
        for (const [, seen] of committedValues(await log.read(at, 300, 'committed')))
          expect(aborted.has(seen)).toBe(false)
      }
      for (const producer of producers) await producer.end(b.log, 'abort')
      for (const each of pending.values()) for (const gone of each) aborted.add(gone)
      await b.roll()
      for (let pass = 0; pass < 3; pass++) {
        await b.maintain()
        b.bench.clock.advance(2 * DELETE_RETENTION_MS)
      }
      for (const seen of await readAll(b.log, 'uncommitted')) expect(aborted.has(seen)).toBe(false)
      expect((await b.log.read(0, 1 << 20, 'committed')).abortedTransactions).toEqual([])
      for (const batch of await b.batches()) {
        if (batch.isControl && transactionMarkerOf(batch)?.outcome === 'abort')
          throw new Error(`seed ${seed}: a marker is left`)
      }
      await b.verify()
    }
    expect(compacted).toBeGreaterThan(SEEDS)
  })
})
