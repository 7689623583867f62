/*
 * Random transactions, failures, crashes and deletions, against what the batches in the log say by themselves.
 */
import { type RecordBatch, readBatches, transactionMarkerOf } from '@millrace/record'
import { CrashDisk, type DiskFault, type SeededRandom, seededRandom } from '@millrace/testkit'
import { expect, test } from 'vitest'
import { append, findingsIn, LogBench, type OpenLog } from '../test/log-harness.ts'
import { committedValues, TransactionalProducer } from '../test/transaction-harness.ts'
import type { PartitionLog } from './partition-log.ts'

const SEEDS = Number(process.env.MILLRACE_TRANSACTION_SEEDS ?? 150)
const PRODUCERS = 4
const FAULTS: readonly DiskFault[] = [
  { operation: 'write', path: '.log', code: 'ENOSPC' },
  { operation: 'write', path: '.txnindex', code: 'ENOSPC' },
  { operation: 'datasync', path: '.log', code: 'EIO' },
  { operation: 'create', path: '.log', code: 'EIO' },
  { operation: 'create', path: '.txnindex', code: 'EIO' },
  { operation: 'syncDirectory', code: 'EIO' },
]

interface Ended {
  readonly producerId: number
  readonly firstOffset: number
  readonly lastOffset: number
}

/** What a walk over all batches that the log ever had says of its transactions. */
class Oracle {
  private readonly batches = new Map<number, { batch: RecordBatch; value: string | undefined }>()

  /** Takes in what is committed, and forgets what is not there any more. */
  async follow(log: PartitionLog): Promise<void> {
    for (const offset of this.batches.keys()) if (offset >= log.highWatermark) this.batches.delete(offset)
    for (let offset: number = log.logStartOffset; offset < log.highWatermark; ) {
      const read = await log.read(offset, 400, 'uncommitted')
      for (const batch of read.batches.flatMap((buffer) => [...readBatches(buffer)])) {
        const [record] = batch.isControl ? [] : [...batch.records(1 << 16)]
        this.batches.set(batch.baseOffset, { batch, value: record && String(record.value) })
      }
      offset = read.nextOffset
    }
  }

  transactions(): { open: Map<number, number>; aborted: Ended[] } {
    const open = new Map<number, number>()
    const aborted: Ended[] = []
    for (const { batch } of this.inOrder()) {
      const { producerId, baseOffset } = batch
      if (!batch.isTransactional) continue
      if (!batch.isControl) {
        if (!open.has(producerId)) open.set(producerId, baseOffset)
        continue
      }
      const firstOffset = open.get(producerId) as number
      open.delete(producerId)
      if (transactionMarkerOf(batch)?.outcome === 'abort')
        aborted.push({ producerId, firstOffset, lastOffset: baseOffset })
    }
    return { open, aborted }
  }

  /** The first batch from `offset` on of each open transaction that has one. */
  firstFrom(offset: number): Map<number, number> {
    const { open } = this.transactions()
    const firsts = new Map<number, number>()
    for (const { batch } of this.inOrder()) {
      const { producerId, baseOffset } = batch
      const isOpen = baseOffset >= (open.get(producerId) ?? Number.POSITIVE_INFINITY)
      if (isOpen && batch.isTransactional && baseOffset >= offset && !firsts.has(producerId)) {
        firsts.set(producerId, baseOffset)
      }
    }
    return firsts
  }

  /** What nobody aborted, by offset. */
  committed(from: number, to: number): [number, string][] {
    const { aborted } = this.transactions()
    const values: [number, string][] = []
    for (const { batch, value } of this.inOrder()) {
      const { baseOffset, producerId } = batch
      if (value === undefined || baseOffset < from || baseOffset >= to) continue
      const isAborted = aborted.some(
        (ended) => ended.producerId === producerId && ended.firstOffset <= baseOffset && baseOffset < ended.lastOffset,
      )
      if (!isAborted) values.push([baseOffset, value])
    }
    return values
  }

  private inOrder() {
    return [...this.batches.values()].sort((a, b) => a.batch.baseOffset - b.batch.baseOffset)
  }
}

class History {
  readonly counts = { aborted: 0, failures: 0, crashes: 0, spanning: 0, deleted: 0 }
  private readonly random: SeededRandom
  private readonly disk: CrashDisk
  private readonly options: OpenLog
  private readonly oracle = new Oracle()
  private readonly producers = Array.from({ length: PRODUCERS }, (_, id) => new TransactionalProducer(id + 1))
  private bench: LogBench
  private log!: PartitionLog
  private values = 0

  constructor(seed: number) {
    this.random = seededRandom(seed)
    this.disk = new CrashDisk(this.random)
    this.bench = new LogBench(this.disk.mount())
    const flushPolicy = this.random.pick(['commit', 'commit', 'interval', 'os'] as const)
    this.options = { flushPolicy, segmentBytes: this.random.pick([300, 700, 100_000]) }
  }

  async run(): Promise<void> {
    await this.open(this.disk.mount(), false)
    for (let step = this.random.int(20, 120); step > 0; step--) {
      await this.step()
      await this.check()
    }
    for (const { producerId, producerEpoch } of this.log.openTransactions()) {
      await this.log.appendMarker({ producerId, producerEpoch, outcome: 'abort' })
    }
    await this.check()
    expect(this.log.lastStableOffset).toBe(this.log.highWatermark)
    await this.log.close()
    for (const { kind, severity, message } of await findingsIn(this.bench.disk)) {
      expect(severity, `${kind}: ${message}`).toBe('note')
    }
  }

  private async step(): Promise<void> {
    const { random, log, disk, counts } = this
    const producer = random.pick(this.producers)
    const dice = random.int(0, 99)
    if (random.bool(0.15)) disk.failNext(random.pick(FAULTS))
    if (dice < 20) await this.try(append(log, this.newValue()))
    else if (dice < 60) await this.tryAppend(producer)
    else if (dice < 85) await this.tryEnd(producer)
    else if (dice < 89) await this.truncate()
    else if (dice < 93) await this.restart()
    else {
      await this.crash()
      counts.crashes++
    }
  }

  private async tryAppend(producer: TransactionalProducer): Promise<void> {
    const before = this.log.openTransactions()
    const sends = Array.from({ length: this.random.int(1, 2) }, () => this.newValue())
    for (const value of sends) {
      if (await this.try(producer.append(this.log, [value]))) continue
      // As an engine does: what failed ends the transaction, and its epoch.
      const open = this.log.openTransactions().find(({ producerId }) => producerId === producer.producerId)
      if (value === sends[0]) expect(this.log.openTransactions()).toEqual(before)
      this.disk.clearFaults()
      if (open !== undefined) await this.log.appendMarker({ ...producer.identity, outcome: 'abort' })
      this.renew(producer)
      return
    }
  }

  private async tryEnd(producer: TransactionalProducer): Promise<void> {
    const outcome = this.random.pick(['commit', 'abort'] as const)
    const before = [this.log.openTransactions(), this.log.lastStableOffset]
    const { producerEpoch } = producer
    let marker: number | undefined
    const ending = producer.end(this.log, outcome).then((offset) => {
      marker = offset
    })
    if (await this.try(ending)) {
      expect(this.log.openTransactions().some(({ producerId }) => producerId === producer.producerId)).toBe(false)
      if (marker === undefined) return
      expect(this.log.durableEnd).toBeGreaterThan(marker)
      if (outcome === 'abort') this.counts.aborted++
    } else {
      expect([this.log.openTransactions(), this.log.lastStableOffset]).toEqual(before)
      expect(producer.producerEpoch).toBe(producerEpoch)
    }
  }

  private async truncate(): Promise<void> {
    const { log, random } = this
    // What is not on disk may go with a crash, and all that is known of it.
    const offset = random.int(log.logStartOffset, Math.max(log.logStartOffset, log.durableEnd))
    if (await this.try(log.truncateBefore(offset))) this.counts.deleted++
  }

  private async restart(): Promise<void> {
    const isClean = await this.try(this.log.close())
    this.disk.clearFaults()
    if (!isClean) this.disk.kill()
    await this.open(this.disk.mount(), isClean)
  }

  private async crash(): Promise<void> {
    this.disk.clearFaults()
    if (this.random.bool()) this.disk.crash()
    else this.disk.kill()
    await this.open(this.disk.mount(), false)
    for (const producer of this.producers) this.renew(producer)
  }

  /** With an epoch that the log does not know yet, unless a transaction is open. */
  private renew(producer: TransactionalProducer): void {
    const open = this.log.openTransactions().find(({ producerId }) => producerId === producer.producerId)
    if (open === undefined) producer.begin(producer.producerEpoch + 1)
    else producer.begin(open.producerEpoch, 'without sequences')
  }

  private async open(disk: ReturnType<CrashDisk['mount']>, clean: boolean): Promise<void> {
    this.bench = new LogBench(disk, { clock: this.bench.clock })
    this.log = await this.bench.open({ ...this.options, clean })
  }

  private async check(): Promise<void> {
    const { log, oracle, random } = this
    this.disk.clearFaults()
    await oracle.follow(log)
    const { open, aborted } = oracle.transactions()
    // Where a transaction began before the log start is mostly known, and does not matter.
    const { logStartOffset, highWatermark, lastStableOffset: stable } = log
    const firsts = oracle.firstFrom(logStartOffset)
    const found = new Map<number, number>()
    for (const { producerId, firstOffset } of log.openTransactions()) {
      const first = firstOffset < logStartOffset ? firsts.get(producerId) : firstOffset
      if (first !== undefined) found.set(producerId, first)
    }
    expect(new Map([...found].sort())).toEqual(new Map([...firsts].sort()))
    expect(stable).toBeGreaterThanOrEqual(Math.max(Math.min(highWatermark, ...open.values()), logStartOffset))
    expect(stable).toBeLessThanOrEqual(Math.min(highWatermark, ...firsts.values()))
    const offset = random.int(log.logStartOffset, log.highWatermark)
    const read = await log.read(offset, random.pick([1, 200, 1_000, 100_000]), 'committed')
    expect(read.nextOffset).toBeLessThanOrEqual(Math.max(stable, offset))
    if (offset < stable) expect(read.nextOffset).toBeGreaterThan(offset)
    for (const { producerId, firstOffset } of read.abortedTransactions) {
      // Batches before the log start may be gone, and with them where the transaction began.
      const isKnown = aborted.some(
        (ended) =>
          ended.producerId === producerId &&
          (ended.firstOffset === firstOffset || ended.firstOffset < Math.min(log.logStartOffset, firstOffset)) &&
          firstOffset < read.nextOffset &&
          offset <= ended.lastOffset,
      )
      expect(isKnown, `${producerId} aborted what it began at ${firstOffset}`).toBe(true)
    }
    const values = [...committedValues(read)].filter(([at]) => at >= offset)
    expect(values).toEqual(oracle.committed(offset, read.nextOffset))
  }

  private async try(work: Promise<unknown>): Promise<boolean> {
    try {
      await work
      return true
    } catch (error) {
      expect((error as { code?: string }).code).toMatch(/DISK_FULL|STORAGE_FAILED|COMMIT_UNKNOWN/)
      this.counts.failures++
      return false
    }
  }

  private newValue(): string {
    return `${this.values++}${'.'.repeat(this.random.int(0, 60))}`
  }
}

test('the log knows of its transactions what its batches say', async () => {
  const totals = { aborted: 0, failures: 0, crashes: 0, deleted: 0 }
  for (let seed = 1; seed <= SEEDS; seed++) {
    const history = new History(seed)
    try {
      await history.run()
    } catch (cause) {
      throw new Error(`seed ${seed} fails: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
    }
    for (const what of Object.keys(totals) as (keyof typeof totals)[]) totals[what] += history.counts[what]
  }
  for (const [what, count] of Object.entries(totals)) expect(count, what).toBeGreaterThan(100)
})
