/*
 * Bytes that changed on disk under a log: what is served is what was written, or CORRUPT_BATCH.
 */
import { MillraceError } from '@millrace/record'
import { beforeAll, describe, expect, test } from 'vitest'
import {
  DIRECTORY,
  diskOf,
  failureOf,
  filesIn,
  LogBench,
  sizedBatch,
  TIMESTAMP,
  valuesFrom,
  valuesOf,
} from '../test/log-harness.ts'
import { readFile } from './disk.ts'
import { segmentFileName } from './file-names.ts'
import { memoryDisk } from './memory-disk.ts'
import type { PartitionLog } from './partition-log.ts'

type Files = Record<string, Buffer>

/** Five batches of 150 bytes to a segment. */
const BATCH_BYTES = 150
const SEGMENT = { segmentBytes: 5 * BATCH_BYTES, indexIntervalBytes: 256 } as const
const BATCHES = 12
const FIRST = segmentFileName(0, 'log')
/** Bytes of a batch that only its offset, or its leader epoch, stands in. */
const OFFSET_BYTES = 8

const labelOf = (value: string | undefined): string | undefined => value?.replaceAll('.', '')

async function written(close: boolean): Promise<Files> {
  const disk = memoryDisk()
  const log = await new LogBench(disk).open(SEGMENT)
  for (let count = 0; count < BATCHES; count++) {
    const shape = { timestamp: TIMESTAMP + count, producerId: 3, baseSequence: count }
    await log.append(sizedBatch(BATCH_BYTES, `${count}`, shape)).committed
  }
  if (close) await log.close()
  return filesIn(disk, DIRECTORY)
}

/** Opens `files` with the byte at `at` of the first segment changed. */
async function damagedLog(files: Files, at: number, mask: number, clean: boolean): Promise<PartitionLog> {
  const damaged = Buffer.from(files[FIRST] as Buffer)
  damaged[at] = (damaged[at] as number) ^ mask
  return new LogBench(await diskOf({ ...files, [FIRST]: damaged })).open({ ...SEGMENT, clean })
}

/** What reading at `offset` gives: the label of the record there, or the error. */
async function readAt(log: PartitionLog, offset: number): Promise<string | undefined | MillraceError> {
  try {
    const { batches } = await log.read(offset, 1)
    const [batch] = batches
    return batch === undefined ? undefined : labelOf(new Map(valuesOf([batch])).get(offset))
  } catch (error) {
    if (error instanceof MillraceError) return error
    throw error
  }
}

describe.each([
  ['a sealed segment, after a clean shutdown', true, false],
  ['a sealed segment, after a crash', false, false],
  ['a closed segment that was not sealed, after a crash', false, true],
])('one byte of %s', (_, clean, isUnsealed) => {
  let files: Files
  beforeAll(async () => {
    files = await written(clean)
    if (isUnsealed)
      for (const suffix of ['crc', 'index', 'timeindex'] as const) delete files[segmentFileName(0, suffix)]
  })

  test.each([0x01, 0x80])('xor %i: never makes a reader see another record, nor stops the others', async (mask) => {
    const size = (files[FIRST] as Buffer).length
    for (let at = 0; at < size; at++) {
      const log = await damagedLog(files, at, mask, clean)
      const hit = Math.floor(at / BATCH_BYTES)
      const within = at % BATCH_BYTES
      for (let offset = 0; offset < BATCHES; offset++) {
        const got = await readAt(log, offset)
        const where = `byte ${within} of batch ${hit}, offset ${offset}`
        if (got instanceof MillraceError) {
          expect(got.code, where).toBe('CORRUPT_BATCH')
          expect(got.details.file, where).toBe(`${DIRECTORY.slice(1)}/${FIRST}`)
          // A wrong length or number of offsets leads past the batch, to where none can begin.
          if (within < 27) expect(got.details.position, where).toBeGreaterThanOrEqual(hit * BATCH_BYTES)
          else expect(got.details.position, where).toBe(hit * BATCH_BYTES)
          // Before the damage, and in other segments, all is well; behind it too, unless nobody knows where that begins.
          expect(offset >= hit && offset < 5, where).toBe(true)
          if (within >= 27) expect(offset, where).toBe(hit)
        } else {
          expect(got, where).toBe(`${offset}`)
          const isEpoch = within >= 12 && within < 16
          if (offset === hit && !isEpoch) throw new Error(`${where}: the damage was not seen`)
        }
      }
      const late = await log.findTimestamp(TIMESTAMP + 7)
      expect(late).toEqual({ offset: 7, timestamp: TIMESTAMP + 7 })
      await expectFoundOrCorrupt(log, hit)
      expect(log.highWatermark).toBe(BATCHES)
      expect(log.append(sizedBatch(BATCH_BYTES, '', { producerId: 3, baseSequence: 12 })).placed.baseOffset).toBe(12)
    }
  })

  async function expectFoundOrCorrupt(log: PartitionLog, offset: number): Promise<void> {
    try {
      const found = await log.findTimestamp(TIMESTAMP + offset)
      expect(found?.offset).toBeGreaterThanOrEqual(offset)
    } catch (error) {
      expect(error).toMatchObject({ code: 'CORRUPT_BATCH' })
    }
  }
})

describe('a closed segment', () => {
  test.each([true, false])(
    'that lost its end is corrupt from there on, and is not skipped (sealed: %s)',
    async (sealed) => {
      const files = await written(true)
      if (!sealed) for (const suffix of ['crc', 'index', 'timeindex'] as const) delete files[segmentFileName(0, suffix)]
      for (const length of [3 * BATCH_BYTES, 3 * BATCH_BYTES + 20, 3 * BATCH_BYTES + 100]) {
        const disk = await diskOf({ ...files, [FIRST]: (files[FIRST] as Buffer).subarray(0, length) })
        const log = await new LogBench(disk).open(SEGMENT)
        expect([...(await valuesFrom(log, 5)).keys()]).toEqual([5, 6, 7, 8, 9, 10, 11])
        for (const offset of [3, 4]) {
          const error = await failureOf(log.read(offset, 1_000))
          expect([error.code, error.details.file]).toEqual(['CORRUPT_BATCH', `${DIRECTORY.slice(1)}/${FIRST}`])
        }
        const { batches, nextOffset } = await log.read(0, 1_000)
        expect([Buffer.concat(batches).length, nextOffset]).toEqual([3 * BATCH_BYTES, 3])
      }
    },
  )

  test('that is damaged in the middle keeps its bytes, and what follows it', async () => {
    const files = await written(false)
    for (const suffix of ['crc', 'index', 'timeindex'] as const) delete files[segmentFileName(0, suffix)]
    for (const at of [OFFSET_BYTES + 2, 100]) {
      const damaged = Buffer.from(files[FIRST] as Buffer)
      damaged.fill(0xee, 2 * BATCH_BYTES + at, 2 * BATCH_BYTES + at + 10)
      const disk = await diskOf({ ...files, [FIRST]: damaged })
      const log = await new LogBench(disk).open(SEGMENT)
      expect(await readFile(disk, `${DIRECTORY}/${FIRST}`)).toEqual(damaged)
      expect(Object.keys(await filesIn(disk, DIRECTORY)).filter((name) => name.endsWith('.cut'))).toEqual([])
      expect((await failureOf(log.read(2, 1_000))).code).toBe('CORRUPT_BATCH')
      expect((await valuesFrom(log, 5)).size).toBe(BATCHES - 5)
    }
  })
})
