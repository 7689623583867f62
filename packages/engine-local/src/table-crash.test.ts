import type { Engine, EnginePartition } from '@millrace/engine'
import { type Disk, readFile, replaceFile } from '@millrace/log'
import { DEFAULT_LIMITS, type Limits, MillraceError, readBatches, silentLogger } from '@millrace/record'
import { jsonCodec, type SnapshotStore, Table, type TableChange } from '@millrace/table'
import { CrashDisk, type DiskFault, ManualClock, type SeededRandom, seededRandom } from '@millrace/testkit'
import { expect, test } from 'vitest'
import { openLocalEngine } from './local-engine.ts'

const LIMITS: Limits = {
  ...DEFAULT_LIMITS,
  tailCacheBytes: 12_000,
  openFiles: 3,
  journalBytes: 4_096,
  journalBacklogBytes: 4_000,
  tableSnapshotRecords: 5,
}
const SEEDS = Number(process.env.MILLRACE_CRASH_SEEDS ?? 150)
const FIRST_SEED = Number(process.env.MILLRACE_CRASH_SEED ?? 1)
const KEYS = ['a', 'b', 'c', 'd']
/** Only ever set together. */
const PAIR = ['left', 'right'] as const
/** With `os` a crash may take what was committed, so that snapshots are ahead of the log. */
const POLICIES = ['commit', 'os'] as const
const KINDS = POLICIES.flatMap((policy) => [true, false].map((compacts) => ({ policy, compacts })))
const DAY_MS = 86_400_000
const COMPACT = {
  'cleanup.policy': 'compact',
  'min.cleanable.dirty.ratio': '0',
  'delete.retention.ms': String(3 * LIMITS.housekeepingIntervalMs),
}

const FAULTS: readonly DiskFault[] = [
  { operation: 'write', path: '.log', code: 'ENOSPC' },
  { operation: 'datasync', path: '.log', code: 'EIO' },
  { operation: 'create', path: '.log', code: 'ENOSPC' },
  { operation: 'write', path: '/snapshots/', code: 'ENOSPC' },
  { operation: 'datasync', path: '/snapshots/', code: 'EIO' },
  { operation: 'rename', path: '/snapshots/', code: 'EIO' },
  { operation: 'syncDirectory', path: '/snapshots', code: 'EIO' },
]

type Value = number | string
type Change = TableChange<string, Value>
type Changes = readonly Change[]

/** What came of the snapshots, and of compaction. */
interface Counts {
  compacted: number
  /** By a crash or an end, so that the next start found files of it. */
  interrupted: number
  loaded: number
  /** Because the log had lost its end. */
  refused: number
  saved: number
}

/** One table over a partition of its own, through the lives of an engine. */
class TableUnderTest {
  readonly name: string
  readonly policy: (typeof POLICIES)[number]
  /** As the table of a catalog does. */
  readonly compacts: boolean
  topicId = ''
  table!: Table<string, Value>
  private readonly counts: Counts
  /** The offset of the next change. */
  private next = 0
  /** By offset, what the table has shown: with `commit` it stays in the log. */
  private shown = new Map<number, Change>()

  constructor(name: string, { policy, compacts }: (typeof KINDS)[number], counts: Counts) {
    this.name = name
    this.policy = policy
    this.compacts = compacts
    this.counts = counts
  }

  async create(engine: Engine): Promise<void> {
    const settings = {
      'flush.policy': this.policy,
      'segment.bytes': '1024',
      'retention.ms': '-1',
      ...(this.compacts && COMPACT),
    }
    this.topicId = (await engine.topics.create({ name: this.name, partitions: 1, settings })).id
  }

  async open(engine: Engine, disk: Disk, clock: ManualClock): Promise<void> {
    const warn = (fields: object): void => {
      if (/it is of \d+ to/.test(String((fields as { err: Error }).err))) this.counts.refused++
    }
    this.table = await Table.open<string, Value>({
      partition: engine.partition(this.topicId, 0),
      codec: jsonCodec<Value>(),
      clock,
      limits: LIMITS,
      snapshots: this.snapshots(disk),
      logger: { ...silentLogger, warn },
      onChange: ({ key, value }) => this.shown.set(this.next++, { key, value }),
    })
    this.next = this.table.position
  }

  /** The table is what its log says, and, where committed is on disk, the log has all that the table has shown. */
  async check(engine: Engine): Promise<void> {
    const partition = engine.partition(this.topicId, 0)
    const records = await recordsOf(partition)
    const { highWatermark } = await partition.status()
    const wanted = new Map<string, Value>()
    for (const { key, value } of records.values()) value === undefined ? wanted.delete(key) : wanted.set(key, value)
    expect(Object.fromEntries(this.table.entries()), this.name).toEqual(Object.fromEntries(wanted))
    expect(this.table.position).toBe(highWatermark)
    expect(this.table.get(PAIR[0])).toBe(this.table.get(PAIR[1]))
    if (!this.compacts) expect(records.size).toBe(highWatermark)
    if (this.policy === 'commit') for (const [offset, change] of this.shown) this.checkShown(records, offset, change)
    this.shown = records
  }

  /** It is there, or, where compaction has been, what it said is not: something later is, or a deletion has done its work. */
  private checkShown(records: ReadonlyMap<number, Change>, offset: number, change: Change): void {
    const found = records.get(offset)
    if (found !== undefined || !this.compacts) {
      expect(found, `${this.name} at ${offset}`).toEqual(change)
      return
    }
    const offsets = [...records].filter(([, { key }]) => key === change.key).map(([at]) => at)
    const isReplaced = offsets.some((at) => at > offset)
    if (isReplaced || (change.value === undefined && offsets.length === 0)) return
    throw new Error(`${this.name}: the change of ${change.key} at ${offset} is gone`)
  }

  private snapshots(disk: Disk): SnapshotStore {
    const path = `/snapshots/${this.name}`
    return {
      load: async () => {
        const bytes = await readFile(disk, path)
        if (bytes !== undefined) this.counts.loaded++
        return bytes
      },
      save: async (parts) => {
        await replaceFile(disk, path, Buffer.concat(parts))
        this.counts.saved++
      },
    }
  }
}

async function recordsOf(partition: EnginePartition): Promise<Map<number, Change>> {
  const records = new Map<number, Change>()
  const { highWatermark } = await partition.status()
  for (let offset = 0; offset < highWatermark; ) {
    const { batches, nextOffset } = await partition.read(offset, { maxBytes: 1_000 })
    for (const batch of batches.flatMap((bytes) => [...readBatches(bytes)])) {
      for (const { offset: at, key, value } of batch.records(1 << 20)) {
        records.set(at, { key: String(key), value: value === null ? undefined : JSON.parse(String(value)) })
      }
    }
    offset = nextOffset
  }
  return records
}

/** Tables, faults and crashes over one simulated disk, all from one seed. */
class Run {
  readonly disk: CrashDisk
  private readonly random: SeededRandom
  private readonly clock = new ManualClock()
  private readonly tables: readonly TableUnderTest[]
  private readonly counts: Counts
  private defect: unknown
  private tokens = 0

  constructor(seed: number, counts: Counts) {
    this.random = seededRandom(seed)
    this.disk = new CrashDisk(this.random)
    this.counts = counts
    this.tables = KINDS.map((kind, index) => new TableUnderTest(`table${index}`, kind, counts))
  }

  async run(): Promise<void> {
    await this.disk.makeDirectory('/snapshots')
    await this.disk.syncDirectory('/')
    let engine = await this.openEngine()
    for (const table of this.tables) await table.create(engine)
    await this.openTables(engine, this.disk.mount())
    for (let life = 0; life < 5; life++) {
      await this.live()
      engine = await this.endAndReopen(engine)
      const topics = await engine.topics.list()
      expect(topics.map(({ id }) => id).toSorted()).toEqual(this.tables.map(({ topicId }) => topicId).toSorted())
      for (const table of this.tables) await table.check(engine)
      if (this.defect !== undefined) throw this.defect
    }
    await engine.close()
  }

  private async live(): Promise<void> {
    const running: Promise<void>[] = []
    for (let step = this.random.int(5, 60); step > 0; step--) {
      if (this.random.bool(0.05)) this.disk.failNext(this.random.pick(FAULTS))
      if (this.random.bool(0.1)) this.keepHouse()
      const { table } = this.random.pick(this.tables)
      running.push(table.batch(this.changes()).catch((error: unknown) => this.noteFailure(error)))
      if (this.random.bool(0.2)) await Promise.race(running)
      for (let turn = this.random.int(0, 3); turn > 0; turn--) await tick()
    }
    if (this.random.bool()) this.keepHouse()
    for (let turn = this.random.int(0, 200); turn > 0; turn--) await tick()
  }

  /** Has the engine look after its logs in the background; after some days, after the catalog's too. */
  private keepHouse(): void {
    this.clock.advance(this.random.pick([LIMITS.housekeepingIntervalMs, LIMITS.housekeepingIntervalMs, 8 * DAY_MS]))
  }

  private changes(): Changes {
    const token = this.tokens++
    if (this.random.bool(0.3)) return PAIR.map((key) => ({ key, value: token }))
    const key = this.random.pick(KEYS)
    if (this.random.bool(0.3)) return [{ key, value: undefined }]
    return [{ key, value: `${token}${'x'.repeat(this.random.int(0, 100))}` }]
  }

  private noteFailure(error: unknown): void {
    if (!(error instanceof MillraceError) || error.code === 'INTERNAL') this.defect ??= error
  }

  private async endAndReopen(engine: Engine): Promise<Engine> {
    this.disk.clearFaults()
    const end = this.random.pick(['crash', 'crash', 'kill', 'close', 'crash while opening'])
    if (end === 'close') {
      await Promise.all(this.tables.map(({ table }) => table.close()))
      await engine.close()
    } else if (end === 'kill') {
      this.disk.kill()
    } else {
      this.disk.crash()
    }
    if (end === 'crash while opening') {
      const opening = this.openAll().catch(() => undefined)
      for (let turn = this.random.int(0, 150); turn > 0; turn--) await tick()
      this.disk.crash()
      await opening
    }
    return this.openAll()
  }

  private async openAll(): Promise<Engine> {
    if (this.disk.paths().some((path) => /\.(cleaned|swap)$/.test(path))) this.counts.interrupted++
    const disk = this.disk.mount()
    const engine = await this.openEngine(disk)
    await this.openTables(engine, disk)
    return engine
  }

  private openEngine(disk = this.disk.mount()): Promise<Engine> {
    const info = (_: object, message: string): void => {
      if (message === 'a partition was compacted') this.counts.compacted++
    }
    return openLocalEngine({
      disk,
      dataDir: '/data',
      clock: this.clock,
      limits: LIMITS,
      logger: { ...silentLogger, info },
    })
  }

  private async openTables(engine: Engine, disk: Disk): Promise<void> {
    for (const table of this.tables) await table.open(engine, disk, this.clock)
  }
}

function tick(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

test('a table is what its log says after every crash, with snapshots or without, compacted or not', {
  timeout: 600_000,
}, async () => {
  const counts: Counts = { compacted: 0, interrupted: 0, loaded: 0, refused: 0, saved: 0 }
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
    try {
      await new Run(seed, counts).run()
    } catch (error) {
      throw new Error(`seed ${seed} (MILLRACE_CRASH_SEED=${seed}): ${(error as Error).message}`, { cause: error })
    }
  }
  process.stdout.write(`snapshots and compaction in ${SEEDS} simulated histories: ${JSON.stringify(counts)}\n`)
  for (const [what, count] of Object.entries(counts)) expect(count, what).toBeGreaterThan(0)
})
