import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Broker } from '@millrace/broker'
import { type Clock, type Limits, type Logger, MillraceError } from '@millrace/record'
import { Answers } from './answers.ts'
import type { GatewayStats, MetricsPage } from './gateway-stats.ts'
import { RequestGuard } from './guard.ts'
import { InFlight } from './in-flight.ts'
import { Port } from './port.ts'
import { registeredTracing } from './registered-tracing.ts'
import { RequestStats } from './request-stats.ts'
import { createRestApp, type RestApp } from './rest/app.ts'
import { PROBLEM_TYPE, problemOf } from './rest/problem.ts'
import { RpcService } from './rpc/rpc-service.ts'
import type { TlsCredentials } from './tls-door.ts'
import { Unsent } from './unsent.ts'

export interface HttpGatewayOptions {
  readonly broker: Broker
  readonly clock: Clock
  readonly logger: Logger
  readonly limits: Limits
  /** Origins, as browsers send them, whose pages may call; `*` lets every page. */
  readonly allowedOrigins?: readonly string[] | undefined
  /** Whether requests must name this server as their host. For a server that listens on loopback. */
  readonly checkHost: boolean
  /** Renders the page of `GET /metrics`; without it there is none. */
  readonly metrics?: (() => Promise<MetricsPage>) | undefined
  /** With it the port speaks TLS only; HTTP/1.1 and HTTP/2 by ALPN. */
  readonly tls?: TlsCredentials | undefined
}

/** REST and gRPC on one TCP port, in clear text or over TLS. */
export interface HttpGateway {
  stats(): GatewayStats
  /**
   * Binds the port, 0 for a free one.
   * @returns the address that it got
   */
  listen(host: string, port: number): Promise<{ host: string; port: number }>
  /**
   * Shows other credentials to connections that come from now on; those that are open stay as they are. Whether clients
   * need a certificate stays as it was at the start.
   * @throws Error when OpenSSL does not take them, and those before stay
   */
  setTls(credentials: TlsCredentials): void
  /** Accepts nothing new, lets what is open end for at most `graceMs`, then cuts it. May be called twice. */
  close(graceMs: number): Promise<void>
}

export function createHttpGateway(options: HttpGatewayOptions): HttpGateway {
  return new Gateway(options)
}

class Gateway implements HttpGateway {
  private readonly options: HttpGatewayOptions
  private readonly guard: RequestGuard
  private readonly inFlight: InFlight
  private readonly unsent: Unsent
  private readonly answers: Answers
  private readonly requests: RequestStats
  private rpc: RpcService | undefined
  private rest: RestApp | undefined
  private port: Port | undefined
  private tls: TlsCredentials | undefined
  private closing: Promise<void> | undefined

  constructor(options: HttpGatewayOptions) {
    const { clock, limits, allowedOrigins, checkHost, tls } = options
    this.options = options
    this.tls = tls
    this.guard = new RequestGuard({ allowedOrigins, checkHost, isSecure: tls !== undefined })
    this.inFlight = new InFlight(limits)
    this.requests = new RequestStats(clock)
    this.unsent = new Unsent(limits.unsentBytes)
    this.answers = new Answers(limits, this.unsent)
  }

  async listen(host: string, port: number): Promise<{ host: string; port: number }> {
    const { broker, clock, logger, limits, metrics } = this.options
    this.guard.addOwnHost(host)
    const { guard, inFlight, unsent, answers, requests } = this
    const tracing = await registeredTracing()
    const shared = { broker, clock, logger, limits, guard, inFlight, unsent, answers, requests, tracing }
    const rpc = new RpcService(shared)
    const rest = await createRestApp({ ...shared, metrics })
    this.rpc = rpc
    this.rest = rest
    this.port = new Port({
      inFlight,
      limits,
      clock,
      logger,
      tls: this.tls,
      onRequest: (request, response) => {
        if (isGrpcOverHttp1(request)) refuseGrpc(response)
        else rest.handle(request, response)
      },
      onStream: (stream, headers, window) => rpc.take(stream, headers, window),
    })
    return this.port.listen(host, port)
  }

  stats(): GatewayStats {
    const { port, rpc, rest, inFlight, unsent, requests } = this
    return {
      connections: port?.connections ?? { http1: 0, http2: 0, undecided: 0 },
      connectionsRefused: port?.refused ?? 0,
      calls: rpc?.calls() ?? [],
      waits: this.answers.waiting,
      liveTails: rest?.liveTails ?? 0,
      inFlightBytes: inFlight.unansweredBytes,
      reservedBytes: inFlight.reservedBytes,
      unreadBytes: inFlight.unreadBytes,
      bodyBytes: inFlight.bodyBytes,
      unsentBytes: unsent.bytes,
      requests: requests.requests(),
      rejections: requests.rejections(),
    }
  }

  setTls(credentials: TlsCredentials): void {
    this.tls = credentials
    this.port?.setTls(credentials)
  }

  close(graceMs: number): Promise<void> {
    this.closing ??= this.closeOnce(graceMs)
    return this.closing
  }

  private async closeOnce(graceMs: number): Promise<void> {
    const { port, rpc, rest } = this
    if (port !== undefined) {
      const allClosed = port.close()
      rpc?.shutDown()
      rest?.drain()
      await this.atMost(graceMs, allClosed)
      port.destroy()
      await allClosed
    }
    await rest?.close()
  }

  private atMost(ms: number, work: Promise<void>): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.options.clock.setTimer(ms, resolve)
      void work.then(() => {
        timer.cancel()
        resolve()
      })
    })
  }
}

function isGrpcOverHttp1({ httpVersionMajor, headers }: IncomingMessage): boolean {
  return httpVersionMajor === 1 && /^application\/grpc(?!-web)/i.test(headers['content-type'] ?? '')
}

function refuseGrpc(response: ServerResponse): void {
  const error = new MillraceError('UNSUPPORTED_MEDIA_TYPE', 'gRPC needs HTTP/2')
  const problem = problemOf(error)
  response.writeHead(problem.status, { 'content-type': PROBLEM_TYPE, connection: 'close' }).end(JSON.stringify(problem))
}
