import type { ProducerIdentity, ProducerIds, TransactionDescription, TransactionOutcome } from '@millrace/engine'
import { type PartitionIdentity, type PartitionLog, Serial } from '@millrace/log'
import { type Clock, type Logger, MillraceError, type PacedTurns, type Timer } from '@millrace/record'
import type { MarkerWriter } from './marker-writer.ts'
import { OpenTransaction } from './open-transaction.ts'
import { aborted, isSame, late, outdated, passingOn, shuttingDown } from './transaction-errors.ts'
import type { Decision, KeptTransactionalId, TransactionTable } from './transaction-store.ts'

/** The highest epoch that is given out; then another producer id begins at 0. */
const MAX_EPOCH = 32_766
/** How long a caller waits for markers that a partition does not take. */
const MARKER_WAIT_MS = 10_000
/** Before an abort is tried again that could not be written down. */
const RETRY_MS = 1_000

export interface TransactionalIdParts {
  readonly store: TransactionTable
  readonly producers: ProducerIds
  readonly markers: MarkerWriter
  /** For what nobody is in a hurry for. */
  readonly turns: PacedTurns
  readonly clock: Clock
  readonly logger: Logger
  /** Told that the transactional id was used, with the producer id that it has now. */
  readonly onUse: (producerId: number) => void
}

/**
 * One transactional id: its instance, the transaction that it has open, and what was decided last. Whatever changes it
 * runs one after another; appends are checked, and join, in between.
 */
export class TransactionalId {
  readonly name: string
  /** Those that it has, and had; another one comes when the epochs of the last are used up. */
  readonly producerIds = new Set<number>()
  private readonly parts: TransactionalIdParts
  private readonly serial = new Serial()
  /** Undefined until the first `init` is written down. */
  private current: ProducerIdentity | undefined
  private timeoutMs = 0
  private usedAtMs: number
  private decided: Decision | undefined
  private owed: readonly ProducerIdentity[] | undefined
  /** Whether an earlier life of the engine gave out the identity: what it had written is aborted. */
  private isStale = false
  private transaction: OpenTransaction | undefined
  /** Whether the identity is about to be replaced: what it appended now would fall into the next one's transaction. */
  private isPassingOn = false
  private timer: Timer | undefined
  /** Markers that are being written. */
  private settling: Promise<void> | undefined
  private callsUnderWay = 0
  private closed = false

  constructor(name: string, parts: TransactionalIdParts) {
    this.name = name
    this.parts = parts
    this.usedAtMs = parts.clock.nowMs()
  }

  /**
   * @param kept what an earlier life of the engine left
   * @param mayOwe whether partitions could not be opened, which may lack the marker of what was decided last
   */
  static restore(name: string, kept: KeptTransactionalId, mayOwe: boolean, parts: TransactionalIdParts) {
    const { producerId, producerEpoch, timeoutMs, usedAtMs, decided, owed = [] } = kept
    const id = new TransactionalId(name, parts)
    id.current = { producerId, producerEpoch }
    for (const each of [producerId, decided?.producerId ?? producerId]) id.producerIds.add(each)
    for (const each of owed) id.producerIds.add(each.producerId)
    id.timeoutMs = timeoutMs
    id.usedAtMs = usedAtMs
    id.decided = decided
    if (mayOwe) id.owed = decided?.outcome === 'commit' ? [...owed, decided] : owed
    id.isStale = true
    return id
  }

  /** The instance that may write now. */
  get identity(): ProducerIdentity | undefined {
    return this.current
  }

  /** Whether it never came to have an instance, and nobody is trying. */
  get isVoid(): boolean {
    return this.current === undefined && this.callsUnderWay === 0
  }

  /** When it was used last, in ms since 1970. */
  get lastUsedAtMs(): number {
    return this.usedAtMs
  }

  /** Whether something of it is under way, or owed to a partition, so that it must be known. */
  get isBusy(): boolean {
    const { transaction, settling, callsUnderWay, owed = [] } = this
    return transaction !== undefined || settling !== undefined || callsUnderWay > 0 || owed.length > 0
  }

  /** What is busy is in use. */
  touch(): void {
    this.usedAtMs = this.parts.clock.nowMs()
  }

  describe(): TransactionDescription | undefined {
    const { name: transactionalId, current, timeoutMs, transaction } = this
    if (current === undefined) return undefined
    const state = transaction === undefined ? 'empty' : transaction.ending === undefined ? 'open' : 'ending'
    const partitions = transaction?.partitions ?? []
    return { transactionalId, ...current, state, timeoutMs, startedAtMs: transaction?.startedAtMs, partitions }
  }

  init(timeoutMs: number): Promise<ProducerIdentity> {
    return this.run(async () => {
      await this.settled()
      while (this.transaction !== undefined) await this.finish(this.transaction, 'abort')
      return this.write({ timeoutMs })
    })
  }

  end(given: ProducerIdentity, outcome: TransactionOutcome): Promise<ProducerIdentity> {
    return this.run(async () => {
      await this.settled()
      const { current, decided, transaction } = this
      if (current === undefined) throw new MillraceError('INTERNAL', 'a transactional id without an instance')
      if (isSame(current, given)) {
        if (this.isStale && outcome === 'commit') throw aborted(given)
        if ((await this.finish(transaction, outcome)) !== outcome) throw aborted(given)
      } else if (decided === undefined || !isSame(decided, given)) {
        throw outdated(current, given)
      } else if (decided.outcome !== outcome) {
        if (outcome === 'commit') throw aborted(given)
        throw new MillraceError('INVALID_TRANSACTION_STATE', 'the transaction was committed')
      } else if (this.isStale) {
        await this.write({ timeoutMs: this.timeoutMs, decided })
      }
      return this.current as ProducerIdentity
    })
  }

  /**
   * Whether a transactional batch may be appended.
   * @throws MillraceError PRODUCER_FENCED, TRANSACTION_ABORTED, INVALID_TRANSACTION_STATE
   */
  check(batch: ProducerIdentity): void {
    const { current, decided, transaction } = this
    if (current === undefined || !isSame(current, batch)) {
      if (decided !== undefined && isSame(decided, batch)) throw late(decided.outcome, batch)
      throw outdated(current, batch)
    }
    if (this.isStale) throw aborted(batch)
    if (transaction === undefined) {
      if (this.isPassingOn) throw passingOn(batch)
      return
    }
    if (transaction.ending !== undefined) throw late(transaction.ending, batch)
    if (transaction.hasFailed) throw aborted(batch)
  }

  /** Takes an append that was checked and got its place into the transaction, which it may begin. */
  join(log: PartitionLog, partition: PartitionIdentity, committed: Promise<unknown>): void {
    if (this.transaction === undefined) {
      this.transaction = new OpenTransaction(this.parts.clock.nowMs())
      this.abortAfter(this.timeoutMs, this.transaction)
    }
    this.transaction.join(log, partition, committed)
  }

  /** What partitions had open of it is being ended by the engine; see `settled`. */
  settleBy(markers: Promise<void>): void {
    const settling = Promise.all([this.settling, markers]).then(() => {
      if (this.settling === settling) this.settling = undefined
    })
    settling.catch(() => {})
    this.settling = settling
  }

  /** What partitions may have open of it and was committed. */
  hasCommitted(transaction: ProducerIdentity): boolean {
    const { decided, owed = [] } = this
    const isDecided = decided?.outcome === 'commit' && isSame(decided, transaction)
    return isDecided || owed.some((each) => isSame(each, transaction))
  }

  /** Begins nothing more, and returns when nothing is under way. */
  async close(): Promise<void> {
    this.closed = true
    this.timer?.cancel()
    await this.serial.idle()
  }

  /** Ends the open transaction, if there is one. @returns the outcome, which is abort where an append had failed */
  private async finish(
    transaction: OpenTransaction | undefined,
    asked: TransactionOutcome,
  ): Promise<TransactionOutcome> {
    const outcome = transaction === undefined ? asked : await transaction.seal(asked)
    const decided = { ...(this.current as ProducerIdentity), outcome }
    await this.write({ timeoutMs: this.timeoutMs, decided })
    if (transaction !== undefined) {
      this.timer?.cancel()
      const ended = this.parts.markers.writeAll(transaction.logs, decided).then(() => {
        this.transaction = undefined
      })
      this.settleBy(ended)
      await this.settled()
    }
    return outcome
  }

  /**
   * Has the next identity take over, and writes down what the id is from then on: where that decides a transaction, this
   * is the moment of its decision. Without one, nobody is in a hurry.
   */
  private async write({ timeoutMs, decided }: Pick<KeptTransactionalId, 'timeoutMs' | 'decided'>) {
    const { store, turns, clock, onUse } = this.parts
    this.isPassingOn = true
    try {
      const identity = await this.next()
      const kept = { ...identity, timeoutMs, decided, owed: this.owed, usedAtMs: clock.nowMs() }
      const write = (): Promise<void> => store.set(this.name, kept)
      await (this.transaction === undefined ? turns.run('', write) : write())
      this.current = identity
      this.timeoutMs = timeoutMs
      this.usedAtMs = kept.usedAtMs
      this.decided = decided
      this.isStale = false
      this.producerIds.add(identity.producerId)
      onUse(identity.producerId)
      return identity
    } finally {
      this.isPassingOn = false
    }
  }

  private async next(): Promise<ProducerIdentity> {
    const { current } = this
    if (current === undefined || current.producerEpoch >= MAX_EPOCH) return this.parts.producers.allocate()
    return { producerId: current.producerId, producerEpoch: current.producerEpoch + 1 }
  }

  /**
   * Waits for the markers of what was decided last: its decision may be forgotten then.
   * @throws MillraceError COMMIT_UNKNOWN when a partition does not take them in time; they are tried on
   */
  private async settled(): Promise<void> {
    const { settling } = this
    if (settling === undefined) return
    const { promise: tooLate, reject } = Promise.withResolvers<never>()
    const timer = this.parts.clock.setTimer(MARKER_WAIT_MS, () => {
      const message = 'the transaction is decided, but a partition does not take its marker; it is tried on'
      reject(new MillraceError('COMMIT_UNKNOWN', message))
    })
    try {
      await Promise.race([settling, tooLate])
    } finally {
      timer.cancel()
    }
  }

  private abortAfter(delayMs: number, transaction: OpenTransaction): void {
    const { clock, logger } = this.parts
    this.timer = clock.setTimer(delayMs, () => {
      const aborting = this.run(async () => {
        if (this.transaction !== transaction || this.settling !== undefined) return
        logger.warn({ transactionalId: this.name }, 'the time of a transaction is up; it is aborted')
        await this.finish(transaction, 'abort')
      })
      aborting.catch((error: unknown) => {
        if (this.closed || this.settling !== undefined) return
        logger.error({ err: error }, 'aborting a transaction failed, and is tried again')
        this.abortAfter(RETRY_MS, transaction)
      })
    })
  }

  private async run<T>(work: () => Promise<T>): Promise<T> {
    this.callsUnderWay++
    try {
      return await this.serial.run(() => (this.closed ? Promise.reject(shuttingDown()) : work()))
    } finally {
      this.callsUnderWay--
    }
  }
}
