import { RecordBatch } from '@millrace/record'
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
  TIMESTAMP,
  turns,
  valuesBatch,
  valuesFrom,
  valuesOf,
} from '../test/log-harness.ts'
import type { Disk } from './disk.ts'
import { baseOffsetsIn } from './file-names.ts'
import { memoryDisk } from './memory-disk.ts'

function crashBench(options?: ConstructorParameters<typeof LogBench>[1]) {
  const disk = new CrashDisk(seededRandom(1))
  return { disk, bench: new LogBench(disk, options) }
}

/** `disk`, and how often each `.log` file was synced, by its name. */
function countingSyncs(disk: Disk): { disk: Disk; syncs: Map<string, number> } {
  const syncs = new Map<string, number>()
  const open: Disk['open'] = async (path, options) => {
    const file = await disk.open(path, options)
    const name = path.slice(path.lastIndexOf('/') + 1)
    return fileWith(file, {
      datasync: async () => {
        syncs.set(name, (syncs.get(name) ?? 0) + 1)
        await file.datasync()
      },
    })
  }
  return { disk: diskWith(disk, { open }), syncs }
}

const segmentsOf = async (disk: Disk): Promise<number[]> => baseOffsetsIn(await disk.list(DIRECTORY), 'log')

describe('appends', () => {
  test('get their offsets at once, in the order of the calls, and are committed in that order', async () => {
    const log = await crashBench().bench.open()
    const done: number[] = []
    const appends = [['a', 'b'], ['c'], ['d', 'e', 'f']].map((values) => log.append(valuesBatch(values)))
    expect(appends.map(({ placed }) => placed.baseOffset)).toEqual([0, 2, 3])
    expect(log.logEndOffset).toBe(6)
    expect(log.highWatermark).toBe(0)
    await Promise.all(appends.map(({ committed }) => committed.then(({ baseOffset }) => done.push(baseOffset))))
    expect(done).toEqual([0, 2, 3])
    expect([...(await valuesFrom(log)).values()]).toEqual(['a', 'b', 'c', 'd', 'e', 'f'])
  })

  test('are stamped with their offset and the leader epoch', async () => {
    const log = await crashBench().bench.open()
    const batch = valuesBatch(['a'])
    await append(log, 'first')
    await log.append(batch).committed
    expect([batch.baseOffset, batch.leaderEpoch]).toEqual([1, log.leaderEpoch])
    expect(batch.hasValidChecksum()).toBe(true)
  })

  test('cannot be seen before they are committed', async () => {
    const { disk, bench } = crashBench()
    const log = await bench.open()
    const release = disk.holdSyncs()
    const { committed } = log.append(valuesBatch(['a']))
    await turns(10)
    expect(log.highWatermark).toBe(0)
    expect(await log.read(0, 1_000)).toMatchObject({ batches: [], nextOffset: 0 })
    expect(await log.findTimestamp(0)).toBeUndefined()
    let isWoken = false
    const waiting = log.waitFor(0, 1_000).then(() => {
      isWoken = true
    })
    await turns(3)
    expect(isWoken).toBe(false)
    release()
    await committed
    await waiting
    expect([...(await valuesFrom(log)).values()]).toEqual(['a'])
  })

  test('past what may be pending are refused, and leave no trace', async () => {
    const { disk, bench } = crashBench({ limits: { pendingBytesPerPartition: 1_000 } })
    const log = await bench.open()
    const release = disk.holdSyncs()
    const first = log.append(sizedBatch(600))
    await turns(5)
    const second = log.append(sizedBatch(400))
    const error = await failureOf(() => log.append(sizedBatch(100, '', { producerId: 1 })).committed)
    expect(error.code).toBe('LIMIT_REACHED')
    expect(log.logEndOffset).toBe(2)
    release()
    await Promise.all([first.committed, second.committed])
    // The refused batch is still its producer's first one.
    expect((await log.append(sizedBatch(100, '', { producerId: 1 })).committed).duplicate).toBe(false)
    expect((await log.append(sizedBatch(5_000)).committed).baseOffset).toBe(3)
  })
})

describe('repeats of a batch', () => {
  const repeat = () => valuesBatch(['once'], { producerId: 7, timestamp: TIMESTAMP + 5 })

  test('are answered with the place of the original', async () => {
    const log = await crashBench().bench.open()
    await append(log, 'before')
    await log.append(repeat()).committed
    const expected = { baseOffset: 1, timestamp: TIMESTAMP + 5, duplicate: true }
    const { placed, committed } = log.append(repeat())
    expect(placed).toEqual(expected)
    expect(await committed).toEqual(expected)
    expect(log.logEndOffset).toBe(2)
  })

  test('while the original is under way are answered when that is committed', async () => {
    const { disk, bench } = crashBench()
    const log = await bench.open()
    const release = disk.holdSyncs()
    const written = log.append(repeat())
    await turns(6)
    const later = valuesBatch(['later'], { producerId: 7, baseSequence: 1 })
    const pending = log.append(later)
    let answered = 0
    const repeats = [repeat(), valuesBatch(['later'], { producerId: 7, baseSequence: 1 })].map((batch) =>
      log.append(batch).committed.then((appended) => {
        answered++
        return appended
      }),
    )
    await turns(6)
    expect(answered).toBe(0)
    release()
    await Promise.all([written.committed, pending.committed])
    expect((await Promise.all(repeats)).map(({ baseOffset, duplicate }) => [baseOffset, duplicate])).toEqual([
      [0, true],
      [1, true],
    ])
  })

  test('fail as the original fails, and are then stored when they come again', async () => {
    const { disk, bench } = crashBench()
    const log = await bench.open()
    disk.failNext({ operation: 'write', path: '.log', code: 'ENOSPC' })
    const appends = [log.append(repeat()), log.append(repeat())]
    const errors = await Promise.all(appends.map(({ committed }) => failureOf(committed)))
    expect(errors.map(({ code }) => code)).toEqual(['DISK_FULL', 'DISK_FULL'])
    expect(await log.append(repeat()).committed).toMatchObject({ baseOffset: 0, duplicate: false })
    expect([...(await valuesFrom(log)).values()]).toEqual(['once'])
  })
})

describe('flush policies', () => {
  test('commit: what is committed is on disk', async () => {
    const { disk, bench } = crashBench()
    const log = await bench.open({ flushPolicy: 'commit' })
    await append(log, 'a')
    expect(log.durableEnd).toBe(1)
    disk.crash()
    expect([...(await valuesFrom(await new LogBench(disk).open())).values()]).toEqual(['a'])
  })

  test('interval: a sync follows when the time is up, one for all that came by then', async () => {
    const { disk, syncs } = countingSyncs(memoryDisk())
    const bench = new LogBench(disk)
    const log = await bench.open({ flushPolicy: 'interval', flushMs: 1_000 })
    const before = syncs.get('00000000000000000000.log') ?? 0
    await append(log, 'a')
    await append(log, 'b')
    expect([log.highWatermark, log.durableEnd]).toEqual([2, 0])
    bench.clock.advance(999)
    await bench.committer.idle()
    expect(log.durableEnd).toBe(0)
    bench.clock.advance(1)
    await bench.committer.idle()
    expect(log.durableEnd).toBe(2)
    expect(syncs.get('00000000000000000000.log')).toBe(before + 1)
    expect(bench.clock.pendingTimers).toBe(0)
    await append(log, 'c')
    expect(log.durableEnd).toBe(2)
    bench.clock.advance(1_000)
    await bench.committer.idle()
    expect(log.durableEnd).toBe(3)
  })

  test('os: nothing is synced before the segment is closed', async () => {
    const { disk, syncs } = countingSyncs(memoryDisk())
    const bench = new LogBench(disk)
    const log = await bench.open({ flushPolicy: 'os', segmentBytes: 400 })
    const first = '00000000000000000000.log'
    const before = syncs.get(first) ?? 0
    await log.append(sizedBatch(300)).committed
    bench.clock.advance(1e9)
    await bench.committer.idle()
    expect([log.highWatermark, log.durableEnd, syncs.get(first) ?? 0]).toEqual([1, 0, before])
    await log.append(sizedBatch(300)).committed
    expect([log.durableEnd, syncs.get(first)]).toEqual([1, before + 1])
    await log.close()
    expect(syncs.get('00000000000000000001.log')).toBe(1)
  })

  test.each(['interval', 'os'] as const)('%s: closing syncs what is left', async (flushPolicy) => {
    const { disk, bench } = crashBench()
    const log = await bench.open({ flushPolicy })
    await append(log, 'a')
    await log.close()
    expect(bench.clock.pendingTimers).toBe(0)
    disk.crash()
    expect([...(await valuesFrom(await new LogBench(disk).open())).values()]).toEqual(['a'])
  })
})

describe('segments', () => {
  test('are closed when the next batch would make them too large, and hold a larger one alone', async () => {
    const { disk, bench } = crashBench()
    const log = await bench.open({ segmentBytes: 1_000 })
    for (const size of [400, 600, 100, 1_000, 5_000, 100]) await log.append(sizedBatch(size)).committed
    expect(await segmentsOf(disk)).toEqual([0, 2, 3, 4, 5])
    expect(log.sizeBytes).toBe(7_200)
  })

  test('of one round of appends are closed in the same way', async () => {
    const { disk, bench } = crashBench()
    const log = await bench.open({ segmentBytes: 1_000 })
    const appends = [400, 600, 100, 1_000, 5_000, 100].map((size) => log.append(sizedBatch(size)).committed)
    await Promise.all(appends)
    expect(await segmentsOf(disk)).toEqual([0, 2, 3, 4, 5])
  })

  test('are closed by age at the next append, counted from their first batch', async () => {
    const { disk, bench } = crashBench()
    const log = await bench.open({ segmentMs: 1_000 })
    bench.clock.advance(5_000)
    await append(log, 'a')
    bench.clock.advance(999)
    await append(log, 'b')
    expect(await segmentsOf(disk)).toEqual([0])
    bench.clock.advance(1)
    await append(log, 'c')
    expect(await segmentsOf(disk)).toEqual([0, 2])
  })

  test('are closed before their offsets no longer fit the indexes', async () => {
    const { disk, bench } = crashBench()
    const log = await bench.open()
    const huge = (): RecordBatch => {
      const batch = valuesBatch(['x'])
      batch.buffer.writeInt32BE(2 ** 30 - 1, 23)
      batch.stampProducer({ producerId: -1, producerEpoch: -1, baseSequence: -1 })
      return batch
    }
    for (let count = 0; count < 3; count++) await log.append(huge()).committed
    expect(await segmentsOf(disk)).toEqual([0, 2 ** 30, 2 ** 31])
  })

  test('once closed get indexes, a snapshot of producers, and a checksum at the end', async () => {
    const { disk, bench } = crashBench()
    const log = await bench.open({ segmentBytes: 400 })
    for (let count = 0; count < 5; count++) await log.append(sizedBatch(300)).committed
    await log.close()
    const names = await disk.list(DIRECTORY)
    expect(baseOffsetsIn(names, 'crc')).toEqual([0, 1, 2, 3])
    expect(baseOffsetsIn(names, 'index')).toEqual([0, 1, 2, 3, 4])
    expect(baseOffsetsIn(names, 'timeindex')).toEqual([0, 1, 2, 3, 4])
    expect(baseOffsetsIn(names, 'snapshot')).toEqual([4, 5])
  })
})

describe('reads', () => {
  /** A log of many batches over several segments, and its values by offset. */
  async function written(limits: ConstructorParameters<typeof LogBench>[1], segmentBytes = 2_000) {
    const bench = new LogBench(memoryDisk(), limits)
    const log = await bench.open({ segmentBytes })
    const random = seededRandom(4)
    const values: string[] = []
    const batchEnds: number[] = []
    for (let count = 0; count < 60; count++) {
      const batch = Array.from({ length: random.int(1, 4) }, () => `${values.length}`.padEnd(random.int(1, 200), '.'))
      values.push(...batch)
      batchEnds.push(values.length)
      await append(log, ...batch)
    }
    return { bench, log, values, batchEnds }
  }

  test.each([
    ['files', { limits: { tailCacheBytes: 0, indexCacheBytes: 0, openFiles: 1 } }],
    ['the tail cache and files', { limits: { tailCacheBytes: 40_000 } }],
    ['the tail cache', {}],
  ])('from %s give whole batches from any offset on, within the bound', async (_, limits) => {
    const { log, values, batchEnds } = await written(limits)
    for (let offset = 0; offset < values.length; offset++) {
      for (const maxBytes of [1, 700, 1 << 20]) {
        const { batches, nextOffset } = await log.read(offset, maxBytes)
        const read = [...valuesOf(batches)]
        const [first] = read[0] as [number, string]
        expect(first === 0 || batchEnds.includes(first)).toBe(true)
        expect(first).toBeLessThanOrEqual(offset)
        expect(batchEnds.find((end) => end > first)).toBeGreaterThan(offset)
        expect(batchEnds).toContain(nextOffset)
        expect(read).toEqual(values.slice(first, nextOffset).map((value, index) => [first + index, value]))
        const size = batches.reduce((sum, { length }) => sum + length, 0)
        const isOneBatch = batches.length === 1 && RecordBatch.at(batches[0] as Buffer).sizeBytes === size
        if (!isOneBatch) expect(size).toBeLessThanOrEqual(maxBytes)
      }
    }
  })

  test('between index entries far apart find a batch in a few steps', async () => {
    let reads = 0
    const disk = memoryDisk()
    const open: Disk['open'] = async (path, options) => {
      const file = await disk.open(path, options)
      return fileWith(file, {
        read: (buffer, position) => {
          reads++
          return file.read(buffer, position)
        },
      })
    }
    const bench = new LogBench(diskWith(disk, { open }), { limits: { tailCacheBytes: 0 } })
    const log = await bench.open({ indexIntervalBytes: 1 << 20 })
    const appends = Array.from({ length: 3_000 }, (_, index) => log.append(valuesBatch([`${index}`])).committed)
    await Promise.all(appends)
    reads = 0
    const { batches } = await log.read(2_999, 1)
    expect([...valuesOf(batches)]).toEqual([[2_999, '2999']])
    expect(reads).toBeLessThan(40)
  })

  test('out of range say what there is', async () => {
    const log = await crashBench().bench.open({ segmentBytes: 400 })
    for (let count = 0; count < 4; count++) await log.append(sizedBatch(300)).committed
    await log.truncateBefore(2)
    for (const offset of [0, 1, 5]) {
      const error = await failureOf(log.read(offset, 1))
      expect(error.code).toBe('OFFSET_OUT_OF_RANGE')
      expect(error.details).toEqual({ logStartOffset: 2, highWatermark: 4 })
    }
    expect(await log.read(4, 1)).toMatchObject({ batches: [], nextOffset: 4 })
  })

  test('during rolls and deletions see the right records, or that they are gone', async () => {
    const { disk, bench } = crashBench({ limits: { tailCacheBytes: 1_000, indexCacheBytes: 100, openFiles: 2 } })
    const log = await bench.open({ segmentBytes: 800 })
    const random = seededRandom(9)
    let isOver = false
    let seen = 0
    const readers = Array.from({ length: 4 }, async () => {
      while (!isOver) {
        const offset = random.int(log.logStartOffset, log.highWatermark)
        try {
          const { batches } = await log.read(offset, random.pick([1, 500, 3_000]))
          for (const [at, value] of valuesOf(batches)) {
            expect(value).toBe(`v${at}`)
            seen++
          }
          const found = await log.findTimestamp(TIMESTAMP + offset)
          if (found !== undefined) expect(found.timestamp).toBe(TIMESTAMP + found.offset)
        } catch (error) {
          expect(error).toMatchObject({ code: 'OFFSET_OUT_OF_RANGE' })
        }
        await turns(random.int(0, 2))
      }
    })
    for (let count = 0; count < 150; count++) {
      await log.append(valuesBatch([`v${count}`], { timestamp: TIMESTAMP + count })).committed
      if (count % 10 === 9) await log.truncateBefore(count - 5)
    }
    isOver = true
    await Promise.all(readers)
    expect(seen).toBeGreaterThan(100)
    await log.close()
    expect((await segmentsOf(disk))[0]).toBeGreaterThan(130)
    expect(bench.logger.lines.filter(({ level }) => level !== 'info')).toEqual([])
  })
})

describe('times', () => {
  test('find the first record that is late enough, whatever their order', async () => {
    const bench = new LogBench(memoryDisk(), { limits: { tailCacheBytes: 0 } })
    const log = await bench.open({ segmentBytes: 1_500 })
    const random = seededRandom(2)
    const times: number[] = []
    for (let count = 0; count < 80; count++) {
      const timestamp = TIMESTAMP + count * 10 + random.int(-300, 300)
      const values = Array.from({ length: random.int(1, 3) }, () => 'x'.repeat(random.int(1, 100)))
      times.push(...values.map(() => timestamp))
      await log.append(valuesBatch(values, { timestamp })).committed
    }
    for (const start of [0, 37]) {
      await log.truncateBefore(start)
      for (let wanted = TIMESTAMP - 310; wanted < TIMESTAMP + 1_120; wanted += 7) {
        const offset = times.findIndex((time, at) => at >= start && time >= wanted)
        const expected = offset < 0 ? undefined : { offset, timestamp: times[offset] }
        expect(await log.findTimestamp(wanted)).toEqual(expected)
      }
    }
  })
})

describe('deleting records', () => {
  test('removes the segments that lie wholly before the offset, and keeps the start for the next start', async () => {
    const { disk, bench } = crashBench()
    const log = await bench.open({ segmentBytes: 700 })
    for (let count = 0; count < 9; count++) await log.append(sizedBatch(300, `${count}`)).committed
    expect(await log.truncateBefore(5)).toBe(5)
    expect(await log.truncateBefore(3)).toBe(5)
    expect((await failureOf(log.truncateBefore(10))).code).toBe('OFFSET_OUT_OF_RANGE')
    disk.crash()
    const again = await new LogBench(disk).open()
    expect([again.logStartOffset, again.highWatermark]).toEqual([5, 9])
    expect([...(await valuesFrom(again)).keys()]).toEqual([5, 6, 7, 8])
    expect((await segmentsOf(disk)).at(-1)).toBe(8)
    expect(await again.truncateBefore(9)).toBe(9)
    expect((await append(again, 'next')).baseOffset).toBe(9)
    await again.close()
    expect(await segmentsOf(disk)).toEqual([8])
  })

  test('twice at a time keeps the later start', async () => {
    const { disk, bench } = crashBench()
    const log = await bench.open()
    for (let count = 0; count < 9; count++) await append(log, `${count}`)
    expect(await Promise.all([3, 7, 5].map((offset) => log.truncateBefore(offset)))).toEqual([3, 7, 7])
    expect(log.logStartOffset).toBe(7)
    disk.crash()
    expect((await new LogBench(disk).open()).logStartOffset).toBe(7)
  })
})
