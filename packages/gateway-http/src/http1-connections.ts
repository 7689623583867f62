import { createServer, type RequestListener, type Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Limits, Logger } from '@millrace/record'
import type { RequestOwner, RequestTurns } from './request-turns.ts'
import { rawProblem } from './rest/problem.ts'

/** A connection between two requests. */
const KEEP_ALIVE_MS = 30_000
/** How often Node.js looks for requests that took too long. */
const TIMEOUT_CHECK_MS = 1_000

export interface Http1ConnectionsOptions {
  readonly limits: Limits
  readonly logger: Logger
  readonly turns: RequestTurns
  /** A connection from this address was ended for what it did. */
  readonly onMisuse: (address: string) => void
  readonly onRequest: RequestListener
}

/** The HTTP/1.1 connections of a port that itself accepts the sockets. */
export class Http1Connections {
  private readonly limits: Limits
  private readonly logger: Logger
  private readonly turns: RequestTurns
  private readonly onMisuse: (address: string) => void
  private readonly server: Server
  private readonly open = new WeakMap<Socket, OpenConnection>()
  private isClosing = false

  constructor({ limits, logger, turns, onMisuse, onRequest }: Http1ConnectionsOptions) {
    this.limits = limits
    this.logger = logger
    this.turns = turns
    this.onMisuse = onMisuse
    this.server = this.makeServer(onRequest)
    // The server does not listen itself; told so, it watches over the time that requests take.
    this.server.emit('listening')
  }

  /** Speaks HTTP/1.1 on `socket`, which is paused when something has been read and put back. */
  take(socket: Socket): void {
    this.open.set(socket, { address: socket.remoteAddress ?? '', unanswered: 0 })
    // Whoever reads the body answers first when it does not come; this cuts what nobody reads. Limits may have changed.
    this.server.requestTimeout = this.limits.requestTimeoutMs + TIMEOUT_CHECK_MS
    this.server.emit('connection', socket)
    socket.resume()
  }

  /** Ends connections as soon as they have no request. */
  close(): void {
    this.isClosing = true
    this.server.close()
  }

  private makeServer(onRequest: RequestListener): Server {
    const server = createServer({
      headersTimeout: this.limits.headersTimeoutMs,
      // Until there is a connection; it must not be below the time for the headers.
      requestTimeout: this.limits.headersTimeoutMs + TIMEOUT_CHECK_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: TIMEOUT_CHECK_MS,
      maxHeaderSize: this.limits.headerBytes,
    })
    server.on('request', (request, response) => {
      const { socket } = request
      const open = this.open.get(socket)
      if (open === undefined || !this.begin(socket, open)) return
      response.once('close', () => {
        open.unanswered--
        if (this.isClosing) setImmediate(() => server.closeIdleConnections())
      })
      // One at a time is what each connection may have; those that come at once are what others must not wait for.
      if (open.unanswered === 1) {
        onRequest(request, response)
        return
      }
      this.turns.take(open, () => {
        if (!socket.destroyed) onRequest(request, response)
      })
    })
    server.on('clientError', (cause, socket) => {
      const { error, answer } = rawProblem(cause)
      this.logger.debug({ code: error.code, err: cause }, error.message)
      if (socket.writable) socket.end(answer, () => socket.destroy())
      else socket.destroy()
    })
    return server
  }

  /** @returns false: the connection has sent more requests than it may before their answers, and is ended */
  private begin(socket: Socket, open: OpenConnection): boolean {
    if (socket.destroyed) return false
    open.unanswered++
    if (open.unanswered <= this.limits.pipelinedRequests) return true
    this.onMisuse(open.address)
    this.logger.info(
      { peer: socket.remoteAddress },
      'a connection was ended: too many requests without waiting for answers',
    )
    socket.destroy()
    return false
  }
}

interface OpenConnection extends RequestOwner {
  /** Requests that are not answered yet. */
  unanswered: number
}
