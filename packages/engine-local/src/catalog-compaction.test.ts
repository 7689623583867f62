import { CrashDisk, ManualClock, seededRandom } from '@millrace/testkit'
import { expect, test } from 'vitest'
import { openLocalEngine } from './local-engine.ts'

const DIRECTORY = '/data/__millrace_catalog-0'

test('the catalog of a directory whose topics come and go stays small, and true', async () => {
  const disk = new CrashDisk(seededRandom(1))
  const clock = new ManualClock()
  const open = () => openLocalEngine({ disk: disk.mount(), dataDir: '/data', clock })
  const sizeOfCatalog = () => {
    const logs = disk.paths().filter((path) => path.startsWith(DIRECTORY) && path.endsWith('.log'))
    return logs.reduce((sum, path) => sum + disk.contentOf(path).length, 0)
  }
  let engine = await open()
  const settings = Object.fromEntries([['segment.bytes', '1024']])
  const kept = await engine.topics.create({ name: 'kept', partitions: 1, settings })
  for (let count = 0; count < 60; count++) {
    const { id } = await engine.topics.create({ name: `gone-${count}`, partitions: 1, settings })
    await engine.topics.delete(id)
  }
  const before = sizeOfCatalog()
  // Past the age at which its segment rolls; then a round that rolls and compacts, and one past delete.retention.ms.
  for (let day = 0; day < 12; day++) {
    clock.advance(86_400_000)
    for (let turn = 0; turn < 400; turn++) await new Promise((resolve) => setImmediate(resolve))
  }
  expect(sizeOfCatalog()).toBeLessThan(before / 4)
  disk.crash()
  engine = await open()
  expect((await engine.topics.list()).map((topic) => topic.id)).toEqual([kept.id])
  await engine.close()
})
