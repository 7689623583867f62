import { expect, it } from 'vitest'
import { ProduceSummary } from './produce-summary.ts'

it('gathers the places of records by partition', () => {
  const summary = new ProduceSummary('orders')
  summary.add([
    { partition: 2, offset: 9 },
    { partition: 0, offset: 4 },
  ])
  summary.add([{ partition: 0, offset: 3 }])
  expect(JSON.parse(JSON.stringify(summary))).toEqual({
    topic: 'orders',
    records: 3,
    partitions: [
      { partition: 0, records: 2, firstOffset: 3, lastOffset: 4 },
      { partition: 2, records: 1, firstOffset: 9, lastOffset: 9 },
    ],
  })
  expect(summary.toLines()).toEqual([
    'produced 3 records to orders',
    '  partition 0: 2 records, offset 3 to 4',
    '  partition 2: 1 record, offset 9',
  ])
})
