import { type CleanerCheckpoint, readCleanerCheckpoint, writeCleanerCheckpoint } from './cleaner-checkpoint.ts'
import { CompactionPass, type CompactionRun, type CompactorParts } from './compaction-pass.ts'
import { compactionRange } from './compaction-range.ts'

/**
 * Compacts one partition, as Kafka's log cleaner does (apache/kafka, LogCleaner.java): reads what is new in the closed
 * segments into a map from key to last offset, as far as the map's memory goes, and then writes all segments up to there
 * anew, one or several small neighbours at a time, without the records whose key has a later one.
 *
 * Offsets stay, and stay without gaps: a batch without records stands for those that are gone, so that a damaged base
 * offset never looks like the work of compaction.
 */
export class Compactor {
  private readonly parts: CompactorParts
  private checkpoint: CleanerCheckpoint | undefined

  constructor(parts: CompactorParts) {
    this.parts = parts
  }

  /**
   * Does one pass, if one is due.
   * @throws MillraceError CORRUPT_BATCH for a stored batch that is damaged, which then stays as it is
   */
  async run(run: CompactionRun): Promise<void> {
    const { context, segments, tail } = this.parts
    await segments.settleSwaps()
    this.checkpoint ??= await readCleanerCheckpoint(context.disk, segments.directory)
    const nowMs = context.clock.nowMs()
    const { cleanup, lastStableOffset } = run
    const range = await compactionRange(segments.all(), this.checkpoint, cleanup, { nowMs, lastStableOffset })
    if (range === undefined) return
    // A batch that was aborted must not be read once nothing says so any more.
    if (segments.mayHaveAborts) tail.dropBefore(range.end)
    // Who checks the files knows by it that records may be missing from them, also where the first pass is cut short.
    if (this.checkpoint.firstDirtyOffset === 0) {
      await writeCleanerCheckpoint(context.disk, segments.directory, this.checkpoint)
    }
    const checkpoint = await new CompactionPass(this.parts, run, range).run()
    if (checkpoint === undefined) return
    await writeCleanerCheckpoint(context.disk, segments.directory, checkpoint)
    this.checkpoint = checkpoint
  }
}
