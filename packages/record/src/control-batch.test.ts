import { expect, test } from 'vitest'
import { BatchBuilder } from './batch-builder.ts'
import { controlBatch, transactionMarkerOf } from './control-batch.ts'
import { AT } from './record-batch.ts'

test.each([
  ['commit', '00000001'],
  ['abort', '00000000'],
] as const)('a %s marker is what Kafka writes', (outcome, key) => {
  const batch = controlBatch({ producerId: 7, producerEpoch: 3, outcome }, 1_000)
  expect(batch.hasValidChecksum()).toBe(true)
  expect(batch).toMatchObject({ isControl: true, isTransactional: true, producerId: 7, producerEpoch: 3 })
  expect(batch).toMatchObject({ baseSequence: -1, recordCount: 1, lastOffsetDelta: 0, maxTimestamp: 1_000 })
  const [record] = batch.records(100)
  expect([record?.key?.toString('hex'), record?.value?.toString('hex')]).toEqual([key, '000000000000'])
  expect(transactionMarkerOf(batch)).toEqual({ producerId: 7, producerEpoch: 3, outcome })
})

test('a control batch of another type marks no end, and one without a type is refused', () => {
  const batch = controlBatch({ producerId: 7, producerEpoch: 3, outcome: 'commit' }, 1_000)
  batch.buffer.writeInt8(5, AT.records + 8)
  expect(transactionMarkerOf(batch)).toBeUndefined()
  const keyless = new BatchBuilder().append({ key: null, value: null, timestamp: 0 }).build()
  expect(() => transactionMarkerOf(keyless)).toThrow('has no type')
})
