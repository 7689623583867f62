import {
  type Breathe,
  emptiedBatch,
  filterBatch,
  MillraceError,
  type RecordBatch,
  RecordCursor,
  type Scratch,
} from '@millrace/record'
import type { AbortedBatches } from './aborted-batches.ts'
import { GROUP_RECORDS, type KeyGroup } from './key-group.ts'
import type { KeyMap } from './key-map.ts'

/** Worked on between two calls of `Breathe`. */
const PIECE_BYTES = 32 << 10

/** What decides about the records of a partition in one pass of compaction. */
export interface CompactionRules {
  /** For each key that has records between `dirtyFrom` and `dirtyTo`, the last of their offsets. */
  readonly lastOffsets: KeyMap
  readonly dirtyFrom: number
  readonly dirtyTo: number
  /** Batches that are not in the map although they lie in its range, by base offset. */
  readonly unmapped: ReadonlySet<number>
  readonly aborted: AbortedBatches
  /** Producers with batches that stay, behind the last of their markers. */
  readonly keptOf: ReadonlySet<number>
  readonly logStartOffset: number
  /** The last offset of the last batch of each producer. */
  readonly lastOfProducer: ReadonlyMap<number, number>
  readonly nowMs: number
  readonly deleteRetentionMs: number
  /** What a compressed batch may expand to. */
  readonly decompressedBytes: number
  /** To be filled by whoever looks keys up. */
  readonly group: KeyGroup
  /** To be filled with what is left of a batch. */
  readonly scratch: Scratch
}

/**
 * The records of a batch, decompressed; undefined for what only its producer can read, which stays as it is: nobody
 * knows its keys.
 */
export async function openRecords(batch: RecordBatch, maxBytes: number, breathe: Breathe): Promise<Buffer | undefined> {
  try {
    const records = batch.codec === 'none' ? batch.recordBytes(maxBytes) : await batch.recordBytesAsync(maxBytes)
    const { recordCount, lastOffsetDelta } = batch
    const record = new RecordCursor(records, { recordCount, lastOffsetDelta })
    for (let walked = 0; record.next(); ) {
      if (record.end - walked < PIECE_BYTES) continue
      await breathe(record.end - walked)
      walked = record.end
    }
    return records
  } catch (error) {
    if (error instanceof MillraceError) return undefined
    throw error
  }
}

/**
 * What compaction leaves of one batch; undefined when that is nothing. A record stays when it has no key, or when no
 * later one with its key is known; a tombstone only until its batch's horizon has come, which is set when it is first
 * compacted, together with all that lies before it. What was aborted goes. A marker stays as long as batches of its
 * transaction do, and then until its horizon has come, which is set when they are gone. Of the last batch of a producer
 * the header stays, for its sequence numbers. What it returns is only good until the next call.
 */
export async function compactBatch(
  batch: RecordBatch,
  rules: CompactionRules,
  breathe: Breathe,
): Promise<RecordBatch | undefined> {
  const { baseOffset } = batch
  if (baseOffset >= rules.dirtyTo) return batch
  if (batch.isControl) return compactMarker(batch, rules)
  if (rules.aborted.has(batch)) return withoutRecords(batch, rules)
  if (rules.unmapped.has(baseOffset)) return batch
  if (batch.recordCount === 0 || batch.nextOffset <= rules.logStartOffset) return withoutRecords(batch, rules)
  const records = await openRecords(batch, rules.decompressedBytes, breathe)
  if (records === undefined) return batch
  const deleteHorizonMs = baseOffset >= rules.dirtyFrom ? rules.nowMs + rules.deleteRetentionMs : undefined
  const keeps = await choose(batch, records, rules, breathe)
  const kept = await filterBatch(batch, records, keeps, { deleteHorizonMs, breathe, scratch: rules.scratch })
  return kept ?? withoutRecords(batch, rules)
}

async function compactMarker(batch: RecordBatch, rules: CompactionRules): Promise<RecordBatch | undefined> {
  const { deleteHorizonMs, recordCount, producerId } = batch
  if (recordCount === 0) return withoutRecords(batch, rules)
  if (rules.keptOf.has(producerId)) return batch
  if (deleteHorizonMs !== undefined) return deleteHorizonMs <= rules.nowMs ? withoutRecords(batch, rules) : batch
  return filterBatch(batch, batch.recordBytes(batch.sizeBytes), new Uint8Array(recordCount).fill(1), {
    deleteHorizonMs: rules.nowMs + rules.deleteRetentionMs,
    scratch: rules.scratch,
  })
}

/** 1 for each record that stays. */
async function choose(
  batch: RecordBatch,
  records: Buffer,
  { lastOffsets, nowMs, group }: CompactionRules,
  breathe: Breathe,
): Promise<Uint8Array> {
  const { baseOffset, recordCount, lastOffsetDelta, deleteHorizonMs } = batch
  const dropsTombstones = deleteHorizonMs !== undefined && deleteHorizonMs <= nowMs
  const keeps = new Uint8Array(recordCount)
  const lasts = new Float64Array(GROUP_RECORDS)
  const record = new RecordCursor(records, { recordCount, lastOffsetDelta })
  for (let first = 0, walked = 0; group.fill(record, baseOffset); first += group.count) {
    lastOffsets.getAll(records, group, lasts)
    for (let index = 0; index < group.count; index++) {
      const isOld = (lasts[index] as number) > (group.offsets[index] as number)
      const isGone = dropsTombstones && group.tombstones[index] === 1
      keeps[first + index] = isOld || isGone ? 0 : 1
    }
    if (record.end - walked < PIECE_BYTES) continue
    await breathe(record.end - walked)
    walked = record.end
  }
  return keeps
}

function withoutRecords(batch: RecordBatch, { lastOfProducer }: CompactionRules): RecordBatch | undefined {
  const { producerId } = batch
  if (producerId < 0 || lastOfProducer.get(producerId) !== batch.lastOffset) return undefined
  return batch.recordCount === 0 ? batch : emptiedBatch(batch)
}
