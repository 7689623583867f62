import type { RequestListener } from 'node:http'
import { createServer as createTcpServer, type Socket, type Server as TcpServer } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { type Clock, type Limits, type Logger, MillraceError, PacedTurns } from '@millrace/record'
import { Arrivals } from './arrivals.ts'
import { refuseClearText } from './clear-text.ts'
import { type Opening, readOpening } from './first-bytes.ts'
import type { ConnectionCounts } from './gateway-stats.ts'
import { Http1Connections } from './http1-connections.ts'
import { Http2Sessions, type StreamTaker } from './http2-sessions.ts'
import type { InFlight } from './in-flight.ts'
import { RequestTurns } from './request-turns.ts'
import { type TlsCredentials, TlsDoor } from './tls-door.ts'

/** Handshakes that begin together: each keeps the event loop for a part of a millisecond, for its signature above all. */
const HANDSHAKES_PER_TURN = 4
/** Handshakes get a sixth of the time where others want it. */
const PAUSE = 5

/** A silent peer is asked after this time, by TCP, whether it is still there. */
const TCP_KEEP_ALIVE_MS = 60_000

export interface PortOptions {
  readonly limits: Limits
  readonly clock: Clock
  readonly logger: Logger
  readonly inFlight: InFlight
  /** With it the port speaks TLS only. */
  readonly tls?: TlsCredentials | undefined
  /** Answers requests of HTTP/1.1, and those of HTTP/2 that `onStream` did not take. */
  readonly onRequest: RequestListener
  readonly onStream: StreamTaker
}

/**
 * One TCP port for HTTP/1.1 and HTTP/2. In clear text the first three bytes of a connection tell which one it speaks;
 * they are put back and the socket is handed on. With TLS the two sides agree on it in the handshake (ALPN), HTTP/1.1
 * when a client does not ask.
 */
export class Port {
  private readonly limits: Limits
  private readonly clock: Clock
  private readonly logger: Logger
  private readonly tcp: TcpServer
  private readonly tls: TlsDoor | undefined
  private readonly http1: Http1Connections
  private readonly http2: Http2Sessions
  private readonly arrivals: Arrivals
  private readonly handshakes: PacedTurns
  /** Every open socket. */
  private readonly sockets = new Set<Socket>()
  /** Those that have not said yet what they speak, and what ends the time that they have for it. */
  private readonly undecided = new Map<Socket, () => void>()
  private isFull = false
  private drops = 0
  private onAllClosed: (() => void) | undefined

  constructor({ limits, clock, logger, inFlight, tls, onRequest, onStream }: PortOptions) {
    this.limits = limits
    this.clock = clock
    this.logger = logger
    this.arrivals = new Arrivals(clock)
    this.handshakes = new PacedTurns({ clock, perTurn: HANDSHAKES_PER_TURN, pause: PAUSE })
    const turns = new RequestTurns(clock)
    const onMisuse = (address: string): void => this.arrivals.noteMisuse(address)
    this.http1 = new Http1Connections({ limits, logger, turns, onMisuse, onRequest })
    const isWary = (address: string): boolean => this.arrivals.isWary(address)
    this.http2 = new Http2Sessions({ limits, clock, logger, inFlight, turns, onMisuse, isWary, onRequest, onStream })
    const onSecure = (secure: TLSSocket, socket: Socket): void => this.takeSecure(secure, socket)
    this.tls = tls && new TlsDoor({ credentials: tls, limits, logger, onSecure })
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
    const http2 = this.http2.size
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
        const address = this.tcp.address()
        if (address === null || typeof address === 'string') reject(new MillraceError('INTERNAL', 'no TCP address'))
        else resolve({ host: address.address, port: address.port })
      })
    })
  }

  /** Shows other credentials to connections that come from now on. @throws Error when OpenSSL does not take them */
  setTls(credentials: TlsCredentials): void {
    this.tls?.setCredentials(credentials)
  }

  /** Accepts nothing new, tells peers so, and lets what is open end. Resolves when the last connection is gone. */
  close(): Promise<void> {
    this.tcp.close()
    this.arrivals.close()
    this.handshakes.close()
    this.http1.close()
    for (const socket of this.undecided.keys()) socket.destroy()
    this.http2.close()
    return new Promise((resolve) => {
      if (this.sockets.size === 0) resolve()
      else this.onAllClosed = resolve
    })
  }

  /** Cuts whatever is still open. */
  destroy(): void {
    this.http2.destroy()
    for (const socket of this.sockets) socket.destroy()
  }

  private accept(socket: Socket): void {
    this.isFull = false
    this.sockets.add(socket)
    socket.once('close', () => {
      this.decided(socket)
      this.sockets.delete(socket)
      if (this.sockets.size === 0) this.onAllClosed?.()
    })
    this.watchErrors(socket)
    const timer = this.clock.setTimer(this.limits.headersTimeoutMs, () => socket.destroy())
    this.undecided.set(socket, () => timer.cancel())
    const leave = this.arrivals.admit(socket.remoteAddress ?? '', () => {
      if (!socket.destroyed) readOpening(socket, (opening) => this.open(socket, opening))
    })
    socket.once('close', leave)
  }

  private open(socket: Socket, opening: Opening): void {
    const { tls } = this
    if (tls === undefined) {
      this.decided(socket)
      // A TLS handshake is no request, which its sender is told.
      if (opening === 'http2') this.http2.take(socket)
      else this.http1.take(socket)
    } else if (opening === 'tls') {
      const leave = this.handshakes.take(socket.remoteAddress ?? '', () => {
        if (!socket.destroyed) tls.take(socket)
      })
      socket.once('close', leave)
    } else {
      this.logger.debug({ peer: socket.remoteAddress }, 'refused a connection in clear text')
      refuseClearText(socket, opening)
    }
  }

  private takeSecure(secure: TLSSocket, socket: Socket): void {
    this.decided(socket)
    this.watchErrors(secure)
    if (secure.alpnProtocol === 'h2') this.http2.take(secure)
    else this.http1.take(secure)
  }

  private decided(socket: Socket): void {
    this.undecided.get(socket)?.()
    this.undecided.delete(socket)
  }

  /** A connection that breaks is the business of whoever uses it then; an error without a listener would be fatal. */
  private watchErrors(socket: Socket): void {
    socket.on('error', (error) => this.logger.debug({ err: error, peer: socket.remoteAddress }, 'connection failed'))
  }

  private noteDrop(): void {
    this.drops++
    if (this.isFull) return
    this.isFull = true
    this.logger.warn({ connections: this.limits.connections }, 'connections are refused: too many are open')
  }
}
