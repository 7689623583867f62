/*
 * Damage in what a crash left: nothing that was on disk before is lost, and nothing goes without a word.
 */
import { checksum } from '@millrace/record'
import { describe, expect, test } from 'vitest'
import {
  append,
  CONFIG,
  DIRECTORY,
  diskOf,
  failureOf,
  filesIn,
  IDENTITY,
  LogBench,
  type OpenLog,
  sizedBatch,
  valuesFrom,
  valuesOf,
} from '../test/log-harness.ts'
import { LEADER_EPOCH_FILE, segmentFileName } from './file-names.ts'
import { Journal } from './journal.ts'
import { encodeIdentity, identityKey } from './journal-entry.ts'
import { memoryDisk } from './memory-disk.ts'
import type { PartitionLog } from './partition-log.ts'
import { openPartitionLog } from './recovery.ts'
import { Throttle } from './throttle.ts'

const BATCH_BYTES = 150
/** No segment is too old to be written to. */
const ONE = { segmentMs: Number.MAX_SAFE_INTEGER } as const
const LOG = segmentFileName(0, 'log')
const CUT = segmentFileName(0, 'cut')
/** Batches that were on disk when the last life began, and all. */
const BEFORE = 5
const ALL = 8
/** Where in a batch a byte is wrong: base offset, length, magic, CRC, last offset delta, record. */
const PLACES = [7, 10, 16, 18, 26, 120] as const

const batchOf = (index: number) => sizedBatch(BATCH_BYTES, `${index}`, { producerId: 7, baseSequence: index })
const labels = (values: Iterable<string>): number[] => [...values].map((value) => Number(value.replaceAll('.', '')))

/** A log of one segment: five batches and a shutdown in order, three more and a crash. */
async function crashed(): Promise<Record<string, Buffer>> {
  const disk = memoryDisk()
  let log = await new LogBench(disk).open(ONE)
  for (let index = 0; index < BEFORE; index++) await log.append(batchOf(index)).committed
  await log.close()
  log = await new LogBench(disk).open({ ...ONE, clean: true })
  for (let index = BEFORE; index < ALL; index++) await log.append(batchOf(index)).committed
  return filesIn(disk, DIRECTORY)
}

function damaged(files: Record<string, Buffer>, batch: number, at: number): Record<string, Buffer> {
  const log = Buffer.from(files[LOG] as Buffer)
  log[batch * BATCH_BYTES + at] = (log[batch * BATCH_BYTES + at] as number) ^ 0x41
  return { ...files, [LOG]: log }
}

async function reopened(files: Record<string, Buffer>, options: OpenLog = ONE) {
  const disk = await diskOf(files)
  const bench = new LogBench(disk)
  return { disk, bench, log: await bench.open(options) }
}

const errorsOf = (bench: LogBench) => bench.logger.lines.filter(({ level }) => level === 'error')

/** Offsets whose record can be read, with its label. */
async function readable(log: PartitionLog): Promise<number[]> {
  const found: number[] = []
  for (let offset = 0; offset < log.highWatermark; offset++) {
    try {
      const { batches } = await log.read(offset, 1)
      for (const [at, value] of valuesOf(batches)) if (at === offset) found.push(...labels([value]))
    } catch (error) {
      expect(error).toMatchObject({ code: 'CORRUPT_BATCH' })
    }
  }
  return found
}

describe('a damaged batch in the last segment, after a crash', () => {
  test.each(PLACES)('that was on disk before is kept, with all behind it (byte %i)', async (at) => {
    const files = damaged(await crashed(), 2, at)
    const { disk, bench, log } = await reopened(files)
    expect(await readable(log)).toEqual([0, 1, 3, 4, 5, 6, 7])
    expect(log.highWatermark).toBe(ALL)
    expect(errorsOf(bench)).toMatchObject([{ fields: { offset: 2, upTo: 3, position: 2 * BATCH_BYTES } }])
    expect((await filesIn(disk, DIRECTORY))[LOG]).toEqual(files[LOG])
    // The producer's batches behind it are remembered.
    expect(log.append(batchOf(ALL - 1)).placed).toMatchObject({ baseOffset: ALL - 1, duplicate: true })
    expect(await log.append(batchOf(ALL)).committed).toMatchObject({ baseOffset: ALL })
    const again = await new LogBench(disk).open(ONE)
    expect(await readable(again)).toEqual([0, 1, 3, 4, 5, 6, 7, 8])
    await again.close()
    expect(await readable(await new LogBench(disk).open({ ...ONE, clean: true }))).toEqual([0, 1, 3, 4, 5, 6, 7, 8])
  })

  test.each(PLACES)('that may be torn ends the log, and what is cut off is counted (byte %i)', async (at) => {
    const files = damaged(await crashed(), 5, at)
    const { disk, bench, log } = await reopened(files)
    expect(labels((await valuesFrom(log)).values())).toEqual([0, 1, 2, 3, 4])
    expect(errorsOf(bench)).toMatchObject([{ fields: { offset: 5, batches: 2, records: 2, bytes: 3 * BATCH_BYTES } }])
    const after = await filesIn(disk, DIRECTORY)
    expect(after[CUT]).toEqual(files[LOG]?.subarray(5 * BATCH_BYTES))
  })

  test.each(PLACES)('is put right from the journal (byte %i)', async (at) => {
    const files = await crashed()
    const disk = await diskOf(damaged(files, 6, at))
    const { journal } = await Journal.open(disk, '/journal', { maxFileBytes: 1 << 20 })
    for (const index of [5, 6]) {
      const batch = batchOf(index)
      batch.stamp(index, 0)
      await journal.append([{ identity: encodeIdentity(IDENTITY), batches: [batch] }])
    }
    const { batches } = await Journal.open(disk, '/journal', { maxFileBytes: 1 << 20 })
    const journaled = batches.get(identityKey(IDENTITY))
    const bench = new LogBench(disk)
    const options = { directory: DIRECTORY, identity: IDENTITY, clean: false, config: { ...CONFIG, ...ONE }, journaled }
    const log = await openPartitionLog(bench, options)
    expect(labels((await valuesFrom(log)).values())).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
    expect((await filesIn(disk, DIRECTORY))[LOG]).toEqual(files[LOG])
    expect(errorsOf(bench)).toEqual([])
  })

  test('that was on disk before and is the last one there is missed aloud', async () => {
    const files = await crashed()
    const { bench, log } = await reopened({ ...files, [LOG]: (files[LOG] as Buffer).subarray(0, 4 * BATCH_BYTES) })
    expect(log.highWatermark).toBe(4)
    expect(errorsOf(bench)).toMatchObject([{ fields: { from: 4, upTo: BEFORE } }])
  })
})

describe('leader epochs that are lost', () => {
  test.each([
    ['missing', undefined, false],
    ['missing, after a shutdown in order', undefined, true],
    ['not readable', Buffer.from('0\n7\n'), false],
  ])('go on behind those of the batches: %s', async (_, content, clean) => {
    const disk = memoryDisk()
    let log = await new LogBench(disk).open()
    for (let life = 0; life < 4; life++) {
      await append(log, `${life}`)
      log = await new LogBench(disk).open()
    }
    await log.close()
    const { [LEADER_EPOCH_FILE]: _lost, ...files } = await filesIn(disk, DIRECTORY)
    const { bench, log: again } = await reopened(
      content === undefined ? files : { ...files, [LEADER_EPOCH_FILE]: content },
      { clean },
    )
    // The last of the four batches bears epoch 3.
    expect(again.leaderEpoch).toBe(4)
    expect(errorsOf(bench)).toMatchObject([{ fields: { latest: 3 } }])
  })
})

describe('a start', () => {
  const SMALL = { ...ONE, segmentBytes: 6 * BATCH_BYTES, indexIntervalBytes: 256 } as const

  test('finds producers although an index points into the middle of a batch', async () => {
    const disk = memoryDisk()
    let log = await new LogBench(disk).open(SMALL)
    for (let index = 0; index < 4; index++) await log.append(batchOf(index)).committed
    await log.close()
    log = await new LogBench(disk).open({ ...SMALL, clean: true })
    for (let index = 4; index < 7; index++) await log.append(batchOf(index)).committed
    await log.close()
    const files = await filesIn(disk, DIRECTORY)
    // The snapshot that is left is of an offset within the first segment.
    for (const name of Object.keys(files)) if (/\.snapshot$/.test(name)) delete files[name]
    const older = await (async () => {
      const other = memoryDisk()
      const short = await new LogBench(other).open(SMALL)
      for (let index = 0; index < 4; index++) await short.append(batchOf(index)).committed
      await short.close()
      return (await filesIn(other, DIRECTORY))[segmentFileName(4, 'snapshot')] as Buffer
    })()
    files[segmentFileName(4, 'snapshot')] = older
    const index = Buffer.from(files[segmentFileName(0, 'index')] as Buffer)
    expect(index.length).toBeGreaterThan(0)
    for (let entry = 0; entry < index.length; entry += 8)
      index.writeInt32BE(index.readInt32BE(entry + 4) + 9, entry + 4)
    const { log: again } = await reopened({ ...files, [segmentFileName(0, 'index')]: index }, { ...SMALL, clean: true })
    for (const sequence of [4, 5, 6]) {
      expect(again.append(batchOf(sequence)).placed).toMatchObject({ baseOffset: sequence, duplicate: true })
    }
  })

  test('after a crash leaves closed segments that are not sealed to the next maintenance', async () => {
    const disk = memoryDisk()
    const log = await new LogBench(disk).open(SMALL)
    for (let index = 0; index < 14; index++) await log.append(batchOf(index)).committed
    await log.maintain(new Throttle(new LogBench(disk).clock, 1 << 30))
    const files = await filesIn(disk, DIRECTORY)
    for (const name of Object.keys(files)) if (/\.(crc|index|timeindex)$/.test(name)) delete files[name]
    const cleanup = {
      cleanupPolicy: 'delete',
      retentionMs: -1,
      retentionBytes: -1,
      minCompactionLagMs: 0,
      maxCompactionLagMs: Number.MAX_SAFE_INTEGER,
      deleteRetentionMs: 0,
      minCleanableDirtyRatio: 0.5,
    } as const
    const { disk: after, bench, log: again } = await reopened(files, { ...SMALL, cleanup })
    await again.maintain(new Throttle(bench.clock, 1 << 30))
    const sealed = await filesIn(after, DIRECTORY)
    for (const base of [0, 6]) {
      const sum = checksum(sealed[segmentFileName(base, 'log')] as Buffer)
      expect(sealed[segmentFileName(base, 'crc')]?.toString()).toBe(`${sum.toString(16).padStart(8, '0')}\n`)
    }
    await again.close()
    expect((await failureOf(() => again.checkOpen())).code).toBe('SHUTTING_DOWN')
  })
})
