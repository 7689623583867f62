import { CrashDisk, seededRandom } from '@millrace/testkit'
import { describe, expect, test } from 'vitest'
import { readFile, replaceFile } from './disk.ts'
import { LeaderEpochs } from './leader-epochs.ts'
import { memoryDisk } from './memory-disk.ts'

const PATH = '/leader-epoch-checkpoint'

async function epochsOf(text: string) {
  const disk = memoryDisk()
  await replaceFile(disk, PATH, Buffer.from(text))
  return LeaderEpochs.open(disk, PATH)
}

describe('leader epochs', () => {
  test("are kept in a file like Kafka's, and read back", async () => {
    const disk = memoryDisk()
    const epochs = await LeaderEpochs.open(disk, PATH)
    expect(epochs.latest).toBe(-1)
    for (const offset of [0, 40, 1_000]) epochs.raise(offset)
    expect(await readFile(disk, PATH)).toBeUndefined()
    await epochs.save()
    expect((await readFile(disk, PATH))?.toString()).toBe('0\n3\n0 0\n1 40\n2 1000\n')
    const again = await LeaderEpochs.open(disk, PATH)
    expect(again.entries).toEqual(epochs.entries)
    expect(again.latest).toBe(2)
  })

  test('that began at or after the offset where the next begins give way to it', async () => {
    const epochs = await LeaderEpochs.open(memoryDisk(), PATH)
    for (const offset of [0, 40, 80, 40]) epochs.raise(offset)
    expect(epochs.entries).toEqual([
      { epoch: 0, startOffset: 0 },
      { epoch: 3, startOffset: 40 },
    ])
  })

  test.each([
    ['is empty', ''],
    ['has another version', '1\n1\n0 0\n'],
    ['has fewer entries than it says', '0\n2\n0 0\n'],
    ['has a number that is none', '0\n2\n0 0\nx 40\n'],
    ['lacks an offset', '0\n2\n0 0\n1\n'],
    ['has epochs that do not rise', '0\n2\n1 0\n1 40\n'],
    ['has offsets that do not rise', '0\n2\n0 40\n1 40\n'],
    ['has no number of entries', '0\nmany\n0 0\n'],
  ])('of a file that %s stand for none', async (_, text) => {
    expect((await epochsOf(text)).entries).toEqual([])
  })

  test('are the old or the new ones after a crash at any moment', async () => {
    for (let seed = 1; seed <= 60; seed++) {
      const disk = new CrashDisk(seededRandom(seed))
      const epochs = await LeaderEpochs.open(disk, PATH)
      epochs.raise(0)
      await epochs.save()
      epochs.raise(10)
      const saved = epochs.save().catch(() => {})
      for (let turn = seed % 12; turn > 0; turn--) await new Promise<void>((resolve) => setImmediate(resolve))
      disk.crash()
      await saved
      expect([0, 1]).toContain((await LeaderEpochs.open(disk, PATH)).latest)
    }
  })
})
