import type { Socket } from 'node:net'
import { createServer, type Server, type TLSSocket } from 'node:tls'
import type { Limits, Logger } from '@millrace/record'

/** What a server shows for itself over TLS, and what it asks of clients. */
export interface TlsCredentials {
  /** The server's certificate and those between it and its authority, in PEM. */
  readonly cert: string
  /** The key of that certificate, in PEM. */
  readonly key: string
  /** Opens `key` when it is encrypted. */
  readonly passphrase?: string | undefined
  /** Authorities in PEM, one of which must have signed the certificate of each client; undefined: clients need none. */
  readonly clientCa?: string | undefined
}

export interface TlsDoorOptions {
  readonly credentials: TlsCredentials
  readonly limits: Limits
  readonly logger: Logger
  /** Gets each connection that has been made secure, with the socket that was handed in for it. */
  readonly onSecure: (secure: TLSSocket, socket: Socket) => void
}

/** What Node.js makes of OpenSSL's errors. */
type OpenSslError = Error & { readonly code?: string; readonly reason?: string }

/** Makes sockets secure. How long they take for it is their owner's business. */
export class TlsDoor {
  private readonly logger: Logger
  private readonly server: Server
  /** Sockets that shake hands, by their peer: the server's events know only the secure ones around them. */
  private readonly waiting = new Map<string, Socket>()

  constructor({ credentials, limits, logger, onSecure }: TlsDoorOptions) {
    this.logger = logger
    this.server = createServer({
      ...contextOf(credentials),
      ALPNProtocols: ['h2', 'http/1.1'],
      requestCert: credentials.clientCa !== undefined,
      rejectUnauthorized: true,
      handshakeTimeout: limits.headersTimeoutMs,
    })
    this.server.on('secureConnection', (secure) => {
      const socket = this.waiting.get(peerOf(secure))
      secure.allowHalfOpen = true
      if (socket === undefined) secure.destroy()
      else onSecure(secure, socket)
    })
    this.server.on('tlsClientError', (error, secure) => this.noteFailure(error, secure))
  }

  /**
   * Shows these credentials from now on; connections that are open stay as they are.
   * @throws Error when OpenSSL does not take them, and those before stay
   */
  setCredentials(credentials: TlsCredentials): void {
    this.server.setSecureContext(contextOf(credentials))
  }

  /** Shakes hands with the peer of `socket`, which is paused when something has been read and put back. */
  take(socket: Socket): void {
    const peer = peerOf(socket)
    this.waiting.set(peer, socket)
    socket.once('close', () => this.waiting.delete(peer))
    // Whoever ends its side before the handshake is done wants nothing more; the secure socket takes this over.
    socket.allowHalfOpen = false
    this.server.emit('connection', socket)
  }

  private noteFailure(error: OpenSslError, { authorizationError, remoteAddress }: TLSSocket): void {
    const reason = authorizationError || error.reason || error.message
    this.logger.debug({ code: error.code, reason, peer: remoteAddress }, 'TLS handshake failed')
  }
}

function contextOf({ cert, key, passphrase, clientCa }: TlsCredentials) {
  return { cert, key, passphrase, ca: clientCa, minVersion: 'TLSv1.2' as const }
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}
