import type { Clock, Limits, Logger } from '@millrace/record'
import type { Committer } from './committer.ts'
import type { Disk } from './disk.ts'
import type { FilePool } from './file-pool.ts'
import type { LogStats } from './log-stats.ts'
import type { ProducerRoom } from './producer-room.ts'
import type { IndexCache } from './segment-indexes.ts'
import type { Serial } from './serial.ts'
import type { TailCache } from './tail-cache.ts'

/** What all partitions of one data directory share. */
export interface LogContext {
  readonly disk: Disk
  readonly clock: Clock
  readonly logger: Logger
  readonly limits: Limits
  readonly committer: Committer
  readonly files: FilePool
  readonly tails: TailCache
  readonly indexes: IndexCache
  readonly stats: LogStats
  readonly producers: ProducerRoom
  /** Large blocks are opened here for lookups by time, one after another. */
  readonly unpacking: Serial
}
