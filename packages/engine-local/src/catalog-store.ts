import { type LogContext, type OpenOptions, openPartitionLog, type PartitionLog } from '@millrace/log'
import { jsonCodec, Table } from '@millrace/table'
import { LocalPartition } from './local-partition.ts'

export const CATALOG_CONFIG = {
  segmentBytes: 64 * 2 ** 20,
  segmentMs: Number.MAX_SAFE_INTEGER,
  indexIntervalBytes: 4096,
  flushPolicy: 'commit',
  flushMs: 1_000,
} as const

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
