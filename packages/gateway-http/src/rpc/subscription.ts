import type { Broker, FetchSource, LiveReader, Position } from '@millrace/broker'
import { asMillraceError, type MillraceError } from '@millrace/record'
import { frameFetchStreamError, frameFetchStreamResponse } from '@millrace/wire'
import type { Call } from './call.ts'
import { logFailure, publicError } from './failures.ts'
import type { WriteTurns } from './write-turns.ts'

type ReadResult = Awaited<ReturnType<FetchSource['read']>>

/** Batches in one message; a single larger one comes whole. Small enough to take turns, large enough to be fast. */
const MESSAGE_BYTES = 1_048_576

/** What subscriptions of one stream share. */
export interface SubscriptionContext {
  readonly call: Call
  readonly broker: Broker
  readonly turns: WriteTurns
  /** The subscription cannot go on without its client, or has ended. */
  onRest(subscription: Subscription): void
}

export interface SubscriptionOptions {
  readonly number: number
  readonly topic: string
  readonly partition: number
  readonly isolation: 'committed' | 'uncommitted'
  /** The first grant. */
  readonly bytes: number
}

interface Start {
  readonly position: Position
  readonly generation: number
}

/**
 * One partition that a fetch stream follows: a loop that reads while the client has granted bytes, waits at the end of
 * the partition, and begins anew when the client seeks.
 */
export class Subscription {
  readonly number: number
  private readonly context: SubscriptionContext
  private readonly options: SubscriptionOptions
  private source: FetchSource | undefined
  private reader: LiveReader | undefined
  /** Bytes that may still be sent; below zero, bytes that are owed. */
  private credit: number
  /** Where the client wants to read next; taken by the loop. */
  private next: Start | undefined
  private generation = 0
  /** Ends the reading of the current generation. */
  private reading = new AbortController()
  private wake: (() => void) | undefined
  private hasEnded = false

  constructor(context: SubscriptionContext, options: SubscriptionOptions, position: Position) {
    this.context = context
    this.options = options
    this.number = options.number
    this.credit = options.bytes
    this.next = { position, generation: 0 }
  }

  /** The generation that the client asked for last. */
  get wantedGeneration(): number {
    return this.next?.generation ?? this.generation
  }

  get isEnded(): boolean {
    return this.hasEnded
  }

  /** Whether it waits for its client to grant bytes or to seek. */
  get isResting(): boolean {
    return this.hasEnded || this.wake !== undefined
  }

  grant(bytes: number): void {
    this.credit = Math.min(this.credit + bytes, Number.MAX_SAFE_INTEGER)
    if (this.credit > 0) this.rouse()
  }

  /** Reads on elsewhere; what was read and not yet sent is dropped. */
  seek(position: Position, generation: number): void {
    this.next = { position, generation }
    this.reading.abort()
    this.rouse()
  }

  /** Ends it without a word to the client. */
  end(): void {
    this.hasEnded = true
    this.reading.abort()
    this.rouse()
  }

  /** Runs until the subscription ends. Never fails. */
  async run(): Promise<void> {
    while (!this.hasEnded) {
      const start = this.next
      if (start === undefined) {
        await this.rest()
        continue
      }
      this.next = undefined
      this.generation = start.generation
      this.reading = new AbortController()
      try {
        await this.follow(start.position, this.reading.signal)
      } catch (error) {
        if (!this.reading.signal.aborted) this.fail(asMillraceError(error))
      }
    }
    this.reader?.close()
    this.context.onRest(this)
  }

  /** Sends one generation, until `signal` ends it. */
  private async follow(position: Position, signal: AbortSignal): Promise<void> {
    const { topic, partition } = this.options
    this.source ??= await this.context.broker.fetch.source(topic, partition)
    this.reader ??= this.source.reader()
    let offset = await this.source.resolve(position, this.options.isolation)
    let isFirst = true
    while (!signal.aborted) {
      if (this.credit <= 0 && !isFirst) {
        await this.rest()
        continue
      }
      const result = await this.readInTurn(this.source, offset, isFirst, signal)
      if (result === undefined) return
      isFirst = false
      offset = result.nextOffset
      const isAtEnd = result.batches.length === 0 || offset >= this.endOf(result)
      if (isAtEnd) offset = await this.followEnd(this.source, offset, signal)
    }
  }

  /**
   * Reads what is there and sends it, when the stream's turn has come. `isFirst`: says before it where reading begins.
   * @returns undefined when the generation has ended
   */
  private async readInTurn(
    source: FetchSource,
    offset: number,
    isFirst: boolean,
    signal: AbortSignal,
  ): Promise<ReadResult | undefined> {
    const { turns } = this.context
    await turns.take()
    try {
      if (signal.aborted) return undefined
      const { unsent } = this.context.call.context
      const result = await unsent.whileReading(this.wantedBytes, (maxBytes) =>
        source.read(offset, { maxBytes, isolation: this.options.isolation }),
      )
      if (signal.aborted) return undefined
      if (isFirst) this.send({ ...result, nextOffset: offset, batches: [], abortedTransactions: [] })
      if (this.credit <= 0) return { ...result, nextOffset: offset }
      if (result.batches.length > 0) this.send(result)
      return result
    } finally {
      turns.release()
    }
  }

  /**
   * Waits at the end of the partition and sends what comes, as long as the stream takes it at once. What it does not
   * take is read again when it does, so that no data piles up behind a slow client.
   * @returns the offset to read on from
   */
  private async followEnd(source: FetchSource, start: number, signal: AbortSignal): Promise<number> {
    let offset = start
    const { limits, unsent } = this.context.call.context
    const { isolation } = this.options
    while (!signal.aborted && this.credit > 0) {
      const maxBytes = unsent.portion(this.wantedBytes)
      const result = await source.read(offset, { maxBytes, isolation, waitMs: limits.fetchWaitMs, signal })
      if (signal.aborted) break
      if (result.batches.length > 0) {
        if (!this.context.call.canWrite) break
        this.send(result)
        if (result.nextOffset < this.endOf(result)) return result.nextOffset
      }
      offset = result.nextOffset
    }
    return offset
  }

  /** Up to where there is something to read. */
  private endOf({ highWatermark, lastStableOffset }: ReadResult): number {
    return this.options.isolation === 'committed' ? lastStableOffset : highWatermark
  }

  private get wantedBytes(): number {
    return Math.max(1, Math.min(this.credit, MESSAGE_BYTES))
  }

  private send(result: ReadResult): void {
    for (const batch of result.batches) this.credit -= batch.length
    this.reader?.given(result)
    this.context.call.write(frameFetchStreamResponse(this.number, this.generation, result, result.batches))
  }

  /** Tells the client. It may seek after OFFSET_OUT_OF_RANGE; anything else ends the subscription. */
  private fail(error: MillraceError): void {
    const { call } = this.context
    const { topic, partition } = this.options
    logFailure(call.context, error, { call: call.path, topic: topic.slice(0, 249), partition })
    call.write([frameFetchStreamError(this.number, this.generation, publicError(error))])
    if (error.code !== 'OFFSET_OUT_OF_RANGE') this.hasEnded = true
  }

  /** Waits for a grant, a seek or the end. */
  private rest(): Promise<void> {
    return new Promise((resolve) => {
      this.wake = resolve
      this.context.onRest(this)
    })
  }

  private rouse(): void {
    const { wake } = this
    this.wake = undefined
    wake?.()
  }
}
