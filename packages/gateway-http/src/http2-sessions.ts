import type { RequestListener } from 'node:http'
import {
  constants,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { Socket } from 'node:net'
import type { Clock, Limits, Logger, Timer } from '@millrace/record'
import { Http2Connection, STREAM_WINDOW_BYTES } from './http2-connection.ts'
import type { InFlight } from './in-flight.ts'
import { OpenCount } from './open-count.ts'
import type { RequestTurns } from './request-turns.ts'
import { isClosed } from './stream-end.ts'
import type { StreamWindow } from './stream-window.ts'

/** Larger frames than HTTP/2's default of 16 KiB spare clients that can make them some work. */
const MAX_FRAME_BYTES = 65_536
/** Node.js refuses new streams of a connection past this, in MB; what waits to be sent counts. */
const SESSION_MEMORY_MB = 128

/**
 * How often connections are asked for their noise, how often for a while after one had too much of it, and how often the
 * new ones of the address that it came from: headers cost the more the fewer bytes they take.
 */
const LOOK_MS = { mostly: 100, wary: 10, suspects: 1 }
const WARY_MS = 10_000
/** How long a connection is new. */
const NEW_MS = 1_000
/** Connections that are asked at a time. */
const LOOKED_AT = 500
/** Streams of a connection that are refused before it is ended: too many of them, or with too many headers. */
const MAX_REFUSED_STREAMS = 20

/**
 * Takes an HTTP/2 stream before it becomes a request; false leaves it. `window`: what its peer may send before it is
 * read.
 */
export type StreamTaker = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, window: StreamWindow) => boolean

type Http2StreamListener = (
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  flags: number,
  rawHeaders: string[],
) => void

export interface Http2SessionsOptions {
  readonly limits: Limits
  readonly clock: Clock
  readonly logger: Logger
  readonly inFlight: InFlight
  readonly turns: RequestTurns
  /** A connection from this address was ended for what it did. */
  readonly onMisuse: (address: string) => void
  /** Whether that happened to a connection from this address not long ago. */
  readonly isWary: (address: string) => boolean
  /** Answers the requests of streams that `onStream` did not take. */
  readonly onRequest: RequestListener
  readonly onStream: StreamTaker
}

/** The HTTP/2 connections of a port that itself accepts the sockets. */
export class Http2Sessions {
  private readonly limits: Limits
  private readonly clock: Clock
  private readonly logger: Logger
  private readonly turns: RequestTurns
  private readonly onMisuse: (address: string) => void
  private readonly isWary: (address: string) => boolean
  private readonly server: Http2Server
  private readonly open = new Map<ServerHttp2Session, Http2Connection>()
  /** The socket whose session is being made. */
  private arriving: Socket | undefined
  private looking: Timer | undefined
  /** New connections from addresses that one was ended of, and when they are no longer new. */
  private readonly suspects = new Map<Http2Connection, number>()
  private lookingAtSuspects: Timer | undefined
  private waryUntilMs = 0
  private readonly inFlight: InFlight
  private readonly streams: OpenCount
  private isClosing = false

  constructor(options: Http2SessionsOptions) {
    const { limits, clock, logger, inFlight, turns, onMisuse, isWary, onRequest, onStream } = options
    this.inFlight = inFlight
    this.streams = new OpenCount(() => limits.streams)
    this.limits = limits
    this.clock = clock
    this.logger = logger
    this.turns = turns
    this.onMisuse = onMisuse
    this.isWary = isWary
    this.server = this.makeServer(onRequest, onStream)
  }

  /** Open connections. */
  get size(): number {
    return this.open.size
  }

  /** Speaks HTTP/2 on `socket`, which is paused when something has been read and put back. */
  take(socket: Socket): void {
    // A session ends with its peer's side of the connection. It takes what was read out of the paused socket itself.
    socket.allowHalfOpen = false
    this.arriving = socket
    this.server.emit('connection', socket)
    this.arriving = undefined
  }

  /** Tells peers to open no more streams, and lets the open ones end. */
  close(): void {
    this.isClosing = true
    for (const session of this.open.keys()) session.close()
  }

  destroy(): void {
    for (const session of this.open.keys()) session.destroy()
  }

  private makeServer(onRequest: RequestListener, onStream: StreamTaker): Http2Server {
    const server = createServer(
      {
        maxSessionMemory: SESSION_MEMORY_MB,
        maxSessionRejectedStreams: MAX_REFUSED_STREAMS,
        streamResetBurst: this.limits.resetsAtOnce,
        streamResetRate: this.limits.resetsPerSecond,
        settings: {
          initialWindowSize: STREAM_WINDOW_BYTES.least,
          maxFrameSize: MAX_FRAME_BYTES,
          maxConcurrentStreams: this.limits.streamsPerConnection,
          maxHeaderListSize: this.limits.headerBytes,
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
      const open = this.follow(stream)
      if (open === undefined) return
      const begin = (): void => {
        // Reset by its client meanwhile.
        if (isClosed(stream)) return
        if (!onStream(stream, headers, open.window))
          toRequest?.call(server, stream, headers, flags, rawHeaders as unknown as string[])
      }
      const { bytes: windowBytes } = open.window
      if (stream.endAfterHeaders) this.turns.take(open, begin)
      // Until its turn comes nobody reads it. Where too many are not read, it is read at once.
      else if (!this.inFlight.addNotBegun(windowBytes)) begin()
      else {
        this.turns.take(open, () => {
          this.inFlight.removeUnread(windowBytes)
          begin()
        })
      }
    })
    server.on('session', (session) => this.watch(session))
    return server
  }

  /**
   * Counts a stream while it is open. Its listeners are made here because all closures of a function share what any of
   * them holds: they would keep the headers as long as the stream is open.
   * @returns its connection, or undefined when it has gone or there are too many streams
   */
  private follow(stream: ServerHttp2Stream): Http2Connection | undefined {
    // A stream fails with its connection, also before anybody has taken it; an error without a listener would be fatal.
    stream.on('error', (error) => this.logger.debug({ err: error }, 'a stream failed'))
    const open = stream.session && this.open.get(stream.session as ServerHttp2Session)
    if (open === undefined) return undefined
    if (!this.streams.take()) {
      stream.close(constants.NGHTTP2_REFUSED_STREAM)
      return undefined
    }
    stream.once('close', () => this.streams.giveBack())
    open.opened(stream)
    return open
  }

  private watch(session: ServerHttp2Session): void {
    const { arriving: socket } = this
    if (this.isClosing || socket === undefined) {
      session.destroy()
      return
    }
    // A socket forgets it when it is closed.
    const { remoteAddress: address = '' } = socket
    const { limits, clock, inFlight } = this
    const isWary = this.isWary(address)
    const open = new Http2Connection({
      session,
      socket,
      address,
      limits,
      clock,
      inFlight,
      connections: this.open.size + 1,
      isWary,
      onNoise: () => this.endNoisy(session, address),
    })
    this.open.set(session, open)
    session.once('close', () => this.forget(session))
    session.on('error', (error: NodeJS.ErrnoException) => {
      this.logger.debug({ err: error }, 'HTTP/2 connection failed')
      // The protocol was broken, not only the connection.
      if (error.code?.startsWith('ERR_HTTP2')) this.onMisuse(address)
    })
    this.lookLater()
    if (!isWary) return
    this.suspects.set(open, this.clock.monotonicMs() + NEW_MS)
    this.lookAtSuspectsLater()
  }

  private forget(session: ServerHttp2Session): void {
    const open = this.open.get(session)
    if (open !== undefined) this.suspects.delete(open)
    this.open.delete(session)
    if (this.suspects.size === 0) {
      this.lookingAtSuspects?.cancel()
      this.lookingAtSuspects = undefined
    }
    if (this.open.size > 0) return
    this.looking?.cancel()
    this.looking = undefined
  }

  private lookLater(): void {
    const isWary = this.clock.monotonicMs() < this.waryUntilMs
    this.looking ??= this.clock.setTimer(isWary ? LOOK_MS.wary : LOOK_MS.mostly, () => {
      this.looking = undefined
      this.lookAtSome()
      if (this.open.size > 0) this.lookLater()
    })
  }

  private lookAtSuspectsLater(): void {
    if (this.suspects.size === 0) return
    this.lookingAtSuspects ??= this.clock.setTimer(LOOK_MS.suspects, () => {
      this.lookingAtSuspects = undefined
      const nowMs = this.clock.monotonicMs()
      for (const [open, untilMs] of this.suspects) {
        if (nowMs >= untilMs) this.suspects.delete(open)
        open.lookAtNoise()
      }
      this.lookAtSuspectsLater()
    })
  }

  /** Those that were not looked at for the longest time come first. */
  private lookAtSome(): void {
    let left = Math.min(LOOKED_AT, this.open.size)
    for (const [session, open] of this.open) {
      if (left-- === 0) return
      this.open.delete(session)
      this.open.set(session, open)
      open.look()
    }
  }

  private endNoisy(session: ServerHttp2Session, address: string): void {
    this.logger.info(
      { peer: address },
      'an HTTP/2 connection was ended: too many pings, settings or frames without content',
    )
    this.onMisuse(address)
    this.waryUntilMs = this.clock.monotonicMs() + WARY_MS
    session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM)
  }
}
