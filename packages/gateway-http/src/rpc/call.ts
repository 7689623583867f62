import { constants, type ServerHttp2Stream } from 'node:http2'
import type { Clock, Limits, Logger, MillraceError } from '@millrace/record'
import { errorTrailers, OK_TRAILERS, type Trailers } from '@millrace/wire'
import type { Answers } from '../answers.ts'
import { noiseOf } from '../noise.ts'
import type { OpenCount } from '../open-count.ts'
import type { Outcome, RequestStats } from '../request-stats.ts'
import { cutOff, isClosed } from '../stream-end.ts'
import type { TracedRequest } from '../tracing.ts'
import type { Unsent } from '../unsent.ts'
import type { ConnectionBudget } from './connection-budget.ts'
import { logFailure, publicError } from './failures.ts'
import { IdleTimer } from './idle-timer.ts'

/** What all calls of a server share. */
export interface CallContext {
  readonly clock: Clock
  readonly logger: Logger
  readonly limits: Limits
  readonly unsent: Unsent
  readonly answers: Answers
  /** Partitions that fetch streams follow. */
  readonly followed: OpenCount
  readonly requests: RequestStats
}

/** How long a client that was answered early may go on sending, unread, before its stream is reset. */
const LINGER_MS = 1_000

/** gRPC's status of a call whose client has gone. */
const CANCELLED = 1

const HEADERS = { ':status': 200, 'content-type': 'application/grpc' }

/**
 * The answering half of one gRPC call: headers, messages, and the status in the trailers. Everything may be called at
 * any time; after the call has ended, or its client has gone, it does nothing.
 */
export class Call {
  readonly path: string
  readonly context: CallContext
  readonly budget: ConnectionBudget
  readonly stream: ServerHttp2Stream
  /** Whether the server has a call of this path. */
  isKnown = false
  traced: TracedRequest | undefined
  /** Called once, when the stream is gone, whatever the reason. */
  onClose: (() => void) | undefined
  /** Called when more may be written after `canWrite` was false. */
  onDrain: (() => void) | undefined
  private readonly stalled: IdleTimer
  private trailers: Trailers = OK_TRAILERS
  private hasEnded = false
  /** Of one whose client goes before it has ended. */
  private outcome: Outcome = 'CANCELLED'
  private failure: MillraceError | undefined
  /** What waits for the client to read, as far as it counts. */
  private unsentBytes = 0

  constructor(stream: ServerHttp2Stream, path: string, context: CallContext, budget: ConnectionBudget) {
    this.stream = stream
    this.path = path
    this.context = context
    this.budget = budget
    this.stalled = new IdleTimer(context.clock, context.limits.stalledReaderTimeoutMs, () => this.cut())
    // Every broken stream is also closed.
    stream.on('error', (error) => context.logger.debug({ err: error, call: path }, 'a stream failed'))
    stream.on('wantTrailers', () => this.sendTrailers())
    stream.on('drain', () => this.drained())
    stream.once('close', () => this.closed())
  }

  /** False once the call has its status or its client has gone. */
  get isOpen(): boolean {
    return !this.hasEnded && !isClosed(this.stream)
  }

  /** False while what was written waits for the client to read. */
  get canWrite(): boolean {
    return !this.stream.writableNeedDrain
  }

  /** Sends the headers, so that the client knows that the call has begun. */
  begin(): void {
    if (this.isOpen && !this.stream.headersSent) this.stream.respond(HEADERS, { waitForTrailers: true })
  }

  /** Writes the Buffers one after another, without copying them. */
  write(parts: readonly Buffer[]): void {
    if (!this.isOpen) return
    this.begin()
    const { stream } = this
    stream.cork()
    for (const part of parts) stream.write(part)
    stream.uncork()
    if (!stream.writableNeedDrain) return
    this.stalled.start()
    this.countUnsent(stream.writableLength)
  }

  /** Ends the call with a status: OK, or that of `error`, which is logged here. */
  end(error?: MillraceError): void {
    if (!this.isOpen) return
    this.hasEnded = true
    this.outcome = error?.code ?? 'OK'
    this.failure = error
    if (error !== undefined) {
      logFailure(this.context, error, { call: this.path })
      this.trailers = errorTrailers(publicError(error))
    }
    if (this.stream.headersSent) {
      this.stream.end()
    } else {
      this.stream.respond({ ...HEADERS, ...this.trailers }, { endStream: true })
    }
    if (this.stream.writableLength > 0) this.stalled.start()
    this.dropInput()
  }

  private sendTrailers(): void {
    this.stalled.stop()
    if (!isClosed(this.stream)) this.stream.sendTrailers(this.trailers)
  }

  /** What the client still sends is thrown away, and if it does not stop by itself, it is stopped. */
  private dropInput(): void {
    const { stream } = this
    if (stream.readableEnded || stream.destroyed) return
    stream.removeAllListeners('data')
    const noise = noiseOf(stream.session)
    stream.on('data', ({ length }: Buffer) => noise?.received(length, false))
    stream.resume()
    const timer = this.context.clock.setTimer(LINGER_MS, () => stream.close(constants.NGHTTP2_NO_ERROR))
    stream.once('close', () => timer.cancel())
  }

  private countUnsent(bytes: number): void {
    this.context.unsent.add(bytes - this.unsentBytes)
    this.unsentBytes = bytes
  }

  private drained(): void {
    this.stalled.stop()
    this.countUnsent(0)
    this.onDrain?.()
  }

  /** The client does not read what waits for it: it would not read a status either. */
  private cut(): void {
    const { logger, limits } = this.context
    logger.info(
      { call: this.path, stalledReaderTimeoutMs: limits.stalledReaderTimeoutMs },
      'a call was cut off: its client does not read',
    )
    this.hasEnded = true
    cutOff(this.stream)
  }

  private closed(): void {
    this.hasEnded = true
    this.context.requests.answered('grpc', this.isKnown ? this.path : 'unknown', this.outcome)
    this.traced?.endRpc(this.outcome === 'CANCELLED' ? CANCELLED : Number(this.trailers['grpc-status']), this.failure)
    this.stalled.dispose()
    this.countUnsent(0)
    this.onClose?.()
  }
}
