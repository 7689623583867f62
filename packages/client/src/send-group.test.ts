import { MillraceError } from '@millrace/record'
import { describe, expect, test } from 'vitest'
import { ClientBatch } from './client-batch.ts'
import { SendGroup } from './send-group.ts'

const TIMESTAMP = 1_000

function batchOf(partition = 3): ClientBatch {
  return new ClientBatch({ topic: 'orders', partition, compression: 'none', deadlineMs: 0, expectedBytes: 512 })
}

function send(group: SendGroup, batch: ClientBatch, timestamp = TIMESTAMP) {
  const record = { key: null, value: Buffer.from('x'), timestamp }
  expect(batch.tryAppend(record, Number.POSITIVE_INFINITY, 1, group, group.size)).toBe(true)
  return group.add()
}

/** Where each is stored, or the code that it failed with. */
async function outcomes(sends: readonly Promise<{ offset: number; timestamp: number }>[]) {
  const settled = await Promise.allSettled(sends)
  return settled.map((one) => (one.status === 'fulfilled' ? one.value.offset : one.reason.code))
}

describe('sends of one batch', () => {
  test('have each its own place, however many runs of others lie between them', async () => {
    const group = new SendGroup()
    const batch = batchOf()
    const other = new SendGroup()
    const sends = [send(group, batch), send(group, batch)]
    const others = [send(other, batch)]
    sends.push(send(group, batch, TIMESTAMP + 5), send(group, batch, TIMESTAMP + 5))
    others.push(send(other, batch))
    const { maxTimestamp } = batch.encode(undefined)
    batch.settleStored(70, maxTimestamp)
    expect(await Promise.all(sends)).toEqual([
      { topic: 'orders', partition: 3, offset: 70, timestamp: TIMESTAMP },
      { topic: 'orders', partition: 3, offset: 71, timestamp: TIMESTAMP },
      { topic: 'orders', partition: 3, offset: 73, timestamp: TIMESTAMP + 5 },
      { topic: 'orders', partition: 3, offset: 74, timestamp: TIMESTAMP + 5 },
    ])
    expect(await outcomes(others)).toEqual([72, 75])
  })

  test('all fail with their batch', async () => {
    const group = new SendGroup()
    const batch = batchOf()
    const sends = [send(group, batch), send(group, batch)]
    batch.settleFailed(new MillraceError('TIMED_OUT', 'too late'))
    expect(await outcomes(sends)).toEqual(['TIMED_OUT', 'TIMED_OUT'])
  })

  test('are stored where nobody knows when their batch is', async () => {
    const group = new SendGroup()
    const batch = batchOf()
    const sends = [send(group, batch), send(group, batch)]
    batch.encode(undefined)
    batch.settleStored(-1, TIMESTAMP)
    expect(await outcomes(sends)).toEqual([-1, -1])
  })

  test('of a divided batch keep to their own part, whichever is settled first', async () => {
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [1, 2, 0],
    ]) {
      const group = new SendGroup()
      const batch = batchOf()
      const sends = Array.from({ length: 7 }, () => send(group, batch))
      const [first, rest] = batch.split()
      const parts = [first, ...rest.split()]
      const settle = [
        () => parts[0]?.settleStored(10, TIMESTAMP),
        () => parts[1]?.settleFailed(new MillraceError('BATCH_TOO_LARGE', 'too large')),
        () => parts[2]?.settleStored(50, TIMESTAMP),
      ]
      for (const part of parts) part?.encode(undefined)
      for (const part of order) settle[part]?.()
      expect(await outcomes(sends)).toEqual([10, 11, 12, 'BATCH_TOO_LARGE', 'BATCH_TOO_LARGE', 50, 51])
    }
  })
})
