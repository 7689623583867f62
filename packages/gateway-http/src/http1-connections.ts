import { createServer, type RequestListener, type Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Limits, Logger } from '@millrace/record'
import { MAX_HEADER_BYTES } from './header-bytes.ts'
import { rawProblem } from './rest/problem.ts'

/** A connection between two requests. */
const KEEP_ALIVE_MS = 30_000
/** How often Node.js looks for requests that took too long. */
const TIMEOUT_CHECK_MS = 1_000

export interface Http1ConnectionsOptions {
  readonly limits: Limits
  readonly logger: Logger
  readonly onRequest: RequestListener
}

/** The HTTP/1.1 connections of a port that itself accepts the sockets. */
export class Http1Connections {
  private readonly limits: Limits
  private readonly logger: Logger
  private readonly server: Server
  private isClosing = false

  constructor({ limits, logger, onRequest }: Http1ConnectionsOptions) {
    this.limits = limits
    this.logger = logger
    this.server = this.makeServer(onRequest)
    // The server does not listen itself; told so, it watches over the time that requests take.
    this.server.emit('listening')
  }

  /** Speaks HTTP/1.1 on `socket`, which is paused when something has been read and put back. */
  take(socket: Socket): void {
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
}
