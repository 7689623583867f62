import { asMillraceError, type MillraceError } from '@millrace/record'
import {
  decodeFetchStreamResponse,
  encodeFetchStreamRequest,
  FETCH_STREAM_PATH,
  type FetchStreamResponse,
  frameMessage,
  type millrace,
  toInt64,
} from '@millrace/wire'
import { closedError, connectionFailed } from './connection.ts'
import type { Chunk, Cursor } from './cursor.ts'
import type { GrpcStream } from './grpc-stream.ts'
import { type CheckedPosition, positionToMessage } from './position.ts'
import type { Transport } from './transport.ts'

type Request = millrace.v1.FetchStreamRequest.$Properties

/** A stream that lived so long is no sign that the next will not: the waits before new ones begin from the start. */
const STEADY_MS = 5_000

/** Hears of a fetch link. */
export interface FetchEvents {
  /** Called before a stream is opened, each time. What it fails with counts as a failure to open one. */
  prepare?(): Promise<void>
  /** The server has told more of a cursor's partition. The chunk, if one came, must be released. */
  moved(cursor: Cursor, chunk: Chunk | undefined): void
  /** The server reads no more for this cursor: with OFFSET_OUT_OF_RANGE it waits for `seek`, otherwise for `add`. */
  failed(cursor: Cursor, error: MillraceError): void
  /** The link has given up for good. */
  ended(error: MillraceError): void
}

export interface FetchLinkOptions {
  /** How long to go on trying to reach the server for the first time. */
  readonly connectTimeoutMs: number
  /** How long to go on trying when the server is gone, once it has answered. */
  readonly reconnectTimeoutMs: number
  readonly signal: AbortSignal | undefined
}

/**
 * A fetch stream, opened with the first cursor and anew where it broke off. Cursors come and go while it runs. What has
 * come and is not released yet is bounded by the cursors' credit.
 */
export class FetchLink {
  private readonly transport: Transport
  private readonly options: FetchLinkOptions
  private readonly events: FetchEvents
  private readonly cursors = new Map<number, Cursor>()
  private lastSubscription = 0
  private stream: GrpcStream | undefined
  private opening = false
  private ended = false
  private attempts = 0
  private answered = false
  /** When the present stream was opened, or the last attempt failed. */
  private openedMs: number
  private lostMs: number

  constructor(transport: Transport, options: FetchLinkOptions, events: FetchEvents) {
    this.transport = transport
    this.options = options
    this.events = events
    this.lostMs = transport.clock.monotonicMs()
    this.openedMs = this.lostMs
  }

  /** Opens the stream unless it is open or being opened. */
  open(): void {
    if (this.opening || this.ended || this.stream !== undefined) return
    this.opening = true
    this.start().catch((reason) => this.lost(asMillraceError(reason)))
  }

  /** Follows the cursor's partition from its position on; also one that has failed before. */
  add(cursor: Cursor): void {
    this.cursors.delete(cursor.subscription)
    cursor.subscription = ++this.lastSubscription
    this.cursors.set(cursor.subscription, cursor)
    this.subscribe(cursor)
    this.open()
  }

  /** Nothing more comes for the cursor; its chunks need not be released. */
  remove(cursor: Cursor): void {
    if (this.cursors.delete(cursor.subscription)) this.send({ remove: { subscription: cursor.subscription } })
  }

  /** Reads on elsewhere. Chunks that have come stay, and are to be released. */
  seek(cursor: Cursor, position: CheckedPosition): void {
    cursor.seek(position)
    const { subscription, generation } = cursor
    this.send({ seek: { subscription, generation, from: positionToMessage(position) } })
  }

  /** The records of the chunk have been used; as much may come. */
  release({ cursor, bytes }: Chunk): void {
    this.grant(cursor, cursor.release(bytes.length, true))
  }

  /** Changes how much may be fetched ahead for the cursor. */
  setCredit(cursor: Cursor, bytes: number): void {
    this.grant(cursor, cursor.setCredit(bytes))
  }

  /** Opens the stream anew, as after a loss: what the server said of one cursor may pass. */
  restart(error: MillraceError): void {
    this.stream?.cancel()
    this.lost(error)
  }

  /** Ends the stream; nothing more is told. */
  close(): void {
    this.ended = true
    this.stream?.cancel()
    this.stream = undefined
  }

  private async start(): Promise<void> {
    if (this.attempts > 0) await this.transport.sleep(this.transport.backoff(this.attempts), this.options.signal)
    if (this.ended) return
    await this.events.prepare?.()
    if (this.ended) return
    const stream: GrpcStream = await this.transport.stream(FETCH_STREAM_PATH, {
      message: (bytes) => {
        if (this.stream === stream) this.received(decodeFetchStreamResponse(bytes))
      },
      ended: (error) => {
        if (this.stream === stream) this.lost(error ?? connectionFailed('the server ended the stream'))
      },
    })
    this.opening = false
    if (this.ended) return stream.cancel()
    this.stream = stream
    this.openedMs = this.transport.clock.monotonicMs()
    for (const cursor of this.cursors.values()) this.subscribe(cursor)
  }

  private subscribe(cursor: Cursor): void {
    if (this.stream === undefined) return
    const { subscription, topic, partition, isolation } = cursor
    this.send({
      add: {
        subscription,
        topic,
        partition,
        from: positionToMessage(cursor.position),
        isolation: isolation === 'uncommitted' ? 1 : 0,
        bytes: toInt64(cursor.reopen()),
      },
    })
  }

  private received(response: FetchStreamResponse): void {
    const cursor = this.cursors.get(response.subscription)
    if (cursor === undefined) return
    this.answered = true
    this.lostMs = Number.POSITIVE_INFINITY
    const { error, batches } = response
    if (batches.length > 0) this.attempts = 0
    if (response.generation !== cursor.generation) this.grant(cursor, cursor.release(batches.length, false))
    else if (error !== undefined) this.events.failed(cursor, error)
    else this.events.moved(cursor, cursor.take(response))
  }

  /** The stream is gone, or did not come about. */
  private lost(error: MillraceError): void {
    if (this.ended) return
    this.stream = undefined
    this.opening = false
    const { clock, closing } = this.transport
    const nowMs = clock.monotonicMs()
    this.lostMs = Math.min(this.lostMs, nowMs)
    this.attempts = nowMs - this.openedMs > STEADY_MS ? 1 : this.attempts + 1
    this.openedMs = nowMs
    const allowedMs = this.answered ? this.options.reconnectTimeoutMs : this.options.connectTimeoutMs
    if (error.retriable && nowMs - this.lostMs < allowedMs) {
      this.open()
    } else {
      this.ended = true
      this.events.ended(closing.aborted ? closedError() : error)
    }
  }

  private grant(cursor: Cursor, bytes: number): void {
    if (bytes <= 0 || !this.cursors.has(cursor.subscription)) return
    this.send({ grant: { subscription: cursor.subscription, bytes: toInt64(bytes) } })
  }

  private send(request: Request): void {
    this.stream?.write([frameMessage(encodeFetchStreamRequest(request))])
  }
}
