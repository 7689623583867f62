/*
 * Disks that fail under a partition's log.
 */
import type { MillraceError } from '@millrace/record'
import { CrashDisk, type DiskFault, type DiskOperation, seededRandom } from '@millrace/testkit'
import { describe, expect, test } from 'vitest'
import {
  append,
  type BatchShape,
  DIRECTORY,
  diskWith,
  failureOf,
  filesIn,
  fileWith,
  LogBench,
  type OpenLog,
  sizedBatch,
  TIMESTAMP,
  turns,
  valuesBatch,
  valuesFrom,
} from '../test/log-harness.ts'
import type { CleanupConfig } from './cleanup-config.ts'
import type { Disk } from './disk.ts'
import type { PartitionLog } from './partition-log.ts'
import { Throttle } from './throttle.ts'

const FIRST = '00000000000000000000.log'
const FOR_EVER: CleanupConfig = {
  cleanupPolicy: 'delete',
  retentionMs: -1,
  retentionBytes: -1,
  minCompactionLagMs: 0,
  maxCompactionLagMs: Number.MAX_SAFE_INTEGER,
  deleteRetentionMs: 0,
  minCleanableDirtyRatio: 0.5,
}
const isLog = (name: string): boolean => name.endsWith('.log')

async function bench(options: OpenLog = {}) {
  const disk = new CrashDisk(seededRandom(1))
  const logBench = new LogBench(disk)
  return { disk, bench: logBench, log: await logBench.open(options) }
}

const keyed = (value: string, baseSequence: number): ReturnType<typeof valuesBatch> =>
  valuesBatch([value], { producerId: 7, baseSequence } satisfies BatchShape)

/** All that a reader and a restarted server can know of the log. */
async function traceOf(disk: CrashDisk, log: PartitionLog) {
  return {
    logEnd: log.logEndOffset,
    highWatermark: log.highWatermark,
    sizeBytes: log.sizeBytes,
    values: [...(await valuesFrom(log))],
    files: await filesIn(disk, DIRECTORY, isLog),
  }
}

describe('a write that fails', () => {
  test.each([
    ['ENOSPC', 'DISK_FULL'],
    ['EIO', 'STORAGE_FAILED'],
  ])('with %s is %s and leaves no trace', async (system, code) => {
    const { disk, bench: context, log } = await bench()
    await log.append(keyed('kept', 0)).committed
    const before = await traceOf(disk, log)
    const tail = context.tails.memoryBytes
    disk.failNext({ operation: 'write', path: '.log', code: system })
    const appends = [log.append(keyed('a', 1)), log.append(valuesBatch(['b'])), log.append(keyed('c', 2))]
    const errors = await Promise.all(appends.map(({ committed }) => failureOf(committed)))
    expect(errors.map((error) => error.code)).toEqual([code, code, code])
    expect(await traceOf(disk, log)).toEqual(before)
    expect(context.tails.memoryBytes).toBe(tail)
    expect(context.committer.problem).toContain(system)

    expect(await log.append(keyed('a', 1)).committed).toMatchObject({ baseOffset: 1, duplicate: false })
    expect([...(await valuesFrom(log)).values()]).toEqual(['kept', 'a'])
    disk.crash()
    const again = await new LogBench(disk).open()
    expect([...(await valuesFrom(again)).values()]).toEqual(['kept', 'a'])
  })

  test('for want of space leaves no trace, and works again when there is some', async () => {
    const { disk, log } = await bench()
    await append(log, 'kept')
    const before = await traceOf(disk, log)
    disk.capacityBytes = [...Object.values(await filesIn(disk, DIRECTORY))].reduce(
      (sum, { length }) => sum + length,
      50,
    )
    for (let attempt = 0; attempt < 5; attempt++) {
      expect((await failureOf(append(log, 'x'.repeat(100)))).code).toBe('DISK_FULL')
      expect(await traceOf(disk, log)).toEqual(before)
    }
    disk.capacityBytes = Number.POSITIVE_INFINITY
    expect((await append(log, 'fits')).baseOffset).toBe(1)
  })

  test('fails what came while it ran too, and what comes while it is cleaned up is stored', async () => {
    const { disk, log } = await bench()
    disk.failNext({ operation: 'write', path: '.log', code: 'EIO' })
    const errors: MillraceError[] = []
    const stored: number[] = []
    const failing = log.append(valuesBatch(['fails'])).committed.catch((error) => errors.push(error))
    let settled = false
    void failing.then(() => {
      settled = true
    })
    const later: Promise<unknown>[] = []
    while (!settled) {
      const { committed } = log.append(valuesBatch(['later']))
      later.push(
        committed.then(
          ({ baseOffset }) => stored.push(baseOffset),
          (error) => errors.push(error),
        ),
      )
      await turns(1)
    }
    await Promise.all(later)
    expect(errors.every(({ code }) => code === 'STORAGE_FAILED')).toBe(true)
    expect(stored).toEqual(stored.map((_, index) => index))
    expect(await valuesFrom(log)).toEqual(new Map(stored.map((offset) => [offset, 'later'])))
  })

  test('and that cannot be cut off is of unknown outcome; the cut is made up for before the next', async () => {
    const { disk, log } = await bench()
    await append(log, 'kept')
    disk.failNext({ operation: 'write', path: '.log', code: 'EIO' })
    disk.failNext({ operation: 'truncate', path: '.log', code: 'EIO' })
    expect((await failureOf(append(log, 'lost'))).code).toBe('COMMIT_UNKNOWN')
    expect(log.highWatermark).toBe(1)
    await append(log, 'next')
    disk.crash()
    const again = await new LogBench(disk).open()
    expect([...(await valuesFrom(again)).values()]).toEqual(['kept', 'next'])
  })
})

describe('a sync that fails', () => {
  test('leaves the outcome unknown, and its records are not served', async () => {
    const { disk, bench: context, log } = await bench()
    await append(log, 'kept')
    disk.failNext({ operation: 'datasync', path: FIRST, code: 'EIO' })
    const error = await failureOf(append(log, 'lost'))
    expect(error.code).toBe('COMMIT_UNKNOWN')
    expect(error.retriable).toBe(true)
    expect([log.logEndOffset, log.highWatermark, log.durableEnd]).toEqual([1, 1, 1])
    expect([...(await valuesFrom(log)).values()]).toEqual(['kept'])
    expect(context.committer.problem).toContain('EIO')
    expect((await append(log, 'next')).baseOffset).toBe(1)
    expect(Object.keys(await filesIn(disk, DIRECTORY, isLog))).toEqual([FIRST])
  })

  test('is never followed by another one of that file, which another takes the place of', async () => {
    const inner = new CrashDisk(seededRandom(1))
    /** The syncs of each file that was opened under the segment's name. */
    const syncs: number[] = []
    const open: Disk['open'] = async (path, options) => {
      const file = await inner.open(path, options)
      if (!path.endsWith(FIRST) || options?.create) return file
      const number = syncs.push(0) - 1
      return fileWith(file, {
        datasync: () => {
          syncs[number] = (syncs[number] as number) + 1
          return file.datasync()
        },
      })
    }
    const log = await new LogBench(diskWith(inner, { open })).open({ segmentBytes: 500 })
    await append(log, 'kept')
    inner.failNext({ operation: 'datasync', path: FIRST, code: 'EIO' })
    await failureOf(append(log, 'lost'))
    for (let count = 0; count < 8; count++) await log.append(sizedBatch(200)).committed
    await log.truncateBefore(4)
    await log.close()
    expect(syncs[0], 'one that worked, one that failed').toBe(2)
    expect(syncs.slice(1).reduce((sum, count) => sum + count, 0)).toBeGreaterThan(0)
  })

  test('of an empty segment begins a new file of the same name', async () => {
    const { disk, log } = await bench()
    disk.failNext({ operation: 'datasync', path: FIRST, code: 'EIO', times: 3 })
    // The second try fails while the file is still being replaced, before anything was written.
    for (const code of ['COMMIT_UNKNOWN', 'STORAGE_FAILED'])
      expect((await failureOf(append(log, 'lost'))).code).toBe(code)
    expect((await append(log, 'kept')).baseOffset).toBe(0)
    disk.crash()
    expect([...(await valuesFrom(await new LogBench(disk).open())).values()]).toEqual(['kept'])
  })

  test('again and again loses nothing that was acknowledged', async () => {
    for (let seed = 1; seed <= 15; seed++) {
      const disk = new CrashDisk(seededRandom(seed))
      const log = await new LogBench(disk).open({ segmentBytes: 600 })
      const random = seededRandom(seed)
      const acknowledged = new Map<number, string>()
      for (let count = 0; count < 30; count++) {
        if (random.bool(0.4)) disk.failNext({ operation: 'datasync', path: '.log', code: 'EIO' })
        const value = `${count}`.padEnd(random.int(1, 150), '.')
        await append(log, value).then(
          ({ baseOffset }) => acknowledged.set(baseOffset, value),
          (error: MillraceError) => expect(['COMMIT_UNKNOWN', 'DISK_FULL', 'STORAGE_FAILED']).toContain(error.code),
        )
        disk.clearFaults()
      }
      expect(await valuesFrom(log)).toEqual(acknowledged)
      disk.crash()
      const again = await valuesFrom(await new LogBench(disk).open())
      for (const [offset, value] of acknowledged) expect(again.get(offset), `seed ${seed}`).toBe(value)
    }
  })

  test('with flush.policy interval keeps what readers have seen', async () => {
    const { disk, bench: context, log } = await bench({ flushPolicy: 'interval', flushMs: 100 })
    await append(log, 'seen')
    disk.failNext({ operation: 'datasync', path: FIRST, code: 'EIO' })
    context.clock.advance(100)
    await context.committer.idle()
    expect([...(await valuesFrom(log)).values()]).toEqual(['seen'])
    expect(context.committer.problem).toContain('EIO')
    expect((await append(log, 'next')).baseOffset).toBe(1)
    expect([...(await valuesFrom(log)).values()]).toEqual(['seen', 'next'])
  })
})

describe('a roll that fails', () => {
  const STEPS: readonly (DiskFault & { refused: boolean })[] = [
    { operation: 'create', path: '.log', code: 'ENOSPC', refused: true },
    { operation: 'create', path: '.log', code: 'ENOSPC', times: 2, refused: true },
    { operation: 'syncDirectory', path: DIRECTORY, code: 'EIO', refused: true },
    { operation: 'syncDirectory', path: DIRECTORY, code: 'EIO', times: 2, refused: true },
    { operation: 'remove', path: '.log', code: 'EIO', refused: true },
    // Behind the roll the closed segment is finished; nobody waits for that.
    { operation: 'create', path: '.snapshot', code: 'ENOSPC', refused: false },
    { operation: 'write', path: '.snapshot', code: 'ENOSPC', refused: false },
    { operation: 'create', path: '.index', code: 'ENOSPC', refused: false },
    { operation: 'datasync', path: '.timeindex', code: 'EIO', refused: false },
    { operation: 'write', path: '.crc', code: 'ENOSPC', refused: false },
    { operation: 'rename', path: '.crc', code: 'EIO', refused: false },
  ]

  test.each(STEPS)('at $operation $path ($times) loses nothing', async ({ refused, ...fault }) => {
    const { disk, log } = await bench({ segmentBytes: 500 })
    await log.append(sizedBatch(300, 'first')).committed
    disk.failNext(fault)
    const rolling = log.append(sizedBatch(300, 'second')).committed
    if (refused) {
      const { code } = await failureOf(rolling)
      expect(code).toBe(fault.code === 'ENOSPC' ? 'DISK_FULL' : 'STORAGE_FAILED')
      expect(log.highWatermark).toBe(1)
      disk.clearFaults()
      await log.append(sizedBatch(300, 'second')).committed
    } else {
      await rolling
    }
    await log.append(sizedBatch(300, 'third')).committed
    const expected = [...(await valuesFrom(log)).values()]
    expect(expected.map((value) => value.replaceAll('.', ''))).toEqual(['first', 'second', 'third'])
    disk.crash()
    const again = await new LogBench(disk).open({ segmentBytes: 500 })
    expect([...(await valuesFrom(again)).values()]).toEqual(expected)
    await again.close()
    const afterwards = await new LogBench(disk).open({ segmentBytes: 500, clean: true })
    expect([...(await valuesFrom(afterwards)).values()]).toEqual(expected)
  })

  test('at the sync before it keeps what readers have seen, and goes on', async () => {
    const { disk, log } = await bench({ segmentBytes: 500, flushPolicy: 'os' })
    await log.append(sizedBatch(300, 'first')).committed
    disk.failNext({ operation: 'datasync', path: FIRST, code: 'EIO' })
    await log.append(sizedBatch(300, 'second')).committed
    expect([...(await valuesFrom(log)).keys()]).toEqual([0, 1])
  })
})

describe('recovery', () => {
  test('after a cut whose sync failed shows what it will show after the next crash', async () => {
    for (let seed = 1; seed <= 40; seed++) {
      const disk = new CrashDisk(seededRandom(seed))
      const log = await new LogBench(disk.mount()).open()
      await append(log, 'kept')
      disk.failNext({ operation: 'write', path: FIRST, code: 'EIO' })
      disk.failNext({ operation: 'datasync', path: FIRST, code: 'EIO' })
      await Promise.allSettled(['a', 'b', 'c', 'd'].map((value) => append(log, value)))
      disk.kill()
      const values = await valuesFrom(await new LogBench(disk.mount()).open())
      disk.crash()
      expect(await valuesFrom(await new LogBench(disk.mount()).open()), `seed ${seed}`).toEqual(values)
    }
  })

  test('finds the latest record of a segment that was sealed only at the second attempt', async () => {
    for (let seed = 1; seed <= 40; seed++) {
      const disk = new CrashDisk(seededRandom(seed))
      const rename = async (from: string, to: string): Promise<void> => {
        await disk.rename(from, to)
        // Once the checksum has its name, the attempt fails.
        if (to.endsWith('.crc')) disk.failNext({ operation: 'syncDirectory', code: 'EIO' })
      }
      const context = new LogBench(diskWith(disk, { rename }))
      const log = await context.open({ segmentBytes: 1_000, indexIntervalBytes: 256, cleanup: FOR_EVER })
      for (let index = 0; index < 4; index++) {
        await log.append(sizedBatch(300, '', { timestamp: TIMESTAMP + index })).committed
      }
      await turns(100)
      // Only a part of it arrives.
      disk.failNext({ operation: 'write', path: '.timeindex', code: 'ENOSPC' })
      await log.maintain(new Throttle(context.clock, Number.POSITIVE_INFINITY))
      disk.kill()
      disk.clearFaults()
      const again = await new LogBench(disk).open()
      const found = await again.findTimestamp(TIMESTAMP + 2)
      expect(found, `seed ${seed}`).toEqual({ offset: 2, timestamp: TIMESTAMP + 2 })
    }
  })
})

describe('closing a log whose disk fails', () => {
  test.each(['write', 'datasync'] as const)('after a %s that was not made up for does so first', async (operation) => {
    const { disk, bench: context, log } = await bench()
    await append(log, 'kept')
    disk.failNext({ operation, path: '.log', code: 'EIO' })
    disk.failNext({ operation: 'truncate', path: '.log', code: 'EIO' })
    expect((await failureOf(append(log, 'lost'))).code).toBe('COMMIT_UNKNOWN')
    await log.close()
    expect(context.clock.pendingTimers).toBe(1)
    context.committer.close()
    const again = await new LogBench(disk).open({ clean: true })
    expect([...(await valuesFrom(again)).values()]).toEqual(['kept'])
  })

  test('fails when it cannot save what a clean start needs, and holds nothing', async () => {
    const { disk, bench: context, log } = await bench({ flushPolicy: 'interval' })
    await append(log, 'kept')
    disk.failNext({ operation: 'create', path: '.index', code: 'ENOSPC' })
    expect((await failureOf(log.close())).code).toBe('DISK_FULL')
    expect([context.clock.pendingTimers, context.tails.memoryBytes]).toEqual([0, 0])
  })
})

describe('any faults', () => {
  const OPERATIONS: readonly DiskOperation[] = [
    'open',
    'create',
    'read',
    'write',
    'datasync',
    'truncate',
    'rename',
    'remove',
    'syncDirectory',
  ]

  test('never show a record that was refused, nor lose one that was acknowledged', async () => {
    for (let seed = 1; seed <= 40; seed++) {
      const random = seededRandom(seed)
      const disk = new CrashDisk(random)
      const context = new LogBench(disk, { limits: { tailCacheBytes: 500, openFiles: 1, indexCacheBytes: 64 } })
      const log = await context.open({ segmentBytes: 700 })
      const acknowledged = new Map<number, string>()
      const refused = new Set<string>()
      const running: Promise<unknown>[] = []
      for (let count = 0; count < 40; count++) {
        if (random.bool(0.3)) {
          const fault = { operation: random.pick(OPERATIONS), path: DIRECTORY, code: random.pick(['EIO', 'ENOSPC']) }
          disk.failNext({ ...fault, times: random.int(1, 3) })
        }
        const value = `${count}`.padEnd(random.int(2, 120), '.')
        running.push(
          append(log, value).then(
            ({ baseOffset }) => acknowledged.set(baseOffset, value),
            (error: MillraceError) => error.code !== 'COMMIT_UNKNOWN' && refused.add(value),
          ),
        )
        await turns(random.int(0, 6))
        if (random.bool(0.1)) disk.clearFaults()
      }
      await Promise.all(running)
      disk.clearFaults()
      expect(await valuesFrom(log), `seed ${seed}`).toEqual(acknowledged)
      disk.crash()
      const again = await valuesFrom(await new LogBench(disk).open())
      for (const [offset, value] of acknowledged)
        expect(again.get(offset), `seed ${seed}, offset ${offset}`).toBe(value)
      for (const value of again.values()) expect(refused.has(value), `seed ${seed}: ${value}`).toBe(false)
    }
  })
})
