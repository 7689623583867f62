import type { Engine, ProducerIdentity, TransactionDescription, TransactionOutcome } from '@millrace/engine'
import type { Limits } from '@millrace/record'

export interface TransactionsOptions {
  readonly engine: Engine
  readonly limits: Limits
}

/** How long a transaction may stay open where its producer did not say. */
const DEFAULT_TIMEOUT_MS = 60_000

/** Producers with a transactional id, and how their transactions end. The rules are the engine's: see its port. */
export class Transactions {
  private readonly engine: Engine
  private readonly limits: Limits

  constructor({ engine, limits }: TransactionsOptions) {
    this.engine = engine
    this.limits = limits
  }

  /**
   * Makes the caller the only live instance of a transactional id. The open transaction of an older one is aborted.
   * @param options `timeoutMs`: how long a transaction may stay open. Default: a minute, or what the limit allows
   * @throws MillraceError INVALID_TRANSACTIONAL_ID, INVALID_REQUEST (the time-out), LIMIT_REACHED, DISK_FULL,
   *   STORAGE_FAILED, COMMIT_UNKNOWN
   */
  init(transactionalId: string, options: { readonly timeoutMs?: number | undefined } = {}): Promise<ProducerIdentity> {
    const { timeoutMs = Math.min(DEFAULT_TIMEOUT_MS, this.limits.transactionTimeoutMs) } = options
    return this.engine.transactions.init(transactionalId, { timeoutMs })
  }

  /**
   * Commits or aborts the open transaction. A repeat is answered as the first.
   * @returns what the batches of the next transaction bear
   * @throws MillraceError PRODUCER_FENCED, TRANSACTION_ABORTED, INVALID_TRANSACTION_STATE, DISK_FULL, STORAGE_FAILED,
   *   COMMIT_UNKNOWN
   */
  end(
    transaction: ProducerIdentity & { readonly transactionalId: string },
    outcome: TransactionOutcome,
  ): Promise<ProducerIdentity> {
    return this.engine.transactions.end(transaction, outcome)
  }

  /** All transactional ids and what they are doing, by id. */
  list(): Promise<readonly TransactionDescription[]> {
    return this.engine.transactions.list()
  }
}
