import { type RecordBatch, readBatches } from '@millrace/record'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { sizedBatch, valuesBatch } from '../test/log-harness.ts'
import { scanBatches } from './batch-scan.ts'
import type { DiskFile } from './disk.ts'
import { memoryDisk } from './memory-disk.ts'

const CHUNK = 1 << 20

async function fileOf(bytes: Buffer): Promise<DiskFile> {
  const file = await memoryDisk().open('/f', { create: true })
  await file.writev([bytes], 0)
  return file
}

/** What a scan of `bytes` sees and where it stops. */
async function scan(bytes: Buffer, start = 0, end = bytes.length, stopAt = Number.POSITIVE_INFINITY) {
  const seen: { position: number; bytes: Buffer }[] = []
  const result = await scanBatches(await fileOf(bytes), start, end, (batch, position) => {
    seen.push({ position, bytes: Buffer.from(batch.buffer) })
    return position < stopAt
  })
  return { seen, position: result.position, code: result.error?.code }
}

/** Position and bytes of each of `batches`, back to back. */
function layOut(batches: readonly RecordBatch[]): { position: number; bytes: Buffer }[] {
  let position = 0
  return batches.map(({ buffer }) => {
    const placed = { position, bytes: buffer }
    position += buffer.length
    return placed
  })
}

/** That a scan saw just these batches and went to `end`. Bytes are compared as a whole: they are many. */
function expectScan(result: Awaited<ReturnType<typeof scan>>, placed: ReturnType<typeof layOut>, end: number): void {
  expect(result.seen.map(({ position }) => position)).toEqual(placed.map(({ position }) => position))
  expect(result.seen.every(({ bytes }, index) => bytes.equals((placed[index] as { bytes: Buffer }).bytes))).toBe(true)
  expect([result.position, result.code]).toEqual([end, undefined])
}

const joined = (batches: readonly RecordBatch[]): Buffer => Buffer.concat(batches.map(({ buffer }) => buffer))

describe('a scan', () => {
  test('sees every batch at its position, whatever their sizes and the end', async () => {
    const sizes = fc.array(fc.oneof(fc.integer({ min: 70, max: 2_000 }), fc.integer({ min: 2_000, max: 700_000 })), {
      maxLength: 8,
    })
    await fc.assert(
      fc.asyncProperty(sizes, fc.nat(), async (lengths, pick) => {
        const batches = lengths.map((length) => valuesBatch(['x'.repeat(length)]))
        const placed = layOut(batches)
        const bytes = joined(batches)
        expectScan(await scan(bytes), placed, bytes.length)
        if (placed.length === 0) return
        const from = pick % placed.length
        expectScan(await scan(bytes, placed[from]?.position), placed.slice(from), bytes.length)
        const end = placed.at(-1)?.position as number
        expectScan(await scan(bytes, 0, end), placed.slice(0, -1), end)
      }),
      { numRuns: 25 },
    )
  })

  test.each([
    ['ends with a piece', [CHUNK - 100, 100, 100]],
    ['begins one byte before the end of a piece', [CHUNK - 1, 100, 100]],
    ['has its header on the border of two pieces', [CHUNK - 60, 100, 100]],
    ['has just its header in a piece', [CHUNK - 61, 100, 100]],
    ['is as large as a piece', [CHUNK, 100]],
    ['is larger than a piece', [CHUNK + 1, 100]],
    ['is larger than a piece and comes late', [300, 3 * CHUNK + 7, 100]],
  ])('reads in pieces: a batch that %s', async (_, sizes) => {
    const batches = sizes.map((size) => sizedBatch(size))
    const { seen, position, code } = await scan(joined(batches))
    expect(seen.map((batch) => batch.position)).toEqual(layOut(batches).map((batch) => batch.position))
    expect(seen.map((batch) => batch.bytes.length)).toEqual(sizes)
    expect({ position, code }).toEqual({ position: sizes.reduce((sum, size) => sum + size, 0), code: undefined })
  })

  test('stops in front of a batch that is cut off, at every byte', async () => {
    const batches = [valuesBatch(['first']), valuesBatch(['second', 'third']), valuesBatch(['last'])]
    const bytes = joined(batches)
    const borders = [...layOut(batches).map(({ position }) => position), bytes.length]
    for (let length = 0; length <= bytes.length; length++) {
      const whole = borders.findLast((border) => border <= length) as number
      const { seen, position, code } = await scan(bytes.subarray(0, length))
      expect(Buffer.concat(seen.map((batch) => batch.bytes))).toEqual(bytes.subarray(0, whole))
      expect({ position, code }).toEqual({ position: whole, code: whole === length ? undefined : 'CORRUPT_BATCH' })
    }
  })

  test('stops where the file is shorter than it was said to be', async () => {
    const bytes = joined([valuesBatch(['first']), valuesBatch(['second'])])
    const { position, code } = await scan(bytes, 0, bytes.length + 5_000)
    expect({ position, code }).toEqual({ position: bytes.length, code: 'CORRUPT_BATCH' })
  })

  test('stops at the batch that its visitor refuses', async () => {
    const batches = [valuesBatch(['first']), valuesBatch(['second']), valuesBatch(['third'])]
    const [, second] = layOut(batches)
    const { seen, position, code } = await scan(joined(batches), 0, undefined, second?.position)
    expect(seen).toHaveLength(2)
    expect({ position, code }).toEqual({ position: second?.position, code: undefined })
  })

  test.each([
    ['negative', -1, 'INVALID_BATCH'],
    ['less than a header', 48, 'INVALID_BATCH'],
    ['more than any batch has', 2 ** 31 - 13, 'INVALID_BATCH'],
    ['more than there is', 1 << 20, 'CORRUPT_BATCH'],
    ['as if all to the last byte but one belonged to it', undefined, 'CORRUPT_BATCH'],
  ])('stops at a batch whose length is %s', async (_, length, expected) => {
    const batches = [valuesBatch(['first']), valuesBatch(['second']), valuesBatch(['third'])]
    const bytes = joined(batches)
    const at = batches[0]?.sizeBytes as number
    bytes.writeInt32BE(length ?? bytes.length - at - 12 - 1, at + 8)
    const { seen, position, code } = await scan(bytes)
    expect(seen[0]?.bytes).toEqual(batches[0]?.buffer)
    if (length === undefined) expect(position).toBe(bytes.length - 1)
    else expect({ seen: seen.length, position }).toEqual({ seen: 1, position: at })
    expect(code).toBe(expected)
  })

  test('stops at bytes that are no batch', async () => {
    const first = valuesBatch(['first'])
    const zeros = Buffer.concat([first.buffer, Buffer.alloc(5_000)])
    const { position, code } = await scan(zeros)
    expect({ position, code }).toEqual({ position: first.sizeBytes, code: 'INVALID_BATCH' })
  })

  test('of nothing sees nothing', async () => {
    expect(await scan(Buffer.alloc(0))).toEqual({ seen: [], position: 0, code: undefined })
  })

  test('hands on what the file fails with, and what its visitor throws', async () => {
    const bytes = joined([valuesBatch(['first'])])
    const file = await fileOf(bytes)
    const broken = { ...file, read: () => Promise.reject(new Error('EIO')) } as unknown as DiskFile
    await expect(scanBatches(broken, 0, bytes.length, () => true)).rejects.toThrow('EIO')
    const visit = (): boolean => {
      throw new Error('enough')
    }
    await expect(scanBatches(file, 0, bytes.length, visit)).rejects.toThrow('enough')
  })

  test('gives batches that are the same as a plain walk over the bytes', async () => {
    const bytes = joined(Array.from({ length: 50 }, (_, index) => valuesBatch(['x'.repeat(index * 13)])))
    const { seen } = await scan(bytes)
    expect(seen.map((batch) => batch.bytes)).toEqual([...readBatches(bytes)].map((batch) => batch.buffer))
  })
})
