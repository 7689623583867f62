import type { Engine } from '@millrace/engine'
import { DEFAULT_LIMITS, type Limits } from '@millrace/record'
import { batchOf, CrashDisk, ManualClock, seededRandom } from '@millrace/testkit'
import { describe, expect, test } from 'vitest'
import { openLocalEngine } from './local-engine.ts'

const MiB = 1_048_576

function open(disk: CrashDisk, limits: Partial<Limits> = {}): Promise<Engine> {
  const options = { clock: new ManualClock(), limits: { ...DEFAULT_LIMITS, minFreeBytes: 0, ...limits } }
  return openLocalEngine({ disk: disk.mount(), dataDir: '/data', ...options })
}

describe('an engine says what keeps it from its work:', () => {
  test('nothing does', async () => {
    const engine = await open(new CrashDisk(seededRandom(1)))
    expect(await engine.problems()).toEqual([])
    await engine.close()
  })

  test('the disk is nearly full, until there is room', async () => {
    const disk = new CrashDisk(seededRandom(1))
    disk.capacityBytes = 300 * MiB
    const engine = await open(disk, { minFreeBytes: 256 * MiB })
    expect(await engine.problems()).toEqual([])
    disk.capacityBytes = 200 * MiB
    expect(await engine.problems()).toEqual([
      expect.stringMatching(/^the disk is nearly full: (199|200) MiB are free, and 256 MiB wanted \(minFreeBytes\)$/),
    ])
    disk.capacityBytes = 300 * MiB
    expect(await engine.problems()).toEqual([])
    await engine.close()
  })

  test('with no least room, the disk is not asked', async () => {
    const disk = new CrashDisk(seededRandom(1))
    const engine = await open(disk)
    disk.capacityBytes = 0
    expect(await engine.problems()).toEqual([])
    disk.capacityBytes = Number.POSITIVE_INFINITY
    await engine.close()
  })

  test('partitions could not be opened: how many, and which', async () => {
    const disk = new CrashDisk(seededRandom(1))
    const first = await open(disk)
    const topic = await first.topics.create({ name: 'orders', partitions: 20, settings: {} })
    await first.close()
    for (let partition = 2; partition < 14; partition++) {
      await disk.remove(`/data/orders-${partition}/partition.metadata`)
    }
    const second = await open(disk)
    const names = Array.from({ length: 10 }, (_, index) => `orders-${index + 2}`).join(', ')
    expect(await second.problems()).toEqual([
      `partitions that could not be opened at the start: 12 (${names} and 2 more)`,
    ])
    expect((await second.stats()).unopenedPartitions).toBe(12)
    // A topic that is gone is no problem any more.
    await second.topics.delete(topic.id)
    expect(await second.problems()).toEqual([])
    await second.close()
  })

  test('a table is full', async () => {
    const disk = new CrashDisk(seededRandom(1))
    const first = await open(disk)
    await first.topics.create({ name: 'orders', partitions: 1, settings: {} })
    const { tables } = await first.stats()
    const sizeBytes = tables.find(({ name }) => name === 'topics')?.sizeBytes ?? 0
    expect(sizeBytes).toBeGreaterThan(0)
    await first.close()
    const second = await open(disk, { tableBytes: sizeBytes })
    expect(await second.problems()).toEqual([
      `the table of topics is full: ${sizeBytes} of ${sizeBytes} bytes (tableBytes)`,
    ])
    await second.close()
  })

  test('writing fails, until it works again', async () => {
    const disk = new CrashDisk(seededRandom(1))
    const clock = new ManualClock()
    const limits = { ...DEFAULT_LIMITS, minFreeBytes: 0 }
    const engine = await openLocalEngine({ disk: disk.mount(), dataDir: '/data', clock, limits })
    const { id } = await engine.topics.create({ name: 'orders', partitions: 1, settings: {} })
    disk.capacityBytes = 0
    await expect(engine.partition(id, 0).append(batchOf(['a']), { acks: 'committed' })).rejects.toThrow()
    expect(await engine.problems()).toEqual([expect.stringMatching(/^writing to disk fails: /)])
    expect((await engine.stats()).work.diskErrors).toBeGreaterThan(0)
    disk.capacityBytes = Number.POSITIVE_INFINITY
    clock.advance(1_000)
    await expect.poll(() => engine.problems()).toEqual([])
    await engine.close()
  })
})
