import assert from 'node:assert/strict'
import type { EnginePartition, ReadResult } from '@millrace/engine'
import { type RecordBatch, readBatches, transactionMarkerOf } from '@millrace/record'
import type { ModelRecord } from './model-record.ts'

const MAX_RECORD_BYTES = 1 << 20

/** All that a partition has at one moment. */
export interface StoredPartition {
  readonly start: number
  readonly end: number
  /** The end without the markers that come last: the start may have put them where a power cut took records. */
  readonly recordsEnd: number
  /** By offset, in its order. */
  readonly records: ReadonlyMap<number, ModelRecord>
  /** Where what is committed is known up to, and the values that its readers see. */
  readonly stable: number
  readonly visible: ReadonlySet<string>
  /** Of the batches that hold them. */
  readonly bytes: number
}

/** Reads all of a partition that nobody writes to. */
export async function readPartition(partition: EnginePartition, maxBytes: number): Promise<StoredPartition> {
  const { logStartOffset: start, highWatermark: end, lastStableOffset: stable } = await partition.status()
  const records = new Map<number, ModelRecord>()
  let bytes = 0
  let recordsEnd: number = start
  for (let offset: number = start; offset < end; ) {
    const result = await partition.read(offset, { maxBytes, isolation: 'uncommitted' })
    for (const [at, record] of recordsOf(result, offset)) if (at >= start) records.set(at, record)
    for (const buffer of result.batches) {
      bytes += buffer.length
      for (const batch of readBatches(buffer)) if (!batch.isControl) recordsEnd = batch.nextOffset
    }
    assert(result.nextOffset > offset, `reading at ${offset} leads to ${result.nextOffset} of ${end}`)
    offset = result.nextOffset
  }
  const visible = new Set<string>()
  for (let offset: number = start; offset < stable; ) {
    const result = await partition.read(offset, { maxBytes, isolation: 'committed' })
    for (const value of visibleIn(result)) visible.add(value)
    assert(result.nextOffset > offset, `reading at ${offset} leads to ${result.nextOffset} of ${stable}`)
    offset = result.nextOffset
  }
  return { start, end, recordsEnd, records, stable, visible, bytes }
}

/** The records of what was read at `offset`: whole batches without gaps, from the one that holds it on. */
export function recordsOf({ batches, nextOffset }: ReadResult, offset: number): [number, ModelRecord][] {
  const records: [number, ModelRecord][] = []
  let due: number | undefined
  for (const batch of batches.flatMap((bytes) => [...readBatches(bytes)])) {
    checkPlace(batch, due, offset)
    due = batch.nextOffset
    if (batch.isControl) continue
    for (const { offset: at, key, value, timestamp } of batch.records(MAX_RECORD_BYTES)) {
      records.push([at, { key: String(key), value: value === null ? null : String(value), timestamp }])
    }
  }
  assert.equal(nextOffset, due ?? offset, `where to read on after ${offset}`)
  return records
}

/** The values that a client makes of a read with isolation `committed`. */
export function visibleIn({ batches, abortedTransactions }: ReadResult): string[] {
  const visible: string[] = []
  const waiting = abortedTransactions.toSorted((a, b) => a.firstOffset - b.firstOffset)
  const aborting = new Set<number>()
  for (const batch of batches.flatMap((bytes) => [...readBatches(bytes)])) {
    for (; waiting[0] !== undefined && waiting[0].firstOffset <= batch.lastOffset; waiting.shift()) {
      aborting.add(waiting[0].producerId)
    }
    if (batch.isControl) {
      if (transactionMarkerOf(batch)?.outcome === 'abort') aborting.delete(batch.producerId)
    } else if (!batch.isTransactional || !aborting.has(batch.producerId)) {
      for (const { value } of batch.records(MAX_RECORD_BYTES)) if (value !== null) visible.push(String(value))
    }
  }
  return visible
}

function checkPlace(batch: RecordBatch, due: number | undefined, offset: number): void {
  const { baseOffset, nextOffset } = batch
  assert(batch.hasValidChecksum(), `a wrong CRC at offset ${baseOffset}`)
  if (due !== undefined) assert.equal(baseOffset, due, 'batches follow on one another')
  else assert(baseOffset <= offset && offset < nextOffset, `${offset} was asked for, ${baseOffset} came`)
}
