import type { HistogramView } from '@millrace/record'

/** What one topic takes at the moment. */
export interface TopicUsage {
  readonly id: string
  readonly name: string
  readonly partitions: number
  readonly segments: number
  readonly sizeBytes: number
}

/** One of the tables in which an engine keeps what it must know. */
export interface TableUsage {
  readonly name: string
  readonly sizeBytes: number
}

/** What an engine's logs have done since the start; counts only grow. */
export interface WorkDone {
  /** Rounds of commits: from taking up what was appended until it was written and, where asked for, synced. */
  readonly commitMs: HistogramView
  /** Reads that found something; what they waited for data is not in it. */
  readonly readMs: HistogramView
  readonly diskErrors: number
  readonly checkpoints: number
  readonly maintenanceRounds: number
  readonly maintenanceFailures: number
  readonly deletedSegments: number
  readonly deletedBytes: number
  readonly compactions: number
  readonly compactionReadBytes: number
  readonly compactionWrittenBytes: number
}

/** What an engine holds at the moment, and has done, for metrics. */
export interface EngineStats {
  /** All topics, Millrace's own included, in no order. */
  readonly topics: readonly TopicUsage[]
  /** Partitions that could not be opened. */
  readonly unopenedPartitions: number
  readonly openFiles: number
  /** What can still be written to the data's file system; infinite where there is none. */
  readonly freeBytes: number
  /** Appended and not committed. */
  readonly pendingBytes: number
  /** Memory of what is committed by way of a journal and not in its place yet. */
  readonly journalBacklogBytes: number
  readonly tailCacheBytes: number
  readonly indexCacheBytes: number
  readonly transactionalIds: number
  readonly openTransactions: number
  readonly tables: readonly TableUsage[]
  readonly work: WorkDone
}
