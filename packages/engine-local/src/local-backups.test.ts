import type { Engine } from '@millrace/engine'
import { type Disk, readFile } from '@millrace/log'
import { BatchBuilder, DEFAULT_LIMITS, type Limits, readBatches } from '@millrace/record'
import { CrashDisk, ManualClock, type SeededRandom, seededRandom } from '@millrace/testkit'
import { describe, expect, test } from 'vitest'
import { openLocalEngine } from './local-engine.ts'
import { verifyDataDirectory } from './verify-data-directory.ts'

const SEEDS = Number(process.env.MILLRACE_BACKUP_SEEDS ?? 6)
const FIRST_SEED = Number(process.env.MILLRACE_BACKUP_SEED ?? 1)
const LIMITS: Limits = {
  ...DEFAULT_LIMITS,
  openFiles: 3,
  tailCacheBytes: 8_000,
  journalBytes: 4_096,
  journalBacklogBytes: 3_000,
}
const TOPICS = [
  { name: 'committed', settings: { 'segment.bytes': '1024', 'retention.ms': '-1' } },
  { name: 'left-to-the-system', settings: { 'segment.bytes': '2000', 'flush.policy': 'os', 'retention.ms': '-1' } },
  {
    name: 'compacted',
    settings: { 'segment.bytes': '1024', 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': '0' },
  },
] as const
const PARTITIONS = 3

interface Place {
  readonly topicId: string
  readonly partition: number
}

/** An engine with topics, and a chain of records over all partitions: each is appended when the one before is committed. */
class World {
  readonly disk: CrashDisk
  readonly clock = new ManualClock()
  readonly random: SeededRandom
  readonly places: Place[] = []
  engine!: Engine
  /** Records of the chain that are committed. */
  length = 0
  private stopped = false

  constructor(seed: number) {
    this.random = seededRandom(seed)
    this.disk = new CrashDisk(seededRandom(seed + 1))
  }

  async open(): Promise<this> {
    this.engine = await this.openAt('/data', this.disk.mount({ deadCalls: 'hang' }))
    if (this.places.length > 0) return this
    for (const { name, settings } of TOPICS) {
      const { id } = await this.engine.topics.create({ name, partitions: PARTITIONS, settings })
      for (let partition = 0; partition < PARTITIONS; partition++) this.places.push({ topicId: id, partition })
    }
    return this
  }

  openAt(dataDir: string, disk: Disk = this.disk): Promise<Engine> {
    return openLocalEngine({ disk, dataDir, backupDir: `${dataDir}/backups`, clock: this.clock, limits: LIMITS })
  }

  /** Makes the chain longer until `stop`, with neighbours beside it that keep the committer busy. */
  async write(): Promise<void> {
    this.stopped = false
    while (!this.stopped) {
      const { topicId, partition } = this.random.pick(this.places)
      const beside = this.random.pick(this.places)
      const noise = this.engine.partition(beside.topicId, beside.partition)
      noise.append(keyed(`noise-${this.random.int(0, 3)}`, 'noise'), { acks: 'none' }).catch(() => {})
      const batch = keyed(`${this.length}`, `link ${this.length}`)
      await this.engine.partition(topicId, partition).append(batch, { acks: 'committed' })
      this.length++
    }
  }

  stop(): void {
    this.stopped = true
  }

  /** The links of the chain that `engine` has, in order. */
  async chainOf(engine: Engine): Promise<number[]> {
    const links: number[] = []
    for (const { topicId, partition } of this.places) {
      const reader = engine.partition(topicId, partition)
      let { logStartOffset: offset } = await reader.status()
      for (;;) {
        const { batches, nextOffset } = await reader.read(offset, { maxBytes: 1 << 20 })
        if (nextOffset === offset) break
        for (const { value } of batches.flatMap(recordsIn)) {
          const [, link] = /^link (\d+)$/.exec(String(value)) ?? []
          if (link !== undefined) links.push(Number(link))
        }
        offset = nextOffset as typeof offset
      }
    }
    return links.sort((a, b) => a - b)
  }

  /** The chain in a copy of the backup, as it is after a start of it; the copy is checked file by file before. */
  async restored(backup: string, copy: string): Promise<number[]> {
    await copyDirectory(this.disk, `/data/backups/${backup}`, copy)
    const errors: string[] = []
    await verifyDataDirectory({
      disk: this.disk,
      dataDir: copy,
      onFinding: ({ severity, kind, file, message }) => {
        if (severity === 'error') errors.push(`${kind} ${file}: ${message}`)
      },
    })
    expect(errors).toEqual([])
    const engine = await this.openAt(copy)
    const chain = await this.chainOf(engine)
    await engine.close()
    return chain
  }
}

function keyed(key: string, value: string): Buffer {
  return new BatchBuilder().append({ key: Buffer.from(key), value: Buffer.from(value), timestamp: 1_000 }).build()
    .buffer
}

function recordsIn(bytes: Buffer) {
  return [...readBatches(bytes)].flatMap((batch) => [...batch.records(1 << 20)])
}

async function copyDirectory(disk: Disk, from: string, to: string): Promise<void> {
  await disk.makeDirectory(to)
  for (const name of await disk.list(from)) {
    const bytes = await readFile(disk, `${from}/${name}`).catch(() => undefined)
    if (bytes === undefined) {
      await copyDirectory(disk, `${from}/${name}`, `${to}/${name}`)
      continue
    }
    const file = await disk.open(`${to}/${name}`, { create: true })
    await file.writev([bytes], 0)
    await file.close()
  }
}

const turns = async (count: number): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
}

const firstLinks = (count: number): number[] => Array.from({ length: count }, (_, link) => link)

describe('a backup', () => {
  test('has all that was committed at one moment, whatever goes on', async () => {
    for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
      const world = await new World(seed).open()
      const { random, clock, engine } = world
      const writing = world.write()
      await turns(random.int(1, 1_500))
      const kept: { name: string; chain: number[] }[] = []
      for (const name of ['first', 'second']) {
        const before = world.length
        const creating = engine.backups?.create(name)
        if (random.bool()) clock.advance(LIMITS.housekeepingIntervalMs)
        if (random.bool()) await engine.topics.create({ name: `beside-${name}`, partitions: 2, settings: {} })
        const backup = await creating
        const chain = await world.restored(name, `/restored/${name}`)
        const context = `seed ${seed}, ${name}`
        expect(chain, context).toEqual(firstLinks(chain.length))
        expect(chain.length, context).toBeGreaterThanOrEqual(before)
        expect(chain.length, context).toBeLessThanOrEqual(world.length + 1)
        expect(backup?.partitions, context).toBeGreaterThanOrEqual(TOPICS.length * PARTITIONS + 2)
        kept.push({ name, chain })
        clock.advance(LIMITS.housekeepingIntervalMs)
        await turns(random.int(1, 1_000))
      }
      world.stop()
      await writing
      // Nothing that the engine did since has changed it.
      for (const { name, chain } of kept) expect(await world.restored(name, `/again/${name}`)).toEqual(chain)
      expect(await world.chainOf(engine), `seed ${seed}`).toEqual(firstLinks(world.length))
      await engine.close()
    }
  }, 120_000)

  test('keeps large segments whole when the engine gives back the space of its own', async () => {
    const disk = new CrashDisk(seededRandom(1))
    const engine = await openLocalEngine({
      disk,
      dataDir: '/data',
      backupDir: '/data/backups',
      clock: new ManualClock(),
    })
    const settings = { 'segment.bytes': String(5 << 20), 'retention.ms': '-1' }
    const topics = await Promise.all(
      ['shortened', 'deleted'].map((name) => engine.topics.create({ name, partitions: 1, settings })),
    )
    const [shortened, deleted] = topics.map(({ id }) => engine.partition(id, 0))
    for (const partition of [shortened, deleted]) {
      for (let record = 0; record < 7; record++) {
        await partition?.append(keyed('k', 'v'.repeat(900_000)), { acks: 'committed' })
      }
    }
    await engine.backups?.create('b')
    const files = disk.paths().filter((path) => path.startsWith('/data/backups/b/') && path.endsWith('.log'))
    const contents = new Map(files.map((path) => [path, disk.contentOf(path)]))
    expect([...contents.values()].filter(({ length }) => length > 4 << 20)).toHaveLength(2)
    await shortened?.truncateBefore(7)
    await engine.topics.delete(topics[1]?.id ?? '')
    while (disk.paths().some((path) => path.endsWith('.deleted'))) await turns(1)
    await engine.close()
    for (const [path, content] of contents) expect(disk.contentOf(path).equals(content), path).toBe(true)
  })

  test('that a crash or an end interrupts is gone after the next start, and nothing else is', async () => {
    for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
      const world = await new World(seed).open()
      const writing = world.write()
      void writing.catch(() => {})
      await turns(world.random.int(1, 800))
      const creating = world.engine.backups?.create('cut-short').catch(() => 'failed')
      await turns(world.random.int(1, 400))
      const crashes = world.random.bool()
      world.stop()
      const { length } = world
      if (crashes) world.disk.crash()
      else {
        await writing
        await world.engine.close()
      }
      const outcome = crashes ? 'crashed' : await creating
      await world.open()
      const names = await world.disk.list('/data/backups').catch((): string[] => [])
      expect(names.filter((name) => name.endsWith('.partial'))).toEqual([])
      if (outcome === 'failed') expect(names).toEqual([])
      if (names.includes('cut-short')) {
        const chain = await world.restored('cut-short', '/restored')
        expect(chain, `seed ${seed}`).toEqual(firstLinks(chain.length))
      }
      // With flush.policy=os a crash takes what was written there.
      if (!crashes) expect((await world.chainOf(world.engine)).length).toBeGreaterThanOrEqual(length)
      await world.engine.close()
    }
  }, 120_000)

  test.each([
    ['giving names', { operation: 'link', code: 'EIO' }, 'STORAGE_FAILED'],
    ['another file system', { operation: 'link', code: 'EXDEV' }, 'STORAGE_FAILED'],
    ['copying', { operation: 'write', path: '.partial/', code: 'ENOSPC' }, 'DISK_FULL'],
    ['syncing', { operation: 'datasync', path: '.partial/', code: 'EIO' }, 'STORAGE_FAILED'],
    ['the last renaming', { operation: 'rename', path: '.partial', code: 'EIO' }, 'STORAGE_FAILED'],
  ] as const)('that fails at %s leaves nothing behind, and the next one is made', async (_, fault, code) => {
    const world = await new World(1).open()
    const writing = world.write()
    await turns(200)
    world.disk.failNext(fault)
    await expect(world.engine.backups?.create('one')).rejects.toMatchObject({ code })
    expect(await world.disk.list('/data/backups')).toEqual([])
    await world.engine.backups?.create('one')
    world.stop()
    await writing
    const chain = await world.restored('one', '/restored')
    expect(chain).toEqual(firstLinks(chain.length))
    await world.engine.close()
  })

  test.each(['', '.', '..', '.hidden', 'a/b', 'a b', 'ä', 'x'.repeat(101), 'x.partial', 'a\0'])(
    'is not called %j',
    async (name) => {
      const world = await new World(1).open()
      await expect(world.engine.backups?.create(name)).rejects.toMatchObject({ code: 'INVALID_REQUEST' })
      await world.engine.close()
    },
  )

  test('has a name that no other has, of one made at the same time neither', async () => {
    const world = await new World(1).open()
    const outcomes = await Promise.allSettled(['b', 'b', 'c'].map((name) => world.engine.backups?.create(name)))
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    await expect(world.engine.backups?.create('b')).rejects.toMatchObject({ code: 'BACKUP_EXISTS' })
    await world.engine.close()
    await expect(world.engine.backups?.create('d')).rejects.toMatchObject({ code: 'SHUTTING_DOWN' })
  })
})
