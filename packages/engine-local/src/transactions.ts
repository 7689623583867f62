import type { ProducerIdentity, TransactionDescription, TransactionOutcome, Transactions } from '@millrace/engine'
import type { PartitionLog } from '@millrace/log'
import { type Limits, MAX_NAME_BYTES, MillraceError, type RecordBatch } from '@millrace/record'
import { shuttingDown } from './transaction-errors.ts'
import { TransactionalId, type TransactionalIdParts } from './transactional-id.ts'

export interface TransactionsOptions extends Omit<TransactionalIdParts, 'onUse'> {
  readonly limits: Limits
}

/**
 * The coordinator. A transaction is open in memory alone, from its first append on: partitions know for themselves what
 * they have open, and every start ends it. What is written down is the decision, which is the moment of the commit; then
 * each partition gets a marker, which is on disk before the decision may be forgotten.
 */
export class LocalTransactions implements Transactions {
  private readonly options: TransactionsOptions
  /** Those that were not used for the longest time come first. */
  private readonly byName = new Map<string, TransactionalId>()
  private readonly byProducerId = new Map<number, TransactionalId>()
  private closed = false

  constructor(options: TransactionsOptions) {
    this.options = options
  }

  /**
   * Takes up what earlier lives of the engine left, and ends what they left open, before anything is served.
   * @param logs of all partitions that could be opened
   * @param hasFailed whether there are others
   */
  async open(logs: readonly PartitionLog[], hasFailed: boolean): Promise<void> {
    const { store, markers } = this.options
    const byUse = [...store.entries()].sort(([, a], [, b]) => a.usedAtMs - b.usedAtMs)
    for (const [name, kept] of byUse) {
      const id = TransactionalId.restore(
        name,
        kept,
        hasFailed,
        this.partsFor(() => id),
      )
      this.byName.set(name, id)
      for (const producerId of id.producerIds) this.byProducerId.set(producerId, id)
    }
    const attempts: Promise<void>[] = []
    for (const log of logs) {
      for (const { producerId, producerEpoch } of log.openTransactions()) {
        const identity = { producerId, producerEpoch }
        const id = this.byProducerId.get(producerId)
        const outcome = id?.hasCommitted(identity) ? 'commit' : 'abort'
        const { first, done } = markers.start(log, { ...identity, outcome })
        id?.settleBy(done)
        attempts.push(first)
      }
    }
    await Promise.all(attempts)
  }

  async init(transactionalId: string, { timeoutMs }: { timeoutMs: number }): Promise<ProducerIdentity> {
    this.checkOpen()
    this.checkRequest(transactionalId, timeoutMs)
    const id = this.byName.get(transactionalId) ?? this.add(transactionalId)
    try {
      return await id.init(timeoutMs)
    } finally {
      if (id.isVoid) this.byName.delete(transactionalId)
    }
  }

  async end(
    transaction: ProducerIdentity & { readonly transactionalId: string },
    outcome: TransactionOutcome,
  ): Promise<ProducerIdentity> {
    this.checkOpen()
    const { transactionalId, producerId } = transaction
    const id = this.byName.get(transactionalId)
    if (id?.identity === undefined || this.byProducerId.get(producerId) !== id) {
      const message = `transactional id ${transactionalId} with producer id ${producerId} is not known`
      throw new MillraceError('INVALID_TRANSACTION_STATE', message)
    }
    return id.end(transaction, outcome)
  }

  async list(): Promise<readonly TransactionDescription[]> {
    this.checkOpen()
    this.expire()
    const all = [...this.byName.values()].map((id) => id.describe()).filter((each) => each !== undefined)
    return all.sort((a, b) => (a.transactionalId < b.transactionalId ? -1 : 1))
  }

  /** How many there are, for metrics. */
  counts(): { transactionalIds: number; openTransactions: number } {
    let openTransactions = 0
    for (const id of this.byName.values()) if (id.describe()?.state === 'open') openTransactions++
    return { transactionalIds: this.byName.size, openTransactions }
  }

  /**
   * Whether `batch` may be appended: the transactional id that it then joins the transaction of, or undefined where it
   * belongs to none. The caller appends and joins before anything else can happen.
   * @throws MillraceError PRODUCER_FENCED, TRANSACTION_ABORTED, INVALID_TRANSACTION_STATE, SHUTTING_DOWN
   */
  check(batch: RecordBatch): TransactionalId | undefined {
    const { producerId, isTransactional } = batch
    if (!isTransactional && (producerId < 0 || this.byProducerId.size === 0)) return undefined
    const id = this.byProducerId.get(producerId)
    if (!isTransactional) {
      if (id === undefined) return undefined
      throw new MillraceError('INVALID_TRANSACTION_STATE', `producer ${producerId} writes in transactions only`)
    }
    this.checkOpen()
    if (id === undefined) {
      throw new MillraceError('INVALID_TRANSACTION_STATE', `producer ${producerId} has no transactional id`)
    }
    id.check(batch)
    return id
  }

  /** Refuses further calls, and returns when none is under way. */
  async close(): Promise<void> {
    this.closed = true
    this.options.markers.close()
    this.options.turns.close()
    await Promise.all([...this.byName.values()].map((id) => id.close()))
  }

  private add(name: string): TransactionalId {
    const { transactionalIds } = this.options.limits
    if (this.byName.size >= transactionalIds) this.expire()
    if (this.byName.size >= transactionalIds) {
      throw new MillraceError('LIMIT_REACHED', `there are ${transactionalIds} transactional ids already`)
    }
    const id = new TransactionalId(
      name,
      this.partsFor(() => id),
    )
    this.byName.set(name, id)
    return id
  }

  private partsFor(id: () => TransactionalId): TransactionalIdParts {
    return {
      ...this.options,
      onUse: (producerId) => {
        this.byProducerId.set(producerId, id())
        this.moveToEnd(id())
      },
    }
  }

  private moveToEnd(id: TransactionalId): void {
    this.byName.delete(id.name)
    this.byName.set(id.name, id)
  }

  /**
   * Forgets ids that nobody has used for long. Looks at these alone, as calls that are refused for want of room come
   * without end. Where that cannot be written down, the next start does it again.
   */
  private expire(): void {
    const { limits, store, logger, clock } = this.options
    const nowMs = clock.nowMs()
    const untilMs = nowMs - limits.transactionalIdExpirationMs
    for (const [name, id] of this.byName) {
      const { lastUsedAtMs } = id
      // A clock that was ahead must not have it in the way of all that came after it.
      const isFromAhead = lastUsedAtMs > nowMs
      if (lastUsedAtMs > untilMs && !isFromAhead) return
      if (id.isBusy || isFromAhead) {
        id.touch()
        this.moveToEnd(id)
        continue
      }
      this.byName.delete(name)
      for (const producerId of id.producerIds) this.byProducerId.delete(producerId)
      store.delete(name).catch((error: unknown) => {
        logger.warn({ err: error, transactionalId: name }, 'an idle transactional id could not be deleted')
      })
    }
  }

  private checkRequest(transactionalId: string, timeoutMs: number): void {
    const bytes = Buffer.byteLength(transactionalId)
    if (bytes === 0 || bytes > MAX_NAME_BYTES) {
      const message = `a transactional id has 1 to ${MAX_NAME_BYTES} bytes of UTF-8, not ${bytes}`
      throw new MillraceError('INVALID_TRANSACTIONAL_ID', message)
    }
    const { transactionTimeoutMs } = this.options.limits
    if (!Number.isInteger(timeoutMs) || timeoutMs < 1 || timeoutMs > transactionTimeoutMs) {
      const message = `a transaction's timeout is 1 to ${transactionTimeoutMs} ms, not ${timeoutMs}`
      throw new MillraceError('INVALID_REQUEST', message)
    }
  }

  private checkOpen(): void {
    if (this.closed) throw shuttingDown()
  }
}
