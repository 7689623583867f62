import { asMillraceError, MillraceError } from '@millrace/record'
import {
  decodeFetchStreamResponse,
  encodeFetchStreamRequest,
  FETCH_STREAM_PATH,
  type FetchStreamResponse,
  frameMessage,
  type millrace,
  toInt64,
} from '@millrace/wire'
import { onAbort } from './abort.ts'
import { closedError, connectionFailed } from './connection.ts'
import { type Chunk, Cursor } from './cursor.ts'
import type { GrpcStream } from './grpc-stream.ts'
import { positionToMessage } from './position.ts'
import type { CheckedReadOptions } from './read-options.ts'
import type { TopicDirectory } from './topic-directory.ts'
import type { Transport } from './transport.ts'

type Request = millrace.v1.FetchStreamRequest.$Properties

/** The least that a partition may send ahead, so that many partitions do not crawl. */
const MIN_CREDIT_BYTES = 16_384
/** A stream that lived so long is no sign that the next will not: the waits before new ones begin from the start. */
const STEADY_MS = 5_000

/**
 * Follows the partitions of one `read` over a fetch stream, which is opened anew where it broke off. What has come and
 * is not taken yet is bounded by the bytes that were granted.
 */
export class FetchSession {
  private readonly transport: Transport
  private readonly directory: TopicDirectory
  private readonly options: CheckedReadOptions
  private readonly forgetSignals: (() => void)[]
  private cursors: readonly Cursor[] | undefined
  private readonly chunks: Chunk[] = []
  private stream: GrpcStream | undefined
  private attempts = 0
  private answered = false
  /** When the present stream was opened, or the last attempt failed. */
  private openedMs = 0
  private lostMs: number
  private wake: (() => void) | undefined
  private ended: { readonly reason: unknown } | 'done' | undefined

  constructor(transport: Transport, directory: TopicDirectory, options: CheckedReadOptions) {
    this.transport = transport
    this.directory = directory
    this.options = options
    this.lostMs = transport.clock.monotonicMs()
    this.openedMs = this.lostMs
    const { signal } = options
    this.forgetSignals = [
      onAbort(signal, () => this.fail(signal?.reason)),
      onAbort(transport.closing, () => this.fail(closedError())),
    ]
    if (signal?.aborted) this.fail(signal.reason)
    else if (transport.closing.aborted) this.fail(closedError())
    else this.open()
  }

  /** Reading has failed or was ended by a signal, and nobody has heard of it yet. */
  get isInterrupted(): boolean {
    return typeof this.ended === 'object'
  }

  /**
   * What came next; undefined: nothing yet, see `arrival`; `done`: there is no more. What is taken must be released.
   * @throws what ended the reading
   */
  take(): Chunk | 'done' | undefined {
    const { ended } = this
    if (typeof ended === 'object') {
      this.ended = 'done'
      throw ended.reason
    }
    const chunk = this.chunks.shift()
    if (chunk !== undefined) return chunk
    if (this.cursors?.every(({ isComplete }) => isComplete)) this.close()
    return this.ended === 'done' ? 'done' : undefined
  }

  /** Resolves when `take` may have something. One caller at a time. */
  arrival(): Promise<void> {
    return new Promise((resolve) => {
      this.wake = resolve
    })
  }

  /** The records of the chunk have been used; as much may come. */
  release({ cursor, bytes }: Chunk): void {
    this.grant(cursor, cursor.release(bytes.length, true))
  }

  /** Ends the reading; nothing more comes. */
  close(): void {
    this.end('done')
  }

  private fail(reason: unknown): void {
    this.end({ reason })
  }

  private end(how: { readonly reason: unknown } | 'done'): void {
    if (this.ended !== undefined) return
    this.ended = how
    this.chunks.length = 0
    for (const forget of this.forgetSignals) forget()
    this.stream?.cancel()
    this.stream = undefined
    this.notify()
  }

  private notify(): void {
    const { wake } = this
    this.wake = undefined
    wake?.()
  }

  private open(): void {
    this.start().catch((reason) => this.lost(asMillraceError(reason)))
  }

  private async start(): Promise<void> {
    if (this.attempts > 0) await this.transport.sleep(this.transport.backoff(this.attempts), this.options.signal)
    if (this.ended !== undefined) return
    this.cursors ??= await this.createCursors()
    if (this.ended !== undefined) return
    const stream: GrpcStream = await this.transport.stream(FETCH_STREAM_PATH, {
      message: (bytes) => {
        if (this.stream === stream) this.received(decodeFetchStreamResponse(bytes))
      },
      ended: (error) => {
        if (this.stream === stream) this.lost(error ?? connectionFailed('the server ended the stream'))
      },
    })
    if (this.ended !== undefined) return stream.cancel()
    this.stream = stream
    this.openedMs = this.transport.clock.monotonicMs()
    for (const cursor of this.cursors) if (!cursor.isComplete) this.add(cursor)
  }

  private async createCursors(): Promise<readonly Cursor[]> {
    const { topic, partitions, prefetchBytes } = this.options
    const numbers = partitions ?? Array.from({ length: (await this.directory.learn(topic)).partitions }, (_, n) => n)
    const creditBytes = Math.max(MIN_CREDIT_BYTES, Math.floor(prefetchBytes / numbers.length))
    return numbers.map((partition, index) => new Cursor(index + 1, partition, creditBytes, this.options))
  }

  private add(cursor: Cursor): void {
    this.send({
      add: {
        subscription: cursor.subscription,
        topic: this.options.topic,
        partition: cursor.partition,
        from: positionToMessage(cursor.position),
        isolation: this.options.isolation === 'uncommitted' ? 1 : 0,
        bytes: toInt64(cursor.reopen()),
      },
    })
  }

  private received(response: FetchStreamResponse): void {
    const cursor = this.cursors?.[response.subscription - 1]
    if (cursor === undefined) return
    this.answered = true
    this.lostMs = Number.POSITIVE_INFINITY
    const { error, batches } = response
    if (batches.length > 0) this.attempts = 0
    if (response.generation !== cursor.generation || cursor.isComplete) {
      this.grant(cursor, cursor.release(batches.length, false))
    } else if (error !== undefined) {
      this.failed(cursor, error)
    } else {
      const chunk = cursor.take(response)
      if (chunk !== undefined) this.chunks.push(chunk)
      if (cursor.isComplete) this.send({ remove: { subscription: cursor.subscription } })
      if (chunk !== undefined || cursor.isComplete) this.notify()
    }
  }

  private failed(cursor: Cursor, error: MillraceError): void {
    const { onOutOfRange, topic } = this.options
    if (error.code === 'OFFSET_OUT_OF_RANGE' && onOutOfRange !== 'error') {
      cursor.seek(onOutOfRange)
      const { subscription, generation } = cursor
      this.send({ seek: { subscription, generation, from: positionToMessage(onOutOfRange) } })
    } else if (error.retriable) {
      this.stream?.cancel()
      this.lost(error)
    } else {
      const details = { ...error.details, topic, partition: cursor.partition }
      this.fail(new MillraceError(error.code, error.message, { cause: error, details }))
    }
  }

  /** The stream is gone, or did not come about. */
  private lost(error: MillraceError): void {
    if (this.ended !== undefined) return
    this.stream = undefined
    const { clock, connectTimeoutMs } = this.transport
    const nowMs = clock.monotonicMs()
    this.lostMs = Math.min(this.lostMs, nowMs)
    this.attempts = nowMs - this.openedMs > STEADY_MS ? 1 : this.attempts + 1
    this.openedMs = nowMs
    const allowedMs = this.answered ? this.options.reconnectTimeoutMs : connectTimeoutMs
    if (!error.retriable || nowMs - this.lostMs >= allowedMs) this.fail(error)
    else this.open()
  }

  private grant(cursor: Cursor, bytes: number): void {
    if (bytes <= 0 || cursor.isComplete) return
    this.send({ grant: { subscription: cursor.subscription, bytes: toInt64(bytes) } })
  }

  private send(request: Request): void {
    this.stream?.write([frameMessage(encodeFetchStreamRequest(request))])
  }
}
