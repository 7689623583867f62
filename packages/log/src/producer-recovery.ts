import { MillraceError, type RecordBatch } from '@millrace/record'
import { readFile, syncFile } from './disk.ts'
import { baseOffsetsIn, segmentFileName } from './file-names.ts'
import type { BatchPlace } from './intact-batch.ts'
import { eachIntact } from './intact-scan.ts'
import type { LogContext } from './log-context.ts'
import { decodeProducerSnapshot } from './producer-snapshot.ts'
import { ProducerState } from './producer-state.ts'
import type { Segment } from './segment.ts'

export interface RecoveredProducers {
  readonly producers: ProducerState
  /** The offsets of the snapshots that can be read, ascending. */
  readonly snapshots: number[]
}

/**
 * The newest snapshot that can be read, and what was appended after it.
 * @param names what is in the partition's directory
 * @param checked segments each of whose batches was found to be whole
 * @param clean whether the last shutdown was; else the process may have died before it synced the newest snapshot, on which
 *   segments and older snapshots may be removed
 */
export async function recoverProducers(
  context: LogContext,
  directory: string,
  names: readonly string[],
  segments: readonly Segment[],
  checked: ReadonlySet<Segment>,
  clean: boolean,
): Promise<RecoveredProducers> {
  const { disk, limits, logger } = context
  const end = (segments.at(-1) as Segment).nextOffset
  const snapshots: number[] = []
  let producers: ProducerState | undefined
  let from = 0
  for (const offset of baseOffsetsIn(names, 'snapshot').reverse()) {
    const path = `${directory}/${segmentFileName(offset, 'snapshot')}`
    const bytes = await readFile(disk, path)
    try {
      if (offset > end) throw new MillraceError('STORAGE_FAILED', 'it is of a later offset than the log has')
      const decoded = decodeProducerSnapshot(bytes as Buffer, limits.producersPerPartition)
      if (!clean && producers === undefined) await syncFile(disk, path)
      snapshots.unshift(offset)
      if (producers !== undefined) continue
      producers = decoded
      from = offset
    } catch (error) {
      logger.warn({ err: error, file: path }, 'a producer snapshot is not used')
      await disk.remove(path)
    }
  }
  producers ??= new ProducerState(limits.producersPerPartition)
  for (const segment of segments) {
    if (segment.nextOffset > from) await replay(context, segment, from, producers, !checked.has(segment))
  }
  return { producers, snapshots }
}

/** Has `producers` remember the batches of a segment from offset `from` on; what is damaged is passed over. */
async function replay(
  context: LogContext,
  segment: Segment,
  from: number,
  producers: ProducerState,
  mustCheck: boolean,
): Promise<void> {
  const start = await placeOf(segment, from)
  const visit = (batch: RecordBatch): void => {
    if (batch.baseOffset >= from) remember(producers, batch)
  }
  await eachIntact(context, segment, visit, { start, mustCheck })
}

/** Where to begin, for what comes from `offset` on: no index is believed. */
async function placeOf(segment: Segment, offset: number): Promise<BatchPlace> {
  const { baseOffset } = segment
  if (offset > baseOffset) {
    try {
      return await segment.placeOf(offset)
    } catch (error) {
      if (!(error instanceof MillraceError && error.code === 'CORRUPT_BATCH')) throw error
    }
  }
  return { position: 0, baseOffset }
}

function remember(producers: ProducerState, batch: RecordBatch): void {
  const { producerId, nextOffset } = batch
  if (producerId < 0) return
  producers.enter(batch, producerId, nextOffset)
  producers.transactions.committed(nextOffset)
}
