import { MillraceError } from '@millrace/record'
import { abortable } from './abort.ts'
import { Accumulator } from './accumulator.ts'
import { ByteBudget } from './byte-budget.ts'
import {
  Call,
  type Outcome,
  type ProducerRecord,
  type SendFailure,
  type SendResult,
  settledResults,
  singleResult,
  storedResults,
} from './call.ts'
import { closedError } from './connection.ts'
import { Dispatcher } from './dispatcher.ts'
import { Line } from './line.ts'
import type { CheckedProducerOptions } from './options.ts'
import type { Serializer } from './serializer.ts'
import type { TopicDirectory } from './topic-directory.ts'
import type { Transport } from './transport.ts'

export interface SendOptions {
  /**
   * Ends the wait for the result. Records that no batch holds yet are not sent; those that one holds already are, so
   * that they may be stored.
   */
  readonly signal?: AbortSignal | undefined
}

export interface ProducerParts {
  readonly transport: Transport
  readonly directory: TopicDirectory
  readonly serializer: Serializer
  readonly options: CheckedProducerOptions
  /** Called once it is closed. */
  readonly closed: (producer: Producer) => void
}

/** What waits for its turn to be taken over: calls, and the places that `flush` waits for. */
type Waiting = Call | { readonly reached: () => void }

/**
 * Sends records. They are gathered into batches by partition; each has its result when its batch is stored. The records
 * of one partition are stored in the order of the calls. At most `bufferBytes` are taken over and not settled; further
 * calls wait for room in the order in which they came.
 */
export class Producer implements AsyncDisposable {
  private readonly parts: ProducerParts
  private readonly budget: ByteBudget
  protected readonly dispatcher: Dispatcher
  private readonly accumulator: Accumulator
  private readonly waiting = new Line<Waiting>()
  private pouring: 'idle' | 'now' | 'later' = 'idle'
  private learning = false
  private closing: Promise<void> | undefined

  constructor(parts: ProducerParts) {
    const { options, serializer, directory } = parts
    this.parts = parts
    this.budget = new ByteBudget(options.bufferBytes)
    this.dispatcher = new Dispatcher(parts.transport, options, {
      settled: (batch, error) => {
        if (error?.code === 'TOPIC_NOT_FOUND' || error?.code === 'PARTITION_NOT_FOUND') directory.forget(batch.topic)
        this.budget.give(batch.bufferedBytes)
        if (this.waiting.length > 0) this.pourSoon()
      },
    })
    const { budget, dispatcher } = this
    this.accumulator = new Accumulator({ options, serializer, directory, budget, dispatcher })
  }

  /** Bytes of records that are taken over and not settled. */
  get bufferedBytes(): number {
    return this.budget.usedBytes
  }

  /**
   * Sends one record.
   * @returns where it is stored, once it is
   * @throws MillraceError that of the server, or TIMED_OUT, CONNECTION_FAILED, CLOSED; `details.outcomeUnknown` is true
   *   where the record may be stored all the same. The signal's reason
   */
  send(record: ProducerRecord, options?: SendOptions): Promise<SendResult> {
    const result = options?.signal === undefined ? this.sendAtOnce(record) : undefined
    if (result !== undefined) return result
    return this.call([record], options, singleResult)
  }

  /**
   * Sends records together, which is much cheaper than one by one. The array must not change until they are settled.
   * @returns where each is stored, in the order given, once all are settled
   * @throws SendBatchError where some failed; its `results` tell of each. `sendBatchSettled` gives them without throwing
   */
  sendBatch(records: readonly ProducerRecord[], options?: SendOptions): Promise<SendResult[]> {
    return this.call(records, options, storedResults)
  }

  /** As `sendBatch`, but failures come in their records' places among the results. */
  sendBatchSettled(records: readonly ProducerRecord[], options?: SendOptions): Promise<(SendResult | SendFailure)[]> {
    return this.call(records, options, settledResults)
  }

  /**
   * Sends at once what waits for more records. Resolves when all that was given to the producer before is settled;
   * failures are told to those who sent.
   */
  async flush(options: SendOptions = {}): Promise<void> {
    const { signal } = options
    signal?.throwIfAborted()
    await abortable(new Promise<void>((reached) => this.enqueue({ reached })), signal)
    await abortable(this.dispatcher.drain(), signal)
    // Those who sent hear of it first.
    await new Promise((resolve) => setImmediate(resolve))
  }

  /**
   * Sends all that was given to the producer and ends it. When the signal aborts, what is not settled fails with CLOSED.
   */
  close(options: SendOptions = {}): Promise<void> {
    this.closing ??= this.end(options)
    return this.closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  private async end(options: SendOptions): Promise<void> {
    try {
      await this.flush(options)
    } catch (reason) {
      if (!options.signal?.aborted) throw reason
    } finally {
      this.drop(closedError())
      this.dispatcher.close()
      this.parts.closed(this)
    }
  }

  /** Fails with `error` what is not settled. */
  protected drop(error: MillraceError): void {
    for (const entry of this.waiting.clear()) {
      if (entry instanceof Call) entry.failRest(error)
      else entry.reached()
    }
    this.dispatcher.rejectAll(error)
  }

  /** One promise a call: an async function would make three of it, which `send` would feel. */
  private call<Result>(
    records: readonly ProducerRecord[],
    options: SendOptions | undefined,
    outcome: Outcome<Result>,
  ): Promise<Result> {
    if (this.closing !== undefined) return Promise.reject(new MillraceError('CLOSED', 'the producer is closed'))
    if (!Array.isArray(records)) {
      return Promise.reject(new MillraceError('INVALID_REQUEST', 'records must be an array'))
    }
    const signal = options?.signal
    if (signal?.aborted) return Promise.reject(signal.reason)
    const call = new Call(records, this.parts.transport.clock.nowMs(), outcome)
    if (signal !== undefined) call.abortWith(signal, () => this.pourSoon())
    this.enqueue(call)
    return call.promise
  }

  /** Undefined: something is in the way, so that the record must wait in the line. */
  private sendAtOnce(record: ProducerRecord): Promise<SendResult> | undefined {
    const { pouring } = this
    if (this.waiting.length > 0 || pouring === 'now' || this.closing !== undefined) return undefined
    // What a serializer or a partitioner sends has to wait until this record is in its batch.
    this.pouring = 'now'
    const result = this.accumulator.send(record, this.parts.transport.clock.nowMs())
    this.pouring = pouring
    if (this.waiting.length > 0) this.pourSoon()
    return result
  }

  private enqueue(entry: Waiting): void {
    this.waiting.push(entry)
    if (this.waiting.length === 1 && this.pouring === 'idle') this.pour()
  }

  private pourSoon(): void {
    if (this.pouring !== 'idle') return
    this.pouring = 'later'
    setImmediate(() => {
      if (this.pouring === 'later') this.pouring = 'idle'
      this.pour()
    })
  }

  /** Takes over what waits, in order, until something is in the way. */
  private pour(): void {
    if (this.pouring !== 'idle') return
    this.pouring = 'now'
    let more = false
    for (let entry = this.waiting.first; entry !== undefined; entry = this.waiting.first) {
      if (entry instanceof Call) {
        const pause = this.accumulator.pour(entry)
        if (pause === 'full') this.dispatcher.hurry()
        if (pause === 'yield') more = true
        if (typeof pause === 'object') this.learn(pause.unknown, entry)
        if (pause !== 'taken') break
      } else {
        entry.reached()
      }
      this.waiting.shift()
    }
    this.pouring = 'idle'
    if (more) this.pourSoon()
  }

  /** Asks for what must be known of a topic before records of it can be taken over. */
  private learn(topic: string, call: Call): void {
    if (this.learning) return
    this.learning = true
    const { directory, options } = this.parts
    directory
      .find(topic, undefined, options.deliveryTimeoutMs)
      .catch((error) => {
        if (!call.isTaken && call.records[call.next]?.topic === topic) call.failNext(error)
      })
      .finally(() => {
        this.learning = false
        this.pour()
      })
  }
}
