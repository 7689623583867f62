import { MillraceError } from '@millrace/record'
import { fromInt64, type millrace, toInt64, UNARY } from '@millrace/wire'
import type { AdminCallOptions } from './admin-options.ts'
import { GroupAdmin } from './group-admin.ts'
import { checkNames } from './options.ts'
import { checkPartition, checkPosition, type Position, positionToMessage } from './position.ts'
import type { TopicDirectory } from './topic-directory.ts'
import type { CallOptions, Transport } from './transport.ts'

export interface NewTopic {
  readonly name: string
  /** Default 1. */
  readonly partitions?: number | undefined
  /** Settings by their Kafka names, for example `{ 'retention.ms': 3_600_000 }`. Default: the server's. */
  readonly config?: Readonly<Record<string, string | number | boolean>> | undefined
}

export interface TopicAlteration {
  /** How many partitions there are to be: at least as many as there are. Default: as many. */
  readonly partitions?: number | undefined
  /** New values of settings by their Kafka names; null gives the default back. Others stay. */
  readonly config?: Readonly<Record<string, string | number | boolean | null>> | undefined
}

export interface RecordsToDelete {
  readonly topic: string
  readonly partition: number
  /** The first offset that stays. */
  readonly before: number
}

export interface TopicInfo {
  readonly name: string
  /** UUID, the topic's for life. */
  readonly id: string
  readonly partitions: number
  /** Milliseconds since 1970. */
  readonly createdAtMs: number
}

export interface PartitionInfo {
  readonly partition: number
  readonly logStartOffset: number
  /** The end of what is committed: the offset of the next record. */
  readonly highWatermark: number
  readonly lastStableOffset: number
  readonly sizeBytes: number
  readonly leaderEpoch: number
}

export interface TopicDetails extends Omit<TopicInfo, 'partitions'> {
  /** All settings, defaults included. */
  readonly config: Readonly<Record<string, string>>
  readonly partitions: readonly PartitionInfo[]
}

/** A transactional id and what its producer is doing. */
export interface TransactionInfo {
  readonly transactionalId: string
  readonly producerId: number
  readonly producerEpoch: number
  /** `open` from the first record on; `ending` while its outcome is being written. */
  readonly state: string
  readonly timeoutMs: number
  /** When the open transaction began, in ms since 1970. */
  readonly startedAtMs: number | undefined
  /** How many partitions the open transaction has written to. */
  readonly partitions: number
}

/** A copy of all that a server keeps. */
export interface BackupInfo {
  readonly name: string
  /** Where it is, on the server's machine. */
  readonly path: string
  /** Partitions in it, Millrace's own included. */
  readonly partitions: number
  /** Bytes of log in it. Those of closed segments share the disk with the data, as long as that has them. */
  readonly sizeBytes: number
  /** Bytes of log that were copied. */
  readonly copiedBytes: number
  /** How long nothing was committed. */
  readonly pausedMs: number
}

export interface OffsetQuery {
  readonly topic: string
  /** Default: all. */
  readonly partition?: number | undefined
  readonly at: Position
}

export interface PartitionOffset {
  readonly partition: number
  readonly offset: number
  /** Time of the record at the offset, where it was found by time. */
  readonly timestamp: number | undefined
  /** False: there is no record at or after the time; the offset is the end. */
  readonly found: boolean
}

/**
 * Makes, finds, changes and deletes topics, and looks after consumer groups. Calls fail with a MillraceError that has the
 * server's code, or the signal's reason.
 */
export class Admin extends GroupAdmin {
  private readonly directory: TopicDirectory

  constructor(transport: Transport, directory: TopicDirectory) {
    super(transport)
    this.directory = directory
  }

  /**
   * @throws MillraceError TOPIC_EXISTS, TOPIC_NAME_CONFLICT, INVALID_TOPIC_NAME, INVALID_PARTITIONS, INVALID_CONFIG,
   *   LIMIT_REACHED
   */
  async createTopic(topic: NewTopic, options: AdminCallOptions = {}): Promise<TopicInfo> {
    checkNames('createTopic', topic, { name: true, partitions: true, config: true })
    const { name, partitions = 1, config = {} } = topic
    const settings = Object.fromEntries(Object.entries(config).map(([key, value]) => [key, String(value)]))
    const request = { name, partitions: checkPartitionCount(partitions), config: settings }
    const made = await this.transport.call(UNARY.createTopic, request, changing(options))
    return topicInfo(made.topic)
  }

  /** All topics, by name. */
  async listTopics(options: AdminCallOptions = {}): Promise<TopicInfo[]> {
    const { topics } = await this.transport.call(UNARY.listTopics, {}, options)
    return topics.map(topicInfo)
  }

  /** @throws MillraceError TOPIC_NOT_FOUND */
  async describeTopic(name: string, options: AdminCallOptions = {}): Promise<TopicDetails> {
    return topicDetails(await this.transport.call(UNARY.describeTopic, { name }, options))
  }

  /**
   * Changes settings of a topic, adds partitions to it, or both; all or nothing. It holds from then on, for what is open
   * too. More partitions give keys other partitions than they had.
   * @throws MillraceError TOPIC_NOT_FOUND, INVALID_CONFIG, INVALID_PARTITIONS (fewer than there are, or too many),
   *   LIMIT_REACHED
   */
  async alterTopic(name: string, alteration: TopicAlteration, options: AdminCallOptions = {}): Promise<TopicDetails> {
    checkNames('alterTopic', alteration, { partitions: true, config: true })
    const { partitions, config = {} } = alteration
    const entries = Object.entries(config)
    const request = {
      name,
      partitions: partitions === undefined ? UNCHANGED : checkPartitionCount(partitions),
      config: Object.fromEntries(entries.flatMap(([key, value]) => (value === null ? [] : [[key, String(value)]]))),
      unset: entries.filter(([, value]) => value === null).map(([key]) => key),
    }
    const response = await this.transport.call(UNARY.alterTopic, request, changing(options))
    this.directory.forget(name)
    return topicDetails(response)
  }

  /**
   * Makes the records of a partition before an offset unreadable, for good. At or below the log start nothing changes.
   * @throws MillraceError TOPIC_NOT_FOUND, PARTITION_NOT_FOUND, INVALID_REQUEST, INVALID_CONFIG; OFFSET_OUT_OF_RANGE past
   *   the high watermark
   */
  async deleteRecords(
    records: RecordsToDelete,
    options: AdminCallOptions = {},
  ): Promise<{ readonly logStartOffset: number }> {
    checkNames('deleteRecords', records, { topic: true, partition: true, before: true })
    const { topic, partition, before } = records
    if (!Number.isSafeInteger(before) || before < 0) {
      throw new MillraceError('INVALID_REQUEST', `before is an offset, a whole number from 0 on, not ${before}`)
    }
    const request = { topic, partition: checkPartition(partition), before: toInt64(before) }
    const { logStartOffset } = await this.transport.call(UNARY.deleteRecords, request, changing(options))
    return { logStartOffset: fromInt64(logStartOffset) }
  }

  /** Deletes a topic with its records. @throws MillraceError TOPIC_NOT_FOUND */
  async deleteTopic(name: string, options: AdminCallOptions = {}): Promise<void> {
    await this.transport.call(UNARY.deleteTopic, { name }, changing(options))
    this.directory.forget(name)
  }

  /**
   * Has the server copy all that is committed at one moment to the place that it has for backups. With much to copy, the
   * call takes longer than others: `requestTimeoutMs` bounds it.
   * @param backup `name`: 1 to 100 letters, digits, `.`, `_` and `-`. Default: the time
   * @throws MillraceError INVALID_REQUEST, INVALID_CONFIG, BACKUP_EXISTS, STORAGE_FAILED, DISK_FULL, UNIMPLEMENTED,
   *   TIMED_OUT
   */
  async createBackup(
    backup: { readonly name?: string | undefined } = {},
    options: AdminCallOptions = {},
  ): Promise<BackupInfo> {
    checkNames('createBackup', backup, { name: true })
    const { name = '' } = backup
    const made = await this.transport.call(UNARY.createBackup, { name }, changing(options))
    return {
      name: made.name,
      path: made.path,
      partitions: made.partitions,
      sizeBytes: fromInt64(made.sizeBytes),
      copiedBytes: fromInt64(made.copiedBytes),
      pausedMs: fromInt64(made.pausedMs),
    }
  }

  /** All transactional ids, in order. */
  async listTransactions(options: AdminCallOptions = {}): Promise<TransactionInfo[]> {
    const { transactions } = await this.transport.call(UNARY.listTransactions, {}, options)
    return transactions.map(transactionInfo)
  }

  /**
   * Finds offsets by position, by partition in order.
   * @throws MillraceError TOPIC_NOT_FOUND, PARTITION_NOT_FOUND, INVALID_CONFIG
   */
  async offsets(query: OffsetQuery, options: AdminCallOptions = {}): Promise<PartitionOffset[]> {
    checkNames('offsets', query, { topic: true, partition: true, at: true })
    const { topic, partition, at } = query
    const position = positionToMessage(checkPosition('at', at))
    const partitions =
      partition === undefined
        ? Array.from({ length: (await this.describeTopic(topic, options)).partitions.length }, (_, index) => index)
        : [checkPartition(partition)]
    return Promise.all(
      partitions.map(async (number) => {
        const request = { topic, partition: number, at: position }
        const { offset, timestamp, found } = await this.transport.call(UNARY.getOffset, request, options)
        return {
          partition: number,
          offset: fromInt64(offset),
          timestamp: timestamp === null ? undefined : fromInt64(timestamp),
          found,
        }
      }),
    )
  }
}

/** On the wire: as many partitions as there are or, of a new topic, one. */
const UNCHANGED = 0

/** The wire would make another number of what is none of its own. */
function checkPartitionCount(count: unknown): number {
  if (Number.isInteger(count) && (count as number) >= 1 && (count as number) < 2 ** 31) return count as number
  throw new MillraceError('INVALID_PARTITIONS', `a topic has one partition or more, not ${count}`)
}

function changing(options: AdminCallOptions): CallOptions {
  return { ...options, once: true }
}

function topicInfo(topic: millrace.v1.Topic.$Properties | null | undefined): TopicInfo {
  const { name = '', id = '', partitions = 0, createdAtMs } = topic ?? {}
  return { name, id, partitions, createdAtMs: createdAtMs === undefined ? 0 : fromInt64(createdAtMs) }
}

function topicDetails({
  topic,
  config,
  partitions,
}: Pick<millrace.v1.DescribeTopicResponse, 'topic' | 'config' | 'partitions'>): TopicDetails {
  return { ...topicInfo(topic), config: { ...config }, partitions: partitions.map(partitionInfo) }
}

function partitionInfo(status: millrace.v1.PartitionStatus): PartitionInfo {
  return {
    partition: status.partition,
    logStartOffset: fromInt64(status.logStartOffset),
    highWatermark: fromInt64(status.highWatermark),
    lastStableOffset: fromInt64(status.lastStableOffset),
    sizeBytes: fromInt64(status.sizeBytes),
    leaderEpoch: status.leaderEpoch,
  }
}

function transactionInfo(info: millrace.v1.TransactionInfo): TransactionInfo {
  const { transactionalId, producerEpoch, state, timeoutMs, startedAtMs, partitions } = info
  return {
    transactionalId,
    producerId: fromInt64(info.producerId),
    producerEpoch,
    state,
    timeoutMs,
    startedAtMs: startedAtMs == null ? undefined : fromInt64(startedAtMs),
    partitions,
  }
}
