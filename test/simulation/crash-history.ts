import assert from 'node:assert/strict'
import type { Engine, EnginePartition } from '@millrace/engine'
import { openLocalEngine } from '@millrace/engine-local'
import { BatchBuilder, DEFAULT_LIMITS, type ErrorCode, type Limits, MillraceError, readBatches } from '@millrace/record'
import { CrashDisk, type DiskFault, ManualClock, type SeededRandom, seededRandom } from '@millrace/testkit'

const LIMITS: Limits = {
  ...DEFAULT_LIMITS,
  tailCacheBytes: 4_096,
  indexCacheBytes: 2_048,
  openFiles: 3,
  journalBytes: 4_096,
  journalBacklogBytes: 1_500,
}
const SETTINGS = { 'segment.bytes': '2048', 'index.interval.bytes': '256' }
/** Enough for rounds that go by way of the journal. */
const PARTITIONS = 6

/** A batch that somebody wants stored, with the values of its records. */
interface Wanted {
  readonly partition: number
  readonly values: readonly string[]
  readonly producerId: number
  readonly baseSequence: number
}

/** What is known about one partition from the outside. */
interface Known {
  /** Value by offset: what an acknowledgement promised, or a reader saw. */
  readonly promised: Map<number, string>
  /** Every value that was ever sent. */
  readonly sent: Set<string>
  /** Values of appends that failed with a code that says that nothing was stored. */
  readonly refused: Set<string>
}

/** Codes after which nothing of an append may ever be seen. */
const NOTHING_STORED: readonly string[] = ['DISK_FULL', 'STORAGE_FAILED', 'LIMIT_REACHED'] satisfies ErrorCode[]
const FAULTS: readonly DiskFault[] = [
  { operation: 'write', path: 'events', code: 'ENOSPC' },
  { operation: 'write', path: 'events', code: 'EIO', times: 3 },
  { operation: 'datasync', path: '.log', code: 'EIO' },
  { operation: 'datasync', path: '.log', code: 'EIO', times: 2 },
  { operation: 'create', path: '.log', code: 'ENOSPC', times: 2 },
  { operation: 'syncDirectory', path: 'events', code: 'EIO' },
  { operation: 'truncate', path: '.log', code: 'EIO' },
]

/**
 * Writers, readers, faults and crashes over one simulated disk, all from one seed. What was acknowledged or seen must be
 * there after each of them, whole and in order.
 */
export class CrashHistory {
  readonly disk: CrashDisk
  /** Power cuts so far. */
  crashes = 0
  private readonly random: SeededRandom
  private readonly clock = new ManualClock()
  private readonly known: Known[] = Array.from({ length: PARTITIONS }, () => ({
    promised: new Map(),
    sent: new Set(),
    refused: new Set(),
  }))
  /** The idempotent producers' batches that are not acknowledged, oldest first, by producer and partition. */
  private readonly unacknowledged = new Map<string, Wanted[]>()
  private readonly sequences = new Map<string, number>()
  private producers: number[] = []
  private topicId = ''
  private values = 0
  private defect: unknown

  constructor(seed: number) {
    this.random = seededRandom(seed)
    this.disk = new CrashDisk(this.random)
  }

  async run(): Promise<void> {
    let engine = await this.open()
    this.topicId = (await engine.topics.create({ name: 'events', partitions: PARTITIONS, settings: SETTINGS })).id
    for (let count = 0; count < 2; count++) this.producers.push((await engine.producers.allocate()).producerId)
    for (let life = 0; life < 5; life++) {
      await this.live(engine)
      engine = await this.endAndReopen(engine)
      await this.checkAll(engine)
    }
    await this.deliverAll(engine)
    await this.checkAll(engine)
    await this.checkProducers(engine)
    await engine.close()
  }

  /** Appends and reads for a while, at the end with appends still under way. */
  private async live(engine: Engine): Promise<void> {
    const running: Promise<void>[] = []
    for (let step = this.random.int(5, 40); step > 0; step--) {
      const partition = this.random.int(0, PARTITIONS - 1)
      if (this.random.bool(0.05)) this.disk.failNext(this.random.pick(FAULTS))
      const work = this.random.bool(0.75) ? this.appendSome(engine, partition) : this.readSome(engine, partition)
      running.push(work.catch((error: unknown) => this.noteFailure(error)))
      if (this.random.bool(0.2)) await Promise.race(running)
      for (let turn = this.random.int(0, 3); turn > 0; turn--) await tick()
    }
    for (let turn = this.random.int(0, 30); turn > 0; turn--) await tick()
  }

  /** Calls may fail, as the faults and the end of the engine have it; anything but a MillraceError is a defect. */
  private noteFailure(error: unknown): void {
    if (!(error instanceof MillraceError)) this.defect ??= error
  }

  private async endAndReopen(engine: Engine): Promise<Engine> {
    this.disk.clearFaults()
    const end = this.random.pick(['crash', 'crash', 'kill', 'close', 'crash while opening'])
    if (end === 'close') await engine.close()
    if (end === 'crash') this.cutPower()
    if (end === 'kill') this.disk.kill()
    if (end === 'crash while opening') {
      this.cutPower()
      const opening = this.open().catch(() => undefined)
      for (let turn = this.random.int(0, 60); turn > 0; turn--) await tick()
      this.cutPower()
      await opening
    }
    return this.open()
  }

  private cutPower(): void {
    this.disk.crash()
    this.crashes++
  }

  private open(): Promise<Engine> {
    return openLocalEngine({ disk: this.disk.mount(), dataDir: '/data', clock: this.clock, limits: LIMITS })
  }

  private async appendSome(engine: Engine, partition: number): Promise<void> {
    if (this.random.bool(0.3)) {
      const values = this.newValues(partition)
      try {
        await this.append(engine, { partition, values, producerId: -1, baseSequence: -1 })
      } catch (error) {
        if (!NOTHING_STORED.includes((error as MillraceError).code)) throw error
        for (const value of values) this.known[partition]?.refused.add(value)
      }
      return
    }
    const producerId = this.random.pick(this.producers)
    const queue = this.queueOf(producerId, partition)
    // What was not acknowledged is sent again first, in order, as a client does after it reconnected.
    if (queue.length === 0 || this.random.bool(0.7)) {
      const key = `${producerId}/${partition}`
      const baseSequence = this.sequences.get(key) ?? 0
      const wanted = { partition, values: this.newValues(partition), producerId, baseSequence }
      this.sequences.set(key, baseSequence + wanted.values.length)
      queue.push(wanted)
    }
    const sent = queue.map((wanted) => this.append(engine, wanted).catch((error: unknown) => this.noteFailure(error)))
    await Promise.all(sent)
  }

  private async append(engine: Engine, wanted: Wanted): Promise<void> {
    const { partition, values, producerId, baseSequence } = wanted
    const builder = new BatchBuilder()
    for (const value of values) builder.append({ key: null, value: Buffer.from(value), timestamp: 1_000 })
    const producer = { producerId, producerEpoch: producerId < 0 ? -1 : 0, baseSequence }
    const { buffer } = builder.build({ producer })
    const { baseOffset } = await engine.partition(this.topicId, partition).append(buffer, { acks: 'committed' })
    if (producerId >= 0) {
      const queue = this.queueOf(producerId, partition)
      const at = queue.indexOf(wanted)
      if (at >= 0) queue.splice(at, 1)
    }
    if (baseOffset >= 0) this.promise(partition, baseOffset, values)
  }

  private async readSome(engine: Engine, partition: number): Promise<void> {
    const log = engine.partition(this.topicId, partition)
    const { highWatermark } = await log.status()
    const offset = this.random.int(0, highWatermark)
    const { batches } = await log.read(offset, { maxBytes: this.random.pick([1, 500, 5_000]) })
    for (const [at, value] of valuesIn(batches)) this.promise(partition, at, [value])
  }

  /** From now on these values must stand at these offsets. */
  private promise(partition: number, baseOffset: number, values: readonly string[]): void {
    const { promised, sent, refused } = this.known[partition] as Known
    for (const [index, value] of values.entries()) {
      const before = promised.get(baseOffset + index)
      if (before !== undefined) assert.equal(value, before, `another record at offset ${baseOffset + index}`)
      assert(sent.has(value), `a value that nobody sent: ${value}`)
      assert(!refused.has(value), `a value whose append was refused: ${value}`)
      promised.set(baseOffset + index, value)
    }
  }

  private async checkAll(engine: Engine): Promise<void> {
    if (this.defect !== undefined) throw this.defect
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const stored = await readAll(engine.partition(this.topicId, partition))
      const { promised } = this.known[partition] as Known
      for (const [offset, value] of promised)
        assert.equal(stored.get(offset), value, `lost or changed: partition ${partition}, offset ${offset}`)
      for (const [offset, value] of stored) this.promise(partition, offset, [value])
    }
  }

  private async deliverAll(engine: Engine): Promise<void> {
    for (const queue of this.unacknowledged.values()) {
      for (const wanted of [...queue]) await this.append(engine, wanted)
      assert.equal(queue.length, 0, 'an append is not acknowledged')
    }
  }

  /** Each idempotent producer's values are there once, in the order in which it sent them. */
  private async checkProducers(engine: Engine): Promise<void> {
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const stored = new Map<string, number[]>()
      await eachBatch(engine.partition(this.topicId, partition), (batch) => {
        if (batch.producerId < 0) return
        const key = `${batch.producerId}/${partition}`
        const sequences = stored.get(key) ?? []
        for (let index = 0; index < batch.recordCount; index++) sequences.push(batch.baseSequence + index)
        stored.set(key, sequences)
      })
      for (const producerId of this.producers) {
        const key = `${producerId}/${partition}`
        const wanted = Array.from({ length: this.sequences.get(key) ?? 0 }, (_, sequence) => sequence)
        assert.deepEqual(stored.get(key) ?? [], wanted, `sequences of producer ${producerId}, partition ${partition}`)
      }
    }
  }

  private newValues(partition: number): string[] {
    const count = this.random.int(1, 6)
    const padding = 'x'.repeat(this.random.int(0, 200))
    const values = Array.from({ length: count }, () => `${this.values++}${padding}`)
    for (const value of values) this.known[partition]?.sent.add(value)
    return values
  }

  private queueOf(producerId: number, partition: number): Wanted[] {
    const key = `${producerId}/${partition}`
    const queue = this.unacknowledged.get(key) ?? []
    this.unacknowledged.set(key, queue)
    return queue
  }
}

function tick(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

async function eachBatch(
  partition: EnginePartition,
  visit: (batch: ReturnType<typeof readBatches> extends Iterable<infer Batch> ? Batch : never) => void,
): Promise<void> {
  let { logStartOffset: offset, highWatermark } = (await partition.status()) as {
    logStartOffset: number
    highWatermark: number
  }
  while (offset < highWatermark) {
    const { batches, nextOffset } = await partition.read(offset, { maxBytes: 1_000 })
    for (const batch of batches.flatMap((bytes) => [...readBatches(bytes)])) visit(batch)
    assert(nextOffset > offset, `reading at ${offset} leads to ${nextOffset}`)
    offset = nextOffset
  }
}

export async function readAll(partition: EnginePartition): Promise<Map<number, string>> {
  const stored = new Map<number, string>()
  await eachBatch(partition, (batch) => {
    assert(batch.hasValidChecksum(), `a wrong CRC at offset ${batch.baseOffset}`)
    assert.equal(batch.baseOffset, stored.size, 'offsets without gaps')
    for (const { offset, value } of batch.records(1 << 20)) stored.set(offset, String(value))
  })
  return stored
}

function* valuesIn(batches: readonly Buffer[]): Generator<[offset: number, value: string]> {
  for (const batch of batches.flatMap((bytes) => [...readBatches(bytes)])) {
    for (const { offset, value } of batch.records(1 << 20)) yield [offset, String(value)]
  }
}
