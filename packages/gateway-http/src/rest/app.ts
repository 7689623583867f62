import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import { type Broker, LARGE_BYTES } from '@millrace/broker'
import { type Clock, type ErrorCode, type Limits, type Logger, MillraceError } from '@millrace/record'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { TSchema } from 'typebox'
import type { Answers } from '../answers.ts'
import type { MetricsPage } from '../gateway-stats.ts'
import type { RequestGuard } from '../guard.ts'
import type { InFlight } from '../in-flight.ts'
import type { RequestStats } from '../request-stats.ts'
import type { TracedRequest, Tracing } from '../tracing.ts'
import type { Unsent } from '../unsent.ts'
import { type BodyLimits, discardBody, readBody } from './body.ts'
import { parseJson } from './json-text.ts'
import { LiveTails } from './live-tails.ts'
import { PathMethods, routeNotFound } from './methods.ts'
import { logFailure, mapError, PROBLEM_TYPE, problemOf, retryAfterOf } from './problem.ts'
import { connectionOf } from './response.ts'
import { tellRoutes } from './route-facts.ts'
import { aboutRoutes } from './routes/about.ts'
import { backupRoutes } from './routes/backups.ts'
import type { RouteContext } from './routes/context.ts'
import { descriptionRoutes, watchRoutes } from './routes/description.ts'
import { groupRoutes } from './routes/groups.ts'
import { recordRoutes } from './routes/records.ts'
import { topicRoutes } from './routes/topics.ts'
import { transactionRoutes } from './routes/transactions.ts'
import { countUntaken } from './untaken.ts'
import { bodyValidator, textValidator } from './validation.ts'
import { Waits } from './waits.ts'

export interface RestAppOptions {
  readonly broker: Broker
  readonly clock: Clock
  readonly logger: Logger
  readonly limits: Limits
  readonly guard: RequestGuard
  readonly inFlight: InFlight
  readonly unsent: Unsent
  /** Those that gRPC counts too. */
  readonly answers: Answers
  /** Where answers are counted. */
  readonly requests: RequestStats
  /** Renders the page of metrics; without it there is none. */
  readonly metrics?: (() => Promise<MetricsPage>) | undefined
  readonly tracing?: Tracing | undefined
}

/** REST without a port of its own: a server for HTTP/1.1 or HTTP/2 passes its requests in. */
export interface RestApp {
  /** Live tails that are open right now. */
  readonly liveTails: number
  /** Answers one request of a `node:http` server or of the compatibility layer of a `node:http2` server. */
  handle(request: IncomingMessage | Http2ServerRequest, response: ServerResponse | Http2ServerResponse): void
  /** Ends the waits of open requests, which are answered at once; later requests get SHUTTING_DOWN. */
  drain(): void
  /** Lets go of everything. After `drain`, when the servers have closed. */
  close(): Promise<void>
}

export async function createRestApp(options: RestAppOptions): Promise<RestApp> {
  const { broker, logger, requests, metrics, tracing, answers } = options
  const waits = new Waits()
  let draining = false
  const liveTails = new LiveTails({ ...options, waits })
  const isDraining = () => draining
  const context: RouteContext = { broker, logger, waits, answers, liveTails, requests, metrics, isDraining }

  const app = Fastify({
    logger: false,
    forceCloseConnections: false,
    // Names have their own limit, and the server bounds the whole request line.
    routerOptions: { maxParamLength: 65_536 },
    frameworkErrors: (error, request, reply) => sendProblem(options, error, request, reply),
  })
  const methods = new PathMethods()
  methods.watch(app)
  const routes = watchRoutes(app)
  app.setValidatorCompiler(({ schema, httpPart }) => {
    if (httpPart === 'body') return bodyValidator(schema as TSchema)
    // They are described; who uses one looks at it.
    if (httpPart === 'headers') return () => true
    return textValidator(schema as TSchema, httpPart === 'querystring' ? 'query parameter' : 'path parameter')
  })
  // The response schemas describe; what a route returns is written as it is.
  app.setSerializerCompiler(() => JSON.stringify)
  app.setErrorHandler((error, request, reply) => sendProblem(options, error, request, reply))
  app.setNotFoundHandler((request) => {
    throw routeNotFound(request)
  })
  tellRoutes(app)
  if (tracing !== undefined) traceRequests(app, tracing)
  noteEnds(app, options)
  countUntaken(app, options)
  admit(app, options, methods, () => draining)
  readJsonBodies(app, options)

  aboutRoutes(app, context)
  topicRoutes(app, context)
  recordRoutes(app, context)
  groupRoutes(app, context)
  transactionRoutes(app, context)
  backupRoutes(app, context)
  descriptionRoutes(app, routes, options)
  await app.ready()

  return {
    get liveTails() {
      return liveTails.size
    },
    // Fastify is typed for one kind of server; its request handling needs only what both kinds have.
    handle: (request, response) => app.routing(request as IncomingMessage, response as ServerResponse),
    drain() {
      draining = true
      waits.endAll()
    },
    close: () => app.close(),
  }
}

/** A span for each request, in which all that is done for it happens. */
function traceRequests(app: FastifyInstance, tracing: Tracing): void {
  app.decorateRequest('traced', undefined)
  app.addHook('onRequest', (request, _reply, done) => {
    const { method, url, headers, raw, protocol: scheme } = request
    const route = request.is404 ? undefined : request.routeOptions.url
    request.traced = tracing.http({ method, url, route, scheme, version: raw.httpVersion, headers })
    request.traced.run(done)
  })
}

/** Counts each request when it has its answer, or when nobody is there any more to take it; then its body counts no more. */
function noteEnds(app: FastifyInstance, { requests, inFlight }: RestAppOptions): void {
  app.decorateRequest('failure', undefined)
  app.decorateRequest('bodyBytes', 0)
  app.addHook('onRequest', (request, reply, done) => {
    // Fastify's own `onResponse` does not come for a connection of HTTP/1.1 that breaks before the answer.
    reply.raw.once('close', () => {
      const { failure, route, bodyBytes, traced } = request
      inFlight.removeBody(bodyBytes)
      requests.answered('rest', route?.call ?? 'unknown', failure?.code ?? (reply.sent ? 'OK' : 'CANCELLED'))
      traced?.endHttp(reply.raw.statusCode, failure)
    })
    done()
  })
}

/** What every request must pass before its body is looked at. */
function admit(app: FastifyInstance, options: RestAppOptions, methods: PathMethods, isDraining: () => boolean): void {
  const { guard } = options
  // A callback, like all that stands in every request's way: a promise would cost more than the checks.
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('cache-control', 'no-store')
    const { headers, method } = request
    const refusal = guard.checkRequest(headers)
    if (refusal !== undefined) throw refusal
    reply.headers(guard.corsHeaders(headers))
    const preflight = guard.preflightHeaders(method, headers)
    if (preflight !== undefined) {
      reply.code(204).headers(preflight).send()
      return
    }
    if (isDraining() && request.url.startsWith('/v1')) {
      throw new MillraceError('SHUTTING_DOWN', 'the server is shutting down')
    }
    if (request.is404) {
      answerUnrouted(request, reply, methods)
      return
    }
    options.answers.checkTaken(connectionOf(reply.raw))
    checkContent(request)
    if (!request.route?.takesBody) readUnwanted(request, options)
    done()
  })
}

function answerUnrouted(request: FastifyRequest, reply: FastifyReply, methods: PathMethods): void {
  const allow = methods.allowed(request.url)
  if (allow === undefined) throw routeNotFound(request)
  reply.header('allow', allow)
  if (request.method === 'OPTIONS') {
    reply.code(204).send()
    return
  }
  throw new MillraceError(
    'METHOD_NOT_ALLOWED',
    `this path does not answer to ${request.method}; it answers to ${allow}`,
  )
}

const JSON_TYPE = /^application\/json\s*(?:;\s*charset\s*=\s*"?utf-?8"?\s*)?;?\s*$/i

/**
 * Bodies must say that they are JSON: a page of another site can send other types without asking its browser first.
 * @throws MillraceError UNSUPPORTED_MEDIA_TYPE, INVALID_REQUEST for a body where none is taken
 */
function checkContent(request: FastifyRequest): void {
  const { headers, route } = request
  if (!route?.takesBody) {
    const empty = headers['transfer-encoding'] === undefined && Number(headers['content-length'] ?? 0) === 0
    if (!empty) throw unwantedBody()
    return
  }
  const type = headers['content-type']
  if (type === undefined || !JSON_TYPE.test(type)) {
    const given = type === undefined ? 'no content type is given' : `not ${JSON.stringify(type.slice(0, 100))}`
    throw new MillraceError('UNSUPPORTED_MEDIA_TYPE', `the body must be application/json in UTF-8; ${given}`)
  }
  const encoding = headers['content-encoding']
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    throw new MillraceError('UNSUPPORTED_MEDIA_TYPE', 'the body must be sent without a content encoding')
  }
}

/** Over HTTP/2 a body says nothing beforehand. Where none is taken, nobody would read it. */
function readUnwanted({ raw }: FastifyRequest, options: RestAppOptions): void {
  const { stream } = raw as IncomingMessage & Partial<Http2ServerRequest>
  if (stream !== undefined && !stream.endAfterHeaders) discardBody(raw, bodyLimits(options))
}

function unwantedBody(): MillraceError {
  return new MillraceError('INVALID_REQUEST', 'this call takes no body')
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Bytes of the body that are in memory. */
    bodyBytes: number
    /** What it is answered with. */
    failure: MillraceError | undefined
    traced: TracedRequest | undefined
  }
}

function readJsonBodies(app: FastifyInstance, options: RestAppOptions): void {
  const { inFlight, broker } = options
  app.removeAllContentTypeParsers()
  // Fastify remembers which parser a type has, but not that one has it by the asterisk.
  app.addContentTypeParser(['application/json', '*'], (request: FastifyRequest, payload: IncomingMessage, done) => {
    const declared = request.headers['content-length']
    const takes = (chunkBytes: number): boolean => {
      if (!inFlight.addBody(chunkBytes)) return false
      request.bodyBytes += chunkBytes
      return true
    }
    const declaredBytes = declared === undefined ? undefined : Number(declared)
    readBody(payload, declaredBytes, { ...bodyLimits(options), takes }, (failure, bytes) => {
      if (bytes === undefined) return done(failure)
      const goOn = (): void => {
        // It waited, and nobody would hear of it.
        if (payload.socket.destroyed) {
          done(new MillraceError('CANCELLED', 'the caller went away'))
          return
        }
        let body: unknown
        try {
          body = parseBody(request, bytes)
        } catch (error) {
          done(error as Error)
          return
        }
        done(null, body)
      }
      if (bytes.length < LARGE_BYTES) goOn()
      else void broker.longWork.run(`body ${request.ip}`, goOn)
    })
  })
}

function parseBody(request: FastifyRequest, bytes: Buffer): unknown {
  if (request.route?.takesBody) return parseJson(bytes)
  if (bytes.length > 0) throw unwantedBody()
  return undefined
}

function bodyLimits({ clock, limits }: RestAppOptions): Omit<BodyLimits, 'takes'> {
  return { maxBytes: limits.requestBytes, timeoutMs: limits.requestTimeoutMs, clock }
}

function sendProblem(options: RestAppOptions, cause: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const error = mapError(cause)
  const problem = problemOf(error)
  request.failure = error
  logFailure(options, error, { method: request.method, url: request.url })
  const ends = ENDS_CONNECTION.has(error.code)
  if (request.raw.httpVersionMajor === 1 && ends) reply.header('connection', 'close')
  // Fastify ends the connection after every body that it could not take; what is left of it is read all the same.
  else if (reply.hasHeader('connection')) reply.removeHeader('connection')
  const retryAfter = retryAfterOf([error])
  if (retryAfter !== undefined) reply.header('retry-after', retryAfter)
  discardBody(request.raw, bodyLimits(options))
  reply.header('cache-control', 'no-store')
  // As bytes, because Fastify gives text a charset, which this type does not have.
  reply
    .code(problem.status)
    .header('content-type', PROBLEM_TYPE)
    .send(Buffer.from(JSON.stringify(problem)))
}

const ENDS_CONNECTION: ReadonlySet<ErrorCode> = new Set(['TIMED_OUT', 'SHUTTING_DOWN'])
