import { emptiedBatch, filterBatch, MillraceError, type RecordBatch, RecordCursor } from '@millrace/record'
import type { KeyMap } from './key-map.ts'

/** What decides about the records of a partition in one pass of compaction. */
export interface CompactionRules {
  /** For each key that has records between `dirtyFrom` and `dirtyTo`, the last of their offsets. */
  readonly lastOffsets: KeyMap
  readonly dirtyFrom: number
  readonly dirtyTo: number
  /** Batches that are not in the map although they lie in its range, by base offset. */
  readonly unmapped: ReadonlySet<number>
  readonly logStartOffset: number
  /** The last offset of the last batch of each producer. */
  readonly lastOfProducer: ReadonlyMap<number, number>
  readonly nowMs: number
  readonly deleteRetentionMs: number
  /** What a compressed batch may expand to. */
  readonly decompressedBytes: number
}

export interface CompactedBatch {
  /** What stays; undefined when nothing does. */
  readonly batch: RecordBatch | undefined
  /** Bytes that were decompressed and walked over. */
  readonly workBytes: number
}

/**
 * The records of a batch, decompressed; undefined for what only its producer can read, which stays as it is: nobody
 * knows its keys.
 */
export function openRecords(batch: RecordBatch, maxBytes: number): Buffer | undefined {
  try {
    const records = batch.recordBytes(maxBytes)
    const cursor = new RecordCursor(records, batch)
    while (cursor.next());
    return records
  } catch (error) {
    if (error instanceof MillraceError) return undefined
    throw error
  }
}

/**
 * What compaction leaves of one batch. A record stays when it has no key, or when no later one with its key is known; a
 * tombstone only until its batch's horizon has come, which is set when it is first compacted, together with all that
 * lies before it. Control batches stay. Of the last batch of a producer the header stays, for its sequence numbers.
 */
export function compactBatch(batch: RecordBatch, rules: CompactionRules): CompactedBatch {
  const { lastOffsets, dirtyFrom, dirtyTo, nowMs } = rules
  const { baseOffset } = batch
  const asItIs = { batch, workBytes: 0 }
  if (batch.isControl || baseOffset >= dirtyTo || rules.unmapped.has(baseOffset)) return asItIs
  if (batch.recordCount === 0 || batch.nextOffset <= rules.logStartOffset) {
    return { batch: withoutRecords(batch, rules), workBytes: 0 }
  }
  const records = openRecords(batch, rules.decompressedBytes)
  if (records === undefined) return asItIs
  const { deleteHorizonMs } = batch
  const dropsTombstones = deleteHorizonMs !== undefined && deleteHorizonMs <= nowMs
  const retain = (record: RecordCursor): boolean => {
    if (record.keyBytes < 0) return true
    if (dropsTombstones && record.isTombstone) return false
    return lastOffsets.get(record.bytes, record.keyAt, record.keyBytes) <= baseOffset + record.offsetDelta
  }
  const horizon = baseOffset >= dirtyFrom ? nowMs + rules.deleteRetentionMs : undefined
  const kept = filterBatch(batch, records, retain, horizon)
  return { batch: kept ?? withoutRecords(batch, rules), workBytes: records.length }
}

function withoutRecords(batch: RecordBatch, { lastOfProducer }: CompactionRules): RecordBatch | undefined {
  const { producerId } = batch
  if (producerId < 0 || lastOfProducer.get(producerId) !== batch.lastOffset) return undefined
  return batch.recordCount === 0 ? batch : emptiedBatch(batch)
}
