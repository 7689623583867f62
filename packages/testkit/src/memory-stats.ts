import type { EngineStats, TopicDescription } from '@millrace/engine'
import type { MemoryPartition } from './memory-partition.ts'

const NOTHING_TIMED = { bounds: [], counts: [0], sum: 0 }

/** What the memory engine can tell of itself: it has topics, and nothing that it counts. */
export async function memoryStats(
  topics: readonly { readonly description: TopicDescription; readonly partitions: readonly MemoryPartition[] }[],
): Promise<EngineStats> {
  return {
    topics: await Promise.all(
      topics.map(async ({ description: { id, name }, partitions }) => {
        const statuses = await Promise.all(partitions.map((partition) => partition.status()))
        const sizeBytes = statuses.reduce((sum, status) => sum + status.sizeBytes, 0)
        return { id, name, partitions: partitions.length, segments: partitions.length, sizeBytes }
      }),
    ),
    unopenedPartitions: 0,
    openFiles: 0,
    freeBytes: Number.POSITIVE_INFINITY,
    pendingBytes: 0,
    journalBacklogBytes: 0,
    tailCacheBytes: 0,
    indexCacheBytes: 0,
    transactionalIds: 0,
    openTransactions: 0,
    tables: [],
    work: {
      commitMs: NOTHING_TIMED,
      readMs: NOTHING_TIMED,
      diskErrors: 0,
      checkpoints: 0,
      maintenanceRounds: 0,
      maintenanceFailures: 0,
      deletedSegments: 0,
      deletedBytes: 0,
      compactions: 0,
      compactionReadBytes: 0,
      compactionWrittenBytes: 0,
    },
  }
}
