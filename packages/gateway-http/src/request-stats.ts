import type { Clock, ErrorCode, Logger } from '@millrace/record'

export type Protocol = 'rest' | 'grpc'

/** What became of a request: `OK`, or the code of the error that it was answered with. */
export type Outcome = ErrorCode | 'OK'

/** Where failures are told: a count and a log line each. */
export interface FailureBook {
  readonly logger: Logger
  readonly requests: RequestStats
}

/** Requests of one kind with the same end. */
export interface RequestCount {
  readonly protocol: Protocol
  /** A route with its method, such as `GET /v1/topics/:topic`, or a gRPC call's path; `unknown` for all others. */
  readonly call: string
  readonly outcome: Outcome
  readonly count: number
}

/** A code is told of as loudly as it is grave once in so long; what comes in between is for those who debug. */
const TOLD_EVERY_MS = 10_000

/** Counts answers. Calls are those that the server knows, so that clients cannot make up more. */
export class RequestStats {
  private readonly counts: Readonly<Record<Protocol, Map<string, Map<Outcome, number>>>> = {
    rest: new Map(),
    grpc: new Map(),
  }
  private readonly rejectedByCode = new Map<ErrorCode, number>()
  private readonly clock: Clock
  private readonly toldAtMs = new Map<ErrorCode, number>()

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** A REST request was answered, or a gRPC call, however many messages it had, has ended. */
  answered(protocol: Protocol, call: string, outcome: Outcome): void {
    let byOutcome = this.counts[protocol].get(call)
    if (byOutcome === undefined) {
      byOutcome = new Map()
      this.counts[protocol].set(call, byOutcome)
    }
    byOutcome.set(outcome, (byOutcome.get(outcome) ?? 0) + 1)
  }

  /** A request, or a single batch or subscription of a stream, was answered with an error. */
  rejected(code: ErrorCode): void {
    this.rejectedByCode.set(code, (this.rejectedByCode.get(code) ?? 0) + 1)
  }

  /** Whether this code was not told of for a while, so that a flood of requests makes no flood of log lines. */
  isNews(code: ErrorCode): boolean {
    const nowMs = this.clock.monotonicMs()
    if (nowMs - (this.toldAtMs.get(code) ?? Number.NEGATIVE_INFINITY) < TOLD_EVERY_MS) return false
    this.toldAtMs.set(code, nowMs)
    return true
  }

  requests(): RequestCount[] {
    return Object.entries(this.counts).flatMap(([protocol, byCall]) =>
      [...byCall].flatMap(([call, byOutcome]) =>
        Array.from(byOutcome, ([outcome, count]) => ({ protocol: protocol as Protocol, call, outcome, count })),
      ),
    )
  }

  rejections(): { code: ErrorCode; count: number }[] {
    return Array.from(this.rejectedByCode, ([code, count]) => ({ code, count }))
  }
}
