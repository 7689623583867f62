import type { ErrorCode } from '@millrace/record'
import type { RequestCount } from './request-stats.ts'

/** A page for machines, and what it is. */
export interface MetricsPage {
  readonly contentType: string
  readonly text: string
}

/** Open connections, by what they speak. */
export interface ConnectionCounts {
  readonly http1: number
  readonly http2: number
  /** Those that have not said anything yet. */
  readonly undecided: number
}

/** What the gateway holds at the moment, and has done since the start, for metrics. */
export interface GatewayStats {
  readonly connections: ConnectionCounts
  /** Connections that were refused because too many were open. */
  readonly connectionsRefused: number
  /** Open gRPC calls, by path. */
  readonly calls: readonly { readonly call: string; readonly count: number }[]
  /** Fetches that are answered whole, of REST and gRPC, and may wait for data. */
  readonly waits: number
  /** Live tails of REST. */
  readonly liveTails: number
  /** Of produced messages that wait for their answer. */
  readonly inFlightBytes: number
  /** Of larger messages that are still coming. */
  readonly reservedBytes: number
  /** Windows of streams that are not read from. */
  readonly unreadBytes: number
  /** Bodies of REST requests. */
  readonly bodyBytes: number
  /** What clients have not taken of what was read for them. */
  readonly unsentBytes: number
  readonly requests: readonly RequestCount[]
  readonly rejections: readonly { readonly code: ErrorCode; readonly count: number }[]
}
