import type { Engine, EnginePartition, EngineStats } from '@millrace/engine'
import {
  Committer,
  DataDirectory,
  type Disk,
  FilePool,
  IndexCache,
  identityKey,
  Journal,
  keepBatches,
  type LogContext,
  LogStats,
  ProducerRoom,
  Serial,
  storageError,
  TailCache,
  withKeptBatches,
} from '@millrace/log'
import { type Clock, DEFAULT_LIMITS, type Limits, type Logger, PacedTurns, silentLogger } from '@millrace/record'
import { CatalogStore } from './catalog-store.ts'
import { Housekeeper } from './housekeeper.ts'
import { CATALOG, CATALOG_DIRECTORY, JOURNAL_DIRECTORY, TRANSACTIONS, TRANSACTIONS_DIRECTORY } from './layout.ts'
import { LocalBackups } from './local-backups.ts'
import { LocalPartition } from './local-partition.ts'
import { collectStats, tablesOf } from './local-stats.ts'
import { MarkerWriter } from './marker-writer.ts'
import { PartitionFiles } from './partition-files.ts'
import { engineProblems } from './problems.ts'
import { LocalProducerIds } from './producer-ids.ts'
import { LocalTopicCatalog } from './topic-catalog.ts'
import { TransactionStore } from './transaction-store.ts'
import { LocalTransactions } from './transactions.ts'

/** Times what segments may lack: room below which they are written to before the journal, so that they lack nothing. */
const BACKLOG_ROOM = 4

/**
 * Transactional ids that are written down side by side, where many come at once: what comes of each holds up the event
 * loop for a while.
 */
const WRITES_PER_TURN = 64
/** What a request costs before it comes here, and when it is answered, is more than its write, and cannot be seen here. */
const PAUSE = 7

export interface LocalEngineOptions {
  readonly disk: Disk
  /** Absolute, with `/`. */
  readonly dataDir: string
  /** Where backups are put, on the same file system; absolute, with `/`. Undefined: there are none. */
  readonly backupDir?: string | undefined
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
  const { disk, dataDir } = options
  const directory = await DataDirectory.open(disk, dataDir)
  const files = new FilePool(disk, (options.limits ?? DEFAULT_LIMITS).openFiles)
  try {
    return new LocalEngine(await openParts(options, directory, files))
  } catch (error) {
    await files.dropWhere(() => true)
    await directory.close(false)
    throw storageError(error, `opening the data directory ${dataDir}`)
  }
}

async function openParts(
  options: LocalEngineOptions,
  directory: DataDirectory,
  files: FilePool,
): Promise<LocalEngineParts> {
  const { disk, dataDir, clock, logger = silentLogger, limits = DEFAULT_LIMITS } = options
  const startedMs = clock.monotonicMs()
  const storeDirectory = `${dataDir}/${CATALOG_DIRECTORY}`
  const transactionsDirectory = `${dataDir}/${TRANSACTIONS_DIRECTORY}`
  for (const made of [storeDirectory, transactionsDirectory]) await disk.makeDirectory(made)
  const journalDirectory = `${dataDir}/${JOURNAL_DIRECTORY}`
  const { journal, batches } = await Journal.open(disk, journalDirectory, {
    maxFileBytes: limits.journalBytes,
    roomBytes: BACKLOG_ROOM * limits.journalBacklogBytes,
  })
  await disk.syncDirectory(dataDir)
  const stats = new LogStats()
  const context: LogContext = {
    disk,
    clock,
    logger,
    limits,
    committer: new Committer({
      clock,
      logger,
      journal,
      backlogBytes: limits.journalBacklogBytes,
      probe: () => directory.probe(),
      stats,
    }),
    files,
    tails: new TailCache(limits.tailCacheBytes),
    indexes: new IndexCache(limits.indexCacheBytes),
    stats,
    producers: new ProducerRoom(clock, limits),
    unpacking: new Serial(),
  }
  const clean = directory.wasClean
  const journaled = batches.get(identityKey(CATALOG))
  const store = await CatalogStore.open(context, { directory: storeDirectory, identity: CATALOG, clean, journaled })
  const transactionStore = await TransactionStore.open(context, {
    directory: transactionsDirectory,
    identity: TRANSACTIONS,
    clean,
    journaled: batches.get(identityKey(TRANSACTIONS)),
  })
  const partitionFiles = new PartitionFiles(context, dataDir)
  const topics = new LocalTopicCatalog({ disk, store: store.table, files: partitionFiles, clock, limits, logger })
  const allBatches = await withKeptBatches(disk, journalDirectory, batches)
  await topics.open({ clean, journaled: allBatches })
  const failed = new Set(topics.failed().map(identityKey))
  await keepBatches(disk, journalDirectory, allBatches, failed)
  // Every other partition has synced what it took from the journal.
  await journal.clear()
  const producers = new LocalProducerIds(store.table)
  const transactions = new LocalTransactions({
    store: transactionStore.table,
    producers,
    markers: new MarkerWriter(clock, logger),
    turns: new PacedTurns({ clock, perTurn: WRITES_PER_TURN, pauseFrom: 2, pause: PAUSE }),
    clock,
    logger,
    limits,
  })
  await transactions.open(topics.logs(), failed.size > 0)
  if (!clean && !directory.isNew) {
    const tookMs = Math.round(clock.monotonicMs() - startedMs)
    const partitions = topics.logs().length
    logger.warn({ dataDir, partitions, tookMs }, 'the last shutdown was not in order: the partitions were recovered')
  }
  const { backupDir } = options
  const backups =
    backupDir === undefined
      ? undefined
      : new LocalBackups({
          context,
          dataDir,
          backupDir,
          whileUnchanged: (work) => topics.whileUnchanged(work),
          logs: () => [store.log, transactionStore.log, ...topics.logs()],
          failed: () => topics.failed(),
        })
  await backups?.removePartial()
  return { context, directory, journal, store, transactionStore, topics, producers, transactions, backups }
}

interface LocalEngineParts {
  readonly context: LogContext
  readonly directory: DataDirectory
  readonly journal: Journal
  readonly store: CatalogStore
  readonly transactionStore: TransactionStore
  readonly topics: LocalTopicCatalog
  readonly producers: LocalProducerIds
  readonly transactions: LocalTransactions
  readonly backups: LocalBackups | undefined
}

class LocalEngine implements Engine {
  readonly topics: LocalTopicCatalog
  readonly producers: LocalProducerIds
  readonly transactions: LocalTransactions
  readonly backups: LocalBackups | undefined
  private readonly parts: LocalEngineParts
  private readonly housekeeper: Housekeeper
  private closed: Promise<void> | undefined

  constructor(parts: LocalEngineParts) {
    this.parts = parts
    this.topics = parts.topics
    this.producers = parts.producers
    this.transactions = parts.transactions
    this.backups = parts.backups
    const { clock, logger, limits, stats } = parts.context
    this.housekeeper = new Housekeeper({
      clock,
      logger,
      intervalMs: limits.housekeepingIntervalMs,
      compactionBytesPerSecond: limits.compactionBytesPerSecond,
      stats,
      list: () => [parts.store.log, parts.transactionStore.log, ...parts.topics.logs()],
    })
  }

  partition(topicId: string, partition: number): EnginePartition {
    const { topics, transactions } = this
    const check = { transactions, partition: { topicId, partition } }
    return new LocalPartition(() => topics.log(topicId, partition), check, this.parts.context)
  }

  async problems(): Promise<readonly string[]> {
    if (this.closed !== undefined) return ['the engine is closed']
    const { context, directory, topics } = this.parts
    return engineProblems({ context, dataDir: directory.path, topics, tables: tablesOf(this.parts) })
  }

  async stats(): Promise<EngineStats> {
    this.topics.checkOpen()
    return collectStats({ ...this.parts, dataDir: this.parts.directory.path })
  }

  close(): Promise<void> {
    this.closed ??= this.shutDown()
    return this.closed
  }

  private async shutDown(): Promise<void> {
    const { context, directory, journal, store, transactionStore, topics, transactions, backups } = this.parts
    // A partition that could not be opened was not closed in order.
    let clean = topics.failed().length === 0
    const steps = [
      async () => backups?.close(),
      () => transactions.close(),
      () => topics.close(),
      () => this.housekeeper.idle(),
      () => transactionStore.close(),
      () => store.close(),
      () => context.committer.idle(),
      async () => {
        if (clean) await journal.clear()
      },
    ]
    this.housekeeper.close()
    for (const step of steps) {
      try {
        await step()
      } catch (error) {
        clean = false
        context.logger.error({ err: error }, 'shutting down in order failed; the next start looks for torn ends')
      }
    }
    context.committer.close()
    await context.files.dropWhere(() => true)
    await directory.close(clean)
  }
}
