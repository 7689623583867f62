import { createServer as createHttp1Server, type Server as Http1Server, type RequestListener } from 'node:http'
import {
  createServer as createHttp2Server,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import { createServer as createTcpServer, type Socket, type Server as TcpServer } from 'node:net'
import { type Clock, type Limits, type Logger, MillraceError } from '@millrace/record'
import type { ConnectionCounts } from './gateway-stats.ts'
import { rawProblem } from './rest/problem.ts'

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
const MAX_HEADER_BYTES = 16 * KiB
/** Node.js refuses new streams of a connection past this, in MB; what waits to be sent counts. */
const SESSION_MEMORY_MB = 128
/** An HTTP/1.1 connection between two requests. */
const KEEP_ALIVE_MS = 30_000
/** A silent peer is asked after this time, by TCP, whether it is still there. */
const TCP_KEEP_ALIVE_MS = 60_000
/** How often Node.js looks for HTTP/1.1 requests that took too long. */
const TIMEOUT_CHECK_MS = 1_000

/** How every HTTP/2 connection begins; no HTTP/1.1 method does. */
const HTTP2_START = Buffer.from('PRI')

type Http2StreamListener = (
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  flags: number,
  rawHeaders: string[],
) => void

export interface PortOptions {
  readonly limits: Limits
  readonly clock: Clock
  readonly logger: Logger
  /** Answers requests of HTTP/1.1, and those of HTTP/2 that `onStream` did not take. */
  readonly onRequest: RequestListener
  /**
   * Takes an HTTP/2 stream before it becomes a request; false leaves it to `onRequest`. `windowBytes`: what its peer may
   * send, now or once it has the connection's settings, before it is read.
   */
  readonly onStream: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, windowBytes: number) => boolean
}

/**
 * One TCP port for HTTP/1.1 and HTTP/2 in clear text. The first three bytes of a connection tell which one it speaks;
 * they are put back and the socket is handed on.
 */
export class Port {
  private readonly limits: Limits
  private readonly clock: Clock
  private readonly logger: Logger
  private readonly tcp: TcpServer
  private readonly http1: Http1Server
  private readonly http2: Http2Server
  /** Every open socket. */
  private readonly sockets = new Set<Socket>()
  /** Those that have not said yet what they speak. */
  private readonly undecided = new Set<Socket>()
  private readonly sessions = new Set<ServerHttp2Session>()
  private readonly windows = new WeakMap<object, number>()
  private isClosing = false
  private isFull = false
  private drops = 0
  private onAllClosed: (() => void) | undefined

  constructor({ limits, clock, logger, onRequest, onStream }: PortOptions) {
    this.limits = limits
    this.clock = clock
    this.logger = logger
    this.http1 = this.makeHttp1(onRequest)
    this.http2 = this.makeHttp2(onRequest, onStream)
    // Half-open, because an HTTP/1.1 client may end its side and still wait for the answer.
    this.tcp = createTcpServer({
      allowHalfOpen: true,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: TCP_KEEP_ALIVE_MS,
    })
    this.tcp.maxConnections = limits.connections
    this.tcp.on('connection', (socket) => this.accept(socket))
    this.tcp.on('drop', () => this.noteDrop())
  }

  /** Open connections by what they speak. */
  get connections(): ConnectionCounts {
    const undecided = this.undecided.size
    const http2 = this.sessions.size
    return { http1: Math.max(this.sockets.size - http2 - undecided, 0), http2, undecided }
  }

  /** Connections that were refused because too many were open. */
  get refused(): number {
    return this.drops
  }

  /** Binds the port, 0 for a free one, and gives the address that it got. */
  listen(host: string, port: number): Promise<{ host: string; port: number }> {
    return new Promise((resolve, reject) => {
      this.tcp.once('error', reject)
      this.tcp.listen({ host, port }, () => {
        this.tcp.off('error', reject)
        this.tcp.on('error', (error) => this.logger.error({ err: error }, 'the port failed'))
        // The HTTP/1.1 server does not listen itself; told so, it watches over the time that requests take.
        this.http1.emit('listening')
        const address = this.tcp.address()
        if (address === null || typeof address === 'string') reject(new MillraceError('INTERNAL', 'no TCP address'))
        else resolve({ host: address.address, port: address.port })
      })
    })
  }

  /** Accepts nothing new, tells peers so, and lets what is open end. Resolves when the last connection is gone. */
  close(): Promise<void> {
    this.isClosing = true
    this.tcp.close()
    this.http1.close()
    for (const socket of this.undecided) socket.destroy()
    for (const session of this.sessions) session.close()
    return new Promise((resolve) => {
      if (this.sockets.size === 0) resolve()
      else this.onAllClosed = resolve
    })
  }

  /** Cuts whatever is still open. */
  destroy(): void {
    for (const session of this.sessions) session.destroy()
    for (const socket of this.sockets) socket.destroy()
  }

  private accept(socket: Socket): void {
    this.isFull = false
    this.sockets.add(socket)
    socket.once('close', () => {
      this.sockets.delete(socket)
      if (this.sockets.size === 0) this.onAllClosed?.()
    })
    // A connection that breaks is the business of whoever uses it then; an error without a listener would be fatal.
    socket.on('error', (error) => this.logger.debug({ err: error, peer: socket.remoteAddress }, 'connection failed'))
    this.sniff(socket)
  }

  private sniff(socket: Socket): void {
    this.undecided.add(socket)
    let start: Buffer = Buffer.alloc(0)
    const timer = this.clock.setTimer(this.limits.headersTimeoutMs, () => socket.destroy())
    const decided = (): void => {
      timer.cancel()
      this.undecided.delete(socket)
      socket.off('data', onData).off('end', onEnd).off('close', decided)
    }
    const onEnd = (): void => {
      decided()
      socket.destroy()
    }
    const onData = (chunk: Buffer): void => {
      start = start.length === 0 ? chunk : Buffer.concat([start, chunk])
      const compared = Math.min(start.length, HTTP2_START.length)
      const isHttp2 = start.compare(HTTP2_START, 0, compared, 0, compared) === 0
      if (isHttp2 && compared < HTTP2_START.length) return
      decided()
      this.handOver(socket, start, isHttp2)
    }
    socket.on('data', onData).on('end', onEnd).on('close', decided)
  }

  private handOver(socket: Socket, start: Buffer, isHttp2: boolean): void {
    socket.pause()
    socket.unshift(start)
    if (isHttp2) {
      // A session ends with its peer's side of the connection. It takes what was read out of the paused socket itself.
      socket.allowHalfOpen = false
      this.http2.emit('connection', socket)
    } else {
      this.http1.emit('connection', socket)
      socket.resume()
    }
  }

  private noteDrop(): void {
    this.drops++
    if (this.isFull) return
    this.isFull = true
    this.logger.warn({ connections: this.limits.connections }, 'connections are refused: too many are open')
  }

  private makeHttp1(onRequest: RequestListener): Http1Server {
    const server = createHttp1Server({
      headersTimeout: this.limits.headersTimeoutMs,
      // Whoever reads the body answers first when it does not come; this cuts what nobody reads.
      requestTimeout: this.limits.requestTimeoutMs + TIMEOUT_CHECK_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: TIMEOUT_CHECK_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
    })
    server.on('request', (request, response) => {
      response.once('close', () => {
        if (this.isClosing) setImmediate(() => server.closeIdleConnections())
      })
      onRequest(request, response)
    })
    server.on('clientError', (cause, socket) => {
      const { error, answer } = rawProblem(cause)
      this.logger.debug({ code: error.code, err: cause }, error.message)
      if (socket.writable) socket.end(answer, () => socket.destroy())
      else socket.destroy()
    })
    return server
  }

  private makeHttp2(onRequest: RequestListener, onStream: PortOptions['onStream']): Http2Server {
    const server = createHttp2Server(
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
      onRequest as unknown as Parameters<typeof createHttp2Server>[1] & {},
    )
    // The listener that makes requests of streams gets only the streams that are left to it.
    const [toRequest] = server.listeners('stream') as Http2StreamListener[]
    server.removeAllListeners('stream')
    server.on('stream', (stream, headers, flags, rawHeaders) => {
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
    this.sessions.add(session)
    session.once('close', () => this.sessions.delete(session))
    session.on('error', (error) => this.logger.debug({ err: error }, 'HTTP/2 connection failed'))
    session.setLocalWindowSize(CONNECTION_WINDOW_BYTES)
    const { most, least, shared } = STREAM_WINDOW_BYTES
    const initialWindowSize = Math.max(least, Math.min(most, Math.floor(shared / this.sessions.size)))
    this.windows.set(session, initialWindowSize)
    if (initialWindowSize > least) session.settings({ initialWindowSize })
  }
}
