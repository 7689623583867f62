import { checkNames, choice, invalid, whole } from './options.ts'
import { type CheckedPosition, checkPartition, checkPosition, type Position } from './position.ts'

const MiB = 1_048_576

/** Where to stop: at the end that is there when reading begins, before an offset, or never. */
export type ReadEnd = 'end' | 'follow' | { readonly offset: number }

export interface ReadOptions {
  readonly topic: string
  /** One or several. Default: all; with `to: 'follow'`, those that are added to the topic later join in. */
  readonly partition?: number | readonly number[] | undefined
  /** Default `earliest`. Holds for each partition. */
  readonly from?: Position | undefined
  /** Default `follow`. Holds for each partition. */
  readonly to?: ReadEnd | undefined
  /** Default `committed`: without what open and aborted transactions wrote. */
  readonly isolation?: 'committed' | 'uncommitted' | undefined
  /** What to do where the offset to read is gone, or not there yet. Default `error`: OFFSET_OUT_OF_RANGE. */
  readonly onOutOfRange?: 'error' | 'earliest' | 'latest' | undefined
  /** Bytes that are fetched ahead, for all partitions together. Default 8 MiB. A single larger batch comes whole. */
  readonly prefetchBytes?: number | undefined
  /** How long to go on trying when the server is gone, in ms. Default: for ever, once it has answered. */
  readonly reconnectTimeoutMs?: number | undefined
  /** Ends the reading with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

export interface CheckedReadOptions {
  readonly topic: string
  readonly partitions: readonly number[] | undefined
  readonly from: CheckedPosition
  readonly to: ReadEnd
  readonly isolation: 'committed' | 'uncommitted'
  readonly onOutOfRange: 'error' | 'earliest' | 'latest'
  readonly prefetchBytes: number
  readonly reconnectTimeoutMs: number
  readonly signal: AbortSignal | undefined
}

const READ_OPTIONS: Readonly<Record<keyof ReadOptions, true>> = {
  topic: true,
  partition: true,
  from: true,
  to: true,
  isolation: true,
  onOutOfRange: true,
  prefetchBytes: true,
  reconnectTimeoutMs: true,
  signal: true,
}

/** @throws MillraceError INVALID_CONFIG, PARTITION_NOT_FOUND */
export function checkReadOptions(options: ReadOptions): CheckedReadOptions {
  checkNames('read', options, READ_OPTIONS)
  const { topic, partition, from = 'earliest', to = 'follow', signal } = options
  if (typeof topic !== 'string' || topic === '') throw invalid('topic', topic, 'the name of a topic')
  return {
    topic,
    partitions: partition === undefined ? undefined : partitionsOf(partition),
    from: checkPosition('from', from),
    to: checkEnd(to),
    isolation: choice('isolation', options.isolation, ['committed', 'uncommitted'], 'committed'),
    onOutOfRange: choice('onOutOfRange', options.onOutOfRange, ['error', 'earliest', 'latest'], 'error'),
    prefetchBytes: whole('prefetchBytes', options.prefetchBytes, 8 * MiB, 1, 1_024 * MiB),
    reconnectTimeoutMs:
      options.reconnectTimeoutMs === Number.POSITIVE_INFINITY
        ? Number.POSITIVE_INFINITY
        : whole('reconnectTimeoutMs', options.reconnectTimeoutMs, Number.POSITIVE_INFINITY, 0, 2 ** 31 - 1),
    signal,
  }
}

function partitionsOf(partition: number | readonly number[]): readonly number[] {
  const partitions = Array.isArray(partition) ? partition : [partition]
  if (partitions.length === 0) throw invalid('partition', partition, 'at least one partition')
  return [...new Set(partitions.map(checkPartition))]
}

function checkEnd(to: unknown): ReadEnd {
  if (to === 'end' || to === 'follow') return to
  const offset = typeof to === 'object' && to !== null ? (to as { offset?: unknown }).offset : undefined
  if (Number.isSafeInteger(offset) && (offset as number) >= 0) return { offset: offset as number }
  throw invalid('to', to, "'end', 'follow' or { offset }")
}
