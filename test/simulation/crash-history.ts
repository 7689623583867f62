import assert from 'node:assert/strict'
import type { Engine } from '@millrace/engine'
import { openLocalEngine, verifyDataDirectory } from '@millrace/engine-local'
import type { Finding } from '@millrace/log'
import { DEFAULT_LIMITS, type Limits, type Logger, silentLogger } from '@millrace/record'
import { CrashDisk, ManualClock, type SeededRandom, seededRandom } from '@millrace/testkit'
import { BackupModels } from './backup-models.ts'
import { type Counts, noCounts } from './counts.ts'
import { DiskCounter } from './disk-counter.ts'
import { Life, type LifeStyle, randomWeights, turns } from './life.ts'
import { readPartition, type StoredPartition } from './stored-partition.ts'
import { HOUSEKEEPING_MS, MANY, OTHERS } from './topic-kinds.ts'
import { TopicModels } from './topic-models.ts'
import { TransactionalClient } from './transactional-client.ts'

const DATA_DIR = '/data'
const BACKUP_DIR = '/backups'
const COPY_DIR = '/copy'
const LIMITS: Limits = {
  ...DEFAULT_LIMITS,
  tailCacheBytes: 12_000,
  indexCacheBytes: 2_048,
  openFiles: 3,
  journalBytes: 4_096,
  journalBacklogBytes: 4_000,
  compactionMapBytes: 1_024,
  housekeepingIntervalMs: HOUSEKEEPING_MS,
}
const ENDS = [
  'power cut',
  'power cut',
  'power cut while closing',
  'kill',
  'close',
  'close with faults',
  'end while opening',
  'fault while opening',
] as const

/**
 * Writers, readers, deletions, housekeeping, faults and crashes over one simulated disk, all from one seed, against a
 * model in memory: what was acknowledged or seen must be there after each end of the engine, until something takes it
 * that may.
 */
export class CrashHistory {
  readonly counts: Counts = noCounts()
  private readonly random: SeededRandom
  private readonly disk: CrashDisk
  private readonly models: TopicModels
  private readonly backups: BackupModels
  private readonly style: LifeStyle
  private readonly lives: number
  private readonly diskCounter: DiskCounter
  private readonly logger: Logger
  private clock = new ManualClock()
  private values = 0
  private readonly clients = ['one', 'two', 'three'].map((name) => new TransactionalClient(name))

  constructor(seed: number) {
    const random = seededRandom(seed)
    this.random = random
    this.disk = new CrashDisk(random)
    this.backups = new BackupModels({ disk: this.disk, from: BACKUP_DIR, to: COPY_DIR })
    this.diskCounter = new DiskCounter(this.disk, this.counts)
    const others = random.shuffle(OTHERS)
    const kinds = random.bool() ? [MANY, ...others.slice(0, random.int(0, 2))] : others.slice(0, random.int(1, 3))
    this.models = new TopicModels(kinds, this.counts)
    this.style = { weights: randomWeights(random), steps: random.pick([20, 50, 80]), pause: random.pick([0, 2, 6]) }
    this.lives = random.int(2, 5)
    const info: Logger['info'] = (_, message) => {
      if (message === 'a partition was compacted') this.counts.compactions++
    }
    this.logger = { ...silentLogger, info }
  }

  /** @throws Error when a promise was broken */
  async run(): Promise<void> {
    let engine = await this.open()
    for (let count = 0; count < this.lives; count++) {
      await this.giveProducers(engine)
      const life = this.begin(engine)
      await life.live()
      await this.endLife(life, engine)
      for (const client of this.clients) client.restart()
      engine = await this.open()
      const found = await this.check(engine)
      await this.checkBackups()
      if (this.random.bool(0.3)) engine = await this.recoverAgain(found)
    }
    await this.begin(engine).deliverAll()
    await this.check(engine)
    await engine.close()
    this.counts.shutdowns++
    await this.checkFiles()
    this.diskCounter.takeIn()
  }

  private begin(engine: Engine): Life {
    const { clock, disk, random, models, backups, clients, counts, style } = this
    const newValue = (): string => `${this.values++}${'.'.repeat(random.int(0, 150))}`
    return new Life({ engine, clock, disk, random, models, backups, clients, counts, style, newValue })
  }

  private async endLife(life: Life, engine: Engine): Promise<void> {
    const { random, disk, counts } = this
    const end = random.pick(ENDS)
    if (end !== 'close with faults') this.mendDisk()
    if (end === 'close' || end === 'close with faults') {
      await engine.close()
      await life.settle()
      counts.shutdowns++
    } else if (disk.paths().some((path) => path.endsWith('.swap'))) {
      counts['swaps cut short']++
    }
    life.end()
    this.mendDisk()
    life.throwDefect()
    if (end === 'power cut while closing') {
      void engine.close()
      await turns(random.int(0, 60))
    }
    if (end === 'power cut' || end === 'power cut while closing') this.cutPower()
    if (end === 'kill') this.kill()
    if (end === 'end while opening' || end === 'fault while opening') {
      if (random.bool()) this.cutPower()
      else this.kill()
      if (end === 'end while opening') await this.dieWhileOpening()
      else await this.failToOpen()
    }
  }

  private async dieWhileOpening(): Promise<void> {
    void this.open().catch(() => {})
    await turns(this.random.int(0, 80))
    if (this.random.bool(0.8)) this.cutPower()
    else this.kill()
    this.counts['starts cut short']++
  }

  private async failToOpen(): Promise<void> {
    const { random, disk } = this
    const operation = random.pick([
      'read',
      'write',
      'datasync',
      'truncate',
      'create',
      'rename',
      'syncDirectory',
    ] as const)
    await turns(random.int(0, 30))
    disk.failNext({ operation, path: random.pick(['', '.log', 'journal']), code: random.pick(['EIO', 'ENOSPC']) })
    try {
      const engine = await this.open()
      disk.clearFaults()
      await engine.close()
    } catch {
      this.counts['starts that failed']++
    }
    disk.clearFaults()
  }

  /** Recovering once more changes nothing. */
  private async recoverAgain(found: ReadonlyMap<string, StoredPartition>): Promise<Engine> {
    if (this.random.bool(0.7)) this.cutPower()
    else this.kill()
    const engine = await this.open()
    assert.deepEqual(await this.check(engine), found, 'a second recovery changes what is stored')
    this.counts['second recoveries']++
    return engine
  }

  /** @returns what each partition has */
  private async check(engine: Engine): Promise<Map<string, StoredPartition>> {
    this.models.check(await engine.topics.list())
    const found = new Map<string, StoredPartition>()
    for (const model of this.models.partitions()) {
      const partition = engine.partition(model.topic.id, model.index)
      const stored = await readPartition(partition, this.random.pick([700, 3_000]))
      model.check(stored, this.clock.nowMs())
      await this.checkTimes(engine, model.topic.id, model.index, stored)
      found.set(`${model.topic.id}/${model.index}`, stored)
    }
    return found
  }

  /** The first record that is late enough is found. */
  private async checkTimes(engine: Engine, topicId: string, index: number, stored: StoredPartition): Promise<void> {
    const timestamps = [...stored.records.values()].map(({ timestamp }) => timestamp)
    const timestampMs = timestamps.length === 0 ? 0 : this.random.pick(timestamps) + this.random.int(0, 1)
    const found = await engine.partition(topicId, index).offsetForTimestamp(timestampMs)
    const [expected] = [...stored.records].find(([, { timestamp }]) => timestamp >= timestampMs) ?? []
    assert.equal(found?.offset, expected, `the first record from ${timestampMs} on`)
  }

  private async checkBackups(): Promise<void> {
    const { models, counts } = this
    const open = async (dataDir: string): Promise<Engine> => {
      await this.verify(dataDir)
      const clock = new ManualClock(this.clock.nowMs())
      return openLocalEngine({ disk: this.disk.mount(), dataDir, clock, limits: LIMITS })
    }
    await this.backups.check(models, open, { nowMs: this.clock.nowMs(), counts })
  }

  /** After a shutdown in order every file is as it must be, and none is left over. */
  private async checkFiles(): Promise<void> {
    await this.verify(DATA_DIR)
    assert.deepEqual(
      // What is set aside stays as it was found, and a deleted topic goes as a whole, in this life or in the next.
      this.disk.paths().filter((path) => /cleaned|swap|tmp/.test(path) && !/\.(orphan|deleted)\//.test(path)),
      [],
    )
  }

  private async verify(dataDir: string): Promise<void> {
    const onFinding = ({ kind, severity, file, message }: Finding): void =>
      assert(severity !== 'error', `${kind} ${file}: ${message}`)
    await verifyDataDirectory({ disk: this.disk.mount(), dataDir, limits: LIMITS, onFinding })
  }

  /** New producers for the partitions in which the old ones may not know what they were told. */
  private async giveProducers(engine: Engine): Promise<void> {
    const ids = [await engine.producers.allocate(), await engine.producers.allocate()]
    this.models.giveProducers(ids.map(({ producerId }) => producerId))
  }

  private cutPower(): void {
    this.disk.crash()
    this.models.cutPower()
    this.counts['power cuts']++
  }

  private kill(): void {
    this.disk.kill()
    this.counts.kills++
  }

  private mendDisk(): void {
    this.disk.clearFaults()
    this.disk.capacityBytes = Number.POSITIVE_INFINITY
  }

  /** A dead engine's timers must not go off in the next one's life, so that each has its own clock. */
  private open(): Promise<Engine> {
    const { logger } = this
    this.clock = new ManualClock(this.clock.nowMs())
    const disk = this.disk.mount({ deadCalls: 'hang' })
    return openLocalEngine({
      disk,
      dataDir: DATA_DIR,
      backupDir: BACKUP_DIR,
      clock: this.clock,
      logger,
      limits: LIMITS,
    })
  }
}
