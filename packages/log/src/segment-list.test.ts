import { CrashDisk, seededRandom } from '@millrace/testkit'
import { expect, test } from 'vitest'
import { DIRECTORY, findingsIn, LogBench, sizedBatch } from '../test/log-harness.ts'
import type { Disk } from './disk.ts'
import { memoryDisk } from './memory-disk.ts'

/** A disk that names no checksum before `release`. */
function slowlySealing(disk: Disk): { readonly disk: Disk; readonly release: () => void } {
  const { promise: released, resolve: release } = Promise.withResolvers<void>()
  return {
    release,
    disk: {
      open: (path, options) => disk.open(path, options),
      list: (directory) => disk.list(directory),
      makeDirectory: (directory) => disk.makeDirectory(directory),
      rename: async (from, to) => {
        if (to.endsWith('.crc')) await released
        await disk.rename(from, to)
      },
      link: (from, to) => disk.link(from, to),
      remove: (path) => disk.remove(path),
      syncDirectory: (directory) => disk.syncDirectory(directory),
      freeBytes: (directory) => disk.freeBytes(directory),
      lock: (path, options) => disk.lock(path, options),
    },
  }
}

test('a snapshot says what was so when its segment was closed, however late it is written', async () => {
  const memory = memoryDisk()
  const { disk, release } = slowlySealing(memory)
  const bench = new LogBench(disk)
  const log = await bench.open({ segmentBytes: 8_000 })
  const append = (baseSequence: number, sizeBytes: number): Promise<unknown> =>
    log.append(sizedBatch(sizeBytes, '', { producerId: 7, baseSequence })).committed
  // The second segment is closed while the first is being sealed; then come more batches than are remembered.
  await append(0, 8_000)
  await append(1, 8_000)
  for (let sequence = 2; sequence < 42; sequence++) await append(sequence, 100)
  release()
  await log.close()
  expect(await findingsIn(memory)).toEqual([])
  expect((await memory.list(DIRECTORY)).filter((name) => name.endsWith('.snapshot'))).toHaveLength(2)
})

test.each(['write', 'datasync'] as const)('a snapshot whose %s fails is not left behind', async (operation) => {
  const disk = new CrashDisk(seededRandom(1))
  const log = await new LogBench(disk).open({ segmentBytes: 1_000 })
  disk.failNext({ operation, path: '.snapshot', code: 'EIO' })
  for (let baseSequence = 0; baseSequence < 2; baseSequence++) {
    await log.append(sizedBatch(800, '', { producerId: 7, baseSequence })).committed
  }
  await log.close()
  expect((await findingsIn(disk)).filter(({ kind }) => kind !== 'unsealed-segment')).toEqual([])
  expect(disk.paths().filter((path) => path.endsWith('.snapshot'))).toHaveLength(1)
})
