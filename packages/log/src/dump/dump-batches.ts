import { MillraceError, type RecordBatch, transactionMarkerOf } from '@millrace/record'
import { scanBatches } from '../batch-scan.ts'
import type { DiskFile } from '../disk.ts'
import { nextIntactBatch } from '../intact-batch.ts'
import type { DumpedBatch, DumpVisitor } from './dump-entry.ts'

export interface DumpBatchesOptions {
  readonly withRecords: boolean
  /** The most that the records of one batch may expand to. */
  readonly decompressedBytes: number
  readonly signal: AbortSignal | undefined
  readonly visit: DumpVisitor
}

/** Shows all batches of a `.log` up to `sizeBytes`; behind damage it goes on with the next whole one. */
export async function dumpBatches(file: DiskFile, sizeBytes: number, options: DumpBatchesOptions): Promise<void> {
  const { signal, visit } = options
  let position = 0
  let due = 0
  while (position < sizeBytes) {
    let damage: string | undefined
    const stop = await scanBatches(file, position, sizeBytes, async (batch, at) => {
      signal?.throwIfAborted()
      damage = await showBatch(batch, at, options)
      if (damage !== undefined) return false
      due = batch.nextOffset
      return true
    })
    position = stop.position
    const reason = damage ?? stop.error?.message
    if (reason === undefined) return
    const bounds = { minOffset: due, maxOffset: Number.MAX_SAFE_INTEGER }
    const next = await nextIntactBatch(file, position, sizeBytes, bounds)
    const place = next === undefined ? 'nothing whole follows' : `the next whole batch is at byte ${next.position}`
    await visit({ kind: 'damage', position, message: `${reason}; ${place}` })
    if (next === undefined) return
    position = next.position
  }
}

/** @returns why the batch cannot be what was written; undefined: it is well */
async function showBatch(
  batch: RecordBatch,
  position: number,
  { visit, withRecords, decompressedBytes }: DumpBatchesOptions,
): Promise<string | undefined> {
  let shown: DumpedBatch
  try {
    shown = batchEntry(batch, position)
  } catch (error) {
    return messageOf(error)
  }
  await visit(shown)
  if (!shown.isCrcValid) return 'the CRC is wrong'
  if (!withRecords || shown.marker !== undefined) return undefined
  try {
    for (const { offset, timestamp, key, value, headers } of batch.records(decompressedBytes)) {
      await visit({ kind: 'record', offset, timestamp, key, value, headers })
    }
  } catch (error) {
    return messageOf(error)
  }
  return undefined
}

function batchEntry(batch: RecordBatch, position: number): DumpedBatch {
  const isCrcValid = batch.hasValidChecksum()
  return {
    kind: 'batch',
    position,
    sizeBytes: batch.sizeBytes,
    baseOffset: batch.baseOffset,
    lastOffset: batch.lastOffset,
    recordCount: batch.recordCount,
    codec: batch.codec,
    baseTimestamp: batch.baseTimestamp,
    maxTimestamp: batch.maxTimestamp,
    timestampType: batch.isLogAppendTime ? 'LogAppendTime' : 'CreateTime',
    leaderEpoch: batch.leaderEpoch,
    producerId: batch.producerId,
    producerEpoch: batch.producerEpoch,
    baseSequence: batch.baseSequence,
    isTransactional: batch.isTransactional,
    marker: batch.isControl ? markerOf(batch, isCrcValid) : undefined,
    deleteHorizonMs: batch.deleteHorizonMs,
    crc: batch.crc,
    isCrcValid,
  }
}

function markerOf(batch: RecordBatch, isCrcValid: boolean): 'commit' | 'abort' | 'unknown' {
  return (isCrcValid ? transactionMarkerOf(batch)?.outcome : undefined) ?? 'unknown'
}

/** What damaged bytes may fail with; anything else is passed on. */
function messageOf(error: unknown): string {
  if (error instanceof MillraceError || error instanceof RangeError) return error.message
  throw error
}
