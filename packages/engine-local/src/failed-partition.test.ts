/*
 * A partition that cannot be opened: the others are served, and nothing of it is lost.
 */
import type { Engine, TopicDescription } from '@millrace/engine'
import { readFile, replaceFile } from '@millrace/log'
import { DEFAULT_LIMITS, type Logger, readBatches, silentLogger } from '@millrace/record'
import { batchOf, CrashDisk, ManualClock, seededRandom } from '@millrace/testkit'
import { describe, expect, test } from 'vitest'
import { openLocalEngine } from './local-engine.ts'

/** Enough for rounds that go by way of the journal. */
const PARTITIONS = 6
const BAD = 2
const DIRECTORY = `/data/events-${BAD}`
const METADATA = `${DIRECTORY}/partition.metadata`

class Bench {
  readonly disk: CrashDisk
  readonly errors: string[] = []
  /** What was acknowledged, by partition. */
  readonly acknowledged: string[][] = Array.from({ length: PARTITIONS }, () => [])

  constructor(seed: number) {
    this.disk = new CrashDisk(seededRandom(seed))
  }

  open(): Promise<Engine> {
    const error: Logger['error'] = (_, message) => {
      this.errors.push(message)
    }
    const logger = { ...silentLogger, error }
    const limits = { ...DEFAULT_LIMITS, openFiles: 4 }
    return openLocalEngine({ disk: this.disk.mount(), dataDir: '/data', clock: new ManualClock(), logger, limits })
  }

  async append(engine: Engine, { id }: TopicDescription, label: string, without?: number): Promise<void> {
    const partitions = this.acknowledged.keys().filter((partition) => partition !== without)
    const appended = [...partitions].map(async (partition) => {
      const value = `${label} ${partition}`
      await engine.partition(id, partition).append(batchOf([value]), { acks: 'committed' })
      this.acknowledged[partition]?.push(value)
    })
    await Promise.all(appended)
  }
}

async function valuesOf(engine: Engine, topicId: string, partition: number): Promise<string[]> {
  const values: string[] = []
  const log = engine.partition(topicId, partition)
  const { highWatermark } = await log.status()
  for (let offset = 0; offset < highWatermark; ) {
    const { batches, nextOffset } = await log.read(offset, { maxBytes: 1 << 20 })
    for (const bytes of batches) {
      for (const batch of readBatches(bytes)) for (const { value } of batch.records(1 << 20)) values.push(`${value}`)
    }
    offset = nextOffset
  }
  return values
}

describe('a partition that cannot be opened', () => {
  test.each([1, 2, 3, 4, 5, 6])('stops no other, and is whole once it can be (seed %i)', async (seed) => {
    const bench = new Bench(seed)
    const { disk } = bench
    let engine = await bench.open()
    const topic = await engine.topics.create({ name: 'events', partitions: PARTITIONS, settings: {} })
    for (const label of ['a', 'b']) await bench.append(engine, topic, label)
    // What only the journal has must be there after two more starts.
    disk.crash()
    const metadata = (await readFile(disk, METADATA)) as Buffer
    await disk.remove(METADATA)
    await disk.syncDirectory(DIRECTORY)
    for (const end of ['crash', 'close']) {
      engine = await bench.open()
      expect(bench.errors).toContain('a partition cannot be opened; the others are served')
      const failing = engine.partition(topic.id, BAD)
      for (const call of [
        () => failing.append(batchOf(['x']), { acks: 'committed' }),
        () => failing.read(0, { maxBytes: 1 }),
        () => failing.status(),
      ]) {
        await expect(call()).rejects.toMatchObject({
          code: 'STORAGE_FAILED',
          message: expect.stringMatching(/opened at the start: events-2 is missing/),
        })
      }
      await bench.append(engine, topic, end, BAD)
      if (end === 'crash') disk.crash()
      else await engine.close()
    }
    await replaceFile(disk, METADATA, metadata)
    engine = await bench.open()
    for (let partition = 0; partition < PARTITIONS; partition++) {
      expect(await valuesOf(engine, topic.id, partition)).toEqual(bench.acknowledged[partition])
    }
    expect(disk.paths().filter((path) => path.endsWith('.kept'))).toEqual([])
    await engine.close()
  })

  test('because the disk fails it answers so, and the next start opens it', async () => {
    const bench = new Bench(8)
    let engine = await bench.open()
    const topic = await engine.topics.create({ name: 'events', partitions: PARTITIONS, settings: {} })
    await bench.append(engine, topic, 'a')
    await engine.close()
    bench.disk.failNext({ operation: 'open', path: DIRECTORY, code: 'EIO', times: 2 })
    engine = await bench.open()
    await expect(engine.partition(topic.id, BAD).status()).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
    expect(await valuesOf(engine, topic.id, BAD + 1)).toEqual(bench.acknowledged[BAD + 1])
    await engine.close()
    engine = await bench.open()
    expect(await valuesOf(engine, topic.id, BAD)).toEqual(bench.acknowledged[BAD])
    await engine.close()
  })

  test('goes with its topic, and another one of that name is whole', async () => {
    const bench = new Bench(7)
    let engine = await bench.open()
    const topic = await engine.topics.create({ name: 'events', partitions: PARTITIONS, settings: {} })
    await bench.append(engine, topic, 'a')
    bench.disk.crash()
    await bench.disk.remove(METADATA)
    engine = await bench.open()
    await engine.topics.delete(topic.id)
    const next = await engine.topics.create({ name: 'events', partitions: PARTITIONS, settings: {} })
    for (let partition = 0; partition < PARTITIONS; partition++) {
      expect(await valuesOf(engine, next.id, partition)).toEqual([])
    }
    await engine.close()
    engine = await bench.open()
    await bench.append(engine, next, 'b')
    expect(await valuesOf(engine, next.id, BAD)).toEqual(['b 2'])
    expect(bench.disk.paths().filter((path) => path.endsWith('.kept'))).toEqual([])
    await engine.close()
  })
})
