/*
 * How a partition's log ends: closed, or abandoned because its topic is deleted; and what waits then.
 */
import { MillraceError } from '@millrace/record'
import { CrashDisk, seededRandom } from '@millrace/testkit'
import { describe, expect, test } from 'vitest'
import {
  append,
  DIRECTORY,
  diskWith,
  failureOf,
  fileWith,
  LogBench,
  sizedBatch,
  turns,
  valuesBatch,
  valuesFrom,
} from '../test/log-harness.ts'
import type { Disk } from './disk.ts'
import { memoryDisk } from './memory-disk.ts'
import type { PartitionLog } from './partition-log.ts'

const GONE = new MillraceError('TOPIC_NOT_FOUND', 'the topic was deleted')

async function bench() {
  const disk = new CrashDisk(seededRandom(1))
  const context = new LogBench(disk)
  return { disk, context, log: await context.open({ segmentBytes: 500 }) }
}

async function expectRefused(log: PartitionLog, code: string): Promise<void> {
  const calls = [
    async () => log.append(valuesBatch(['late'])).committed,
    () => log.read(0, 1),
    () => log.waitFor(0, 10),
    () => log.findTimestamp(0),
    () => log.truncateBefore(0),
  ]
  for (const call of calls) expect((await failureOf(call)).code).toBe(code)
}

describe('a shutdown in order', () => {
  test('leaves nothing behind the committed end of what failed, though it could not be cut off at once', async () => {
    const disk = memoryDisk()
    let fails = false
    const failing = (): void => {
      if (fails) throw Object.assign(new Error('EIO'), { code: 'EIO' })
    }
    const open: Disk['open'] = async (path, options) => {
      const file = await disk.open(path, options)
      return fileWith(file, {
        writev: async (buffers, position) => {
          await file.writev(buffers, position)
          failing()
        },
        truncate: async (sizeBytes) => {
          failing()
          await file.truncate(sizeBytes)
        },
      })
    }
    const log = await new LogBench(diskWith(disk, { open })).open()
    await append(log, 'kept')
    fails = true
    await failureOf(append(log, 'failed'))
    fails = false
    await log.close()
    const again = await new LogBench(disk).open({ clean: true })
    expect([...(await valuesFrom(again)).values()]).toEqual(['kept'])
  })
})

describe('waiting for records', () => {
  test('ends with a record, a timeout or a signal', async () => {
    const { context, log } = await bench()
    const waiting = log.waitFor(0, 1_000)
    await append(log, 'a')
    await waiting
    await log.waitFor(0, 1_000)
    const late = log.waitFor(1, 1_000)
    context.clock.advance(1_000)
    await late
    const controller = new AbortController()
    const aborted = log.waitFor(1, 1_000, controller.signal)
    controller.abort()
    await aborted
    expect(context.clock.pendingTimers).toBe(0)
    expect((await failureOf(log.waitFor(2, 1_000))).code).toBe('OFFSET_OUT_OF_RANGE')
  })

  test('gives 100 readers at the tail the very Buffers that were appended', async () => {
    const { log } = await bench()
    const reading = Array.from({ length: 100 }, async () => {
      await log.waitFor(0, 1_000)
      return (await log.read(0, 1_000_000)).batches
    })
    // Smaller ones are copied, once.
    const appended = ['a', 'b'].map((value) => valuesBatch([value.repeat(1_024)]))
    await Promise.all(appended.map((batch) => log.append(batch).committed))
    for (const batches of await Promise.all(reading)) {
      expect(batches.length).toBeGreaterThan(0)
      for (const [index, buffer] of batches.entries()) expect(buffer).toBe(appended[index]!.buffer)
    }
  })

  test('does not end with an append that fails', async () => {
    const { disk, log } = await bench()
    let isOver = false
    const waiting = log.waitFor(0, 1_000).then(() => {
      isOver = true
    })
    disk.failNext({ operation: 'write', path: '.log', code: 'EIO' })
    await failureOf(append(log, 'a'))
    await turns(3)
    expect(isOver).toBe(false)
    await append(log, 'b')
    await waiting
  })
})

describe('a log that is closed', () => {
  test('commits what was appended, and refuses what comes then', async () => {
    const { disk, context, log } = await bench()
    const release = disk.holdSyncs()
    const appends = Array.from({ length: 5 }, (_, index) => log.append(sizedBatch(200, `${index}`)).committed)
    const waiting = failureOf(log.waitFor(0, 60_000))
    await turns(6)
    const closing = log.close()
    await expectRefused(log, 'SHUTTING_DOWN')
    release()
    await closing
    expect((await Promise.all(appends)).map(({ baseOffset }) => baseOffset)).toEqual([0, 1, 2, 3, 4])
    expect((await waiting).code).toBe('SHUTTING_DOWN')
    expect([context.clock.pendingTimers, context.tails.memoryBytes]).toEqual([0, 0])
    disk.crash()
    expect((await valuesFrom(await new LogBench(disk).open())).size).toBe(5)
  })

  test('needs no scan at a clean start, and none of its files changes by it', async () => {
    const { disk, log } = await bench()
    for (let count = 0; count < 9; count++) await log.append(sizedBatch(200, `${count}`)).committed
    await log.close()
    const before = disk.paths()
    disk.crash()
    expect(disk.paths()).toEqual(before)
    const context = new LogBench(disk)
    const again = await context.open({ clean: true, segmentBytes: 500 })
    expect([...(await valuesFrom(again)).keys()]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8])
    expect(context.logger.lines).toEqual([])
    expect(disk.paths()).toEqual(before)
  })
})

describe('a log that is abandoned', () => {
  test('fails what was appended and whoever waits with the reason, and holds no file and no memory', async () => {
    const { disk, context, log } = await bench()
    for (let count = 0; count < 4; count++) await log.append(sizedBatch(200)).committed
    const release = disk.holdSyncs()
    const appends = [log.append(sizedBatch(200)), log.append(sizedBatch(300))]
    await turns(8)
    appends.push(log.append(sizedBatch(200)))
    const failures = [...appends.map(({ committed }) => failureOf(committed)), failureOf(log.waitFor(4, 60_000))]
    const abandoned = log.abandon(GONE)
    await expectRefused(log, 'TOPIC_NOT_FOUND')
    release()
    await abandoned
    for (const failure of failures) expect(await failure).toBe(GONE)
    expect([context.files.openFiles, context.tails.memoryBytes, context.clock.pendingTimers]).toEqual([0, 0, 0])
    await disk.remove(DIRECTORY)
    await context.committer.idle()
    expect(context.committer.problem).toBeUndefined()
  })

  test('while its commit fails stays quiet about what was already failed', async () => {
    const { disk, log } = await bench()
    disk.failNext({ operation: 'write', path: '.log', code: 'EIO' })
    const failing = failureOf(append(log, 'a'))
    await turns(2)
    await log.abandon(GONE)
    expect(['TOPIC_NOT_FOUND', 'STORAGE_FAILED']).toContain((await failing).code)
    await expectRefused(log, 'TOPIC_NOT_FOUND')
  })
})

describe('a segment that is removed while it is read', () => {
  /** A log of which the opening of the first `.log` file can be held up. */
  async function heldUp() {
    const disk = memoryDisk()
    let gate: Promise<void> | undefined
    const open: Disk['open'] = async (path, options) => {
      if (path.endsWith('00000000000000000000.log')) await gate
      return disk.open(path, options)
    }
    const context = new LogBench(diskWith(disk, { open }), { limits: { tailCacheBytes: 0 } })
    const log = await context.open({ segmentBytes: 500 })
    for (let count = 0; count < 5; count++) await log.append(sizedBatch(300, `${count}`)).committed
    await context.files.dropWhere(() => true)
    const { promise, resolve } = Promise.withResolvers<void>()
    gate = promise
    return { context, log, release: resolve }
  }

  test('is out of range for a reader', async () => {
    const { log, release } = await heldUp()
    const reading = failureOf(log.read(0, 1_000))
    await turns(3)
    await log.truncateBefore(2)
    await turns(3)
    release()
    expect((await reading).code).toBe('OFFSET_OUT_OF_RANGE')
  })

  test('is passed over by who looks for a time', async () => {
    const { log, release } = await heldUp()
    const looking = log.findTimestamp(0)
    await turns(3)
    await log.truncateBefore(2)
    await turns(3)
    release()
    expect((await looking)?.offset).toBe(2)
  })
})
