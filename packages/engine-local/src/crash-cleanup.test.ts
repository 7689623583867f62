import type { Engine, EnginePartition, TopicDescription, TopicSettings } from '@millrace/engine'
import {
  BatchBuilder,
  DEFAULT_LIMITS,
  type Limits,
  type Logger,
  MillraceError,
  readBatches,
  silentLogger,
} from '@millrace/record'
import { CrashDisk, type DiskFault, ManualClock, type SeededRandom, seededRandom } from '@millrace/testkit'
import { expect, test } from 'vitest'
import { openLocalEngine } from './local-engine.ts'

const LIMITS: Limits = {
  ...DEFAULT_LIMITS,
  tailCacheBytes: 2_048,
  indexCacheBytes: 2_048,
  openFiles: 3,
  journalBytes: 4_096,
  journalBacklogBytes: 1_500,
  compactionMapBytes: 1_024,
}
const DELETE_RETENTION_MS = 2 * LIMITS.housekeepingIntervalMs
const SMALL = { 'segment.bytes': '1500', 'index.interval.bytes': '256' }
const COMPACT = { ...SMALL, 'min.cleanable.dirty.ratio': '0.1', 'delete.retention.ms': String(DELETE_RETENTION_MS) }
const TOPICS: Readonly<Record<string, TopicSettings>> = {
  stream: { ...SMALL, 'retention.ms': '-1', 'retention.bytes': '4000' },
  table: { ...COMPACT, 'cleanup.policy': 'compact' },
  both: { ...COMPACT, 'cleanup.policy': 'compact,delete', 'retention.ms': '-1', 'retention.bytes': '4000' },
}
const PARTITIONS = 2
const KEYS = Array.from({ length: 12 }, (_, index) => `key ${index}`)
const SEEDS = Number(process.env.MILLRACE_CRASH_SEEDS ?? 60)
const FIRST_SEED = Number(process.env.MILLRACE_CRASH_SEED ?? 1)
const FAULTS: readonly DiskFault[] = [
  { operation: 'write', path: 'table', code: 'ENOSPC', times: 2 },
  { operation: 'write', path: '.cleaned', code: 'ENOSPC' },
  { operation: 'datasync', path: '.cleaned', code: 'EIO' },
  { operation: 'rename', path: '.cleaned', code: 'EIO', times: 2 },
  { operation: 'rename', path: '.swap', code: 'EIO' },
  { operation: 'remove', path: '.log', code: 'EIO' },
  { operation: 'syncDirectory', path: '-1', code: 'EIO' },
]

interface Known {
  readonly key: string
  readonly value: string | null
}

/** What is known of one partition of one topic, by its id, from the outside. */
interface Model {
  readonly topic: TopicDescription
  readonly partition: number
  readonly compacts: boolean
  /** By offset: what an acknowledgement promised, or a reader saw. */
  readonly promised: Map<number, Known>
  /** Offsets that were found to be gone. */
  readonly gone: Set<number>
  /** The highest log start that was seen. */
  start: number
}

/** Writers, readers, deletions, housekeeping and crashes over one simulated disk, all from one seed. */
class Run {
  readonly disk: CrashDisk
  /** What the run went through. */
  readonly counts = {
    compactions: 0,
    'records compacted': 0,
    'log starts raised': 0,
    'topics deleted': 0,
    'swaps cut short': 0,
  }
  private readonly random: SeededRandom
  private readonly clock = new ManualClock()
  private readonly models = new Map<string, Model[]>()
  private readonly logger: Logger
  private values = 0
  private defect: unknown

  constructor(seed: number) {
    this.random = seededRandom(seed)
    this.disk = new CrashDisk(this.random)
    const info: Logger['info'] = (_, message) => {
      if (message === 'a partition was compacted') this.counts.compactions++
    }
    this.logger = { ...silentLogger, info }
  }

  async run(): Promise<void> {
    let engine = await this.open()
    for (const name of Object.keys(TOPICS)) await this.create(engine, name)
    for (let life = 0; life < 5; life++) {
      await this.live(engine)
      engine = await this.endAndReopen(engine)
      if (this.defect !== undefined) throw this.defect
      await this.checkTopics(engine)
      const seen = await this.checkAll(engine)
      if (this.random.bool(0.3)) {
        // Recovering once more changes nothing.
        this.disk.crash()
        engine = await this.open()
        expect(await this.checkAll(engine)).toEqual(seen)
      }
    }
    await engine.close()
    expect(this.disk.paths().filter((path) => /cleaned|swap|tmp/.test(path))).toEqual([])
  }

  private async live(engine: Engine): Promise<void> {
    const running: Promise<void>[] = []
    for (let step = this.random.int(20, 70); step > 0; step--) {
      if (this.random.bool(0.04)) this.disk.failNext(this.random.pick(FAULTS))
      if (this.random.bool(0.1)) this.clock.advance(LIMITS.housekeepingIntervalMs)
      running.push(this.act(engine).catch((error: unknown) => this.noteFailure(error)))
      if (this.random.bool(0.3)) await Promise.race(running)
      await turns(this.random.int(0, 10))
    }
    await turns(this.random.int(0, 200))
  }

  private async act(engine: Engine): Promise<void> {
    const models = [...this.models.values()].flat()
    if (models.length === 0) return
    const model = this.random.pick(models)
    const chance = this.random.next()
    if (chance < 0.7) return this.append(engine, model)
    if (chance < 0.92) return this.read(engine, model)
    if (chance < 0.99) return this.truncate(engine, model)
    return this.recreate(engine, model.topic)
  }

  private async append(engine: Engine, { topic, partition, promised }: Model): Promise<void> {
    const records: Known[] = Array.from({ length: this.random.int(1, 5) }, () => ({
      key: this.random.pick(KEYS),
      value: this.random.bool(0.15) ? null : `${this.values++}${'.'.repeat(this.random.int(0, 150))}`,
    }))
    const builder = new BatchBuilder()
    for (const { key, value } of records) {
      builder.append({ key: Buffer.from(key), value: value === null ? null : Buffer.from(value), timestamp: 1_000 })
    }
    const { buffer } = builder.build({ compression: this.random.pick(['none', 'none', 'zstd']) })
    const { baseOffset } = await engine.partition(topic.id, partition).append(buffer, { acks: 'committed' })
    for (const [index, known] of records.entries()) promised.set(baseOffset + index, known)
  }

  private async read(engine: Engine, model: Model): Promise<void> {
    const log = engine.partition(model.topic.id, model.partition)
    const startBefore = model.start
    const { logStartOffset, highWatermark } = await log.status()
    expect(logStartOffset).toBeGreaterThanOrEqual(startBefore)
    model.start = Math.max(model.start, logStartOffset)
    const offset = this.random.int(logStartOffset, highWatermark)
    const { batches } = await log.read(offset, { maxBytes: this.random.pick([1, 500, 5_000]) })
    for (const [at, known] of recordsIn(batches)) if (at >= logStartOffset) this.see(model, at, known)
  }

  private async truncate(engine: Engine, model: Model): Promise<void> {
    const log = engine.partition(model.topic.id, model.partition)
    const { logStartOffset, highWatermark } = await log.status()
    const offset = this.random.int(logStartOffset, highWatermark)
    model.start = Math.max(model.start, await log.truncateBefore(offset))
  }

  /** Deletes a topic and makes one of its name; what follows in this life may find neither. */
  private async recreate(engine: Engine, { id, name }: TopicDescription): Promise<void> {
    await engine.topics.delete(id)
    this.models.delete(id)
    this.counts['topics deleted']++
    await this.create(engine, name)
  }

  private async create(engine: Engine, name: string): Promise<void> {
    const settings = TOPICS[name] as TopicSettings
    const topic = await engine.topics.create({ name, partitions: PARTITIONS, settings })
    this.adopt(topic)
  }

  private adopt(topic: TopicDescription): void {
    const models = Array.from({ length: PARTITIONS }, (_, partition) => ({
      topic,
      partition,
      compacts: topic.name !== 'stream',
      promised: new Map<number, Known>(),
      gone: new Set<number>(),
      start: 0,
    }))
    this.models.set(topic.id, models)
  }

  private async endAndReopen(engine: Engine): Promise<Engine> {
    this.disk.clearFaults()
    const end = this.random.pick(['crash', 'crash', 'kill', 'close', 'crash while opening'])
    if (end === 'close') await engine.close()
    else if (this.disk.paths().some((path) => path.endsWith('.swap'))) this.counts['swaps cut short']++
    if (end === 'crash') this.disk.crash()
    if (end === 'kill') this.disk.kill()
    if (end === 'crash while opening') {
      if (this.random.bool()) this.disk.crash()
      else this.disk.kill()
      const opening = this.open().catch(() => undefined)
      await turns(this.random.int(0, 80))
      this.disk.crash()
      await opening
    }
    return this.open()
  }

  private open(): Promise<Engine> {
    const { clock, logger } = this
    return openLocalEngine({ disk: this.disk.mount(), dataDir: '/data', clock, logger, limits: LIMITS })
  }

  /** A deletion that was answered holds; one that was not may have happened or not. */
  private async checkTopics(engine: Engine): Promise<void> {
    const topics = await engine.topics.list()
    for (const id of this.models.keys()) if (!topics.some((topic) => topic.id === id)) this.models.delete(id)
    for (const topic of topics) {
      if (this.models.has(topic.id)) continue
      // Only a topic whose making was not answered can be one that nobody knows.
      this.adopt(topic)
      for (const model of this.models.get(topic.id) ?? []) expect(await this.readAll(engine, model)).toEqual(new Map())
    }
    for (const name of Object.keys(TOPICS))
      if (!topics.some((topic) => topic.name === name)) await this.create(engine, name)
  }

  /** @returns all that is stored */
  private async checkAll(engine: Engine): Promise<Map<number, Known>[]> {
    const all: Map<number, Known>[] = []
    for (const model of [...this.models.values()].flat()) {
      const stored = await this.readAll(engine, model)
      for (const [offset, known] of stored) this.see(model, offset, known)
      this.checkStored(model, stored)
      all.push(stored)
    }
    return all
  }

  /** All that was promised is there, but for what came to lie below the log start, or has a later value. */
  private checkStored(model: Model, stored: ReadonlyMap<number, Known>): void {
    const { promised, gone, start, compacts } = model
    const last = new Map<string, number>()
    for (const [offset, { key }] of [...promised, ...stored]) {
      if (offset >= start) last.set(key, Math.max(last.get(key) ?? -1, offset))
    }
    const found = new Set([...stored.values()].map(({ key }) => key))
    for (const [offset, { key, value }] of promised) {
      if (offset < start || stored.has(offset)) continue
      const where = `${model.topic.name}-${model.partition}, offset ${offset}`
      expect(compacts, `${where} is there`).toBe(true)
      const isSuperseded = (last.get(key) as number) > offset
      expect(isSuperseded || value === null, `${where} is there, the last of ${key}`).toBe(true)
      if (!isSuperseded) expect(found.has(key), `${where}: ${key} came back without its tombstone`).toBe(false)
      if (!gone.has(offset)) this.counts['records compacted']++
      gone.add(offset)
    }
  }

  /** From now on this record stands at this offset, until it goes for good. */
  private see({ promised, gone, topic, partition }: Model, offset: number, known: Known): void {
    const where = `${topic.name}-${partition}, offset ${offset}`
    const before = promised.get(offset)
    if (before !== undefined) expect(known, where).toEqual(before)
    expect(gone.has(offset), `${where} came back`).toBe(false)
    promised.set(offset, known)
  }

  /** The stored records by offset; batches follow on one another. */
  private async readAll(engine: Engine, model: Model): Promise<Map<number, Known>> {
    const log: EnginePartition = engine.partition(model.topic.id, model.partition)
    const { logStartOffset, highWatermark } = await log.status()
    expect(logStartOffset, 'the log start never goes back').toBeGreaterThanOrEqual(model.start)
    if (logStartOffset > model.start) this.counts['log starts raised']++
    model.start = logStartOffset
    const stored = new Map<number, Known>()
    for (let offset: number = logStartOffset; offset < highWatermark; ) {
      const { batches, nextOffset } = await log.read(offset, { maxBytes: 1_000 })
      for (const [at, known] of recordsIn(batches)) if (at >= logStartOffset) stored.set(at, known)
      expect(nextOffset).toBeGreaterThan(offset)
      offset = nextOffset
    }
    return stored
  }

  /** Calls may fail, as the faults and the end of the engine have it; anything but a MillraceError is a defect. */
  private noteFailure(error: unknown): void {
    if (!(error instanceof MillraceError) || error.code === 'CORRUPT_BATCH') this.defect ??= error
  }
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
}

function* recordsIn(buffers: readonly Buffer[]): Generator<[offset: number, known: Known]> {
  let due: number | undefined
  for (const batch of buffers.flatMap((bytes) => [...readBatches(bytes)])) {
    expect(batch.hasValidChecksum()).toBe(true)
    expect(batch.baseOffset, 'offsets without gaps').toBe(due ?? batch.baseOffset)
    due = batch.nextOffset
    for (const { offset, key, value } of batch.records(1 << 20)) {
      yield [offset, { key: String(key), value: value === null ? null : String(value) }]
    }
  }
}

test('retention, compaction and deletion take what they should and nothing else, through crashes', {
  timeout: 600_000,
}, async () => {
  const totals: Record<string, number> = {}
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
    const run = new Run(seed)
    try {
      await run.run()
    } catch (error) {
      throw new Error(`seed ${seed} (MILLRACE_CRASH_SEED=${seed}): ${(error as Error).message}`, { cause: error })
    }
    for (const [what, count] of Object.entries(run.counts)) totals[what] = (totals[what] ?? 0) + count
  }
  process.stdout.write(`in ${SEEDS} simulated histories: ${JSON.stringify(totals)}\n`)
  for (const [what, count] of Object.entries(totals)) expect(count, what).toBeGreaterThan(0)
})
