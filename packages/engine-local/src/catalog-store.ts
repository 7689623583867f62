import {
  type LogContext,
  type OpenOptions,
  openPartitionLog,
  type PartitionLog,
  type PartitionLogConfig,
} from '@millrace/log'
import { jsonCodec, Table } from '@millrace/table'
import { LocalPartition } from './local-partition.ts'

const DAY_MS = 86_400_000

export const CATALOG_CONFIG = {
  segmentBytes: 2 ** 20,
  segmentMs: 7 * DAY_MS,
  indexIntervalBytes: 4096,
  flushPolicy: 'commit',
  flushMs: 1_000,
  cleanup: {
    cleanupPolicy: 'compact',
    retentionMs: -1,
    retentionBytes: -1,
    minCompactionLagMs: 0,
    maxCompactionLagMs: Number.MAX_SAFE_INTEGER,
    // A start that reads the catalog while a tombstone goes must be done before that.
    deleteRetentionMs: DAY_MS,
    minCleanableDirtyRatio: 0.5,
  },
} as const satisfies PartitionLogConfig

/** What a data directory knows beside its partitions: JSON values by key; see `layout.ts`. */
export type CatalogTable = Table<string, unknown>

/**
 * The catalog's table in its own log. There is no snapshot of it: it is small, and directories that it does not know are
 * removed, so that what it says comes from the log alone.
 */
export class CatalogStore {
  readonly table: CatalogTable
  readonly log: PartitionLog

  private constructor(table: CatalogTable, log: PartitionLog) {
    this.table = table
    this.log = log
  }

  /** Opens the log in its directory, which must exist, and reads all of it. */
  static async open(context: LogContext, options: Omit<OpenOptions, 'config'>): Promise<CatalogStore> {
    const { clock, limits, logger } = context
    const log = await openPartitionLog(context, { ...options, config: CATALOG_CONFIG })
    const partition = new LocalPartition(() => log)
    return new CatalogStore(await Table.open({ partition, codec: jsonCodec(), clock, limits, logger }), log)
  }

  async close(): Promise<void> {
    await this.table.close()
    await this.log.close()
  }
}
