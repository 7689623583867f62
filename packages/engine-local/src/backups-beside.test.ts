/*
 * Backups beside what changes topics: deletion, added partitions, compaction and transactions. What opens a backup finds
 * each of these done or not done.
 */
import type { Engine, TopicDescription } from '@millrace/engine'
import { BatchBuilder, DEFAULT_LIMITS, readBatches } from '@millrace/record'
import { batchOf, CrashDisk, ManualClock, type SeededRandom, seededRandom } from '@millrace/testkit'
import { describe, expect, test } from 'vitest'
import { openLocalEngine } from './local-engine.ts'

const SEEDS = Number(process.env.MILLRACE_BACKUP_SEEDS ?? 30)
const FIRST_SEED = Number(process.env.MILLRACE_BACKUP_SEED ?? 1)
const BACKUPS = '/backups'
const INTERVAL_MS = 1_000

interface Scene {
  readonly seed: number
  readonly random: SeededRandom
  readonly disk: CrashDisk
  readonly clock: ManualClock
  readonly engine: Engine
  /** Ends the engine and opens the backup as its data directory. */
  readonly restored: () => Promise<Engine>
}

async function eachScene(play: (scene: Scene) => Promise<void>): Promise<void> {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
    const disk = new CrashDisk(seededRandom(seed))
    const clock = new ManualClock()
    const open = (dataDir: string): Promise<Engine> =>
      openLocalEngine({
        disk: disk.mount({ deadCalls: 'hang' }),
        dataDir,
        backupDir: BACKUPS,
        clock,
        limits: { ...DEFAULT_LIMITS, housekeepingIntervalMs: INTERVAL_MS },
      })
    const engine = await open('/data')
    const restored = async (): Promise<Engine> => {
      await engine.close()
      return open(`${BACKUPS}/one`)
    }
    await play({ seed, random: seededRandom(seed + 1), disk, clock, engine, restored })
  }
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
}

/** Makes backup `one`, with `work` begun at about the same time. */
async function backUpBeside({ engine, random }: Scene, work: () => Promise<unknown>): Promise<void> {
  const lead = random.int(-40, 40)
  const working = turns(Math.max(lead, 0)).then(work)
  await turns(Math.max(-lead, 0))
  await Promise.all([engine.backups?.create('one'), working])
}

/** Records as `key=value`, of a partition whose readers see what is committed. */
async function recordsOf(engine: Engine, { id }: TopicDescription, partition: number): Promise<string[]> {
  const found: string[] = []
  const log = engine.partition(id, partition)
  let { logStartOffset: offset }: { logStartOffset: number } = await log.status()
  const { lastStableOffset } = await log.status()
  while (offset < lastStableOffset) {
    const { batches, nextOffset, abortedTransactions } = await log.read(offset, { maxBytes: 1 << 20 })
    for (const batch of batches.flatMap((bytes) => [...readBatches(bytes)])) {
      const isAborted = abortedTransactions.some(({ producerId }) => producerId === batch.producerId)
      if (batch.isControl || isAborted) continue
      for (const { key, value } of batch.records(1 << 20)) found.push(`${key ?? ''}=${value}`)
    }
    offset = nextOffset
  }
  return found
}

async function appendTo(engine: Engine, { id, partitions }: TopicDescription, value: string): Promise<void> {
  const all = Array.from({ length: partitions }, (_, partition) =>
    engine.partition(id, partition).append(batchOf([value]), { acks: 'committed' }),
  )
  await Promise.all(all)
}

describe('a backup', () => {
  test('is there when the power is cut as soon as it is made, the first one too', async () => {
    await eachScene(async ({ engine, disk, random }) => {
      // Another try may have made the directory, and come to its end before its name was synced.
      if (random.bool()) {
        disk.failNext({ operation: 'syncDirectory', code: 'EIO' })
        await expect(engine.backups?.create('one')).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
      }
      await engine.backups?.create('one')
      disk.crash()
      expect(await disk.list(BACKUPS).catch(() => [])).toEqual(['one'])
      const names = await disk.list(`${BACKUPS}/one`)
      expect(names).toEqual(expect.arrayContaining(['format-version', '__millrace_catalog-0']))
    })
  })

  test('has a topic that is deleted meanwhile, whole, or has it not', async () => {
    const outcomes = new Set<boolean>()
    await eachScene(async (scene) => {
      const { engine, seed } = scene
      const create = (name: string) => engine.topics.create({ name, partitions: 3, settings: {} })
      const [stays, goes] = [await create('stays'), await create('goes')]
      for (const topic of [stays, goes]) await appendTo(engine, topic, 'kept')
      await backUpBeside(scene, () => engine.topics.delete(goes.id))
      expect(await engine.topics.find('goes')).toBeUndefined()
      const restored = await scene.restored()
      const found = await restored.topics.find('goes')
      outcomes.add(found !== undefined)
      for (const topic of found === undefined ? [stays] : [stays, goes]) {
        for (const partition of [0, 1, 2]) {
          expect(await recordsOf(restored, topic, partition), `seed ${seed}`).toEqual(['=kept'])
        }
      }
      // What is left of it hinders none of the same name.
      if (found === undefined) {
        const again = await restored.topics.create({ name: 'goes', partitions: 3, settings: {} })
        expect(await recordsOf(restored, again, 0)).toEqual([])
      }
      await restored.close()
    })
    expect(outcomes).toEqual(new Set([true, false]))
  })

  test('has all partitions that are added meanwhile, or none of them', async () => {
    const counts = new Set<number>()
    await eachScene(async (scene) => {
      const { engine, seed } = scene
      const topic = await engine.topics.create({ name: 't', partitions: 2, settings: {} })
      await appendTo(engine, topic, 'before')
      await backUpBeside(scene, () =>
        engine.topics.alter(topic.id, { partitions: 5, set: { 'segment.bytes': '4096' } }),
      )
      const restored = await scene.restored()
      const found = (await restored.topics.find('t')) as TopicDescription
      counts.add(found.partitions)
      const settings = found.partitions === 5 ? { 'segment.bytes': '4096' } : {}
      expect(found, `seed ${seed}`).toEqual({ ...topic, partitions: found.partitions, settings })
      await appendTo(restored, found, 'after')
      for (let partition = 0; partition < found.partitions; partition++) {
        const before = partition < 2 ? ['=before'] : []
        expect(await recordsOf(restored, found, partition), `seed ${seed}`).toEqual([...before, '=after'])
      }
      await restored.close()
    })
    expect(counts).toEqual(new Set([2, 5]))
  })

  test('has the last value of each key while compaction goes on', async () => {
    await eachScene(async (scene) => {
      const { engine, random, clock, seed } = scene
      const settings = { 'cleanup.policy': 'compact', 'segment.bytes': '1024', 'min.cleanable.dirty.ratio': '0' }
      const topic = await engine.topics.create({ name: 't', partitions: 1, settings })
      const last = new Map<string, string>()
      for (let count = 0; count < 60; count++) {
        const [key, value] = [`${random.int(0, 9)}`, `${count}${'.'.repeat(100)}`]
        const batch = new BatchBuilder().append({ key: Buffer.from(key), value: Buffer.from(value), timestamp: 1 })
        await engine.partition(topic.id, 0).append(batch.build().buffer, { acks: 'committed' })
        last.set(key, value)
      }
      await backUpBeside(scene, async () => clock.advance(INTERVAL_MS))
      const restored = await scene.restored()
      const found = new Map((await recordsOf(restored, topic, 0)).map((text) => text.split('=') as [string, string]))
      expect(new Map([...found].sort()), `seed ${seed}`).toEqual(new Map([...last].sort()))
      await restored.close()
    })
  })

  test('has a transaction in all its partitions or in none, as a restart would leave it', async () => {
    const outcomes = new Set<boolean>()
    await eachScene(async (scene) => {
      const { engine, seed } = scene
      const topic = await engine.topics.create({ name: 't', partitions: 3, settings: {} })
      const begin = async (transactionalId: string) => {
        const identity = await engine.transactions.init(transactionalId, { timeoutMs: 60_000 })
        for (const partition of [0, 1, 2]) {
          const builder = new BatchBuilder()
          builder.append({ key: null, value: Buffer.from(transactionalId), timestamp: 1 })
          const producer = { ...identity, baseSequence: 0 }
          const { buffer } = builder.build({ producer, transactional: true })
          await engine.partition(topic.id, partition).append(buffer, { acks: 'committed' })
        }
        return { ...identity, transactionalId }
      }
      await engine.transactions.end(await begin('ended'), 'commit')
      const open = await begin('open')
      const ending = await begin('ending')
      await backUpBeside(scene, () => engine.transactions.end(ending, 'commit'))
      const restored = await scene.restored()
      const contents = await Promise.all([0, 1, 2].map((partition) => recordsOf(restored, topic, partition)))
      const hasEnded = contents[0]?.includes('=ending') === true
      outcomes.add(hasEnded)
      const expected = hasEnded ? ['=ended', '=ending'] : ['=ended']
      expect(contents, `seed ${seed}`).toEqual([expected, expected, expected])
      const late = restored.transactions.end(open, 'commit')
      await expect(late).rejects.toMatchObject({ code: 'TRANSACTION_ABORTED' })
      await restored.close()
    })
    expect(outcomes).toEqual(new Set([true, false]))
  })
})
