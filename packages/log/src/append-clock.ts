import { type Clock, MillraceError, RecordBatch } from '@millrace/record'
import type { Segment } from './segment.ts'

/** The times of one partition's appends, which never go back: where the clock does, the latest one holds. */
export class AppendClock {
  private readonly clock: Clock
  private latest: number

  /** @param latest the time of the last append that was stamped, in ms since 1970; 0: none was */
  constructor(clock: Clock, latest: number) {
    this.clock = clock
    this.latest = latest
  }

  /** Makes now the time of all records of `batch`. */
  stamp(batch: RecordBatch): void {
    this.latest = Math.max(this.latest, this.clock.nowMs())
    batch.stampAppendTime(this.latest)
  }
}

/**
 * When the last batch was appended, in ms since 1970; 0 when it does not tell, because a producer gave it its time, or
 * is damaged.
 */
export async function lastAppendTime(segments: readonly Segment[]): Promise<number> {
  const last = segments.findLast(({ sizeBytes }) => sizeBytes > 0)
  if (last === undefined) return 0
  try {
    const [bytes] = (await last.read(last.nextOffset - 1, 1))?.batches ?? []
    const batch = bytes === undefined ? undefined : RecordBatch.at(bytes)
    if (batch === undefined || batch.isLogAppendTime) return batch?.maxTimestamp ?? 0
    // Compaction leaves batches without records or time in the place of what is gone.
    return batch.recordCount > 0 ? 0 : await largestAppendTime(last)
  } catch (error) {
    if (error instanceof MillraceError) return 0
    throw error
  }
}

async function largestAppendTime(segment: Segment): Promise<number> {
  let largest = 0
  await segment.scan((batch) => {
    if (batch.isLogAppendTime) largest = Math.max(largest, batch.maxTimestamp)
    return true
  })
  return largest
}
