import { CrashDisk, seededRandom } from '@millrace/testkit'
import { describe, expect, test } from 'vitest'
import { CompactionBench, type Known } from '../test/compaction-bench.ts'
import { DIRECTORY, findingsIn, turns } from '../test/log-harness.ts'
import type { Disk, DiskFile } from './disk.ts'
import { decodeSwap, encodeSwap } from './segment-swap.ts'
import type { Finding } from './verify/finding.ts'

/**
 * A disk that, once `arm` was called, counts the calls that change something, of a file or a name, and calls `onStep` in
 * front of each.
 */
function steppedDisk(disk: Disk, onStep: (step: number) => void) {
  let steps = 0
  let armed = false
  const step = async <T>(work: () => Promise<T>): Promise<T> => {
    if (armed) onStep(steps++)
    return work()
  }
  const wrapped = (file: DiskFile): DiskFile => ({
    read: (buffer, position) => file.read(buffer, position),
    size: () => file.size(),
    linkCount: () => file.linkCount(),
    close: () => file.close(),
    writev: (buffers, position) => step(() => file.writev(buffers, position)),
    datasync: () => step(() => file.datasync()),
    truncate: (sizeBytes) => step(() => file.truncate(sizeBytes)),
  })
  return {
    steps: () => steps,
    arm: () => {
      armed = true
    },
    disk: {
      open: async (path, options) => {
        const open = () => disk.open(path, options)
        return wrapped(options?.create ? await step(open) : await open())
      },
      list: (directory) => disk.list(directory),
      makeDirectory: (directory) => disk.makeDirectory(directory),
      rename: (from, to) => step(() => disk.rename(from, to)),
      link: (from, to) => step(() => disk.link(from, to)),
      remove: (path) => step(() => disk.remove(path)),
      syncDirectory: (directory) => step(() => disk.syncDirectory(directory)),
      freeBytes: (directory) => disk.freeBytes(directory),
      lock: (path, options) => disk.lock(path, options),
    } satisfies Disk,
  }
}

const KEYS = ['a', 'b', 'c', 'd']
const BATCHES = 24

/** A log that was compacted once, so that its old segments are small and are put together by the next pass. */
async function filled(disk: CrashDisk, mounted: Disk): Promise<CompactionBench> {
  const random = seededRandom(1)
  const b = await new CompactionBench(disk).open()
  for (let count = 0; count < BATCHES; count++) {
    const records: Known[] = Array.from({ length: 3 }, () => ({
      key: random.bool(0.1) ? `once ${random.int(0, 1e9)}` : random.pick(KEYS),
      value: random.bool(0.1) ? null : String(random.int(0, 1e9)).padEnd(90, '.'),
    }))
    await b.append(records, { producerId: 4, baseSequence: 3 * count })
    if (count === BATCHES - 6) await b.maintain()
  }
  await b.log.close()
  expect(logsIn(disk).length).toBeGreaterThan(4)
  await b.reopen(mounted)
  return b
}

const logsIn = (disk: CrashDisk): string[] => disk.paths().filter((path) => path.endsWith('.log'))
/** What an offline check has against the files as the next start will find them. */
async function errorsIn(disk: CrashDisk, directory = DIRECTORY): Promise<Finding[]> {
  const found = await findingsIn(disk, { directory, compacts: true, clean: false })
  return found.filter(({ severity }) => severity === 'error')
}

const leftovers = (disk: CrashDisk): string[] => disk.paths().filter((path) => /cleaned|swap|tmp/.test(path))

describe('a swap', () => {
  test.each([
    ['crash', 1],
    ['crash', 2],
    ['kill', 1],
    ['kill, then crash', 1],
  ] as const)('that a %s ends in front of any step leaves the old or the new (seed %i)', async (end, seed) => {
    let steps = Number.POSITIVE_INFINITY
    let midway = 0
    for (let stopAt = 0; stopAt < steps; stopAt++) {
      const disk = new CrashDisk(seededRandom(seed * 1_000 + stopAt))
      const stop = (): void => (end === 'crash' ? disk.crash() : disk.kill())
      const stepped = steppedDisk(disk.mount(), (step) => step === stopAt && stop())
      const b = await filled(disk, stepped.disk)
      stepped.arm()
      await b.maintain().catch(() => {})
      if (stepped.steps() <= stopAt) steps = stepped.steps()
      if (leftovers(disk).length > 0) midway++
      if (end === 'kill') expect(await errorsIn(disk), `step ${stopAt}`).toEqual([])
      if (end === 'kill, then crash') {
        // The crash comes while the next start finishes what the kill left.
        const opened = b.reopen(disk.mount()).catch(() => {})
        await turns(seededRandom(stopAt + seed).int(0, 60))
        disk.crash()
        await opened
      }
      const seen: (readonly [number, Known])[][] = []
      for (let life = 0; life < 2; life++) {
        await b.reopen(disk.mount())
        seen.push([...(await b.expectConsistent())])
        expect(leftovers(disk), `step ${stopAt}`).toEqual([])
        disk.crash()
      }
      expect(seen[1]).toEqual(seen[0])
      await b.reopen(disk.mount())
      await b.maintain()
      expect([...(await b.read())], `step ${stopAt}`).toEqual([...b.expected(await b.closedEnd())])
      await b.append([{ key: 'a', value: 'next' }], { producerId: 4, baseSequence: 3 * BATCHES })
      await b.log.close()
    }
    expect(midway).toBeGreaterThan(5)
  })

  test('that ends when its file is there, and perhaps not for good, leaves the old or the new', async () => {
    const isThere = (disk: CrashDisk): boolean => disk.paths().some((path) => path.endsWith('.swap'))
    for (let seed = 1; seed <= 100; seed++) {
      const disk = new CrashDisk(seededRandom(seed))
      const isCrash = seed % 2 === 0
      let stopsLeft = 1 + (seed % 3)
      let wasThere = false
      const stepped = steppedDisk(disk.mount(), () => {
        const isNew = isThere(disk) && !wasThere
        wasThere = isThere(disk)
        if (isNew && --stopsLeft === 0) isCrash ? disk.crash() : disk.kill()
      })
      const b = await filled(disk, stepped.disk)
      stepped.arm()
      await b.maintain().catch(() => {})
      if (!isCrash) {
        const opened = b.reopen(disk.mount()).catch(() => {})
        await turns(seed % 25)
        disk.crash()
        await opened
      }
      await b.reopen(disk.mount())
      await b.expectConsistent()
      await b.log.close()
      expect(await errorsIn(disk), `seed ${seed}`).toEqual([])
      expect(leftovers(disk)).toEqual([])
    }
  })

  test('that an error left half done is done before the files get second names', async () => {
    const backup = '/backup'
    const disk = new CrashDisk(seededRandom(1))
    await disk.makeDirectory(backup)
    const b = await filled(disk, disk)
    disk.failNext({ operation: 'rename', path: '.timeindex.cleaned', code: 'EIO', times: 2 })
    await expect(b.maintain()).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
    await expect(b.log.hold()).rejects.toThrow('EIO')
    const release = await b.log.hold()
    const { finish } = await b.log.linkInto(backup)
    release()
    await finish()
    await b.maintain()
    await b.expectConsistent()
    await b.log.close()
    expect(await errorsIn(disk, backup)).toEqual([])
    expect(await errorsIn(disk)).toEqual([])
    expect(leftovers(disk)).toEqual([])
  })

  test('file that is not whole counts for nothing', async () => {
    const swap = { directory: DIRECTORY, replaced: [0, 12, 3_000_000_000] }
    const bytes = encodeSwap(swap)
    expect(bytes.toString()).toMatch(/^0\n0 12 3000000000\n[0-9a-f]{8}\n$/)
    expect(decodeSwap(bytes)).toEqual(swap.replaced)
    expect(decodeSwap(undefined)).toBeUndefined()
    for (let end = 0; end < bytes.length; end++) expect(decodeSwap(bytes.subarray(0, end))).toBeUndefined()
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Buffer.from(bytes)
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7))
      expect(decodeSwap(flipped), `bit ${bit}`).toBeUndefined()
    }
  })

  test('whose file is not whole is undone at the next start', async () => {
    const disk = new CrashDisk(seededRandom(1))
    const b = await filled(disk, disk)
    const before = await b.read()
    await b.log.close()
    for (const name of ['00000000000000000000.swap', '00000000000000000000.log.cleaned']) {
      const file = await disk.open(`${DIRECTORY}/${name}`, { create: true })
      await file.writev([Buffer.from('0\n0 1')], 0)
    }
    await b.reopen(disk)
    expect(leftovers(disk)).toEqual([])
    expect(await b.read()).toEqual(before)
    await b.log.close()
  })
})
