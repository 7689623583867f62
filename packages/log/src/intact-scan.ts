import type { RecordBatch } from '@millrace/record'
import { followsOn, scanBatches } from './batch-scan.ts'
import { type BatchPlace, nextIntactBatch } from './intact-batch.ts'
import type { LogContext } from './log-context.ts'
import type { Segment } from './segment.ts'

/**
 * Shows `visit` each whole batch of a segment, in order; what is damaged is passed over.
 * @param start where to begin; undefined: at the start of the file
 * @param mustCheck whether the checksums of the batches are to be computed
 */
export async function eachIntact(
  context: LogContext,
  segment: Segment,
  visit: (batch: RecordBatch) => void,
  { start, mustCheck = true }: { readonly start?: BatchPlace; readonly mustCheck?: boolean } = {},
): Promise<void> {
  const { sizeBytes, nextOffset } = segment
  await context.files.use(segment.path('log'), async (file) => {
    let { position, baseOffset: due } = start ?? { position: 0, baseOffset: segment.baseOffset }
    for (;;) {
      const stop = await scanBatches(file, position, sizeBytes, (batch) => {
        if (!followsOn(batch, due, nextOffset) || (mustCheck && !batch.hasValidChecksum())) return false
        visit(batch)
        due = batch.nextOffset
        return true
      })
      if (stop.position >= sizeBytes) return
      const next = await nextIntactBatch(file, stop.position, sizeBytes, { minOffset: due, maxOffset: nextOffset })
      if (next === undefined) return
      position = next.position
      due = next.baseOffset
    }
  })
}
