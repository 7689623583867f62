import { MillraceError } from '@millrace/server'
import { describe, expect, it } from 'vitest'
import type { Outcome } from './line-sender.ts'
import { ProduceSummary } from './produce-summary.ts'

const stored = (partition: number, offset: number): Outcome => ({ topic: 'orders', partition, offset, timestamp: 0 })
const failed = (message: string, code: 'DISK_FULL' | 'BATCH_TOO_LARGE' = 'DISK_FULL'): Outcome => ({
  error: new MillraceError(code, message),
})

describe('ProduceSummary', () => {
  it('gathers the places of records by partition', () => {
    const summary = new ProduceSummary('orders', 'line')
    summary.add(1, [stored(2, 9), stored(0, 4)])
    expect(summary.add(3, [stored(0, 3)])).toEqual([])
    expect(JSON.parse(JSON.stringify(summary))).toEqual({
      topic: 'orders',
      stored: 3,
      failed: 0,
      notSent: null,
      partitions: [
        { partition: 0, records: 2, firstOffset: 3, lastOffset: 4 },
        { partition: 2, records: 1, firstOffset: 9, lastOffset: 9 },
      ],
      failures: [],
    })
    expect(summary.toLines()).toEqual([
      'produced 3 records to orders',
      '  partition 0: 2 records, offset 3 to 4',
      '  partition 2: 1 record, offset 9',
    ])
  })

  it('tells each failure with its lines, neighbours of one kind together', () => {
    const summary = new ProduceSummary('orders', 'line')
    expect(summary.add(1, [failed('full'), stored(0, 0), failed('full\n now')])).toEqual([
      'DISK_FULL: line 1: full',
      'DISK_FULL: line 3: full now',
    ])
    expect(summary.add(4, [failed('full'), failed('full'), failed('big', 'BATCH_TOO_LARGE')])).toEqual([
      'DISK_FULL: lines 4 to 5: full',
      'BATCH_TOO_LARGE: line 6: big',
    ])
    summary.notSent = { fromLine: 7, lines: 2 }
    expect(summary.toLines()).toEqual([
      'produced 1 record to orders',
      '  partition 0: 1 record, offset 0',
      '  failed: 5 lines',
      '  not sent: 2 lines from line 7 on',
    ])
    expect(JSON.parse(JSON.stringify(summary))).toMatchObject({
      stored: 1,
      failed: 5,
      notSent: { fromLine: 7, lines: 2 },
      failures: [
        { fromLine: 1, toLine: 1, code: 'DISK_FULL', message: 'full' },
        { fromLine: 3, toLine: 3, code: 'DISK_FULL', message: 'full now' },
        { fromLine: 4, toLine: 5, code: 'DISK_FULL', message: 'full' },
        { fromLine: 6, toLine: 6, code: 'BATCH_TOO_LARGE', message: 'big' },
      ],
    })
  })

  it('says so where it is not known how many were not sent, or all were', () => {
    const summary = new ProduceSummary('orders', 'value')
    summary.notSent = { fromLine: 1, lines: undefined }
    expect(summary.toLines()).toContain('  not sent: everything from value 1 on')
    expect(JSON.parse(JSON.stringify(summary))).toMatchObject({ notSent: { fromLine: 1, lines: null } })
    const other = new ProduceSummary('orders', 'value')
    other.add(1, [failed('full')])
    expect(other.toLines()).toEqual(['produced 0 records to orders', '  failed: 1 value', '  not sent: none'])
  })

  it('lists so many failures and counts all', () => {
    const summary = new ProduceSummary('orders', 'line')
    for (let line = 1; line <= 3_000; line += 3) {
      const outcomes = [failed('full'), stored(0, 0), failed('full')]
      expect(summary.add(line, outcomes)).toHaveLength(2)
    }
    const { failed: all, failures } = JSON.parse(JSON.stringify(summary))
    expect([all, failures.length]).toEqual([2_000, 1_000])
  })
})
