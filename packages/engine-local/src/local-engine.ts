import type { Engine, EnginePartition } from '@millrace/engine'
import {
  Committer,
  DataDirectory,
  type Disk,
  FilePool,
  IndexCache,
  type LogContext,
  partitionDirectoryName,
  storageError,
  TailCache,
} from '@millrace/log'
import {
  type Clock,
  DEFAULT_LIMITS,
  INTERNAL_TOPIC_PREFIX,
  type Limits,
  type Logger,
  silentLogger,
} from '@millrace/record'
import { KeyValueLog } from './key-value-log.ts'
import { LocalPartition } from './local-partition.ts'
import { PartitionFiles } from './partition-files.ts'
import { LocalProducerIds } from './producer-ids.ts'
import { LocalTopicCatalog } from './topic-catalog.ts'

export interface LocalEngineOptions {
  readonly disk: Disk
  /** Absolute, with `/`. */
  readonly dataDir: string
  readonly clock: Clock
  readonly logger?: Logger
  readonly limits?: Limits
}

/**
 * Opens the engine that keeps everything in segment files below one directory. After a shutdown that was not clean, all
 * partitions are recovered first.
 * @throws MillraceError DATA_DIR_LOCKED, DATA_DIR_INVALID, STORAGE_FAILED, DISK_FULL
 */
export async function openLocalEngine(options: LocalEngineOptions): Promise<Engine> {
  const { disk, dataDir, clock, logger = silentLogger, limits = DEFAULT_LIMITS } = options
  const directory = await DataDirectory.open(disk, dataDir)
  const clean = directory.wasClean
  const context: LogContext = {
    disk,
    clock,
    logger,
    limits,
    committer: new Committer({ clock, logger, probe: () => directory.probe() }),
    files: new FilePool(disk, limits.openFiles),
    tails: new TailCache(limits.tailCacheBytes),
    indexes: new IndexCache(limits.indexCacheBytes),
  }
  try {
    const storeDirectory = `${dataDir}/${partitionDirectoryName(`${INTERNAL_TOPIC_PREFIX}catalog`, 0)}`
    await disk.makeDirectory(storeDirectory)
    await disk.syncDirectory(dataDir)
    const store = await KeyValueLog.open(context, storeDirectory, clean)
    const files = new PartitionFiles(context, dataDir)
    const topics = new LocalTopicCatalog({ disk, store, files, clock, limits, logger })
    await topics.open(clean)
    return new LocalEngine({ context, directory, store, topics })
  } catch (error) {
    context.committer.close()
    await context.files.drop(() => true)
    await directory.close(false)
    throw storageError(error, `opening the data directory ${dataDir}`)
  }
}

interface LocalEngineParts {
  readonly context: LogContext
  readonly directory: DataDirectory
  readonly store: KeyValueLog
  readonly topics: LocalTopicCatalog
}

class LocalEngine implements Engine {
  readonly topics: LocalTopicCatalog
  readonly producers: LocalProducerIds
  private readonly parts: LocalEngineParts
  private closed: Promise<void> | undefined

  constructor(parts: LocalEngineParts) {
    this.parts = parts
    this.topics = parts.topics
    this.producers = new LocalProducerIds(parts.store)
  }

  partition(topicId: string, partition: number): EnginePartition {
    return new LocalPartition(() => this.topics.log(topicId, partition))
  }

  problems(): readonly string[] {
    if (this.closed !== undefined) return ['the engine is closed']
    const { problem } = this.parts.context.committer
    return problem === undefined ? [] : [`writing to disk fails: ${problem}`]
  }

  close(): Promise<void> {
    this.closed ??= this.shutDown()
    return this.closed
  }

  private async shutDown(): Promise<void> {
    const { context, directory, store, topics } = this.parts
    let clean = true
    for (const part of [topics, store]) {
      try {
        await part.close()
      } catch (error) {
        clean = false
        context.logger.error({ err: error }, 'shutting down in order failed; the next start looks for torn ends')
      }
    }
    context.committer.close()
    await context.files.drop(() => true)
    await directory.close(clean)
  }
}
