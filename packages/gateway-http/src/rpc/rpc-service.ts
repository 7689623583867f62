import type { Http2Session, IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import type { Broker } from '@millrace/broker'
import { MillraceError } from '@millrace/record'
import {
  FETCH_STREAM_PATH,
  HEALTH_CHECK,
  HEALTH_WATCH_PATH,
  MEMBERSHIP_PATH,
  PRODUCE_STREAM_PATH,
  REFLECTION_PATHS,
} from '@millrace/wire'
import type { RequestGuard } from '../guard.ts'
import type { InFlight } from '../in-flight.ts'
import { OpenCount } from '../open-count.ts'
import type { StreamWindow } from '../stream-window.ts'
import type { Tracing } from '../tracing.ts'
import { Call, type CallContext } from './call.ts'
import { ConnectionBudget } from './connection-budget.ts'
import { FetchStream } from './fetch-stream.ts'
import { parseTimeoutMs } from './grpc-timeout.ts'
import { Health } from './health.ts'
import { HealthWatch } from './health-watch.ts'
import { MembershipStream } from './membership-stream.ts'
import { ProduceStream } from './produce-stream.ts'
import { ReflectionStream } from './reflection-stream.ts'
import { UnaryCall } from './unary-call.ts'
import { type UnaryRoute, unaryRoutes } from './unary-methods.ts'

/** `application/grpc`, with a message format or parameters after it, but not `application/grpc-web`. */
const GRPC_TYPE = /^application\/grpc(?:\+([a-z0-9.-]+))?\s*(?:;|$)/i

const STREAMS: ReadonlySet<string> = new Set([
  PRODUCE_STREAM_PATH,
  FETCH_STREAM_PATH,
  MEMBERSHIP_PATH,
  HEALTH_WATCH_PATH,
  ...REFLECTION_PATHS,
])

/** A call that runs. */
interface RunningCall {
  shutDown(): void
}

export interface RpcServiceOptions extends Omit<CallContext, 'followed'> {
  readonly inFlight: InFlight
  readonly broker: Broker
  readonly guard: RequestGuard
  readonly tracing: Tracing | undefined
}

/** gRPC over the streams of HTTP/2 connections. */
export class RpcService {
  private readonly context: CallContext
  private readonly broker: Broker
  private readonly guard: RequestGuard
  private readonly unary: ReadonlyMap<string, UnaryRoute>
  private readonly health: Health
  private readonly inFlight: InFlight
  private readonly budgets = new WeakMap<Http2Session, ConnectionBudget>()
  private readonly running = new Map<RunningCall, string>()
  private readonly tracing: Tracing | undefined
  private isShuttingDown = false

  constructor({ broker, guard, inFlight, tracing, ...context }: RpcServiceOptions) {
    this.tracing = tracing
    this.context = { ...context, followed: new OpenCount(() => context.limits.followedPartitions) }
    this.broker = broker
    this.guard = guard
    this.inFlight = inFlight
    this.health = new Health({ clock: context.clock, problems: () => broker.problems() })
    this.unary = unaryRoutes(broker, this.health, this.context)
  }

  /** Takes an HTTP/2 stream if it is a gRPC call; false leaves it to others. */
  take(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, window: StreamWindow): boolean {
    const type = GRPC_TYPE.exec(headers['content-type'] ?? '')
    if (type === null) return false
    // Reset by its client in the very moment that it was opened.
    if (stream.session === undefined) return true
    const call = new Call(stream, headers[':path'] ?? '', this.context, this.budgetOf(stream.session, window))
    call.isKnown = STREAMS.has(call.path) || this.unary.has(call.path)
    const refusal = this.refusalOf(headers, type[1])
    if (refusal !== undefined) {
      call.end(refusal)
      return true
    }
    call.traced = this.tracing?.rpc(call.isKnown ? call.path : undefined, headers)
    const running = this.start(call, headers)
    if (running === undefined) {
      call.end(new MillraceError('UNIMPLEMENTED', `there is no call ${JSON.stringify(call.path.slice(0, 200))}`))
      return true
    }
    this.running.set(running, call.path)
    stream.once('close', () => this.running.delete(running))
    return true
  }

  /** Open calls by path. */
  calls(): { call: string; count: number }[] {
    const counts = new Map<string, number>()
    for (const path of this.running.values()) counts.set(path, (counts.get(path) ?? 0) + 1)
    return Array.from(counts, ([call, count]) => ({ call, count }))
  }

  /** Ends the streams, and the waits of other calls; what was begun is finished and answered. */
  shutDown(): void {
    this.isShuttingDown = true
    this.health.shutDown()
    for (const call of [...this.running.keys()]) call.shutDown()
  }

  private refusalOf(headers: IncomingHttpHeaders, format: string | undefined): MillraceError | undefined {
    const refusal = this.guard.checkRequest(headers)
    if (refusal !== undefined) return refusal
    // Whoever asks for the server's health is told of this by the answer.
    if (this.isShuttingDown && headers[':path'] !== HEALTH_CHECK.path)
      return new MillraceError('SHUTTING_DOWN', 'the server is shutting down')
    if (headers[':method'] !== 'POST') return new MillraceError('METHOD_NOT_ALLOWED', 'gRPC calls are POST requests')
    if (format !== undefined && format.toLowerCase() !== 'proto') {
      return new MillraceError('UNSUPPORTED_MEDIA_TYPE', 'messages must be application/grpc or application/grpc+proto')
    }
    const encoding = headers['grpc-encoding']
    if (encoding !== undefined && encoding !== 'identity') {
      return new MillraceError('UNIMPLEMENTED', 'compressed messages are not supported')
    }
    return undefined
  }

  private start(call: Call, headers: IncomingHttpHeaders): RunningCall | undefined {
    if (call.path === PRODUCE_STREAM_PATH) return new ProduceStream(call, this.broker)
    if (call.path === FETCH_STREAM_PATH) return new FetchStream(call, this.broker)
    if (call.path === MEMBERSHIP_PATH) return new MembershipStream(call, this.broker.groups)
    const timeoutMs = parseTimeoutMs(headers['grpc-timeout'])
    if (call.path === HEALTH_WATCH_PATH) return new HealthWatch(call, this.health, timeoutMs)
    if (REFLECTION_PATHS.includes(call.path)) return new ReflectionStream(call, timeoutMs)
    const route = this.unary.get(call.path)
    if (route === undefined) return undefined
    const { handle, maxRequestBytes } = route
    return new UnaryCall(call, handle, { maxRequestBytes, timeoutMs })
  }

  private budgetOf(session: Http2Session, window: StreamWindow): ConnectionBudget {
    let budget = this.budgets.get(session)
    if (budget === undefined) {
      budget = new ConnectionBudget(this.context.limits, this.inFlight, window)
      this.budgets.set(session, budget)
    }
    return budget
  }
}
