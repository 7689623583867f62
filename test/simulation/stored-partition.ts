import assert from 'node:assert/strict'
import type { EnginePartition, ReadResult } from '@millrace/engine'
import { type RecordBatch, readBatches } from '@millrace/record'
import type { ModelRecord } from './model-record.ts'

const MAX_RECORD_BYTES = 1 << 20

/** All that a partition has at one moment. */
export interface StoredPartition {
  readonly start: number
  readonly end: number
  /** By offset, in its order. */
  readonly records: ReadonlyMap<number, ModelRecord>
  /** Of the batches that hold them. */
  readonly bytes: number
}

/** Reads all of a partition that nobody writes to. */
export async function readPartition(partition: EnginePartition, maxBytes: number): Promise<StoredPartition> {
  const { logStartOffset: start, highWatermark: end } = await partition.status()
  const records = new Map<number, ModelRecord>()
  let bytes = 0
  for (let offset: number = start; offset < end; ) {
    const result = await partition.read(offset, { maxBytes })
    for (const [at, record] of recordsOf(result, offset)) if (at >= start) records.set(at, record)
    for (const buffer of result.batches) bytes += buffer.length
    assert(result.nextOffset > offset, `reading at ${offset} leads to ${result.nextOffset} of ${end}`)
    offset = result.nextOffset
  }
  return { start, end, records, bytes }
}

/** The records of what was read at `offset`: whole batches without gaps, from the one that holds it on. */
export function recordsOf({ batches, nextOffset }: ReadResult, offset: number): [number, ModelRecord][] {
  const records: [number, ModelRecord][] = []
  let due: number | undefined
  for (const batch of batches.flatMap((bytes) => [...readBatches(bytes)])) {
    checkPlace(batch, due, offset)
    due = batch.nextOffset
    for (const { offset: at, key, value, timestamp } of batch.records(MAX_RECORD_BYTES)) {
      records.push([at, { key: String(key), value: value === null ? null : String(value), timestamp }])
    }
  }
  assert.equal(nextOffset, due ?? offset, `where to read on after ${offset}`)
  return records
}

function checkPlace(batch: RecordBatch, due: number | undefined, offset: number): void {
  const { baseOffset, nextOffset } = batch
  assert(batch.hasValidChecksum(), `a wrong CRC at offset ${baseOffset}`)
  if (due !== undefined) assert.equal(baseOffset, due, 'batches follow on one another')
  else assert(baseOffset <= offset && offset < nextOffset, `${offset} was asked for, ${baseOffset} came`)
}
