import type { IncomingHttpHeaders } from 'node:http'
import type { MillraceError } from '@millrace/record'
import {
  type Context,
  context,
  defaultTextMapGetter,
  ProxyTracerProvider,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api'

/** gRPC statuses that are the server's fault, by OpenTelemetry's conventions for RPC. */
const SERVER_FAULTS: ReadonlySet<number> = new Set([2, 4, 12, 13, 14, 15])
/** Methods that may stand in a span's name; others are the client's words. */
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

export interface HttpRequest {
  readonly method: string
  readonly url: string
  /** With parameters by name; undefined where the server has none. */
  readonly route: string | undefined
  readonly scheme: string
  /** Of HTTP: `1.1` or `2.0`. */
  readonly version: string
  readonly headers: IncomingHttpHeaders
}

/** A request that is traced, and with it all that is done for it. */
export class TracedRequest {
  private readonly span: Span
  private readonly context: Context

  constructor(span: Span, parent: Context) {
    this.span = span
    this.context = trace.setSpan(parent, span)
  }

  /** Does `work` as a part of the request: spans that others begin in it are children of this one. */
  run<T>(work: () => T): T {
    return context.with(this.context, work)
  }

  /** @param error what it was answered with */
  endHttp(status: number, error: MillraceError | undefined): void {
    this.span.setAttribute('http.response.status_code', status)
    this.end(error, status >= 500)
  }

  /** @param status of gRPC */
  endRpc(status: number, error: MillraceError | undefined): void {
    this.span.setAttribute('rpc.grpc.status_code', status)
    this.end(error, SERVER_FAULTS.has(status))
  }

  private end(error: MillraceError | undefined, isOurs: boolean): void {
    const { span } = this
    if (error !== undefined) span.setAttribute('error.type', error.code)
    if (isOurs) {
      if (error !== undefined) span.recordException(error)
      span.setStatus({ code: SpanStatusCode.ERROR, ...(error === undefined ? {} : { message: error.message }) })
    }
    span.end()
  }
}

/** Spans of requests, by OpenTelemetry's conventions for HTTP and RPC servers. */
export class Tracing {
  private readonly tracer: Tracer

  private constructor(tracer: Tracer) {
    this.tracer = tracer
  }

  /** Undefined when this process has no SDK that would take spans: nothing is traced then, and nothing is paid for it. */
  static registered(): Tracing | undefined {
    const provider = trace.getTracerProvider()
    const tracer =
      provider instanceof ProxyTracerProvider ? provider.getDelegateTracer('millrace') : provider.getTracer('millrace')
    return tracer && new Tracing(tracer)
  }

  http({ method, url, route, scheme, version, headers }: HttpRequest): TracedRequest {
    const known = METHODS.has(method) ? method : '_OTHER'
    return this.begin(route === undefined ? known : `${known} ${route}`, headers, {
      'http.request.method': known,
      ...(route === undefined ? {} : { 'http.route': route }),
      'url.path': url.split('?', 1)[0] ?? '',
      'url.scheme': scheme,
      'network.protocol.version': version.replace('.0', ''),
    })
  }

  /** @param path of a call that the server has; undefined for others */
  rpc(path: string | undefined, headers: IncomingHttpHeaders): TracedRequest {
    const [, service = '', method = ''] = path?.split('/') ?? []
    const attributes = path === undefined ? {} : { 'rpc.service': service, 'rpc.method': method }
    return this.begin(path?.slice(1) ?? 'unknown', headers, { 'rpc.system': 'grpc', ...attributes })
  }

  private begin(name: string, headers: IncomingHttpHeaders, attributes: Record<string, string>): TracedRequest {
    const parent = propagation.extract(ROOT_CONTEXT, headers, defaultTextMapGetter)
    return new TracedRequest(this.tracer.startSpan(name, { kind: SpanKind.SERVER, attributes }, parent), parent)
  }
}
