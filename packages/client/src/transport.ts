import { asMillraceError, type Clock, MillraceError } from '@millrace/record'
import { frameMessage, type UnaryMethod } from '@millrace/wire'
import { abortable, onAbort, sleep } from './abort.ts'
import type { Backoff } from './backoff.ts'
import { type Connection, closedError, connectionFailed } from './connection.ts'
import { type GrpcEvents, GrpcStream } from './grpc-stream.ts'

export interface CallOptions {
  readonly signal?: AbortSignal | undefined
  /** Time for the call with all its attempts. Default: the client's `requestTimeoutMs`. */
  readonly timeoutMs?: number | undefined
  /** The call changes something: it is tried again only when it was surely not sent. */
  readonly once?: boolean
  /** Time to go on trying while the server cannot be reached. Default: the client's `connectTimeoutMs`. */
  readonly connectTimeoutMs?: number | undefined
}

export interface TransportOptions {
  readonly connection: Connection
  readonly clock: Clock
  readonly backoff: Backoff
  readonly requestTimeoutMs: number
  readonly connectTimeoutMs: number
}

/** Calls over the client's connection. */
export class Transport {
  readonly clock: Clock
  readonly backoff: Backoff
  readonly connectTimeoutMs: number
  private readonly connection: Connection
  private readonly requestTimeoutMs: number
  private readonly ended = new AbortController()

  constructor(options: TransportOptions) {
    this.clock = options.clock
    this.backoff = options.backoff
    this.connection = options.connection
    this.requestTimeoutMs = options.requestTimeoutMs
    this.connectTimeoutMs = options.connectTimeoutMs
  }

  /** Aborts when the client closes. */
  get closing(): AbortSignal {
    return this.ended.signal
  }

  /**
   * One request, one response. Failures that may pass are tried again until the time is up.
   * @throws MillraceError the server's error, CONNECTION_FAILED, TIMED_OUT, CLOSED; the signal's reason
   */
  async call<Request, RequestProperties, Response, ResponseProperties>(
    method: UnaryMethod<Request, RequestProperties, Response, ResponseProperties>,
    request: RequestProperties,
    options: CallOptions = {},
  ): Promise<Response> {
    const { signal, timeoutMs = this.requestTimeoutMs, connectTimeoutMs = this.connectTimeoutMs } = options
    const { clock } = this
    const frame = frameMessage(method.encodeRequest(request))
    const startMs = clock.monotonicMs()
    const endMs = startMs + timeoutMs
    for (let attempt = 1; ; attempt++) {
      signal?.throwIfAborted()
      const leftMs = endMs - clock.monotonicMs()
      const tried: Tried = { sent: false }
      try {
        return method.decodeResponse(await this.attempt(method.path, frame, leftMs, signal, tried))
      } catch (reason) {
        if (signal?.aborted) throw signal.reason
        const error = asMillraceError(reason)
        const waitMs = this.backoff(attempt)
        const again = error.retriable && !(options.once === true && tried.sent)
        const nowMs = clock.monotonicMs()
        const unreachable = error.code === 'CONNECTION_FAILED' && nowMs + waitMs > startMs + connectTimeoutMs
        if (!again || unreachable || nowMs + waitMs > endMs) throw error
        await this.sleep(waitMs, signal)
      }
    }
  }

  /** Starts a streaming call. @throws MillraceError CONNECTION_FAILED, CLOSED */
  async stream(path: string, events: GrpcEvents): Promise<GrpcStream> {
    const session = await this.connection.session()
    return new GrpcStream(session, path, events, () => this.connection.heard())
  }

  /** Waits. @throws MillraceError CLOSED when the client closes; the signal's reason when it aborts */
  async sleep(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
    const either = signal === undefined ? this.closing : AbortSignal.any([signal, this.closing])
    await sleep(this.clock, delayMs, either)
  }

  close(): void {
    this.ended.abort(closedError())
    this.connection.close()
  }

  private async attempt(
    path: string,
    frame: Buffer,
    timeoutMs: number,
    signal: AbortSignal | undefined,
    tried: Tried,
  ): Promise<Buffer> {
    const limit = new AbortController()
    const timer = this.clock.setTimer(timeoutMs, () =>
      limit.abort(new MillraceError('TIMED_OUT', `${path} took longer`)),
    )
    const forget = onAbort(signal, () => limit.abort(signal?.reason))
    try {
      const session = await abortable(this.connection.session(), limit.signal)
      return await new Promise((resolve, reject) => {
        let response: Buffer | undefined
        const stream = new GrpcStream(
          session,
          path,
          {
            message: (bytes) => {
              response ??= bytes
            },
            ended: (error) => {
              if (error !== undefined) reject(this.closing.aborted ? closedError() : error)
              else if (response === undefined) reject(connectionFailed('the server answered without a message'))
              else resolve(response)
            },
          },
          () => this.connection.heard(),
        )
        tried.sent = true
        onAbort(limit.signal, () => {
          reject(limit.signal.reason)
          stream.cancel()
        })
        stream.write([frame])
        stream.end()
      })
    } finally {
      timer.cancel()
      forget()
    }
  }
}

interface Tried {
  sent: boolean
}
