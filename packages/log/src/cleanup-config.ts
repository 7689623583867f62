/** The part of a topic's configuration that says what may go, and when. Times are in ms. */
export interface CleanupConfig {
  readonly cleanupPolicy: 'delete' | 'compact' | 'compact,delete' | 'delete,compact'
  /** Segments whose latest record is older go; -1: none do. */
  readonly retentionMs: number
  /** Segments go as long as at least this much stays; -1: none do. */
  readonly retentionBytes: number
  /** Records younger than this are not compacted. */
  readonly minCompactionLagMs: number
  /** Records older than this do not wait for compaction. */
  readonly maxCompactionLagMs: number
  /** How long a tombstone stays after it was first compacted. */
  readonly deleteRetentionMs: number
  /** The share of the bytes that may be compacted that must be new for it to begin; 0 to 1. */
  readonly minCleanableDirtyRatio: number
}

export function isDeleting({ cleanupPolicy }: CleanupConfig): boolean {
  return cleanupPolicy !== 'compact'
}

export function isCompacting({ cleanupPolicy }: CleanupConfig): boolean {
  return cleanupPolicy !== 'delete'
}
