import type { Engine, EnginePartition, TopicSettings } from '@millrace/engine'
import { openLocalEngine } from '@millrace/engine-local'
import { BatchBuilder, DEFAULT_LIMITS, readBatches } from '@millrace/record'
import { CrashDisk, ManualClock, seededRandom } from '@millrace/testkit'
import { beforeEach, describe, expect, test } from 'vitest'

const DATA = '/data'
/** Nothing is read from memory. */
const LIMITS = { ...DEFAULT_LIMITS, tailCacheBytes: 0, indexCacheBytes: 0 }
const SETTINGS = { 'segment.bytes': '40000', 'index.interval.bytes': '4096' }
const BATCHES = 200
const RECORDS = 3
const VALUE = Buffer.alloc(300, 'v')

describe('what the local engine makes of its files', () => {
  let disk: CrashDisk
  let clock: ManualClock
  let topicId: string

  const open = () => openLocalEngine({ disk, dataDir: DATA, clock, limits: LIMITS })

  /** Opens the engine over a topic of several segments; each record's timestamp is ten times its offset. */
  beforeEach(async () => {
    disk = new CrashDisk(seededRandom(1))
    clock = new ManualClock()
    const engine = await open()
    topicId = (await engine.topics.create({ name: 't', partitions: 1, settings: SETTINGS })).id
    const appended: Promise<unknown>[] = []
    for (let count = 0; count < BATCHES; count++) appended.push(append(engine, count * RECORDS))
    await Promise.all(appended)
    await engine.close()
  })

  function append(engine: Engine, firstOffset: number): Promise<unknown> {
    const builder = new BatchBuilder()
    for (let offset = firstOffset; offset < firstOffset + RECORDS; offset++) {
      builder.append({ key: null, value: VALUE, timestamp: offset * 10 })
    }
    return engine.partition(topicId, 0).append(builder.build().buffer, { acks: 'committed' })
  }

  function partitionFiles(suffix: string): string[] {
    return disk.paths().filter((path) => path.startsWith(`${DATA}/t-0`) && path.endsWith(suffix))
  }

  test('a damaged batch is never served, and those beside it are', async () => {
    const [log = ''] = partitionFiles('.log')
    const engine = await open()
    const partition = engine.partition(topicId, 0)
    const { batches } = await partition.read(0, { maxBytes: 1 })
    // A bit within the value of the second batch.
    flipBit(disk, log, sizeOf(batches) + 200)
    await expect(partition.read(RECORDS, { maxBytes: 1 })).rejects.toMatchObject({ code: 'CORRUPT_BATCH' })
    await expect(partition.read(0, { maxBytes: 1 })).resolves.toMatchObject({ nextOffset: RECORDS })
    await expect(partition.read(0, { maxBytes: 1 << 20 })).resolves.toMatchObject({ nextOffset: RECORDS })
    await expect(partition.read(2 * RECORDS, { maxBytes: 1 })).resolves.toMatchObject({ nextOffset: 3 * RECORDS })
    await engine.close()
  })

  test('indexes that are gone are made again, and find everything', async () => {
    expect(partitionFiles('.log').length).toBeGreaterThan(3)
    for (const suffix of ['.index', '.timeindex']) {
      for (const path of partitionFiles(suffix)) await disk.remove(path)
    }
    const engine = await open()
    await expectAll(engine.partition(topicId, 0))
    await engine.close()
  })

  test('indexes that are cut off are made again, and find everything', async () => {
    for (const path of [...partitionFiles('.index'), ...partitionFiles('.timeindex')]) {
      const file = await disk.open(path)
      await file.truncate(Math.max((await file.size()) - 3, 0))
      await file.close()
    }
    const engine = await open()
    await expectAll(engine.partition(topicId, 0))
    await engine.close()
  })

  test('the leader epoch rises with a start after a crash, not with one after a shutdown', async () => {
    const epochOf = async (engine: Engine) => (await engine.partition(topicId, 0).status()).leaderEpoch
    const first = await open()
    expect(await epochOf(first)).toBe(0)
    disk.kill()
    const second = await open()
    expect(await epochOf(second)).toBe(1)
    await append(second, BATCHES * RECORDS)
    const { batches } = await second.partition(topicId, 0).read(BATCHES * RECORDS, { maxBytes: 1 })
    expect(batches.flatMap((bytes) => [...readBatches(bytes)]).map((batch) => batch.leaderEpoch)).toEqual([1])
    await second.close()
    const third = await open()
    expect(await epochOf(third)).toBe(1)
    await third.close()
  })
})

describe('after a start that was not clean', () => {
  test('what was read stays, even when the power fails next', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const disk = new CrashDisk(seededRandom(seed))
      const { partition, topicId } = await openWithTopic(disk, { 'flush.policy': 'os' })
      await partition.append(batchOf('a'), { acks: 'committed' })
      disk.kill()
      const second = await open(disk)
      expect(await valuesOf(second.partition(topicId, 0))).toEqual(['a'])
      disk.crash()
      const third = await open(disk)
      expect(await valuesOf(third.partition(topicId, 0)), `seed ${seed}`).toEqual(['a'])
      await third.close()
    }
  })

  test('what recovery cut off never comes back', async () => {
    const disk = new CrashDisk(seededRandom(1))
    const { partition, topicId } = await openWithTopic(disk)
    for (const value of ['a', 'b', 'c']) await partition.append(batchOf(value), { acks: 'committed' })
    disk.kill()
    // The second of three batches of one size did not reach the disk, the third did.
    const [log = ''] = logsIn(disk)
    flipBit(disk, log, Math.floor(disk.contentOf(log).length / 3) * 2 - 1)
    const second = await open(disk)
    expect(await valuesOf(second.partition(topicId, 0))).toEqual(['a'])
    await second.partition(topicId, 0).append(batchOf('B'), { acks: 'committed' })
    disk.kill()
    const third = await open(disk)
    expect(await valuesOf(third.partition(topicId, 0))).toEqual(['a', 'B'])
    await third.close()
  })
})

function open(disk: CrashDisk): Promise<Engine> {
  return openLocalEngine({ disk, dataDir: DATA, clock: new ManualClock(), limits: LIMITS })
}

async function openWithTopic(disk: CrashDisk, settings: TopicSettings = {}) {
  const engine = await open(disk)
  const { id: topicId } = await engine.topics.create({ name: 't', partitions: 1, settings })
  return { topicId, partition: engine.partition(topicId, 0) }
}

function batchOf(value: string): Buffer {
  return new BatchBuilder().append({ key: null, value: Buffer.from(value), timestamp: 1 }).build().buffer
}

async function valuesOf(partition: EnginePartition): Promise<string[]> {
  const { highWatermark } = await partition.status()
  const values: string[] = []
  for (let offset = 0; offset < highWatermark; ) {
    const { batches, nextOffset } = await partition.read(offset, { maxBytes: 1 << 20 })
    for (const batch of batches.flatMap((bytes) => [...readBatches(bytes)])) {
      for (const { value } of batch.records(1 << 20)) values.push(String(value))
    }
    offset = nextOffset
  }
  return values
}

function logsIn(disk: CrashDisk): string[] {
  return disk.paths().filter((path) => path.startsWith(`${DATA}/t-0`) && path.endsWith('.log'))
}

/** Finds every record by its offset and by its time. */
async function expectAll(partition: EnginePartition): Promise<void> {
  for (let offset = 0; offset < BATCHES * RECORDS; offset++) {
    const { batches, nextOffset } = await partition.read(offset, { maxBytes: 1 })
    const [batch] = batches.flatMap((bytes) => [...readBatches(bytes)])
    expect({ baseOffset: batch?.baseOffset, nextOffset }).toEqual({
      baseOffset: offset - (offset % RECORDS),
      nextOffset: offset - (offset % RECORDS) + RECORDS,
    })
    expect(await partition.offsetForTimestamp(offset * 10 - 5)).toEqual({ offset, timestamp: offset * 10 })
  }
}

function flipBit(disk: CrashDisk, path: string, position: number): void {
  const byte = disk.contentOf(path).readUInt8(position)
  disk.damage(path, position, Buffer.of(byte ^ 1))
}

function sizeOf(batches: readonly Buffer[]): number {
  return batches.reduce((sum, batch) => sum + batch.length, 0)
}
