import type { ProducerIdentity, TransactionOutcome } from '@millrace/engine'
import { type LogContext, type OpenOptions, openPartitionLog, type PartitionLog } from '@millrace/log'
import { jsonCodec, Table } from '@millrace/table'
import { CATALOG_CONFIG } from './catalog-store.ts'
import { LocalPartition } from './local-partition.ts'

/** What became of a transaction. */
export interface Decision extends ProducerIdentity {
  readonly outcome: TransactionOutcome
}

/** What is known of a transactional id, as it is kept; the key is the id. */
export interface KeptTransactionalId extends ProducerIdentity {
  readonly timeoutMs: number
  /** When it was written last, in ms since 1970. */
  readonly usedAtMs: number
  /** The last transaction of the instance that `init` made. */
  readonly decided?: Decision | undefined
  /** Committed transactions whose marker a partition may lack that could not be opened since. */
  readonly owed?: readonly ProducerIdentity[] | undefined
}

export type TransactionTable = Table<string, KeptTransactionalId>

/** Transactional ids and decisions in a log of their own, with the configuration of the catalog's. */
export class TransactionStore {
  readonly table: TransactionTable
  readonly log: PartitionLog

  private constructor(table: TransactionTable, log: PartitionLog) {
    this.table = table
    this.log = log
  }

  /** Opens the log in its directory, which must exist, and reads all of it. */
  static async open(context: LogContext, options: Omit<OpenOptions, 'config'>): Promise<TransactionStore> {
    const { clock, limits, logger } = context
    const log = await openPartitionLog(context, { ...options, config: CATALOG_CONFIG })
    const partition = new LocalPartition(() => log)
    return new TransactionStore(await Table.open({ partition, codec: jsonCodec(), clock, limits, logger }), log)
  }

  async close(): Promise<void> {
    await this.table.close()
    await this.log.close()
  }
}
