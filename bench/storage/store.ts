import { mkdirSync } from 'node:fs'
import {
  type CleanupConfig,
  Committer,
  type Disk,
  FilePool,
  fillFromJournal,
  IndexCache,
  identityKey,
  Journal,
  type JournaledBatches,
  type LogContext,
  LogStats,
  nodeDisk,
  type OpenOptions,
  openPartitionLog,
  type PartitionIdentity,
  type PartitionLog,
  PartitionRecovery,
  ProducerRoom,
  Serial,
  sideBySide,
  TailCache,
} from '@millrace/log'
import { DEFAULT_LIMITS, RecordBatch, silentLogger, systemClock } from '@millrace/record'
import type { Progress } from '../harness/tasks.ts'

const TOPIC_ID = '00000000-0000-4000-8000-000000000001'
/** Batches that are on their way while a partition is filled. */
const FILL_IN_FLIGHT = 64
const RECOVERED_AT_ONCE = 32

export function identityOf(partition: number): PartitionIdentity {
  return { topicId: TOPIC_ID, partition }
}

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
  /** What the journal had. */
  private readonly journaled: JournaledBatches

  private constructor(directory: string, context: LogContext, journaled: JournaledBatches) {
    this.directory = directory
    this.context = context
    this.journaled = journaled
  }

  static async open(directory: string): Promise<Store> {
    const disk = nodeDisk()
    const limits = DEFAULT_LIMITS
    const clock = systemClock
    const logger = silentLogger
    const { journal, batches } = await Journal.open(disk, `${directory}/journal`, { maxFileBytes: limits.journalBytes })
    const backlogBytes = limits.journalBacklogBytes
    const probe = (): Promise<void> => Promise.reject(new Error('the disk fails'))
    const context: LogContext = {
      disk,
      clock,
      logger,
      limits,
      committer: new Committer({ clock, logger, journal, backlogBytes, probe }),
      files: new FilePool(disk, limits.openFiles),
      tails: new TailCache(limits.tailCacheBytes),
      indexes: new IndexCache(limits.indexCacheBytes),
      stats: new LogStats(),
      producers: new ProducerRoom(clock, limits),
      unpacking: new Serial(),
    }
    return new Store(directory, context, batches)
  }

  directoryOf(partition: number): string {
    return `${this.directory}/bench-${partition}`
  }

  /** With Kafka's defaults, where `options` do not say otherwise. */
  openLog(partition: number, options: OpenLog): Promise<PartitionLog> {
    return openPartitionLog(this.context, this.optionsOf(partition, options))
  }

  /** Opens all partitions as after a crash, with what the journal has of them. */
  async recoverAll(partitions: number): Promise<PartitionLog[]> {
    const all = Array.from({ length: partitions }, (_, partition) => partition)
    const recoveries: PartitionRecovery[] = []
    await sideBySide(all, RECOVERED_AT_ONCE, async (partition) => {
      const options = this.optionsOf(partition, { synced: true, clean: false })
      recoveries.push(await PartitionRecovery.begin(this.context, options))
    })
    await fillFromJournal(this.context.files, recoveries)
    const logs: PartitionLog[] = []
    await sideBySide(recoveries, RECOVERED_AT_ONCE, async (recovery) => {
      logs.push(await recovery.finish())
    })
    return logs
  }

  private optionsOf(partition: number, options: OpenLog): OpenOptions {
    const { synced, clean, segmentBytes = 2 ** 30, cleanup } = options
    const directory = this.directoryOf(partition)
    mkdirSync(directory, { recursive: true })
    const identity = identityOf(partition)
    return {
      directory,
      identity,
      clean,
      journaled: this.journaled.get(identityKey(identity)),
      config: {
        segmentBytes,
        segmentMs: 7 * 86_400_000,
        indexIntervalBytes: 4_096,
        flushPolicy: synced ? 'commit' : 'os',
        flushMs: 1_000,
        ...(cleanup && { cleanup }),
      },
    }
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
