import { DURATION_BOUNDS_MS, Histogram } from '@millrace/record'

/** What the logs of one data directory have done since the start. Whoever does it counts it; anybody may read it. */
export class LogStats {
  /** A round of the committer: from taking up what was appended until it was written and, where asked for, synced. */
  readonly commitMs = new Histogram(DURATION_BOUNDS_MS)
  /** A read that found something, from the cache or from files; what it waited for data is not in it. */
  readonly readMs = new Histogram(DURATION_BOUNDS_MS)
  /** Writing, syncing, catching up or a checkpoint that failed. */
  diskErrors = 0
  checkpoints = 0
  /** Rounds of retention and compaction over all partitions. */
  maintenanceRounds = 0
  /** Partitions of which retention or compaction failed in a round. */
  maintenanceFailures = 0
  /** Segments that retention, or deleting records, removed. */
  deletedSegments = 0
  deletedBytes = 0
  compactions = 0
  compactionReadBytes = 0
  compactionWrittenBytes = 0
}
