import { checksum, readBatches } from '@millrace/record'
import { CrashDisk, seededRandom } from '@millrace/testkit'
import { describe, expect, test } from 'vitest'
import {
  append,
  CONFIG,
  DIRECTORY,
  diskOf,
  diskWith,
  failureOf,
  filesIn,
  fileWith,
  IDENTITY,
  LogBench,
  type OpenLog,
  sizedBatch,
  TIMESTAMP,
  turns,
  valuesBatch,
  valuesFrom,
} from '../test/log-harness.ts'
import type { Disk } from './disk.ts'
import { segmentFileName } from './file-names.ts'
import { memoryDisk } from './memory-disk.ts'
import type { PartitionLog } from './partition-log.ts'
import { openPartitionLog } from './recovery.ts'

type Files = Record<string, Buffer>

const LOG = segmentFileName(0, 'log')

/** What a log leaves behind that `write` wrote to. */
async function leftBy(
  write: (log: PartitionLog) => Promise<unknown>,
  options: OpenLog & { close?: boolean } = {},
): Promise<Files> {
  const disk = memoryDisk()
  const log = await new LogBench(disk).open(options)
  await write(log)
  if (options.close) await log.close()
  return filesIn(disk, DIRECTORY)
}

/** Opens what `files` hold and tells what is in it. */
async function recovered(files: Files, options: OpenLog = {}) {
  const disk = await diskOf(files)
  const context = new LogBench(disk)
  const log = await context.open(options)
  return { disk, context, log, values: [...(await valuesFrom(log)).values()], files: await filesIn(disk, DIRECTORY) }
}

const values = (count: number): string[] => Array.from({ length: count }, (_, index) => `value ${index}`)

/** Several segments with producers and rising times, and what can be asked of them. */
const SEGMENTS = { segmentBytes: 600, indexIntervalBytes: 256 } as const
async function writeSegments(log: PartitionLog): Promise<void> {
  for (let count = 0; count < 24; count++) {
    const producer = count % 3 === 0 ? {} : { producerId: count % 3, baseSequence: Math.floor(count / 3) }
    await log.append(sizedBatch(150, `${count}`, { timestamp: TIMESTAMP + count, ...producer })).committed
  }
}
async function expectSegments(log: PartitionLog): Promise<void> {
  const read = [...(await valuesFrom(log, 0, 1))]
  expect(read.map(([offset, value]) => [offset, value.replaceAll('.', '')])).toEqual(
    Array.from({ length: 24 }, (_, index) => [index, `${index}`]),
  )
  for (let count = 0; count < 24; count++) {
    expect(await log.findTimestamp(TIMESTAMP + count)).toEqual({ offset: count, timestamp: TIMESTAMP + count })
  }
  expect(await log.findTimestamp(TIMESTAMP + 24)).toBeUndefined()
  const again = log.append(sizedBatch(150, '23', { producerId: 2, baseSequence: 7 }))
  expect(again.placed).toMatchObject({ baseOffset: 23, duplicate: true })
  const gap = await failureOf(() => log.append(sizedBatch(150, '', { producerId: 1, baseSequence: 9 })).committed)
  expect(gap.details.expectedSequence).toBe(8)
}

describe('after a crash', () => {
  test('the end is cut off behind the last whole batch, wherever it tore, and is kept beside', async () => {
    const ends: number[] = []
    const files = await leftBy(async (log) => {
      for (const value of values(4)) {
        await append(log, value)
        ends.push(log.sizeBytes)
      }
    })
    const whole = files[LOG] as Buffer
    for (let length = 0; length <= whole.length; length++) {
      const { log, values: left, files: after } = await recovered({ ...files, [LOG]: whole.subarray(0, length) })
      const batches = ends.filter((end) => end <= length).length
      const end = ends[batches - 1] ?? 0
      expect(left).toEqual(values(batches))
      expect(after[LOG]).toEqual(whole.subarray(0, end))
      expect(after[segmentFileName(0, 'cut')]).toEqual(end === length ? undefined : whole.subarray(end, length))
      expect((await append(log, 'next')).baseOffset).toBe(batches)
    }
  })

  test('a batch at the end in which any byte is wrong is cut off', async () => {
    let start = 0
    const files = await leftBy(async (log) => {
      await append(log, 'kept')
      start = log.sizeBytes
      await append(log, 'torn')
    })
    const whole = files[LOG] as Buffer
    for (let at = start; at < whole.length; at++) {
      const damaged = Buffer.from(whole)
      damaged[at] = (damaged[at] as number) ^ 0x40
      const { values: left } = await recovered({ ...files, [LOG]: damaged })
      // The leader epoch is the broker's own stamp, which no checksum covers.
      const isEpoch = at - start >= 12 && at - start < 16
      expect(left, `byte ${at - start}`).toEqual(isEpoch ? ['kept', 'torn'] : ['kept'])
    }
  })

  test.each([
    ['zeros', Buffer.alloc(10_000)],
    ['noise', seededRandom(5).bytes(10_000)],
  ])('%s behind the last batch are cut off', async (_, garbage) => {
    const files = await leftBy((log) => append(log, 'kept'))
    const whole = files[LOG] as Buffer
    const { values: left, files: after } = await recovered({ ...files, [LOG]: Buffer.concat([whole, garbage]) })
    expect(left).toEqual(['kept'])
    expect(after[LOG]).toEqual(whole)
    expect(after[segmentFileName(0, 'cut')]).toEqual(garbage)
  })

  test('all of a long end is kept beside, in pieces', async () => {
    const files = await leftBy((log) => append(log, 'kept'))
    const garbage = seededRandom(5).bytes((17 << 20) + 3)
    const { files: after } = await recovered({ ...files, [LOG]: Buffer.concat([files[LOG] as Buffer, garbage]) })
    expect(after[segmentFileName(0, 'cut')]?.equals(garbage)).toBe(true)
  })

  test('a whole batch whose offset is not the next one is cut off', async () => {
    const files = await leftBy((log) => append(log, 'kept'))
    const stale = valuesBatch(['stale'])
    stale.stamp(0, 0)
    const { values: left } = await recovered({ ...files, [LOG]: Buffer.concat([files[LOG] as Buffer, stale.buffer]) })
    expect(left).toEqual(['kept'])
  })

  test('the leader epoch rises, and marks what is written from then on', async () => {
    const first = await leftBy((log) => append(log, 'a'))
    const second = await recovered(first)
    expect(second.log.leaderEpoch).toBe(1)
    const batch = valuesBatch(['b'])
    await second.log.append(batch).committed
    expect(batch.leaderEpoch).toBe(1)
    const checkpoint = (await filesIn(second.disk, DIRECTORY))['leader-epoch-checkpoint']
    expect(checkpoint?.toString()).toBe('0\n2\n0 0\n1 1\n')
  })

  test('no batch on disk bears a leader epoch that the file does not have', async () => {
    let risen = 0
    for (let seed = 1; seed <= 60; seed++) {
      const disk = new CrashDisk(seededRandom(seed))
      await append(await new LogBench(disk).open(), 'a')
      disk.kill()
      const log = await new LogBench(disk).open()
      expect(log.leaderEpoch).toBe(1)
      const batch = valuesBatch(['b'])
      log.append(batch).committed.catch(() => {})
      await turns(seed % 20)
      disk.crash()
      const again = await new LogBench(disk).open()
      const { batches } = await again.read(0, 1 << 20)
      for (const bytes of batches)
        for (const { leaderEpoch } of readBatches(bytes)) {
          expect(leaderEpoch, `seed ${seed}`).toBeLessThan(again.leaderEpoch)
          risen += leaderEpoch
        }
    }
    expect(risen).toBeGreaterThan(0)
  })

  test('a risen leader epoch is kept at a shutdown, though nothing was written', async () => {
    const { disk, log } = await recovered(await leftBy((log) => append(log, 'a')))
    await log.close()
    expect((await new LogBench(disk).open({ clean: true })).leaderEpoch).toBe(log.leaderEpoch)
  })

  test('nothing is written for a log that holds nothing', async () => {
    const disk = await diskOf(await leftBy(async () => {}))
    const writes: string[] = []
    const open: Disk['open'] = async (path, options) => {
      if (options?.create) writes.push(path)
      const file = await disk.open(path, options)
      const noted = (work: () => Promise<void>) => () => {
        writes.push(path)
        return work()
      }
      return fileWith(file, { datasync: noted(() => file.datasync()) })
    }
    const log = await new LogBench(diskWith(disk, { open })).open()
    expect([log.leaderEpoch, writes]).toEqual([1, []])
  })

  test('what was recovered is on disk before anybody reads it', async () => {
    const disk = new CrashDisk(seededRandom(3))
    const log = await new LogBench(disk).open({ flushPolicy: 'os' })
    await append(log, 'written')
    disk.kill()
    const again = await new LogBench(disk).open({ flushPolicy: 'os' })
    expect([...(await valuesFrom(again)).values()]).toEqual(['written'])
    disk.crash()
    expect([...(await valuesFrom(await new LogBench(disk).open())).values()]).toEqual(['written'])
  })

  test('all is there again: records, times, producers', async () => {
    const files = await leftBy(writeSegments, SEGMENTS)
    const { log } = await recovered(files, SEGMENTS)
    await expectSegments(log)
  })

  test('recovering twice changes nothing', async () => {
    const files = await leftBy(writeSegments, SEGMENTS)
    const torn = Object.keys(files)
      .filter((name) => name.endsWith('.log'))
      .at(-1) as string
    files[torn] = Buffer.concat([files[torn] as Buffer, Buffer.alloc(50, 1)])
    const withoutEpoch = ({ 'leader-epoch-checkpoint': _, ...rest }: Files): Files => rest
    const once = await recovered(files, SEGMENTS)
    const twice = await recovered(once.files, SEGMENTS)
    expect(withoutEpoch(twice.files)).toEqual(withoutEpoch(once.files))
    expect(twice.values).toEqual(once.values)
    expect(twice.log.leaderEpoch).toBe(once.log.leaderEpoch)
  })

  test('what was being written beside is removed', async () => {
    const files = await leftBy((log) => append(log, 'a'))
    const names = Object.keys(files)
    const after = await recovered({
      ...files,
      'log-start-offset.tmp': Buffer.from('9\n'),
      'x.crc.tmp': Buffer.alloc(3),
    })
    expect(Object.keys(after.files).sort()).toEqual(names.sort())
    expect(after.log.logStartOffset).toBe(0)
  })

  test('the checksum of a sealed segment is that of its file', async () => {
    const files = await leftBy(writeSegments, { ...SEGMENTS, close: true })
    const sealed = Object.keys(files).filter((name) => name.endsWith('.crc'))
    expect(sealed.length).toBeGreaterThan(3)
    for (const name of sealed) {
      const sum = checksum(files[name.replace('.crc', '.log')] as Buffer)
      expect(files[name]?.toString()).toBe(`${sum.toString(16).padStart(8, '0')}\n`)
    }
  })

  test('the last segment is not taken for a sealed one, even with a checksum beside it', async () => {
    const files = await leftBy(writeSegments, { ...SEGMENTS, close: true })
    const bases = Object.keys(files).filter((name) => name.endsWith('.log'))
    // The file of the segment that came last is lost, as when a crash fell between its removal and its making anew.
    delete files[bases.at(-1) as string]
    const { disk, log } = await recovered(files, SEGMENTS)
    await append(log, 'next')
    const last = (bases.at(-2) as string).replace('.log', '.crc')
    expect(Object.keys(await filesIn(disk, DIRECTORY))).not.toContain(last)
  })

  test('a crash at any moment of closing a segment leaves times and records findable', async () => {
    for (let seed = 1; seed <= 120; seed++) {
      const disk = new CrashDisk(seededRandom(seed))
      let log = await new LogBench(disk).open(SEGMENTS)
      const add = (label: number) => log.append(sizedBatch(150, `${label}`, { timestamp: TIMESTAMP + label })).committed
      // Index files of a clean shutdown, which the segment then outgrows.
      await add(0)
      await log.close()
      log = await new LogBench(disk).open({ ...SEGMENTS, clean: true })
      for (let label = 1; label < 5; label++) await add(label)
      await turns(seed % 40)
      disk.crash()
      const again = await new LogBench(disk).open(SEGMENTS)
      for (let label = 0; label < 5; label++) {
        const found = await again.findTimestamp(TIMESTAMP + label)
        expect(found, `seed ${seed}`).toEqual({ offset: label, timestamp: TIMESTAMP + label })
      }
    }
  })

  test('a clean shutdown outlives a power cut', async () => {
    for (let seed = 1; seed <= 40; seed++) {
      const disk = new CrashDisk(seededRandom(seed))
      for (let life = 0; life < 3; life++) {
        const log = await new LogBench(disk).open({ clean: life > 0 })
        const batch = valuesBatch([`${life}`], { timestamp: TIMESTAMP + life, producerId: 1, baseSequence: life })
        await log.append(batch).committed
        await log.close()
        disk.crash()
      }
      const context = new LogBench(disk)
      const log = await context.open({ clean: true })
      expect(await log.findTimestamp(TIMESTAMP + 2)).toEqual({ offset: 2, timestamp: TIMESTAMP + 2 })
      expect(
        (await failureOf(() => log.append(valuesBatch(['x'], { producerId: 1, baseSequence: 4 })).committed)).code,
      ).toBe('OUT_OF_ORDER_SEQUENCE')
      expect(context.logger.lines).toEqual([])
    }
  })
})

describe('after a clean shutdown', () => {
  test('nothing is scanned or changed, and the leader epoch stays', async () => {
    const files = await leftBy(writeSegments, { ...SEGMENTS, close: true })
    const { log, files: after } = await recovered(files, { ...SEGMENTS, clean: true })
    expect(after).toEqual(files)
    expect(log.leaderEpoch).toBe(0)
    await expectSegments(log)
  })

  test.each([
    ['is longer', (log: Buffer) => Buffer.concat([log, Buffer.alloc(30)])],
    ['is shorter', (log: Buffer) => log.subarray(0, -1)],
    ['has another byte', (log: Buffer) => Buffer.concat([log.subarray(0, -1), Buffer.of(1)])],
    [
      'has a base offset that no number holds',
      (log: Buffer) => {
        const damaged = Buffer.from(log)
        damaged[damaged.lastIndexOf('value 2') - 67] = 0x7f
        return damaged
      },
    ],
  ])('that lies, because the last file %s, the end is looked for and the leader epoch rises', async (_, change) => {
    const files = await leftBy((log) => Promise.all(values(3).map((value) => append(log, value))), { close: true })
    const log = change(files[LOG] as Buffer)
    const { values: left, log: again, context } = await recovered({ ...files, [LOG]: log }, { clean: true })
    expect(left).toEqual(values(log.length > (files[LOG] as Buffer).length ? 3 : 2))
    expect(again.leaderEpoch).toBe(1)
    expect(context.logger.lines.some(({ level }) => level === 'warn')).toBe(true)
    expect((await append(again, 'next')).baseOffset).toBe(left.length)
  })
})

describe.each([
  ['a crash', false],
  ['a clean shutdown', true],
])('files beside the log, after %s', (_, clean) => {
  const damages: readonly [name: string, change: (bytes: Buffer) => Buffer | undefined][] = [
    ['missing', () => undefined],
    ['empty', () => Buffer.alloc(0)],
    ['cut off', (bytes) => bytes.subarray(0, -3)],
    ['full of zeros', (bytes) => Buffer.alloc(bytes.length)],
    ['full of ones', (bytes) => Buffer.alloc(bytes.length, 0xff)],
  ]

  test.each(damages)('that are %s are made again', async (_name, change) => {
    const files = await leftBy(writeSegments, { ...SEGMENTS, close: clean })
    for (const [name, bytes] of Object.entries(files)) {
      if (!/\.(index|timeindex|snapshot)$/.test(name)) continue
      const changed = change(bytes)
      if (changed === undefined) delete files[name]
      else files[name] = changed
    }
    const { log } = await recovered(files, { ...SEGMENTS, clean })
    await expectSegments(log)
  })

  test('that have any one byte wrong lead to no wrong record', async () => {
    const files = await leftBy(writeSegments, { ...SEGMENTS, close: clean })
    // The index of the last segment is in use as it is after a clean shutdown, and made anew when that is closed.
    const names = Object.keys(files)
      .filter((name) => name.endsWith('.index'))
      .slice(0, clean ? -1 : undefined)
    for (const name of names) {
      for (let at = 0; at < (files[name] as Buffer).length; at++) {
        for (const bit of [0, 4, 7]) {
          const damaged = Buffer.from(files[name] as Buffer)
          damaged[at] = (damaged[at] as number) ^ (1 << bit)
          const { log } = await recovered({ ...files, [name]: damaged }, { ...SEGMENTS, clean })
          const read = [...(await valuesFrom(log, 0, 1))].map(([, value]) => value.replaceAll('.', ''))
          expect(read, `${name}, byte ${at}, bit ${bit}`).toEqual(Array.from({ length: 24 }, (_, index) => `${index}`))
        }
      }
    }
  })
})

describe('the log start', () => {
  const deleted = (upTo: number) => async (log: PartitionLog) => {
    for (const value of values(6)) await append(log, value)
    await log.truncateBefore(upTo)
  }

  test('is kept', async () => {
    const { log, values: left } = await recovered(await leftBy(deleted(4)))
    expect([log.logStartOffset, left]).toEqual([4, values(6).slice(4)])
  })

  test.each(['', 'x\n', '-3\n', '1e400\n'])('that reads %j is that of the first segment', async (text) => {
    const { log } = await recovered({ ...(await leftBy(deleted(4))), 'log-start-offset': Buffer.from(text) })
    expect(log.logStartOffset).toBe(0)
  })

  test.each([false, true])(
    'behind the end of what a crash left begins a new segment there (all lost: %s)',
    async (all) => {
      const files = await leftBy(deleted(6))
      if (all) delete files[LOG]
      else files[LOG] = (files[LOG] as Buffer).subarray(0, 100)
      const { disk, log } = await recovered(files)
      expect([log.logStartOffset, log.highWatermark, log.logEndOffset]).toEqual([6, 6, 6])
      expect((await append(log, 'next')).baseOffset).toBe(6)
      expect(await valuesFrom(log)).toEqual(new Map([[6, 'next']]))
      const again = await recovered(await filesIn(disk, DIRECTORY))
      expect([again.log.logStartOffset, again.values]).toEqual([6, ['next']])
    },
  )
})

describe('opening', () => {
  test('an empty directory makes the first segment', async () => {
    const { log, files } = await recovered({})
    expect([log.logStartOffset, log.highWatermark, log.leaderEpoch]).toEqual([0, 0, 0])
    expect(Object.keys(files)).toEqual([LOG, 'leader-epoch-checkpoint'])
  })

  test('a directory that is not there fails with what the disk says', async () => {
    const disk: Disk = memoryDisk()
    const context = new LogBench(disk)
    const error = await failureOf(
      openPartitionLog(context, { directory: '/no', identity: IDENTITY, clean: false, config: CONFIG }),
    )
    expect(error.code).toBe('STORAGE_FAILED')
    expect(error.message).toContain('/no')
  })
})
