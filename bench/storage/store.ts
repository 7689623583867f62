import { mkdirSync } from 'node:fs'
import {
  type CleanupConfig,
  Committer,
  type Disk,
  FilePool,
  IndexCache,
  Journal,
  type LogContext,
  nodeDisk,
  openPartitionLog,
  type PartitionLog,
  TailCache,
} from '@millrace/log'
import { DEFAULT_LIMITS, RecordBatch, silentLogger, systemClock } from '@millrace/record'
import type { Progress } from '../harness/tasks.ts'

const TOPIC_ID = '00000000-0000-4000-8000-000000000001'
/** Batches that are on their way while a partition is filled. */
const FILL_IN_FLIGHT = 64

export interface OpenLog {
  readonly synced: boolean
  readonly clean: boolean
  readonly segmentBytes?: number
  readonly cleanup?: CleanupConfig
}

/** What the partitions of a data directory share, as the engine puts it together. */
export class Store {
  private readonly directory: string
  private readonly context: LogContext

  private constructor(directory: string, context: LogContext) {
    this.directory = directory
    this.context = context
  }

  static async open(directory: string): Promise<Store> {
    const disk = nodeDisk()
    const limits = DEFAULT_LIMITS
    const clock = systemClock
    const logger = silentLogger
    const { journal } = await Journal.open(disk, `${directory}/journal`, { maxFileBytes: limits.journalBytes })
    const probe = (): Promise<void> => Promise.reject(new Error('the disk fails'))
    return new Store(directory, {
      disk,
      clock,
      logger,
      limits,
      committer: new Committer({ clock, logger, journal, probe }),
      files: new FilePool(disk, limits.openFiles),
      tails: new TailCache(limits.tailCacheBytes),
      indexes: new IndexCache(limits.indexCacheBytes),
    })
  }

  directoryOf(partition: number): string {
    return `${this.directory}/bench-${partition}`
  }

  /** With Kafka's defaults, where `options` do not say otherwise. */
  openLog(partition: number, options: OpenLog): Promise<PartitionLog> {
    const { synced, clean, segmentBytes = 2 ** 30, cleanup } = options
    const directory = this.directoryOf(partition)
    mkdirSync(directory, { recursive: true })
    return openPartitionLog(this.context, {
      directory,
      identity: { topicId: TOPIC_ID, partition },
      clean,
      config: {
        segmentBytes,
        segmentMs: 7 * 86_400_000,
        indexIntervalBytes: 4_096,
        flushPolicy: synced ? 'commit' : 'os',
        flushMs: 1_000,
        ...(cleanup && { cleanup }),
      },
    })
  }

  async sync(path: string): Promise<void> {
    const file = await (this.context.disk as Disk).open(path)
    await file.datasync()
    await file.close()
  }
}

/** Appends what `next` gives until the log has `bytes`. */
export async function fill(
  log: PartitionLog,
  bytes: number,
  next: (index: number) => Buffer,
  progress: Progress,
): Promise<void> {
  let appended = 0
  let index = 0
  const lane = async (): Promise<void> => {
    while (appended < bytes) {
      const batch = next(index++)
      appended += batch.length
      await log.append(RecordBatch.at(batch)).committed
      progress(appended)
    }
  }
  await Promise.all(Array.from({ length: FILL_IN_FLIGHT }, lane))
}
