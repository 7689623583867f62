import type { ProducerIdentity, TransactionDescription, TransactionOutcome, Transactions } from '@millrace/engine'
import {
  asMillraceError,
  type Clock,
  type ErrorCode,
  type Limits,
  MAX_NAME_BYTES,
  MillraceError,
  type RecordBatch,
  type Timer,
} from '@millrace/record'
import type { MemoryPartition } from './memory-partition.ts'

/** The highest epoch that is given out; then another producer id begins at 0. */
const MAX_EPOCH = 32_766

interface Transaction {
  readonly startedAtMs: number
  readonly timer: Timer
  /** Each partition with what its appends wait for. */
  readonly appends: Map<MemoryPartition, Promise<unknown>[]>
  hasFailed: boolean
  ending: TransactionOutcome | undefined
}

/** One transactional id. */
interface Instance {
  readonly transactionalId: string
  identity: ProducerIdentity
  timeoutMs: number
  lastUsedMs: number
  /** The last transaction whose outcome was decided since `init`. */
  ended: (ProducerIdentity & { readonly outcome: TransactionOutcome }) | undefined
  transaction: Transaction | undefined
  /** Calls of one id run one after another. */
  last: Promise<unknown>
}

export interface MemoryTransactionsContext {
  readonly clock: Clock
  readonly limits: Limits
  checkOpen(): void
  allocateProducerId(): number
}

/** A place in the open transaction, for one append. */
export interface Membership {
  /** The batch has its place; it is committed with `committed`. */
  joined(committed: Promise<unknown>): void
  /** It was taken in and failed. */
  failed(): void
}

/** Transactions whose decisions last as long as the engine. */
export class MemoryTransactions implements Transactions {
  private readonly context: MemoryTransactionsContext
  private readonly byId = new Map<string, Instance>()
  private readonly byProducerId = new Map<number, Instance>()

  constructor(context: MemoryTransactionsContext) {
    this.context = context
  }

  async init(transactionalId: string, { timeoutMs }: { timeoutMs: number }): Promise<ProducerIdentity> {
    this.context.checkOpen()
    const bytes = Buffer.byteLength(transactionalId)
    if (bytes === 0 || bytes > MAX_NAME_BYTES) {
      throw refusal('INVALID_TRANSACTIONAL_ID', `a transactional id of ${bytes} bytes; 1 to ${MAX_NAME_BYTES} may be`)
    }
    const { transactionTimeoutMs } = this.context.limits
    if (!Number.isInteger(timeoutMs) || timeoutMs < 1 || timeoutMs > transactionTimeoutMs) {
      throw refusal('INVALID_REQUEST', `a timeout of ${timeoutMs} ms; 1 to ${transactionTimeoutMs} may be`)
    }
    this.expire()
    const known = this.byId.get(transactionalId)
    if (known === undefined) return this.add(transactionalId, timeoutMs).identity
    return this.serially(known, async () => {
      if (known.transaction !== undefined) await this.finish(known, 'abort')
      known.identity = this.next(known)
      known.timeoutMs = timeoutMs
      known.ended = undefined
      return known.identity
    })
  }

  async end(
    transaction: ProducerIdentity & { readonly transactionalId: string },
    outcome: TransactionOutcome,
  ): Promise<ProducerIdentity> {
    this.context.checkOpen()
    this.expire()
    const instance = this.byId.get(transaction.transactionalId)
    if (instance === undefined || this.byProducerId.get(transaction.producerId) !== instance) {
      throw refusal('INVALID_TRANSACTION_STATE', `${transaction.transactionalId} is not known with this producer id`)
    }
    return this.serially(instance, async () => {
      const { ended } = instance
      if (isSame(instance.identity, transaction)) {
        const decided = await this.finish(instance, outcome)
        if (decided !== outcome) throw aborted(transaction)
      } else if (ended === undefined || !isSame(ended, transaction)) {
        throw outdated(instance, transaction)
      } else if (ended.outcome !== outcome) {
        if (outcome === 'commit') throw aborted(transaction)
        throw refusal('INVALID_TRANSACTION_STATE', 'the transaction was committed')
      }
      return instance.identity
    })
  }

  async list(): Promise<readonly TransactionDescription[]> {
    this.context.checkOpen()
    this.expire()
    const sorted = [...this.byId.values()].sort((a, b) => (a.transactionalId < b.transactionalId ? -1 : 1))
    return sorted.map(({ transactionalId, identity, timeoutMs, transaction }) => ({
      transactionalId,
      ...identity,
      state: transaction === undefined ? 'empty' : transaction.ending === undefined ? 'open' : 'ending',
      timeoutMs,
      startedAtMs: transaction?.startedAtMs,
      partitions: [...(transaction?.appends.keys() ?? [])].map(({ topicId, partition }) => ({ topicId, partition })),
    }))
  }

  /**
   * Whether `batch` may be appended to `partition`: its place in a transaction, or undefined where it belongs to none.
   * @throws MillraceError PRODUCER_FENCED, TRANSACTION_ABORTED, INVALID_TRANSACTION_STATE
   */
  check(batch: RecordBatch, partition: MemoryPartition): Membership | undefined {
    const instance = this.byProducerId.get(batch.producerId)
    if (!batch.isTransactional) {
      if (instance === undefined) return undefined
      throw refusal('INVALID_TRANSACTION_STATE', `producer ${batch.producerId} writes in transactions only`)
    }
    if (instance === undefined) {
      throw refusal('INVALID_TRANSACTION_STATE', `producer ${batch.producerId} has no transactional id`)
    }
    if (!isSame(instance.identity, batch)) {
      if (instance.ended !== undefined && isSame(instance.ended, batch)) throw late(instance.ended.outcome, batch)
      throw outdated(instance, batch)
    }
    const { transaction } = instance
    if (transaction?.ending !== undefined) throw late(transaction.ending, batch)
    if (transaction?.hasFailed) throw aborted(batch)
    const join = (): Promise<unknown>[] => {
      instance.transaction ??= this.open(instance)
      const { appends } = instance.transaction
      if (!appends.has(partition)) appends.set(partition, [])
      return appends.get(partition)!
    }
    return {
      joined: (committed) => {
        committed.catch(() => {})
        join().push(committed)
      },
      failed: () => {
        join()
        instance.transaction!.hasFailed = true
      },
    }
  }

  /** Ends all waiting for a time. */
  close(): void {
    for (const { transaction } of this.byId.values()) transaction?.timer.cancel()
  }

  private add(transactionalId: string, timeoutMs: number): Instance {
    const { clock, limits } = this.context
    if (this.byId.size >= limits.transactionalIds) {
      throw refusal('LIMIT_REACHED', `there are ${limits.transactionalIds} transactional ids already`)
    }
    const identity = { producerId: this.context.allocateProducerId(), producerEpoch: 0 }
    const instance: Instance = {
      transactionalId,
      identity,
      timeoutMs,
      lastUsedMs: clock.nowMs(),
      ended: undefined,
      transaction: undefined,
      last: Promise.resolve(),
    }
    this.byId.set(transactionalId, instance)
    this.byProducerId.set(identity.producerId, instance)
    return instance
  }

  private open(instance: Instance): Transaction {
    const { clock } = this.context
    const timer = clock.setTimer(instance.timeoutMs, () => {
      const aborting = this.serially(instance, async () => {
        if (instance.transaction?.timer === timer) await this.finish(instance, 'abort')
      })
      // Whoever the engine's end keeps it from has no more use for it.
      aborting.catch(() => {})
    })
    return { startedAtMs: clock.nowMs(), timer, appends: new Map(), hasFailed: false, ending: undefined }
  }

  /** Ends the open transaction, if there is one. @returns the outcome, which is abort where an append had failed */
  private async finish(instance: Instance, asked: TransactionOutcome): Promise<TransactionOutcome> {
    const { transaction, identity } = instance
    if (transaction !== undefined) {
      transaction.ending = asked
      transaction.timer.cancel()
      await Promise.allSettled([...transaction.appends.values()].flat())
    }
    const outcome = transaction?.hasFailed ? 'abort' : asked
    instance.identity = this.next(instance)
    instance.ended = { ...identity, outcome }
    const marked = [...(transaction?.appends.keys() ?? [])].map(async (partition) => {
      try {
        await partition.appendMarker({ ...identity, outcome })
      } catch (error) {
        if (asMillraceError(error).code !== 'TOPIC_NOT_FOUND') throw error
      }
    })
    await Promise.all(marked)
    instance.transaction = undefined
    return outcome
  }

  private next({ identity, transactionalId }: Instance): ProducerIdentity {
    const { producerId, producerEpoch } = identity
    if (producerEpoch < MAX_EPOCH) return { producerId, producerEpoch: producerEpoch + 1 }
    const fresh = this.context.allocateProducerId()
    this.byProducerId.set(fresh, this.byId.get(transactionalId)!)
    return { producerId: fresh, producerEpoch: 0 }
  }

  private serially<T>(instance: Instance, work: () => Promise<T>): Promise<T> {
    const result = instance.last.then(async () => {
      this.context.checkOpen()
      instance.lastUsedMs = this.context.clock.nowMs()
      return work()
    })
    instance.last = result.catch(() => {})
    return result
  }

  private expire(): void {
    const { clock, limits } = this.context
    for (const instance of this.byId.values()) {
      const isIdle = clock.nowMs() - instance.lastUsedMs >= limits.transactionalIdExpirationMs
      if (!isIdle || instance.transaction !== undefined) continue
      this.byId.delete(instance.transactionalId)
      for (const [producerId, of] of this.byProducerId) if (of === instance) this.byProducerId.delete(producerId)
    }
  }
}

function isSame(a: ProducerIdentity, b: ProducerIdentity): boolean {
  return a.producerId === b.producerId && a.producerEpoch === b.producerEpoch
}

function refusal(code: ErrorCode, message: string): MillraceError {
  return new MillraceError(code, message)
}

function aborted({ producerId, producerEpoch }: ProducerIdentity): MillraceError {
  return refusal(
    'TRANSACTION_ABORTED',
    `the transaction of epoch ${producerEpoch} of producer ${producerId} was aborted`,
  )
}

/** For a batch of a transaction that has ended, or is about to. */
function late(outcome: TransactionOutcome, batch: ProducerIdentity): MillraceError {
  if (outcome === 'abort') return aborted(batch)
  return refusal('PRODUCER_FENCED', `the transaction of epoch ${batch.producerEpoch} has been committed`)
}

/** For an identity that is not its transactional id's current one. */
function outdated({ identity }: Instance, given: ProducerIdentity): MillraceError {
  const isNewer = given.producerId === identity.producerId && given.producerEpoch > identity.producerEpoch
  if (isNewer) return refusal('INVALID_TRANSACTION_STATE', `epoch ${given.producerEpoch} was never given out`)
  return refusal(
    'PRODUCER_FENCED',
    `producer ${given.producerId} has a newer instance than epoch ${given.producerEpoch}`,
  )
}
