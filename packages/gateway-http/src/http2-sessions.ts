import type { RequestListener } from 'node:http'
import {
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { Socket } from 'node:net'
import type { Limits, Logger } from '@millrace/record'
import { MAX_HEADER_BYTES } from './header-bytes.ts'

const KiB = 1024
const MiB = 1024 * KiB

/**
 * What a peer may send on one stream before we have read it. Each stream that is not read from costs this much memory,
 * and a stream cannot be faster than this per round trip. The first few connections get the large window; the more
 * there are, the smaller that of the next.
 */
const STREAM_WINDOW_BYTES = { most: 1 * MiB, least: 64 * KiB, shared: 16 * MiB }
/** The same over all streams of a connection. */
const CONNECTION_WINDOW_BYTES = 8 * MiB
/** Larger frames than HTTP/2's default of 16 KiB spare clients that can make them some work. */
const MAX_FRAME_BYTES = 64 * KiB
/** Node.js refuses new streams of a connection past this, in MB; what waits to be sent counts. */
const SESSION_MEMORY_MB = 128

/**
 * Takes an HTTP/2 stream before it becomes a request; false leaves it. `windowBytes`: what its peer may send, now or once
 * it has the connection's settings, before it is read.
 */
export type StreamTaker = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, windowBytes: number) => boolean

type Http2StreamListener = (
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  flags: number,
  rawHeaders: string[],
) => void

export interface Http2SessionsOptions {
  readonly limits: Limits
  readonly logger: Logger
  /** Answers the requests of streams that `onStream` did not take. */
  readonly onRequest: RequestListener
  readonly onStream: StreamTaker
}

/** The HTTP/2 connections of a port that itself accepts the sockets. */
export class Http2Sessions {
  private readonly limits: Limits
  private readonly logger: Logger
  private readonly server: Http2Server
  private readonly open = new Set<ServerHttp2Session>()
  private readonly windows = new WeakMap<object, number>()
  private isClosing = false

  constructor({ limits, logger, onRequest, onStream }: Http2SessionsOptions) {
    this.limits = limits
    this.logger = logger
    this.server = this.makeServer(onRequest, onStream)
  }

  /** Speaks HTTP/2 on `socket`, which is paused when something has been read and put back. */
  take(socket: Socket): void {
    // A session ends with its peer's side of the connection. It takes what was read out of the paused socket itself.
    socket.allowHalfOpen = false
    this.server.emit('connection', socket)
  }

  /** Tells peers to open no more streams, and lets the open ones end. */
  close(): void {
    this.isClosing = true
    for (const session of this.open) session.close()
  }

  destroy(): void {
    for (const session of this.open) session.destroy()
  }

  private makeServer(onRequest: RequestListener, onStream: StreamTaker): Http2Server {
    const server = createServer(
      {
        maxSessionMemory: SESSION_MEMORY_MB,
        settings: {
          initialWindowSize: STREAM_WINDOW_BYTES.least,
          maxFrameSize: MAX_FRAME_BYTES,
          maxConcurrentStreams: this.limits.streamsPerConnection,
          maxHeaderListSize: MAX_HEADER_BYTES,
          enablePush: false,
        },
      },
      // Requests of both versions have the same shape for those who answer them.
      onRequest as unknown as Parameters<typeof createServer>[1] & {},
    )
    // The listener that makes requests of streams gets only the streams that are left to it.
    const [toRequest] = server.listeners('stream') as Http2StreamListener[]
    server.removeAllListeners('stream')
    server.on('stream', (stream, headers, flags, rawHeaders) => {
      // A stream fails with its connection, also before anybody has taken it; an error without a listener would be fatal.
      stream.on('error', (error) => this.logger.debug({ err: error }, 'a stream failed'))
      const windowBytes = this.windows.get(stream.session ?? stream) ?? STREAM_WINDOW_BYTES.most
      if (!onStream(stream, headers, windowBytes))
        toRequest?.call(server, stream, headers, flags, rawHeaders as unknown as string[])
    })
    server.on('session', (session) => this.watch(session))
    return server
  }

  private watch(session: ServerHttp2Session): void {
    if (this.isClosing) {
      session.destroy()
      return
    }
    this.open.add(session)
    session.once('close', () => this.open.delete(session))
    session.on('error', (error) => this.logger.debug({ err: error }, 'HTTP/2 connection failed'))
    session.setLocalWindowSize(CONNECTION_WINDOW_BYTES)
    const { most, least, shared } = STREAM_WINDOW_BYTES
    const initialWindowSize = Math.max(least, Math.min(most, Math.floor(shared / this.open.size)))
    this.windows.set(session, initialWindowSize)
    if (initialWindowSize > least) session.settings({ initialWindowSize })
  }
}
