import { RecordBatch } from '@millrace/record'
import { followsOn, scanBatches } from './batch-scan.ts'
import type { DiskFile } from './disk.ts'
import { type BatchPlace, nextIntactBatch } from './intact-batch.ts'
import type { JournaledBatch } from './journal-file.ts'
import type { LogContext } from './log-context.ts'
import type { Segment } from './segment.ts'

export interface SegmentScanOptions {
  /** Where the next segment begins; undefined for the last one, whose end may be torn. */
  readonly nextBase: number | undefined
  /** All before it was on disk once: what is damaged there was not torn by the crash. */
  readonly durableEnd: number
  /** What the journal has of the partition, oldest first. */
  readonly journaled: readonly JournaledBatch[]
  readonly indexIntervalBytes: number
  /** Gets each batch that is taken in. */
  readonly onBatch: (batch: RecordBatch) => void
}

/** What lies in the file behind what was taken in. */
export interface SegmentRest {
  readonly fileBytes: number
  /** Why the first bytes of it are no batch that could follow; undefined when there are none, or they are a wrong one. */
  readonly reason: string | undefined
  /** Whole batches behind a place that is not, and their records. */
  readonly batches: number
  readonly records: number
  /** Whether all that was taken in is whole. */
  readonly isIntact: boolean
}

/**
 * Takes in the batches of a segment that is not sealed. A place with a damaged batch, or none, that whole batches follow
 * is put right from the journal where that has it. Else it is kept and passed over where all of it was on disk once,
 * because it is damage then, and what follows it was acknowledged. Elsewhere it is the end: a crash may write what was
 * not yet synced in any order.
 */
export async function scanSegment(
  context: LogContext,
  segment: Segment,
  options: SegmentScanOptions,
): Promise<SegmentRest> {
  const { nextBase = Number.MAX_SAFE_INTEGER, durableEnd, indexIntervalBytes, onBatch } = options
  const { logger } = context
  return context.files.use(segment.path('log'), async (file) => {
    const fileBytes = await file.size()
    let isIntact = true
    for (;;) {
      const stop = await scanBatches(file, segment.sizeBytes, fileBytes, (batch) => {
        if (!followsOn(batch, segment.nextOffset, nextBase) || !batch.hasValidChecksum()) return false
        onBatch(batch)
        segment.advance(batch, batch.nextOffset, indexIntervalBytes)
        return true
      })
      const { sizeBytes: position, nextOffset: offset } = segment
      const rest = { fileBytes, reason: stop.error?.message, isIntact }
      if (position >= fileBytes) return { ...rest, batches: 0, records: 0 }
      const bounds = { minOffset: offset + 1, maxOffset: nextBase }
      const next = await nextIntactBatch(file, position, fileBytes, bounds)
      if (next === undefined) return { ...rest, batches: 0, records: 0 }
      const where = { file: segment.path('log'), position, offset, upTo: next.baseOffset }
      if (await restore(context, segment, next, options)) {
        logger.warn(where, 'stored batches were damaged; they are written again from the journal')
      } else if (offset < durableEnd) {
        logger.error(where, 'stored batches are damaged; they are kept as they are, and those behind them')
        segment.passOver(next.position - position, next.baseOffset)
        isIntact = false
      } else {
        return { ...rest, ...(await countIntact(file, next, fileBytes)) }
      }
    }
  })
}

/** Writes again what lies before `next`, if the journal has exactly that. */
async function restore(
  context: LogContext,
  segment: Segment,
  next: BatchPlace,
  { journaled, indexIntervalBytes, onBatch }: SegmentScanOptions,
): Promise<boolean> {
  const found: JournaledBatch[] = []
  let due = segment.nextOffset
  let bytes = 0
  for (const batch of journaled) {
    if (batch.baseOffset !== due || due === next.baseOffset) continue
    found.push(batch)
    due = batch.nextOffset
    bytes += batch.sizeBytes
  }
  if (due !== next.baseOffset || bytes !== next.position - segment.sizeBytes) return false
  for (const { path, position, sizeBytes } of found) {
    const buffer = Buffer.allocUnsafeSlow(sizeBytes)
    await context.files.use(path, (file) => file.read(buffer, position))
    const batch = RecordBatch.at(buffer)
    await segment.write([buffer])
    onBatch(batch)
    segment.advance(batch, batch.nextOffset, indexIntervalBytes)
  }
  return true
}

/** Whole batches that follow on one another from `start` on. */
async function countIntact(
  file: DiskFile,
  start: BatchPlace,
  end: number,
): Promise<{ batches: number; records: number }> {
  let due = start.baseOffset
  let batches = 0
  let records = 0
  await scanBatches(file, start.position, end, (batch) => {
    if (!followsOn(batch, due, Number.MAX_SAFE_INTEGER) || !batch.hasValidChecksum()) return false
    due = batch.nextOffset
    batches++
    records += batch.recordCount
    return true
  })
  return { batches, records }
}
