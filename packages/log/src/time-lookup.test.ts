import { BatchBuilder, checksum, RecordBatch } from '@millrace/record'
import { afterEach, expect, test, vi } from 'vitest'
import { LogBench } from '../test/log-harness.ts'
import { memoryDisk } from './memory-disk.ts'

const AT = { crc: 17, attributes: 21, maxTimestamp: 35 }

afterEach(() => {
  vi.restoreAllMocks()
})

/** A packed batch of so many records, one at each ms from 0 on. */
function packed(records: number): RecordBatch {
  const builder = new BatchBuilder()
  for (let timestamp = 0; timestamp < records; timestamp++) builder.append({ key: null, value: null, timestamp })
  return builder.build({ compression: 'zstd' })
}

test('a large batch is unpacked and searched while others have their turns, one for all who search', async () => {
  const log = await new LogBench(memoryDisk()).open()
  const records = 100_000
  await log.append(packed(records)).committed
  const { recordBytesAsync, recordsIn } = RecordBatch.prototype
  let [open, mostOpen, turns, turnsInSearch, isOver] = [0, 0, 0, 0, false]
  vi.spyOn(RecordBatch.prototype, 'recordBytesAsync').mockImplementation(async function (this: RecordBatch, maxBytes) {
    mostOpen = Math.max(mostOpen, ++open)
    return recordBytesAsync.call(this, maxBytes)
  })
  vi.spyOn(RecordBatch.prototype, 'recordsIn').mockImplementation(function* (this: RecordBatch, recordBytes) {
    const before = turns
    try {
      yield* recordsIn.call(this, recordBytes)
    } finally {
      turnsInSearch += turns - before
      open--
    }
  })
  const count = (): void => {
    turns++
    if (!isOver) setImmediate(count)
  }
  setImmediate(count)
  const look = async (): Promise<void> => {
    expect(await log.findTimestamp(records - 1)).toEqual({ offset: records - 1, timestamp: records - 1 })
  }
  await Promise.all([look(), look(), look()])
  isOver = true
  expect(mostOpen).toBe(1)
  expect(turnsInSearch).toBeGreaterThan(100)
})

test('of batches whose headers promise a time that no record has, only one is opened', async () => {
  const log = await new LogBench(memoryDisk()).open()
  for (let count = 0; count < 20; count++) {
    const { buffer } = packed(10)
    buffer.writeBigInt64BE(1_000n, AT.maxTimestamp)
    buffer.writeUInt32BE(checksum(buffer.subarray(AT.attributes)), AT.crc)
    await log.append(RecordBatch.at(buffer)).committed
  }
  const opened = vi.spyOn(RecordBatch.prototype, 'recordsIn')
  expect(await log.findTimestamp(9)).toEqual({ offset: 9, timestamp: 9 })
  expect(await log.findTimestamp(10)).toEqual({ offset: 0, timestamp: 1_000 })
  expect(opened).toHaveBeenCalledTimes(2)
  // Where records were deleted, those that had the time may be among them.
  await log.truncateBefore(5)
  expect(await log.findTimestamp(10)).toEqual({ offset: 10, timestamp: 1_000 })
})
