/** What a worker of the rebalance workload is told, and what it tells. */

/** The worker's only argument, as JSON. */
export interface WorkerTask {
  readonly url: string
  readonly group: string
  readonly topic: string
  readonly sessionTimeoutMs: number
}

/** `join` the group; `report` what was handled. */
export type ToWorker = 'join' | 'report'

/** Times are those of `machineMs`. */
export type FromWorker =
  | { readonly kind: 'ready' }
  | { readonly kind: 'assigned' | 'revoked'; readonly atMs: number; readonly partitions: readonly number[] }
  | { readonly kind: 'failed'; readonly why: string }
  /** Of each record its partition, and when it was handled. */
  | { readonly kind: 'handled'; readonly partitionsOf: readonly number[]; readonly timesMs: readonly number[] }

/** A clock that all processes of the machine share, in ms. */
export function machineMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
