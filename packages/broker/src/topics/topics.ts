import {
  checkPartitionCount,
  describeTopicConfig,
  type Engine,
  type PartitionStatus,
  type TopicChange as TopicAlteration,
  type TopicDescription,
  type TopicSettings,
} from '@millrace/engine'
import {
  checkTopicName,
  INTERNAL_TOPIC_PREFIX,
  isInternalTopic,
  type Limits,
  type Logger,
  type LogStartOffset,
  MillraceError,
} from '@millrace/record'
import type { Traffic } from '../stats/traffic.ts'
import { TopicHandle } from './topic-handle.ts'

export interface TopicsOptions {
  readonly engine: Engine
  readonly limits: Limits
  readonly logger: Logger
  readonly traffic: Traffic
}

export interface NewTopic {
  readonly name: string
  /** Default 1. */
  readonly partitions?: number | undefined
  readonly settings?: TopicSettings | undefined
}

/** What became of a topic: it is there now, or was altered, or was deleted. */
export interface TopicChange {
  readonly topic: TopicDescription
  readonly isDeleted: boolean
}

/** A topic with everything that a user may want to know of it. */
export interface TopicDetails {
  readonly topic: TopicDescription
  /** All settings, defaults included, by their Kafka names. */
  readonly settings: TopicSettings
  readonly partitions: readonly (PartitionStatus & { readonly partition: number })[]
}

/**
 * Making, finding and deleting topics. Millrace's own topics are not shown: to those who read or list they do not exist,
 * and nobody may make, write or delete one.
 *
 * Topics that were found are kept, so that a record's way needs no look into the catalog. What is kept goes as soon as
 * its topic turns out to be deleted, by whomever.
 */
export class Topics {
  private readonly engine: Engine
  private readonly limits: Limits
  private readonly logger: Logger
  /** Where the traffic of all topics is counted. */
  readonly traffic: Traffic
  /** By name; the one that was found first comes first. */
  private readonly found = new Map<string, TopicHandle>()
  private readonly watchers: ((change: TopicChange) => void)[] = []
  /** Alterations so far: what was looked up meanwhile may be what a topic was before. */
  private alterations = 0

  constructor({ engine, limits, logger, traffic }: TopicsOptions) {
    this.traffic = traffic
    this.engine = engine
    this.limits = limits
    this.logger = logger
  }

  /** Tells `watcher`, which must not throw, of each topic that is made, altered or deleted here from now on. */
  watch(watcher: (change: TopicChange) => void): void {
    this.watchers.push(watcher)
  }

  /**
   * Makes a topic that outlives a crash.
   * @throws MillraceError INVALID_TOPIC_NAME, INVALID_PARTITIONS, INVALID_CONFIG, TOPIC_EXISTS, TOPIC_NAME_CONFLICT,
   *   LIMIT_REACHED, DISK_FULL, STORAGE_FAILED
   */
  async create({ name, partitions = 1, settings = {} }: NewTopic): Promise<TopicDescription> {
    checkTopicName(name)
    checkPartitionCount(partitions, this.limits.partitionsPerTopic)
    const description = await this.engine.topics.create({ name, partitions, settings })
    this.logger.info({ topic: name, topicId: description.id, partitions }, 'topic created')
    for (const watcher of this.watchers) watcher({ topic: description, isDeleted: false })
    return description
  }

  /** All topics, by name. */
  async list(): Promise<readonly TopicDescription[]> {
    const topics = await this.engine.topics.list()
    return topics.filter((topic) => !isInternalTopic(topic.name))
  }

  /** @throws MillraceError TOPIC_NOT_FOUND */
  describe(name: string): Promise<TopicDetails> {
    return this.use(name, async (handle) => {
      const numbers = Array.from({ length: handle.description.partitions }, (_, partition) => partition)
      const partitions = await Promise.all(
        numbers.map(async (partition) => ({ partition, ...(await handle.partition(partition).status()) })),
      )
      return { topic: handle.description, settings: describeTopicConfig(handle.config), partitions }
    })
  }

  /**
   * Changes settings of a topic, or gives it more partitions; all or nothing. What is produced and fetched from then on
   * goes by it, on streams that are open too.
   * @throws MillraceError TOPIC_NOT_FOUND; INVALID_TOPIC_NAME for one of Millrace's own; INVALID_CONFIG,
   *   INVALID_PARTITIONS, LIMIT_REACHED, DISK_FULL, STORAGE_FAILED, COMMIT_UNKNOWN
   */
  async alter(name: string, change: TopicAlteration): Promise<TopicDetails> {
    refuseInternal(name)
    const found = await this.engine.topics.find(name)
    if (found === undefined) throw topicNotFound(name)
    const description = await this.engine.topics.alter(found.id, change)
    this.alterations++
    const kept = this.found.get(name)
    if (kept?.description.id === description.id) kept.altered(description)
    const { partitions, settings } = description
    this.logger.info({ topic: name, topicId: description.id, partitions, settings }, 'topic altered')
    for (const watcher of this.watchers) watcher({ topic: description, isDeleted: false })
    return this.describe(name)
  }

  /**
   * Makes the records of a partition before offset `before` unreadable; their space is freed by and by. Below the log
   * start, nothing changes.
   * @returns the log start offset that holds now
   * @throws MillraceError TOPIC_NOT_FOUND, PARTITION_NOT_FOUND; INVALID_TOPIC_NAME for one of Millrace's own;
   *   INVALID_REQUEST for what is no offset; OFFSET_OUT_OF_RANGE past the high watermark; DISK_FULL, STORAGE_FAILED
   */
  async deleteRecords(name: string, partition: number, before: number): Promise<LogStartOffset> {
    refuseInternal(name)
    if (!Number.isSafeInteger(before) || before < 0) {
      throw new MillraceError('INVALID_REQUEST', `offset ${before} is not a whole number from 0 on`)
    }
    return this.use(name, (handle) => handle.partition(partition).truncateBefore(before))
  }

  /**
   * Deletes a topic and its records; readers that wait on it end with TOPIC_NOT_FOUND.
   * @throws MillraceError TOPIC_NOT_FOUND; INVALID_TOPIC_NAME for one of Millrace's own
   */
  async delete(name: string): Promise<void> {
    refuseInternal(name)
    this.found.delete(name)
    const description = await this.engine.topics.find(name)
    if (description === undefined) throw topicNotFound(name)
    await this.engine.topics.delete(description.id)
    this.found.delete(name)
    this.logger.info({ topic: name, topicId: description.id }, 'topic deleted')
    for (const watcher of this.watchers) watcher({ topic: description, isDeleted: true })
  }

  /**
   * The topic of this name, without a look into the catalog when it was found before: the handle may then be that of
   * a topic that is gone. Its user says so with `forget`.
   * @throws MillraceError TOPIC_NOT_FOUND
   */
  async handle(name: string): Promise<TopicHandle> {
    return this.found.get(name) ?? this.find(name)
  }

  /** Drops a handle whose topic is gone. */
  forget(handle: TopicHandle): void {
    if (this.found.get(handle.name) === handle) this.found.delete(handle.name)
  }

  /** Drops the handle when `error` says that its topic is gone. */
  forgetIfGone(handle: TopicHandle, error: unknown): void {
    if (isTopicNotFound(error)) this.forget(handle)
  }

  /**
   * Does `work` with the topic of this name. When that was a kept handle whose topic turns out to be gone, the work is
   * done once more with the topic that has the name now.
   * @throws MillraceError TOPIC_NOT_FOUND, and what `work` throws
   */
  async use<T>(name: string, work: (handle: TopicHandle) => Promise<T>): Promise<T> {
    const kept = this.found.get(name)
    if (kept !== undefined) {
      try {
        return await work(kept)
      } catch (error) {
        if (!isTopicNotFound(error)) throw error
        this.forget(kept)
      }
    }
    const handle = await this.handle(name)
    try {
      return await work(handle)
    } catch (error) {
      this.forgetIfGone(handle, error)
      throw error
    }
  }

  private async find(name: string): Promise<TopicHandle> {
    if (isInternalTopic(name)) throw topicNotFound(name)
    let description: TopicDescription | undefined
    let seen: number
    do {
      seen = this.alterations
      description = await this.engine.topics.find(name)
    } while (seen !== this.alterations)
    if (description === undefined) throw topicNotFound(name)
    const kept = this.found.get(name)
    if (kept?.description.id === description.id) return kept
    const handle = new TopicHandle(this.engine, description, this.traffic)
    this.found.delete(name)
    this.found.set(name, handle)
    if (this.found.size > this.limits.topics) {
      const [first] = this.found.keys()
      this.found.delete(first!)
    }
    return handle
  }
}

/** @throws MillraceError INVALID_TOPIC_NAME for one of Millrace's own topics */
export function refuseInternal(name: string): void {
  if (!isInternalTopic(name)) return
  throw new MillraceError('INVALID_TOPIC_NAME', `topics that start with ${INTERNAL_TOPIC_PREFIX} are Millrace's own`)
}

function isTopicNotFound(error: unknown): boolean {
  return error instanceof MillraceError && error.code === 'TOPIC_NOT_FOUND'
}

function topicNotFound(name: string): MillraceError {
  const shown = name.length > 60 ? `${name.slice(0, 60)}…` : name
  return new MillraceError('TOPIC_NOT_FOUND', `there is no topic ${JSON.stringify(shown)}`)
}
