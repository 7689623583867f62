import type { Disk } from '@millrace/log'
import { batchOf, CrashDisk, ManualClock, seededRandom } from '@millrace/testkit'
import { describe, expect, test } from 'vitest'
import { openLocalEngine } from './local-engine.ts'

/** `disk`, with a list of the calls that were made on it, the ones on its files included. */
function watched(disk: Disk): { disk: Disk; calls: string[] } {
  const calls: string[] = []
  const watch = <T extends object>(target: T, label: string): T =>
    new Proxy(target, {
      get(object, name) {
        const member: unknown = Reflect.get(object, name)
        if (typeof member !== 'function') return member
        return async (...values: unknown[]) => {
          calls.push(`${label} ${String(name)} ${typeof values[0] === 'string' ? values[0] : ''}`)
          const result: unknown = await member.apply(object, values)
          return name === 'open' ? watch(result as object, String(values[0])) : result
        }
      },
    })
  return { disk: watch(disk, 'disk'), calls }
}

const turns = async (count: number): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
}

describe('an engine that is closed', () => {
  test.each([
    ['in order', undefined],
    ['while a partition cannot be closed in order', '/data/events-0'],
  ])('%s touches nothing afterwards, and loses nothing', async (_, broken) => {
    const inner = new CrashDisk(seededRandom(1))
    const clock = new ManualClock()
    const { disk, calls } = watched(inner)
    const engine = await openLocalEngine({ disk, dataDir: '/data', clock })
    const { id } = await engine.topics.create({ name: 'events', partitions: 8, settings: {} })
    for (let partition = 0; partition < 8; partition++) {
      await engine.partition(id, partition).append(batchOf([`${partition}`]), { acks: 'committed' })
    }
    if (broken !== undefined) inner.failNext({ operation: 'create', path: broken, code: 'EIO' })
    await engine.close()
    const before = calls.length
    clock.advance(60_000)
    await turns(200)
    expect(calls.slice(before)).toEqual([])

    inner.crash()
    const again = await openLocalEngine({ disk: inner, dataDir: '/data', clock })
    for (let partition = 0; partition < 8; partition++) {
      const status = await again.partition(id, partition).status()
      expect([status.highWatermark, status.leaderEpoch]).toEqual([1, broken === undefined ? 0 : 1])
    }
    await again.close()
  })

  test('after a failed write probes the disk no more', async () => {
    const disk = new CrashDisk(seededRandom(1))
    const clock = new ManualClock()
    const engine = await openLocalEngine({ disk, dataDir: '/data', clock })
    const { id } = await engine.topics.create({ name: 'events', partitions: 1, settings: {} })
    disk.failNext({ operation: 'write', path: 'events', code: 'EIO' })
    const appended = engine.partition(id, 0).append(batchOf(['a']), { acks: 'committed' })
    await expect(appended).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
    expect(await engine.problems()).toHaveLength(1)
    await engine.close()
    expect(clock.pendingTimers).toBe(0)
  })
})

test('an engine that cannot be opened touches nothing afterwards', async () => {
  const inner = new CrashDisk(seededRandom(1))
  const clock = new ManualClock()
  const engine = await openLocalEngine({ disk: inner, dataDir: '/data', clock })
  await engine.topics.create({ name: 'events', partitions: 24, settings: {} })
  inner.crash()
  const { disk, calls } = watched(inner)
  inner.failNext({ operation: 'open', path: '/data/events-3/', code: 'EMFILE', times: 2 })
  await expect(openLocalEngine({ disk, dataDir: '/data', clock })).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
  const before = calls.length
  await turns(200)
  expect(calls.slice(before)).toEqual([])
  await (await openLocalEngine({ disk: inner, dataDir: '/data', clock })).close()
})
