import { controlBatch, MillraceError } from '@millrace/record'
import { describe, expect, test } from 'vitest'
import { valuesBatch } from '../../test/log-harness.ts'
import { memoryDisk } from '../memory-disk.ts'
import { OffsetIndex } from '../offset-index.ts'
import { TimeIndex } from '../time-index.ts'
import { TransactionIndex } from '../transaction-index.ts'
import type { DumpEntry } from './dump-entry.ts'
import { dumpFile } from './dump-file.ts'

const NAME = '/t-0/00000000000000000100'

/** What is shown of a file with this content. */
async function dumped(suffix: string, content: Buffer, withRecords = false) {
  const disk = memoryDisk()
  await disk.makeDirectory('/t-0')
  const file = await disk.open(`${NAME}.${suffix}`, { create: true })
  if (content.length > 0) await file.writev([content], 0)
  await file.close()
  const entries: DumpEntry[] = []
  const onEntry = async (entry: DumpEntry) => void entries.push(structuredClone(entry))
  return { summary: await dumpFile({ disk, file: `${NAME}.${suffix}`, withRecords, onEntry }), entries }
}

/** Three batches of two records from offset 100 on. */
function log(): { content: Buffer; sizes: number[] } {
  const buffers = [100, 102, 104].map((offset) => {
    const batch = valuesBatch([`a${offset}`, `b${offset}`])
    batch.stamp(offset, 3)
    return batch.buffer
  })
  return { content: Buffer.concat(buffers), sizes: buffers.map(({ length }) => length) }
}

const kinds = (entries: readonly DumpEntry[]) => entries.map(({ kind }) => kind)

describe('of a .log', () => {
  test('every batch is shown, and its records where they are asked for', async () => {
    const { content, sizes } = log()
    const { entries, summary } = await dumped('log', content)
    expect(summary).toEqual({ entries: 3, damages: 0 })
    expect(entries).toMatchObject([
      { kind: 'batch', position: 0, baseOffset: 100, lastOffset: 101, recordCount: 2, isCrcValid: true },
      { kind: 'batch', position: sizes[0], baseOffset: 102, leaderEpoch: 3, producerId: -1, marker: undefined },
      { kind: 'batch', position: sizes[0]! + sizes[1]!, baseOffset: 104, codec: 'none', timestampType: 'CreateTime' },
    ])
    const all = await dumped('log', content, true)
    expect(kinds(all.entries)).toEqual([
      'batch',
      'record',
      'record',
      'batch',
      'record',
      'record',
      'batch',
      'record',
      'record',
    ])
    expect(all.entries[4]).toMatchObject({ kind: 'record', offset: 102, key: null })
    expect(all.summary).toEqual({ entries: 3, damages: 0 })
  })

  test('a marker is told as such', async () => {
    const batch = controlBatch({ producerId: 7, producerEpoch: 1, outcome: 'abort' }, 1_000)
    batch.stamp(100, 0)
    const { entries } = await dumped('log', batch.buffer, true)
    expect(entries).toMatchObject([{ kind: 'batch', producerId: 7, isTransactional: true, marker: 'abort' }])
  })

  test('nothing is shown of an empty one', async () => {
    expect(await dumped('log', Buffer.alloc(0))).toEqual({ entries: [], summary: { entries: 0, damages: 0 } })
  })

  test('a wrong CRC is shown at its batch, and the rest after it', async () => {
    const { content, sizes } = log()
    content.writeUInt8(content.readUInt8(sizes[0]! + 70) ^ 1, sizes[0]! + 70)
    const { entries, summary } = await dumped('log', content)
    expect(summary).toEqual({ entries: 3, damages: 1 })
    expect(entries).toMatchObject([
      { kind: 'batch', baseOffset: 100, isCrcValid: true },
      { kind: 'batch', baseOffset: 102, isCrcValid: false },
      {
        kind: 'damage',
        position: sizes[0],
        message: expect.stringMatching(/CRC is wrong; the next whole batch is at/),
      },
      { kind: 'batch', baseOffset: 104, isCrcValid: true },
    ])
  })

  test('whatever byte is flipped, or wherever it is cut, it ends, and the whole batches elsewhere are shown', async () => {
    const { content, sizes } = log()
    for (let at = 0; at < content.length; at++) {
      const flipped = Buffer.from(content)
      flipped.writeUInt8(flipped.readUInt8(at) ^ 0xff, at)
      const { entries } = await dumped('log', flipped, true)
      const hit = at < sizes[0]! ? 0 : at < sizes[0]! + sizes[1]! ? 1 : 2
      const whole = entries.flatMap((entry) => (entry.kind === 'batch' && entry.isCrcValid ? [entry.position] : []))
      const expected = [0, sizes[0]!, sizes[0]! + sizes[1]!].filter((_, index) => index !== hit)
      // Base offset and leader epoch are outside the CRC; an offset that cannot be hides what comes before it.
      const isOutsideCrc = (hit === 0 ? at : hit === 1 ? at - sizes[0]! : at - sizes[0]! - sizes[1]!) < 16
      if (!isOutsideCrc) expect(whole, `byte ${at}`).toEqual(expected)
      const cut = await dumped('log', content.subarray(0, at), true)
      expect(cut.summary.damages, `cut at ${at}`).toBe(
        at === 0 || at === sizes[0] || at === sizes[0]! + sizes[1]! ? 0 : 1,
      )
    }
  })
})

describe('of an index', () => {
  test('offsets and times are shown as they are, not relative', async () => {
    const offsets = new OffsetIndex()
    offsets.append(4, 0)
    offsets.append(9, 500)
    expect((await dumped('index', offsets.fileBytes)).entries).toEqual([
      { kind: 'index', position: 0, offset: 104, logPosition: 0 },
      { kind: 'index', position: 8, offset: 109, logPosition: 500 },
    ])
    const times = new TimeIndex()
    times.append(1_790_000_000_000, 4)
    expect(await dumped('timeindex', times.fileBytes)).toEqual({
      entries: [{ kind: 'timeindex', position: 0, timestamp: 1_790_000_000_000, offset: 104 }],
      summary: { entries: 1, damages: 0 },
    })
    const aborted = new TransactionIndex()
    const transaction = { producerId: 7, firstOffset: 100, lastOffset: 105, lastStableOffset: 100 }
    aborted.append(transaction)
    expect((await dumped('txnindex', aborted.fileBytes)).entries).toEqual([
      { kind: 'txnindex', position: 0, ...transaction },
    ])
  })

  test('entries that do not ascend and bytes that are no entry are damage', async () => {
    const offsets = new OffsetIndex()
    offsets.append(9, 500)
    offsets.append(4, 600)
    const content = Buffer.concat([offsets.fileBytes, Buffer.from('abc')])
    const { entries, summary } = await dumped('index', content)
    expect(kinds(entries)).toEqual(['index', 'index', 'damage', 'damage'])
    expect(entries.slice(2)).toMatchObject([
      { position: 8, message: 'it does not come after the entry before it' },
      { position: 16, message: '3 bytes are no whole entry of 8' },
    ])
    expect(summary).toEqual({ entries: 2, damages: 2 })
  })
})

test.each([`${NAME}.snapshot`, '/t-0/notes.log', '/t-0/100.log', `${NAME}.logs`])('%s is refused', async (file) => {
  const failure = dumpFile({ disk: memoryDisk(), file, onEntry: () => {} })
  await expect(failure).rejects.toThrow(MillraceError)
  await expect(failure).rejects.toMatchObject({ code: 'INVALID_REQUEST' })
})

test('a file that is not there is refused', async () => {
  const failure = dumpFile({ disk: memoryDisk(), file: `${NAME}.log`, onEntry: () => {} })
  await expect(failure).rejects.toMatchObject({ code: 'INVALID_REQUEST', message: expect.stringContaining('no file') })
})
