import { hostname } from 'node:os'
import type { MillraceError } from '@millrace/record'
import { boolean, checkNames, choice, invalid, whole } from '../options.ts'
import { checkRetry, type Definite, type FailureOptions } from './failure-options.ts'
import type { TopicPartition } from './topic-partition.ts'

const MiB = 1_048_576
const MAX_TIMEOUT_MS = 2 ** 31 - 1

/** A partition that the consumer takes up. */
export interface StartingPartition extends TopicPartition {
  /** Where the group goes on; undefined: it has committed nothing yet, and `offsetReset` says where to begin. */
  readonly committedOffset: number | undefined
}

/** A hook may return a promise, which is waited for. What it fails with ends the consumer. */
export interface ConsumerOptions {
  /** Members of one group share the partitions of their topics. */
  readonly group: string
  /** What to read, by name; or `pattern`. Topics that come to be later are read then. */
  readonly topics?: readonly string[] | undefined
  /** All topics whose whole name matches, in RE2 syntax. */
  readonly pattern?: string | undefined
  /** Makes a static member: who joins with it within the session time-out gets the partitions that it had. */
  readonly instanceId?: string | undefined
  /** What people may know the member by. Default: host name and process id. */
  readonly clientId?: string | undefined
  /** How partitions are shared out, by what most members ask for. Default `uniform`: balanced, moving few. */
  readonly assignor?: 'uniform' | 'range' | undefined
  /** Silence after which the member counts as gone, in ms. Default 45,000. */
  readonly sessionTimeoutMs?: number | undefined
  /** Time to give partitions back: for handlers that run, the commit, and `onRevoked`, in ms. Default 60,000. */
  readonly rebalanceTimeoutMs?: number | undefined
  /** Where to begin without a committed offset, or where that is gone. Default `earliest`: nothing is skipped. */
  readonly offsetReset?: 'earliest' | 'latest' | undefined
  /** Default `committed`: without what open and aborted transactions wrote. */
  readonly isolation?: 'committed' | 'uncommitted' | undefined
  /** Commit by itself what is handled. Default true. */
  readonly autoCommit?: boolean | undefined
  /** Time between two such commits, in ms. Default 1,000. */
  readonly autoCommitIntervalMs?: number | undefined
  /** Bytes that are fetched ahead, for all partitions together. Default 8 MiB; a partition has 16 KiB at least. */
  readonly prefetchBytes?: number | undefined
  /** What becomes of a record whose handler fails, in `run` and `runBatches`. Default: three attempts, then stop. */
  readonly onFailure?: FailureOptions | undefined
  /** Partitions have come, and are read once it is through: the place for `seek`. */
  readonly onAssigned?: ((partitions: readonly StartingPartition[]) => unknown) | undefined
  /** Partitions go, once it is through: their handlers have ended and what they handled is committed. */
  readonly onRevoked?: ((partitions: readonly TopicPartition[]) => unknown) | undefined
  /** Partitions are others' already: nothing can be committed any more. */
  readonly onLost?: ((partitions: readonly TopicPartition[]) => unknown) | undefined
  /** Something was got over that somebody should know of. Default: `process.emitWarning`. */
  readonly onWarning?: ((warning: MillraceError) => void) | undefined
}

type Optional = 'instanceId' | 'onAssigned' | 'onRevoked' | 'onLost'

/** Options with their defaults. */
export interface CheckedConsumerOptions
  extends Definite<Omit<ConsumerOptions, Optional | 'topics' | 'pattern' | 'onFailure'>>,
    Pick<ConsumerOptions, Optional> {
  readonly subscription: { readonly topics: string[] } | { readonly topicPattern: string }
  readonly onFailure: Definite<FailureOptions>
}

const CONSUMER_OPTIONS: Readonly<Record<keyof ConsumerOptions, true>> = {
  group: true,
  topics: true,
  pattern: true,
  instanceId: true,
  clientId: true,
  assignor: true,
  sessionTimeoutMs: true,
  rebalanceTimeoutMs: true,
  offsetReset: true,
  isolation: true,
  autoCommit: true,
  autoCommitIntervalMs: true,
  prefetchBytes: true,
  onFailure: true,
  onAssigned: true,
  onRevoked: true,
  onLost: true,
  onWarning: true,
}

/** @throws MillraceError INVALID_CONFIG that names the option, its value, and what is allowed */
export function checkConsumerOptions(options: ConsumerOptions): CheckedConsumerOptions {
  checkNames('consumer', options, CONSUMER_OPTIONS)
  return {
    group: name('group', options.group),
    subscription: subscriptionOf(options),
    instanceId: options.instanceId === undefined ? undefined : name('instanceId', options.instanceId),
    clientId: options.clientId === undefined ? `${hostname()}:${process.pid}` : name('clientId', options.clientId),
    assignor: choice('assignor', options.assignor, ['uniform', 'range'], 'uniform'),
    sessionTimeoutMs: whole('sessionTimeoutMs', options.sessionTimeoutMs, 45_000, 1, MAX_TIMEOUT_MS),
    rebalanceTimeoutMs: whole('rebalanceTimeoutMs', options.rebalanceTimeoutMs, 60_000, 1, MAX_TIMEOUT_MS),
    offsetReset: choice('offsetReset', options.offsetReset, ['earliest', 'latest'], 'earliest'),
    isolation: choice('isolation', options.isolation, ['committed', 'uncommitted'], 'committed'),
    autoCommit: boolean('autoCommit', options.autoCommit, true),
    autoCommitIntervalMs: whole('autoCommitIntervalMs', options.autoCommitIntervalMs, 1_000, 1, MAX_TIMEOUT_MS),
    prefetchBytes: whole('prefetchBytes', options.prefetchBytes, 8 * MiB, 1, 1_024 * MiB),
    onFailure: checkRetry(options.onFailure ?? {}),
    onAssigned: hook('onAssigned', options.onAssigned),
    onRevoked: hook('onRevoked', options.onRevoked),
    onLost: hook('onLost', options.onLost),
    onWarning: hook('onWarning', options.onWarning) ?? emitWarning,
  }
}

function subscriptionOf({ topics, pattern }: ConsumerOptions): CheckedConsumerOptions['subscription'] {
  if (topics !== undefined && pattern !== undefined) throw invalid('pattern', pattern, 'only one of topics and pattern')
  if (pattern !== undefined) return { topicPattern: name('pattern', pattern) }
  if (!Array.isArray(topics) || topics.length === 0) throw invalid('topics', topics, 'the names of topics, or pattern')
  return { topics: [...new Set(topics.map((topic) => name('topics', topic)))] }
}

function name(option: string, value: unknown): string {
  if (typeof value !== 'string' || value === '') throw invalid(option, value, 'a text that is not empty')
  return value
}

function hook<T>(option: string, value: T | undefined): T | undefined {
  if (value !== undefined && typeof value !== 'function') throw invalid(option, typeof value, 'a function')
  return value
}

function emitWarning(warning: MillraceError): void {
  process.emitWarning(`${warning.code}: ${warning.message}`, 'MillraceWarning')
}
