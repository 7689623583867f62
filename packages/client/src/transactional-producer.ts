import { asMillraceError, type ErrorCode, MillraceError } from '@millrace/record'
import { fromInt64, toInt64, UNARY } from '@millrace/wire'
import { abortable, onAbort } from './abort.ts'
import type { ProducerIdentity } from './partition-queue.ts'
import { Producer, type ProducerParts, type SendOptions } from './producer.ts'
import { OpenTransaction, type Transaction, type TransactionHost } from './transaction.ts'
import type { Transport } from './transport.ts'

export interface TransactionOptions {
  /**
   * Ends the wait for a turn, the wait for the function, and that for its sends; the transaction is then aborted. Once
   * it is being committed, its outcome is waited for.
   */
  readonly signal?: AbortSignal | undefined
}

/** What a transaction is made of. */
export type TransactionWork<T> = (transaction: Transaction) => Promise<T> | T

/** How long an abort is tried: the server does it by itself when its time is up, or with the next transaction. */
const ABORT_MS = 10_000

/** After these nothing was decided, and nothing will be: the server does not know the transaction, or no longer. */
const GONE: ReadonlySet<ErrorCode> = new Set(['TRANSACTION_ABORTED', 'INVALID_TRANSACTION_STATE'])

/**
 * A producer that writes in transactions: what one of them sends, to any number of partitions, is stored and shown as a
 * whole or not at all, and so are the offsets that it commits. One transaction runs at a time.
 *
 * Of the producers with one transactional id only the newest lives. One that finds out that it is not closes itself:
 * everything fails with PRODUCER_FENCED from then on.
 */
export class TransactionalProducer extends Producer {
  private readonly transport: Transport
  private readonly transactionalId: string
  private readonly deliveryTimeoutMs: number
  private readonly transactionTimeoutMs: number
  /** What the batches of the next transaction bear; undefined: to be asked for. */
  private identity: ProducerIdentity | undefined
  /** The server may have given the identity up. */
  private isDoubtful = false
  /** How often the stream had broken off when the identity was given. */
  private lossesThen = 0
  /** Resolves when the last transaction that was asked for is over. */
  private last: Promise<unknown> = Promise.resolve()
  /** Resolves when the server has been told of the abort. */
  private aborting: Promise<void> | undefined
  private finishing: Promise<void> | undefined
  /** Aborts when transactions may not even go on. */
  private readonly stopped = new AbortController()

  constructor(parts: ProducerParts & { readonly transactionalId: string }) {
    super(parts)
    this.transport = parts.transport
    this.transactionalId = parts.transactionalId
    this.deliveryTimeoutMs = parts.options.deliveryTimeoutMs
    this.transactionTimeoutMs = parts.options.transactionTimeoutMs
  }

  /**
   * Runs `work` in a transaction, after those that were asked for before. When it has returned and all its sends are
   * stored, the transaction is committed; when it throws, or anything that it sent fails, awaited or not, aborted.
   * Within `work` another transaction of this producer must not be awaited.
   * @returns what `work` returns, once the transaction is committed
   * @throws what `work` threw, or the MillraceError of what failed; TRANSACTION_ABORTED: its time was up, or the server was
   *   started anew, and the whole may be run again; PRODUCER_FENCED, CLOSED; the signal's reason. After none of these
   *   has anything of it taken effect, unless `details.outcomeUnknown` is true: then nobody could be asked whether it was
   *   committed
   */
  transaction<T>(work: TransactionWork<T>, options: TransactionOptions = {}): Promise<T> {
    const { signal } = options
    if (this.stopped.signal.aborted) return Promise.reject(this.stopped.signal.reason)
    if (this.finishing !== undefined) return Promise.reject(closed())
    if (signal?.aborted) return Promise.reject(signal.reason)
    const turn = this.last
    const result = this.inTurn(turn, work, signal)
    const over = (): Promise<unknown> => turn.then(() => this.aborting)
    this.last = result.then(over, over)
    return result
  }

  /** Fails with INVALID_TRANSACTION_STATE: records go through `transaction`. */
  override send(): Promise<never> {
    return outside()
  }

  /** As `send`. */
  override sendBatch(): Promise<never> {
    return outside()
  }

  /** As `send`. */
  override sendBatchSettled(): Promise<never> {
    return outside()
  }

  /** Waits for the transactions that were asked for, and ends the producer. When the signal aborts, they are aborted. */
  override close(options: SendOptions = {}): Promise<void> {
    this.finishing ??= this.finish(options)
    return this.finishing
  }

  private async finish(options: SendOptions): Promise<void> {
    const { signal } = options
    const stop = (): void => this.stopped.abort(closed())
    const forget = onAbort(signal, stop)
    if (signal?.aborted) stop()
    await this.last
    forget()
    await super.close(options)
  }

  private async inTurn<T>(
    turn: Promise<unknown>,
    work: TransactionWork<T>,
    given: AbortSignal | undefined,
  ): Promise<T> {
    const interrupt = new AbortController()
    const { signal } = interrupt
    const forgets = [given, this.stopped.signal].map((source) => onAbort(source, () => interrupt.abort(source?.reason)))
    try {
      await abortable(turn, signal)
      return await this.run(work, signal)
    } finally {
      for (const forget of forgets) forget()
    }
  }

  private async run<T>(work: TransactionWork<T>, signal: AbortSignal): Promise<T> {
    const identity = await this.identify(signal)
    this.dispatcher.beginTransaction(identity)
    const transaction = new OpenTransaction(this.host(), identity)
    let result: T
    try {
      result = await abortable((async () => work(transaction))(), signal)
      await transaction.finish(signal)
    } catch (reason) {
      this.aborting = this.abort(transaction, reason)
      if (!signal.aborted) await this.aborting
      throw reason
    }
    if (transaction.isUsed) await this.endTransaction('commit', this.deliveryTimeoutMs)
    return result
  }

  private host(): TransactionHost {
    return {
      transport: this.transport,
      transactionalId: this.transactionalId,
      timeoutMs: this.deliveryTimeoutMs,
      send: (record) => super.send(record),
      sendBatch: (records) => super.sendBatch(records),
      flush: () => this.flush(),
      failed: (error) => {
        if (error.code === 'PRODUCER_FENCED') this.fence(error)
        else this.drop(abortedBy(error))
      },
    }
  }

  /** Gives the transaction up and tells the server. Never fails. */
  private async abort(transaction: OpenTransaction, reason: unknown): Promise<void> {
    transaction.abandon()
    this.drop(abortedBy(reason))
    const code = transaction.failure?.code
    if (!transaction.isUsed || code === 'PRODUCER_FENCED') return
    if (code === 'TRANSACTION_ABORTED') this.identity = undefined
    else await this.endTransaction('abort', ABORT_MS).catch(() => {})
  }

  /**
   * The identity for the next transaction. Where the server may have been started anew since it gave the last one, that
   * one is ended first: to begin anew without asking would take the id away from a newer instance.
   */
  private async identify(signal: AbortSignal): Promise<ProducerIdentity> {
    signal.throwIfAborted()
    if (this.identity !== undefined && (this.isDoubtful || this.dispatcher.losses !== this.lossesThen)) {
      await this.endTransaction('abort', this.deliveryTimeoutMs, signal).catch((reason) => {
        if (this.identity !== undefined || signal.aborted || this.stopped.signal.aborted) throw reason
      })
    }
    if (this.identity !== undefined) return this.identity
    const { transactionalId, transactionTimeoutMs, deliveryTimeoutMs } = this
    const limits = { signal, timeoutMs: deliveryTimeoutMs, connectTimeoutMs: deliveryTimeoutMs }
    return this.adopt(await this.transport.call(UNARY.initProducer, { transactionalId, transactionTimeoutMs }, limits))
  }

  /**
   * Ends the transaction, asking until its outcome is known or the time is up.
   * @throws MillraceError as EndTransaction does; with `outcomeUnknown` where a commit may have been decided
   */
  private async endTransaction(outcome: 'commit' | 'abort', timeoutMs: number, signal?: AbortSignal): Promise<void> {
    const { transport, transactionalId } = this
    const { producerId, producerEpoch } = this.identity as ProducerIdentity
    const request = { transactionalId, producerId: toInt64(producerId), producerEpoch, commit: outcome === 'commit' }
    const endMs = transport.clock.monotonicMs() + timeoutMs
    for (let attempt = 1; ; attempt++) {
      const leftMs = Math.max(1, endMs - transport.clock.monotonicMs())
      const limits = { signal, timeoutMs: leftMs, connectTimeoutMs: leftMs, once: true }
      try {
        this.adopt(await transport.call(UNARY.endTransaction, request, limits))
        return
      } catch (reason) {
        signal?.throwIfAborted()
        const error = asMillraceError(reason)
        const waitMs = transport.backoff(attempt)
        if (error.retriable && transport.clock.monotonicMs() + waitMs < endMs) {
          await transport.sleep(waitMs, signal)
          continue
        }
        this.isDoubtful = true
        if (GONE.has(error.code)) this.identity = undefined
        if (error.code === 'PRODUCER_FENCED') this.fence(error)
        throw outcome === 'commit' && isUndecided(error, attempt) ? doubtOfCommit(error) : error
      }
    }
  }

  private adopt(given: { readonly producerId: Parameters<typeof fromInt64>[0]; readonly producerEpoch: number }) {
    this.identity = { producerId: fromInt64(given.producerId), producerEpoch: given.producerEpoch }
    this.isDoubtful = false
    this.lossesThen = this.dispatcher.losses
    return this.identity
  }

  /** A newer instance has taken over: this one ends. */
  private fence(error: MillraceError): void {
    if (this.stopped.signal.aborted) return
    this.stopped.abort(error)
    this.drop(error)
    void super.close({ signal: AbortSignal.abort() })
  }
}

/**
 * Whether a commit may have been decided although it failed with `error`: an answer that told of the decision may have
 * been lost before, unless this is the record of the opposite.
 */
function isUndecided({ code }: MillraceError, attempt: number): boolean {
  if (code === 'TRANSACTION_ABORTED') return false
  return attempt > 1 || (code !== 'PRODUCER_FENCED' && !GONE.has(code))
}

function doubtOfCommit(error: MillraceError): MillraceError {
  return new MillraceError(error.code, `${error.message}; whether the transaction was committed is not known`, {
    cause: error,
    details: { ...error.details, outcomeUnknown: true },
  })
}

function abortedBy(cause: unknown): MillraceError {
  const because = cause instanceof Error ? `: ${cause.message}` : ''
  return new MillraceError('TRANSACTION_ABORTED', `the transaction was aborted${because}`, { cause })
}

function closed(): MillraceError {
  return new MillraceError('CLOSED', 'the producer is closed')
}

function outside(): Promise<never> {
  const message =
    'a producer with a transactional id sends only within `transaction`, by what that gives to its function'
  return Promise.reject(new MillraceError('INVALID_TRANSACTION_STATE', message))
}
