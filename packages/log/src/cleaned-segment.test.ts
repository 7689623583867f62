import { expect, test } from 'vitest'
import { DIRECTORY, diskWith, fileWith, LogBench, sizedBatch } from '../test/log-harness.ts'
import { CleanedSegment } from './cleaned-segment.ts'
import type { Disk } from './disk.ts'
import { memoryDisk } from './memory-disk.ts'

const BATCH_BYTES = 100_000
/** What a commit's sync may have to wait for. */
const SYNCED_AT_ONCE = (1 << 20) + BATCH_BYTES

/** A disk that notes, for each sync of the segment's file, the bytes that were written since the one before. */
function notingSyncs(disk: Disk) {
  const synced: number[] = []
  let unsynced = 0
  return {
    synced,
    unsynced: () => unsynced,
    disk: diskWith(disk, {
      open: async (path, options) => {
        const file = await disk.open(path, options)
        if (!path.includes('.log')) return file
        return fileWith(file, {
          writev: async (buffers, position) => {
            await file.writev(buffers, position)
            for (const buffer of buffers) unsynced += buffer.length
          },
          datasync: async () => {
            await file.datasync()
            synced.push(unsynced)
            unsynced = 0
          },
        })
      },
    }),
  }
}

test('a segment in the making is synced in pieces that hold up no commit for long, and is durable in the end', async () => {
  const { disk, synced, unsynced } = notingSyncs(memoryDisk())
  await disk.makeDirectory(DIRECTORY)
  const bench = new LogBench(disk)
  const cleaned = await CleanedSegment.create(bench, { directory: DIRECTORY, baseOffset: 0, indexIntervalBytes: 4_096 })
  for (let offset = 0; offset < 60; offset++) {
    const batch = sizedBatch(BATCH_BYTES)
    batch.stamp(offset, 0)
    cleaned.add(batch)
    await cleaned.flush()
    expect(unsynced()).toBe(0)
  }
  await cleaned.finish(false)
  expect(unsynced()).toBe(0)
  expect(synced.reduce((sum, bytes) => sum + bytes, 0)).toBe(cleaned.sizeBytes)
  expect(Math.max(...synced)).toBeLessThanOrEqual(SYNCED_AT_ONCE)
  expect(synced.length, 'a sync for little').toBeLessThan(10)
})
