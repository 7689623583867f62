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
import type { InFlight } from './in-flight.ts'
import { Noise, watchNoise } from './noise.ts'
import { OpenCount } from './open-count.ts'
import type { RequestOwner, RequestTurns } from './request-turns.ts'
import { StreamWindow } from './stream-window.ts'
import { WaitingChunks } from './waiting-chunks.ts'

const KiB = 1024
const MiB = 1024 * KiB

/**
 * What a peer may send on one stream before we have read it. Each stream that is not read from costs this much memory,
 * and a stream cannot be faster than this per round trip. The more connections there are, the less the next one gets
 * for its streams to share.
 */
const STREAM_WINDOW_BYTES = { least: 64 * KiB, shared: 16 * MiB }
/** Larger frames than HTTP/2's default of 16 KiB spare clients that can make them some work. */
const MAX_FRAME_BYTES = 64 * KiB
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
  private readonly open = new Map<ServerHttp2Session, OpenSession>()
  /** The socket whose session is being made. */
  private arriving: Socket | undefined
  private looking: Timer | undefined
  /** New connections from addresses that one was ended of, and when they are no longer new. */
  private readonly suspects = new Map<Noise, number>()
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
        if (stream.destroyed || stream.closed) return
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
  private follow(stream: ServerHttp2Stream): OpenSession | undefined {
    // A stream fails with its connection, also before anybody has taken it; an error without a listener would be fatal.
    stream.on('error', (error) => this.logger.debug({ err: error }, 'a stream failed'))
    const open = stream.session && this.open.get(stream.session as ServerHttp2Session)
    if (open === undefined) return undefined
    if (!this.streams.take()) {
      stream.close(constants.NGHTTP2_REFUSED_STREAM)
      return undefined
    }
    open.noise.opened()
    open.streams.add(stream)
    stream.once('close', () => {
      open.streams.delete(stream)
      this.streams.giveBack()
    })
    if (!stream.endAfterHeaders) this.followInput(stream, open)
    return open
  }

  private followInput(stream: ServerHttp2Stream, { window, chunks }: OpenSession): void {
    const waiting = new WaitingChunks(stream, this.inFlight, () => stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM))
    window.opened()
    chunks.add(waiting)
    stream.once('close', () => {
      window.closed()
      chunks.delete(waiting)
    })
  }

  private watch(session: ServerHttp2Session): void {
    const { arriving: socket } = this
    if (this.isClosing || socket === undefined) {
      session.destroy()
      return
    }
    // A socket forgets it when it is closed.
    const { remoteAddress: address = '' } = socket
    const { least, shared } = STREAM_WINDOW_BYTES
    const { streamWindowBytes: mostBytes, connectionWindowBytes } = this.limits
    const sharedBytes = Math.min(connectionWindowBytes, shared / (this.open.size + 1))
    const window = new StreamWindow({ session, leastBytes: least, mostBytes, sharedBytes })
    const streams = new Set<ServerHttp2Stream>()
    const isWary = this.isWary(address)
    const noise = new Noise({
      limits: this.limits,
      clock: this.clock,
      socket,
      isWary,
      unreadBytes: () => unreadBytes(streams),
      onTooMuch: () => this.endNoisy(session, address),
    })
    this.open.set(session, { address, noise, streams, window, chunks: new Set() })
    watchNoise(session, noise)
    session.once('close', () => this.forget(session))
    session.on('error', (error: NodeJS.ErrnoException) => {
      this.logger.debug({ err: error }, 'HTTP/2 connection failed')
      // The protocol was broken, not only the connection.
      if (error.code?.startsWith('ERR_HTTP2')) this.onMisuse(address)
    })
    session.setLocalWindowSize(connectionWindowBytes)
    this.lookLater()
    if (!isWary) return
    this.suspects.set(noise, this.clock.monotonicMs() + NEW_MS)
    this.lookAtSuspectsLater()
  }

  private forget(session: ServerHttp2Session): void {
    const open = this.open.get(session)
    if (open !== undefined) this.suspects.delete(open.noise)
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
      for (const [noise, untilMs] of this.suspects) {
        if (nowMs >= untilMs) this.suspects.delete(noise)
        noise.look()
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
      open.noise.look()
      open.window.look()
      for (const waiting of open.chunks) waiting.look()
      for (const stream of open.streams) if (isOver(stream)) stream.destroy()
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

interface OpenSession extends RequestOwner {
  readonly noise: Noise
  readonly streams: Set<ServerHttp2Stream>
  readonly window: StreamWindow
  /** Of its streams that may receive something. */
  readonly chunks: Set<WaitingChunks>
}

/**
 * Whether a stream has gone on the connection and stays here. Node.js destroys one that its peer reset with NO_ERROR when
 * everything that came was read and everything was sent: never, where nobody goes on reading or sending. Not even the end
 * of its connection would bring it down.
 */
function isOver(stream: ServerHttp2Stream): boolean {
  // Idle is what a stream is called that the connection does not know any more.
  return stream.closed && !stream.destroyed && stream.state.state === constants.NGHTTP2_STREAM_STATE_IDLE
}

function unreadBytes(streams: Iterable<ServerHttp2Stream>): number {
  let bytes = 0
  for (const { readableLength } of streams) bytes += readableLength
  return bytes
}
