import { CrashDisk, seededRandom } from '@millrace/testkit'
import { describe, expect, test } from 'vitest'
import { CompactionBench } from '../test/compaction-bench.ts'
import { DIRECTORY, diskWith, fileWith } from '../test/log-harness.ts'
import type { Disk } from './disk.ts'
import { memoryDisk } from './memory-disk.ts'
import { removeDirectory, removePiecewise } from './piecewise-removal.ts'

const MIB = 1 << 20
const PATH = `${DIRECTORY}/large`

async function withFile(disk: Disk, sizeBytes: number): Promise<{ path: string; sizeBytes: number }> {
  await disk.makeDirectory(DIRECTORY)
  const file = await disk.open(PATH, { create: true })
  await file.writev([Buffer.alloc(sizeBytes, 1)], 0)
  await file.datasync()
  await file.close()
  return { path: PATH, sizeBytes }
}

/** A disk that notes what is done to files, in order. */
function noting(disk: Disk) {
  const steps: string[] = []
  let open = 0
  return {
    steps,
    open: () => open,
    disk: diskWith(disk, {
      open: async (path, options) => {
        const file = await disk.open(path, options)
        open++
        return fileWith(file, {
          truncate: async (sizeBytes) => {
            steps.push(`to ${sizeBytes / MIB}`)
            await file.truncate(sizeBytes)
          },
          datasync: async () => {
            steps.push('sync')
            await file.datasync()
          },
          close: async () => {
            open--
            await file.close()
          },
        })
      },
      remove: async (path) => {
        steps.push('remove')
        await disk.remove(path)
      },
    }),
  }
}

describe('the removal of a large file', () => {
  test('gives its space back piece by piece, each for good, once its name is gone', async () => {
    const inner = memoryDisk()
    const file = await withFile(inner, 10 * MIB)
    const { disk, steps, open } = noting(inner)
    expect(await removePiecewise(disk, [file], () => disk.remove(PATH).then(() => 'removed'))).toBe('removed')
    expect(steps).toEqual(['remove', 'to 6', 'sync', 'to 2', 'sync'])
    expect(open()).toBe(0)
  })

  test('leaves it whole under another name that it has', async () => {
    for (const remove of [
      (disk: Disk) => removePiecewise(disk, [{ path: PATH, sizeBytes: 10 * MIB }], () => disk.remove(PATH)),
      (disk: Disk) => removeDirectory(disk, DIRECTORY),
    ]) {
      const inner = memoryDisk()
      await withFile(inner, 10 * MIB)
      await inner.makeDirectory('/backup')
      await inner.link(PATH, '/backup/large')
      const { disk, steps } = noting(inner)
      await remove(disk)
      expect(steps).toEqual(['remove'])
      await expect(inner.open(PATH)).rejects.toMatchObject({ code: 'ENOENT' })
    }
  })

  test('leaves it whole when the name could not be taken away', async () => {
    const inner = memoryDisk()
    const file = await withFile(inner, 10 * MIB)
    const { disk, steps, open } = noting(inner)
    const failing = removePiecewise(disk, [file], () => Promise.reject(new Error('it stays')))
    await expect(failing).rejects.toThrow('it stays')
    expect(steps).toEqual([])
    expect(open()).toBe(0)
  })

  test('succeeds where it cannot be opened or cut, and holds no small one', async () => {
    for (const fault of [
      { operation: 'open', path: PATH, code: 'EMFILE' },
      { operation: 'truncate', path: PATH, code: 'EIO' },
      { operation: 'datasync', path: PATH, code: 'EIO' },
    ] as const) {
      const crashDisk = new CrashDisk(seededRandom(1))
      const file = await withFile(crashDisk, 10 * MIB)
      const { disk, open } = noting(crashDisk)
      crashDisk.failNext({ ...fault, times: 1 })
      await removePiecewise(disk, [file], () => disk.remove(PATH))
      expect(crashDisk.paths()).not.toContain(PATH)
      expect(open(), fault.operation).toBe(0)
    }
    const { disk, steps } = noting(memoryDisk())
    await removePiecewise(disk, [await withFile(disk, MIB)], () => disk.remove(PATH))
    expect(steps).toEqual(['sync', 'remove'])
  })

  test('of what was compacted or deleted begins when no crash brings its name back', async () => {
    for (const way of ['compacted', 'deleted'] as const) {
      const disk = new CrashDisk(seededRandom(1))
      const b = await new CompactionBench(disk, {}, {}, { segmentBytes: 6 * MIB }).open()
      for (let count = 0; count < 9; count++) await b.append([{ key: 'k', value: 'v'.repeat(MIB) }])
      const operations: string[] = []
      disk.observer = (operation) => {
        if (['rename', 'remove', 'syncDirectory', 'truncate'].includes(operation)) operations.push(operation)
      }
      if (way === 'compacted') await b.maintain()
      else await b.log.truncateBefore(b.log.highWatermark)
      await b.log.close()
      const first = operations.indexOf('truncate')
      expect(first, way).toBeGreaterThan(0)
      expect(operations[first - 1]).toBe('syncDirectory')
      expect(operations.slice(first, operations.lastIndexOf('truncate'))).not.toContain('rename')
      await b.reopen(disk)
      await b.expectConsistent()
      await b.log.close()
    }
  })
})
