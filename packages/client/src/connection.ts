import { type ClientHttp2Session, connect } from 'node:http2'
import { isIP } from 'node:net'
import { type ConnectionOptions, connect as connectTls, createSecureContext, type TLSSocket } from 'node:tls'
import { type Clock, MillraceError, type Timer } from '@millrace/record'
import { ENDED_AFTER_HANDSHAKE, hopelessReason, wantsTls } from './tls-failure.ts'

const MiB = 1_048_576
/** What the server may send ahead on one stream. Streams are always read, what bounds them is the readers' credit. */
const STREAM_WINDOW_BYTES = 8 * MiB
/** The same for all streams of the connection together. */
const CONNECTION_WINDOW_BYTES = 32 * MiB

export interface ConnectionOptionsOf {
  /** `http://` or `https://`, host and port. */
  readonly url: URL
  readonly clock: Clock
  /** Time for one attempt to connect. */
  readonly attemptMs: number
  /** Silence after which the server is asked for a sign of life; as long again without one, and it counts as gone. */
  readonly keepaliveMs: number
  /** For `https:`, for example `ca`. */
  readonly tls: ConnectionOptions | undefined
}

/** One HTTP/2 session at a time, opened when it is needed. */
export class Connection {
  private readonly options: ConnectionOptionsOf
  private open: ClientHttp2Session | undefined
  private opening: Promise<ClientHttp2Session> | undefined
  private readonly sessions = new Set<ClientHttp2Session>()
  private closed = false
  /** Something has come since the last look. */
  private heardSomething = false
  /** There has been a session. What stands in the way of the next is then the server's trouble, and may pass. */
  private hasWorked = false

  /** @throws MillraceError INVALID_CONFIG when the certificates or keys of `tls` cannot be used */
  constructor(options: ConnectionOptionsOf) {
    this.options = { ...options, tls: secured(options) }
  }

  get isClosed(): boolean {
    return this.closed
  }

  /**
   * The open session, or that of a new attempt; calls share one attempt.
   * @throws MillraceError CONNECTION_FAILED, CLOSED
   */
  session(): Promise<ClientHttp2Session> {
    if (this.closed) return Promise.reject(closedError())
    if (this.open !== undefined && !this.open.closed && !this.open.destroyed) return Promise.resolve(this.open)
    this.opening ??= this.connect().finally(() => {
      this.opening = undefined
    })
    return this.opening
  }

  /** To be called when anything has come from the server. */
  heard(): void {
    this.heardSomething = true
  }

  /** Cuts every session; streams on them end with an error. */
  close(): void {
    this.closed = true
    for (const session of this.sessions) session.destroy()
  }

  private connect(): Promise<ClientHttp2Session> {
    const { url, clock, attemptMs, tls } = this.options
    return new Promise((resolve, reject) => {
      let cause: unknown
      // Node.js does not end the session for what a server says about the handshake when it is over on this side.
      const onSocketError = (error: Error, socket: TLSSocket): void => {
        cause = error
        session.destroy(error)
        socket.destroy()
      }
      const session = connect(url, {
        ...(url.protocol === 'https:' && { createConnection: () => secureSocket(url, tls, onSocketError) }),
        settings: { enablePush: false, initialWindowSize: STREAM_WINDOW_BYTES },
      })
      this.sessions.add(session)
      const timer = clock.setTimer(attemptMs, () => {
        cause = new Error(`no answer in ${attemptMs} ms`)
        session.destroy()
      })
      session.on('error', (error) => {
        cause = error
      })
      let isSecure = false
      session.once('connect', () => {
        isSecure = url.protocol === 'https:'
        // Its time may have run out just before.
        if (!session.destroyed) session.setLocalWindowSize(CONNECTION_WINDOW_BYTES)
      })
      session.once('remoteSettings', () => {
        timer.cancel()
        if (session.destroyed) return
        this.open = session
        this.hasWorked = true
        this.watch(session)
        resolve(session)
      })
      session.once('close', () => {
        timer.cancel()
        this.sessions.delete(session)
        if (this.open === session) this.open = undefined
        reject(
          this.closed
            ? closedError()
            : this.unreachable(cause ?? (isSecure ? new Error(ENDED_AFTER_HANDSHAKE) : undefined)),
        )
      })
    })
  }

  private unreachable(cause: unknown): MillraceError {
    const { url } = this.options
    const reason = hopelessReason(cause, url)
    if (reason === undefined) return connectionFailed(`cannot reach ${url.origin}`, cause)
    return new MillraceError('CONNECTION_FAILED', reason, { cause, retriable: this.hasWorked })
  }

  /** Asks for a sign of life when the server is silent, and cuts the session when there is none. */
  private watch(session: ClientHttp2Session): void {
    const { clock, keepaliveMs } = this.options
    let asked = false
    let timer: Timer
    const look = (): void => {
      if (this.heardSomething) {
        this.heardSomething = false
        asked = false
      } else if (asked) {
        session.destroy(new Error(`no sign of life in ${keepaliveMs} ms`))
        return
      } else {
        if (session.destroyed) return
        asked = true
        session.ping((error) => {
          if (error === null) this.heard()
        })
      }
      timer = clock.setTimer(keepaliveMs, look)
    }
    timer = clock.setTimer(keepaliveMs, look)
    session.once('close', () => timer.cancel())
  }
}

function secureSocket(
  { hostname, port }: URL,
  tls: ConnectionOptions | undefined,
  onError: (error: Error, socket: TLSSocket) => void,
): TLSSocket {
  const host = hostname.replace(/^\[|\]$/g, '')
  const name = isIP(host) === 0 ? { servername: host } : {}
  const socket = connectTls({ ...name, ...tls, host, port: Number(port || 443), ALPNProtocols: ['h2'] })
  return socket.on('error', (error) => onError(error, socket))
}

/** Reads certificates and keys once, when it can still be told whose mistake it is. */
function secured({ url, tls }: ConnectionOptionsOf): ConnectionOptions | undefined {
  if (url.protocol !== 'https:' || tls === undefined || tls.secureContext !== undefined) return tls
  try {
    return { ...tls, secureContext: createSecureContext(tls) }
  } catch (cause) {
    const message = `tls: a certificate or key in it cannot be used: ${(cause as Error).message}`
    throw new MillraceError('INVALID_CONFIG', message, { cause })
  }
}

export function connectionFailed(what: string, cause?: unknown): MillraceError {
  if (wantsTls(cause)) {
    return new MillraceError('CONNECTION_FAILED', 'the server answers over TLS only: use https://', {
      cause,
      retriable: false,
    })
  }
  const because = cause instanceof Error && cause.message !== '' ? `: ${reasonOf(cause)}` : ''
  return new MillraceError('CONNECTION_FAILED', `${what}${because}`, cause === undefined ? {} : { cause })
}

export function closedError(): MillraceError {
  return new MillraceError('CLOSED', 'the client is closed')
}

/** What an error says; of several attempts to connect (IPv6, IPv4), what the last one says. */
function reasonOf(error: Error): string {
  if (error instanceof AggregateError && error.errors.length > 0) return String(error.errors.at(-1)?.message)
  return error.message
}
