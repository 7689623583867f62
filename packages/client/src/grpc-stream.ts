import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders } from 'node:http2'
import { constants } from 'node:http2'
import { asMillraceError, DEFAULT_LIMITS, type MillraceError } from '@millrace/record'
import { errorFromTrailers, FrameReader } from '@millrace/wire'
import { connectionFailed } from './connection.ts'

/** The largest message that a server may send: a single batch may be as large as any batch can be. */
const MAX_MESSAGE_BYTES = DEFAULT_LIMITS.decompressedBytes + 1_048_576

/** Bytes that wait to go out at which a stream counts as full. */
const FULL_BYTES = 1_048_576

/** Hears of a stream. `ended` comes last and once. */
export interface GrpcEvents {
  message(bytes: Buffer): void
  /** The stream takes more after a `write` that said it was full. */
  drained?(): void
  /** Undefined: the server ended it with status OK. */
  ended(error: MillraceError | undefined): void
}

/** One gRPC call over HTTP/2. */
export class GrpcStream {
  private readonly stream: ClientHttp2Stream
  private readonly events: GrpcEvents
  private readonly reader = new FrameReader({ maxMessageBytes: MAX_MESSAGE_BYTES })
  private status: IncomingHttpHeaders | undefined
  private failure: MillraceError | undefined
  private cause: unknown

  /**
   * Starts the call.
   * @param heard called when anything has come
   * @throws MillraceError CONNECTION_FAILED when the session has just ended
   */
  constructor(session: ClientHttp2Session, path: string, events: GrpcEvents, heard: () => void) {
    this.events = events
    try {
      this.stream = session.request(
        {
          ':method': 'POST',
          ':path': path,
          'content-type': 'application/grpc+proto',
          te: 'trailers',
          'user-agent': 'millrace-client',
        },
        { endStream: false },
      )
    } catch (cause) {
      throw connectionFailed('the connection has ended', cause)
    }
    const { stream } = this
    stream.on('response', (headers) => {
      heard()
      this.answered(headers)
    })
    stream.on('trailers', (trailers) => {
      this.status = trailers
    })
    stream.on('data', (chunk: Buffer) => {
      heard()
      this.received(chunk)
    })
    // The server has had its say; what we might still send, nobody reads.
    stream.once('end', () => this.cancel())
    if (events.drained !== undefined) stream.on('drain', () => events.drained?.())
    stream.on('error', (error) => {
      this.cause = error
    })
    stream.once('close', () => events.ended(this.outcome()))
  }

  /** Sends Buffers as they are. False: full for now; `drained` will tell. */
  write(buffers: readonly Buffer[]): boolean {
    const { stream } = this
    if (stream.destroyed || stream.writableEnded) return true
    stream.cork()
    for (const buffer of buffers) stream.write(buffer)
    process.nextTick(uncork, stream)
    return stream.writableLength < FULL_BYTES
  }

  /** Says that nothing more will be sent. */
  end(): void {
    if (!this.stream.destroyed) this.stream.end()
  }

  /** Ends the call at once, both ways. */
  cancel(): void {
    this.stream.close(constants.NGHTTP2_CANCEL)
  }

  private answered(headers: IncomingHttpHeaders): void {
    const status = headers[':status' as string]
    if (headers['grpc-status'] !== undefined) this.status = headers
    else if (Number(status) !== 200) this.fail(connectionFailed(`the server answered with HTTP status ${status}`))
  }

  private received(chunk: Buffer): void {
    if (this.failure !== undefined) return
    try {
      this.reader.push(chunk)
      for (let message = this.reader.read(); message !== undefined; message = this.reader.read()) {
        this.events.message(message)
      }
    } catch (error) {
      this.fail(asMillraceError(error))
    }
  }

  private fail(error: MillraceError): void {
    this.failure ??= error
    this.cancel()
  }

  private outcome(): MillraceError | undefined {
    if (this.failure !== undefined) return this.failure
    if (this.status !== undefined) return errorFromTrailers(this.status)
    return connectionFailed('the connection was lost', this.cause)
  }
}

function uncork(stream: ClientHttp2Stream): void {
  stream.uncork()
}
