import type { EngineStats, TopicUsage } from '@millrace/engine'
import type { LogContext } from '@millrace/log'
import { Pauses } from '@millrace/record'
import type { CatalogStore } from './catalog-store.ts'
import type { LocalTopicCatalog, OpenTopic } from './topic-catalog.ts'
import type { TransactionStore } from './transaction-store.ts'
import type { LocalTransactions } from './transactions.ts'

export interface StatsSources {
  readonly context: LogContext
  readonly dataDir: string
  readonly store: CatalogStore
  readonly transactionStore: TransactionStore
  readonly topics: LocalTopicCatalog
  readonly transactions: LocalTransactions
}

/** Looks at everything once, with pauses in which others have their turn. */
export async function collectStats(sources: StatsSources): Promise<EngineStats> {
  const { context, dataDir, topics, transactions } = sources
  const { committer, files, tails, indexes, stats, disk } = context
  const usages: TopicUsage[] = []
  let pendingBytes = 0
  const pauses = new Pauses()
  for (const topic of topics.all()) {
    const usage = usageOf(topic)
    usages.push(usage)
    for (const log of topic.logs) if (!(log instanceof Error)) pendingBytes += log.pendingBytes
    await pauses.after(usage.partitions)
  }
  return {
    topics: usages,
    unopenedPartitions: topics.failed().length,
    openFiles: files.openFiles,
    freeBytes: await disk.freeBytes(dataDir),
    pendingBytes,
    journalBacklogBytes: committer.backlogBytes,
    tailCacheBytes: tails.memoryBytes,
    indexCacheBytes: indexes.memoryBytes,
    ...transactions.counts(),
    tables: tablesOf(sources),
    work: stats,
  }
}

/** The engine's own tables. */
export function tablesOf({ store, transactionStore }: Pick<StatsSources, 'store' | 'transactionStore'>) {
  return [
    { name: 'topics', sizeBytes: store.table.sizeBytes },
    { name: 'transactions', sizeBytes: transactionStore.table.sizeBytes },
  ]
}

function usageOf({ description: { id, name, partitions }, logs }: OpenTopic): TopicUsage {
  let segments = 0
  let sizeBytes = 0
  for (const log of logs) {
    if (log instanceof Error) continue
    segments += log.segmentCount
    sizeBytes += log.sizeBytes
  }
  return { id, name, partitions, segments, sizeBytes }
}
