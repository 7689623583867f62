import { DEFAULT_LIMITS, type Limits } from '@millrace/record'
import type { Death, KillPoint } from './kill-disk.ts'

export interface ProgramOptions {
  /** How many processes used the directory before this one. */
  readonly life: number
  readonly killPoint?: KillPoint | undefined
}

/** So small that a few appends roll segments, fill the journal and close files that are needed again. */
export const LIMITS: Limits = {
  ...DEFAULT_LIMITS,
  tailCacheBytes: 4_096,
  indexCacheBytes: 2_048,
  openFiles: 4,
  journalBytes: 6_000,
  journalBacklogBytes: 4_000,
}

const SMALL = { 'segment.bytes': '1500', 'index.interval.bytes': '256', 'retention.ms': '-1' }
/** Rounds over all of them go by way of the journal. */
export const TOPICS = {
  kept: { partitions: 4, settings: SMALL },
  expiring: { partitions: 1, settings: { ...SMALL, 'flush.policy': 'interval', 'retention.bytes': '300' } },
  doomed: { partitions: 2, settings: SMALL },
  compacted: {
    partitions: 1,
    settings: {
      ...SMALL,
      'cleanup.policy': 'compact',
      'min.cleanable.dirty.ratio': '0',
      'delete.retention.ms': String(2 * LIMITS.housekeepingIntervalMs),
    },
  },
} as const
export type TopicName = keyof typeof TOPICS

/** What the program says. What it begins is said before, what it was promised right after. */
export type Event =
  | { readonly event: 'enters'; readonly phase: string; readonly changes: number }
  | ({ readonly event: 'dies'; readonly phase: string } & Death)
  | { readonly event: 'creates'; readonly topic: TopicName }
  | { readonly event: 'created'; readonly topic: TopicName; readonly id: string }
  | { readonly event: 'deletes'; readonly id: string }
  | { readonly event: 'deleted'; readonly id: string }
  | ({ readonly event: 'truncates' } & Truncation)
  | ({ readonly event: 'truncated' } & Truncation)
  | ({ readonly event: 'sends' } & SentBatch)
  | {
      readonly event: 'acknowledged'
      readonly id: string
      readonly partition: number
      /** The first of the batch. */
      readonly record: string
      readonly baseOffset: number
    }

export interface SentBatch {
  readonly id: string
  readonly partition: number
  /** As `parseRecord` reads them. */
  readonly records: readonly string[]
  readonly producerId: number
  readonly baseSequence: number
}

export interface Truncation {
  readonly id: string
  readonly partition: number
  readonly offset: number
}
