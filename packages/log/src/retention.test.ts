import { MillraceError } from '@millrace/record'
import { CrashDisk, seededRandom } from '@millrace/testkit'
import { beforeEach, describe, expect, test } from 'vitest'
import { append, DIRECTORY, diskWith, LogBench, sizedBatch, TIMESTAMP, valuesFrom } from '../test/log-harness.ts'
import type { CleanupConfig } from './cleanup-config.ts'
import type { PartitionLogConfig } from './log-config.ts'
import type { PartitionLog } from './partition-log.ts'
import { Throttle } from './throttle.ts'

const BATCH_BYTES = 1_000
const HOUR_MS = 3_600_000
const CLEANUP: CleanupConfig = {
  cleanupPolicy: 'delete',
  retentionMs: -1,
  retentionBytes: -1,
  minCompactionLagMs: 0,
  maxCompactionLagMs: Number.MAX_SAFE_INTEGER,
  deleteRetentionMs: 24 * HOUR_MS,
  minCleanableDirtyRatio: 0.5,
}

let disk: CrashDisk
let bench: LogBench

beforeEach(() => {
  disk = new CrashDisk(seededRandom(1))
  bench = new LogBench(disk.mount())
  bench.clock.setWallClock(TIMESTAMP)
})

/** A log whose segments hold two batches of one record each. */
function open(
  { flushPolicy = 'commit', ...cleanup }: Partial<CleanupConfig & PartitionLogConfig>,
  clean = false,
): Promise<PartitionLog> {
  return bench.open({ segmentBytes: 2 * BATCH_BYTES, flushPolicy, cleanup: { ...CLEANUP, ...cleanup }, clean })
}

const maintain = (log: PartitionLog): Promise<void> => log.maintain(new Throttle(bench.clock, Infinity))

/** Appends one batch for each of `timestamps`. */
async function fill(log: PartitionLog, timestamps: readonly number[]): Promise<void> {
  for (const timestamp of timestamps) await log.append(sizedBatch(BATCH_BYTES, '', { timestamp })).committed
}

function logFiles(): string[] {
  return disk.paths().filter((path) => path.startsWith(`${DIRECTORY}/`) && path.endsWith('.log'))
}

const every = (count: number, timestamp: number): number[] => Array.from({ length: count }, () => timestamp)

describe('retention.ms', () => {
  test('takes the closed segments whose latest record is too old, oldest first', async () => {
    const log = await open({ retentionMs: HOUR_MS })
    await fill(
      log,
      [0, 10, 20, 30, 40].map((age) => TIMESTAMP + age),
    )
    bench.clock.advance(HOUR_MS + 10)
    await maintain(log)
    expect(log.logStartOffset).toBe(0)
    bench.clock.advance(1)
    await maintain(log)
    expect(log.logStartOffset).toBe(2)
    bench.clock.advance(20)
    await maintain(log)
    expect(log.logStartOffset).toBe(4)
    expect([...(await valuesFrom(log)).keys()]).toEqual([4])
    await expect(log.read(3, 1)).rejects.toMatchObject({ code: 'OFFSET_OUT_OF_RANGE' })
    await log.close()
    expect(logFiles()).toHaveLength(1)
  })

  test('keeps what lies behind a segment that must stay, and that one for its latest record', async () => {
    const log = await open({ retentionMs: HOUR_MS })
    await fill(log, [TIMESTAMP, TIMESTAMP + HOUR_MS, ...every(4, TIMESTAMP)])
    bench.clock.advance(HOUR_MS + 1)
    await maintain(log)
    expect(log.logStartOffset).toBe(0)
    bench.clock.advance(HOUR_MS)
    await maintain(log)
    expect(log.logStartOffset).toBe(6)
    await log.close()
  })

  test('closes an active segment that nobody writes to, so that it can go, and offsets go on', async () => {
    const log = await open({ retentionMs: HOUR_MS })
    await fill(log, [TIMESTAMP])
    bench.clock.advance(HOUR_MS + 1)
    await maintain(log)
    expect([log.logStartOffset, log.highWatermark]).toEqual([1, 1])
    expect((await log.append(sizedBatch(BATCH_BYTES)).committed).baseOffset).toBe(1)
    await log.close()
  })

  test('of -1 keeps everything, and so does a policy without delete', async () => {
    for (const cleanup of [{ retentionMs: -1 }, { retentionMs: 1, cleanupPolicy: 'compact' }] as const) {
      bench = new LogBench(new CrashDisk(seededRandom(1)))
      const log = await open(cleanup)
      await fill(log, every(9, 1))
      await maintain(log)
      expect(log.logStartOffset).toBe(0)
      await log.close()
    }
  })
})

describe('retention.bytes', () => {
  test('takes the oldest segments as long as no less than it stays', async () => {
    for (const retentionBytes of [0, 1, 999, 1_000, 3_000, 3_001, 8_999, 9_000, 10_000]) {
      bench = new LogBench(new CrashDisk(seededRandom(1)))
      const log = await open({ retentionBytes })
      await fill(log, every(9, TIMESTAMP))
      await maintain(log)
      const left = Math.ceil(Math.max((Math.min(retentionBytes, 9_000) - 1_000) / 2_000, 0)) * 2_000 + 1_000
      expect(log.logStartOffset, `${retentionBytes}`).toBe((9_000 - left) / 1_000)
      await log.close()
    }
  })
})

describe('what was deleted', () => {
  test('stays gone, wherever a crash falls', async () => {
    for (let seed = 1; seed <= 40; seed++) {
      disk = new CrashDisk(seededRandom(seed))
      bench = new LogBench(disk.mount())
      bench.clock.setWallClock(TIMESTAMP)
      const log = await open({ retentionBytes: 1 })
      await fill(log, every(7, TIMESTAMP))
      const before = await valuesFrom(log, 6)
      const maintained = maintain(log).catch(() => {})
      for (let turn = 0; turn < seed; turn++) await new Promise((resolve) => setImmediate(resolve))
      const seen = log.logStartOffset
      disk.crash()
      await maintained
      bench = new LogBench(disk.mount())
      const reopened = await open({ retentionBytes: 1 })
      expect(reopened.logStartOffset, `seed ${seed}`).toBeGreaterThanOrEqual(seen)
      expect(await valuesFrom(reopened, 6)).toEqual(before)
      await maintain(reopened)
      expect(reopened.logStartOffset).toBe(6)
      await reopened.close()
      expect(logFiles()).toEqual([`${DIRECTORY}/00000000000000000006.log`])
    }
  })

  test.each([
    { snapshot: 'was not saved', shutsDown: false },
    // A shutdown saved it, and the roll that follows at the same offset does away with it.
    { snapshot: 'was saved and could not be saved again', shutsDown: true },
  ])(
    'takes nothing of what its producers are known by, although the snapshot of it $snapshot',
    async ({ shutsDown }) => {
      const shape = { producerId: 7, producerEpoch: 0, timestamp: TIMESTAMP }
      const batch = (baseSequence: number) => sizedBatch(BATCH_BYTES, '', { ...shape, baseSequence })
      let log = await open({})
      for (let sequence = 0; sequence < 2; sequence++) await log.append(batch(sequence)).committed
      if (shutsDown) {
        await log.close()
        log = await open({}, true)
      }
      disk.failNext({ operation: 'write', path: '.snapshot', code: 'ENOSPC' })
      await log.append(sizedBatch(BATCH_BYTES, '')).committed
      await maintain(log)
      await log.truncateBefore(2)
      await expect.poll(logFiles).toHaveLength(1)
      disk.crash()
      bench = new LogBench(disk.mount())
      const reopened = await open({})
      expect(await reopened.append(batch(1)).committed).toMatchObject({ duplicate: true, baseOffset: 1 })
      expect(await reopened.append(batch(2)).committed).toMatchObject({ duplicate: false, baseOffset: 3 })
      await reopened.close()
    },
  )

  test.each(['commit', 'interval', 'os'] as const)(
    'takes nothing of what its producers are known by, when all of it went before the roll, with flush.policy=%s',
    async (flushPolicy) => {
      const batch = (baseSequence: number) =>
        sizedBatch(BATCH_BYTES, '', { producerId: 7, baseSequence, timestamp: TIMESTAMP })
      const log = await open({ flushPolicy })
      for (let sequence = 0; sequence < 2; sequence++) await log.append(batch(sequence)).committed
      await log.truncateBefore(2)
      disk.failNext({ operation: 'create', path: '.snapshot', code: 'ENOSPC' })
      await log.append(sizedBatch(BATCH_BYTES, '')).committed
      const crash = async (): Promise<PartitionLog> => {
        disk.crash()
        bench = new LogBench(disk.mount())
        return open({ flushPolicy })
      }
      // Where there is no room for a snapshot at the next start either, the log can be used all the same.
      disk.failNext({ operation: 'create', path: '.snapshot', code: 'ENOSPC' })
      expect((await crash()).logStartOffset).toBe(2)
      await crash()
      expect(logFiles()).toEqual([`${DIRECTORY}/00000000000000000002.log`])
      const reopened = await crash()
      expect(reopened.logStartOffset).toBe(2)
      expect(await reopened.append(batch(1)).committed).toMatchObject({ duplicate: true, baseOffset: 1 })
      await reopened.close()
    },
  )

  test('takes nothing of what its producers are known by, where the process died before the snapshot was synced', async () => {
    const batch = (baseSequence: number) =>
      sizedBatch(BATCH_BYTES, '', { producerId: 7, baseSequence, timestamp: TIMESTAMP })
    for (let seed = 1; seed <= 20; seed++) {
      disk = new CrashDisk(seededRandom(seed))
      const reopen = (): Promise<PartitionLog> => {
        bench = new LogBench(disk.mount())
        return open({})
      }
      let log = await reopen()
      for (let sequence = 0; sequence < 2; sequence++) await log.append(batch(sequence)).committed
      const written = Promise.withResolvers<void>()
      disk.observer = (operation, path) => {
        if (operation !== 'datasync' || !path.endsWith('.snapshot')) return
        disk.observer = undefined
        disk.kill()
        written.resolve()
      }
      log.append(sizedBatch(BATCH_BYTES, '')).committed.catch(() => {})
      await written.promise
      log = await reopen()
      await log.truncateBefore(2)
      await expect.poll(logFiles).toHaveLength(1)
      disk.crash()
      log = await reopen()
      expect(await log.append(batch(1)).committed, `seed ${seed}`).toMatchObject({ duplicate: true, baseOffset: 1 })
      await log.close()
    }
  })

  test('is not seen to be gone before it is for good', async () => {
    let failing = true
    const failsToSync = async (directory: string): Promise<void> => {
      if (failing) throw Object.assign(new Error('EIO'), { code: 'EIO' })
      await disk.syncDirectory(directory)
    }
    const log = await open({})
    await fill(log, every(5, TIMESTAMP))
    await log.close()
    bench = new LogBench(diskWith(disk, { syncDirectory: failsToSync }))
    failing = false
    const reopened = await open({ retentionBytes: 1 }, true)
    failing = true
    await expect(maintain(reopened)).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
    expect(reopened.logStartOffset).toBe(0)
    failing = false
    await maintain(reopened)
    expect(reopened.logStartOffset).toBe(4)
    await reopened.close()
  })

  test('does not come back after a shutdown in order, although its first sync failed', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      disk = new CrashDisk(seededRandom(seed))
      bench = new LogBench(disk.mount())
      const log = await open({})
      await fill(log, every(5, TIMESTAMP))
      // What it does in the background is done.
      await maintain(log)
      disk.failNext({ operation: 'syncDirectory', path: DIRECTORY, code: 'EIO' })
      await expect(log.truncateBefore(4)).rejects.toMatchObject({ code: 'STORAGE_FAILED' })
      await log.close()
      bench = new LogBench(disk.mount())
      const { logStartOffset } = await open({}, true)
      disk.crash()
      bench = new LogBench(disk.mount())
      expect((await open({})).logStartOffset, `seed ${seed}`).toBe(logStartOffset)
    }
  })

  test('up to an end that a crash took back does not come to stand above what is appended next', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      disk = new CrashDisk(seededRandom(seed))
      bench = new LogBench(disk.mount())
      const log = await bench.open({ flushPolicy: 'os' })
      for (const value of ['a', 'b', 'c']) await append(log, value)
      await log.truncateBefore(3)
      disk.crash()
      for (let again = 0; again < 2; again++) {
        bench = new LogBench(disk.mount())
        const reopened = await bench.open()
        expect([reopened.logStartOffset, reopened.highWatermark], `seed ${seed}`).toEqual([3 + again, 3 + again])
        expect((await append(reopened, 'd')).baseOffset).toBe(3 + again)
        await reopened.truncateBefore(4 + again)
        disk.crash()
      }
    }
  })
})

describe('a reader', () => {
  test('in the middle of what goes gets what it asked for, or hears that it is out of range', async () => {
    for (let turns = 0; turns < 40; turns++) {
      disk = new CrashDisk(seededRandom(1))
      bench = new LogBench(disk, { limits: { tailCacheBytes: 0, indexCacheBytes: 0, openFiles: 1 } })
      const log = await open({ retentionBytes: 1 })
      await fill(log, every(7, TIMESTAMP))
      const maintained = maintain(log)
      for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve))
      const [read, found] = await Promise.all([
        log.read(1, 1).catch((error: unknown) => error),
        log.findTimestamp(TIMESTAMP),
      ])
      if (read instanceof MillraceError) expect(read.code).toBe('OFFSET_OUT_OF_RANGE')
      else expect(read).toMatchObject({ nextOffset: 2 })
      expect([0, 6]).toContain(found?.offset)
      await maintained
      await log.close()
    }
  })
})
