import { randomUUID } from 'node:crypto'
import {
  alteredTopic,
  checkPartitionCount,
  parseTopicConfig,
  type TopicCatalog,
  type TopicChange,
  type TopicDescription,
  type TopicSettings,
} from '@millrace/engine'
import { type Disk, type PartitionIdentity, type PartitionLog, Serial, storageError } from '@millrace/log'
import { type Clock, type Limits, type Logger, MillraceError } from '@millrace/record'
import { allEnded } from './all-ended.ts'
import type { CatalogTable } from './catalog-store.ts'
import { DirectoryRemoval } from './directory-removal.ts'
import { DELETED_KEY_PREFIX, TOPIC_KEY_PREFIX } from './layout.ts'
import { type FoundState, logConfigOf, type OpenedPartition, type PartitionFiles } from './partition-files.ts'

/** What partitions that are just being made were left with. */
const NEW: FoundState = { clean: true, journaled: new Map() }

/** A topic and its logs, or what calls for a partition fail with that could not be opened. */
export interface OpenTopic {
  readonly description: TopicDescription
  readonly logs: readonly OpenedPartition[]
}

export interface CatalogOptions {
  readonly disk: Disk
  readonly store: CatalogTable
  readonly files: PartitionFiles
  readonly clock: Clock
  readonly limits: Limits
  readonly logger: Logger
}

/**
 * The topics of a data directory and their open logs. A topic exists when its record in the catalog's log is committed:
 * its directories are made before that, and taken away after the record of its deletion, which says so: other directories
 * with records in them are never removed.
 */
export class LocalTopicCatalog implements TopicCatalog {
  private readonly options: CatalogOptions
  private readonly byId = new Map<string, OpenTopic>()
  /** By the name in lower case, because some file systems would fold names that differ in no more than that. */
  private readonly byFoldedName = new Map<string, OpenTopic>()
  private readonly changes = new Serial()
  private readonly removal: DirectoryRemoval
  private partitions = 0
  /** What topics are, or undefined, of which another record may have been written although that failed, by id. */
  private readonly doubtful = new Map<string, TopicDescription | undefined>()
  private ended: MillraceError | undefined

  constructor(options: CatalogOptions) {
    this.options = options
    this.removal = new DirectoryRemoval(options.disk, options.logger)
  }

  /** Opens the logs of all topics that the store knows. */
  async open(found: FoundState): Promise<void> {
    const { store, files } = this.options
    for (const deleted of this.kept(DELETED_KEY_PREFIX)) {
      await files.setAside(deleted)
      await store.delete(DELETED_KEY_PREFIX + deleted.id)
    }
    const descriptions = this.kept(TOPIC_KEY_PREFIX)
    const counts = new Map(descriptions.map(({ id, partitions }) => [id, partitions]))
    const { topicIds, deleted: left } = await files.removeOrphans((id, partition) => partition < (counts.get(id) ?? 0))
    this.removal.add(left)
    const opened = await files.open(descriptions, { ...found, topicIds })
    for (const [index, description] of descriptions.entries()) {
      this.add({ description, logs: opened[index] as OpenedPartition[] })
    }
  }

  create(topic: { name: string; partitions: number; settings: TopicSettings }): Promise<TopicDescription> {
    return this.changes.run(async () => {
      this.check(topic)
      const { clock } = this.options
      const description = { id: randomUUID(), ...topic, createdAtMs: clock.nowMs() }
      // What is left of a topic that could not be made is removed by the next that has its name, or at the next start.
      try {
        await this.forgetDoubtful()
        const logs = await this.keep(description, undefined)
        this.add({ description, logs })
        return description
      } catch (error) {
        throw storageError(error, `making topic ${topic.name}`)
      }
    })
  }

  /**
   * One record of the catalog says what a topic is, so that a crash leaves it as it was or as it is to be. What an
   * alteration that failed leaves in place is removed by the next, or at the next start.
   */
  alter(id: string, change: TopicChange): Promise<TopicDescription> {
    return this.changes.run(async () => {
      this.checkOpen()
      const topic = this.byId.get(id)
      if (topic === undefined) throw notFound()
      const before = topic.description
      const description = alteredTopic(before, change, this.options.limits.partitionsPerTopic)
      const added = description.partitions - before.partitions
      this.checkRoom(added)
      try {
        await this.forgetDoubtful()
        const logs = await this.keep(description, before)
        const altered = { description, logs: [...topic.logs, ...logs] }
        this.byId.set(id, altered)
        this.byFoldedName.set(description.name.toLowerCase(), altered)
        this.partitions += added
        await this.reconfigure(topic, description)
        return description
      } catch (error) {
        throw storageError(error, `altering topic ${before.name}`)
      }
    })
  }

  async find(name: string): Promise<TopicDescription | undefined> {
    this.checkOpen()
    const topic = this.byFoldedName.get(name.toLowerCase())
    return topic?.description.name === name ? topic.description : undefined
  }

  async list(): Promise<readonly TopicDescription[]> {
    this.checkOpen()
    const descriptions = [...this.byId.values()].map((topic) => topic.description)
    return descriptions.sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  delete(id: string): Promise<void> {
    return this.changes.run(async () => {
      this.checkOpen()
      const topic = this.byId.get(id)
      if (topic === undefined) throw notFound()
      const { description } = topic
      await this.options.store.batch([
        { key: TOPIC_KEY_PREFIX + id, value: undefined },
        { key: DELETED_KEY_PREFIX + id, value: description },
      ])
      this.doubtful.delete(id)
      this.byId.delete(id)
      this.byFoldedName.delete(description.name.toLowerCase())
      this.partitions -= description.partitions
      await this.options.files.abandon(logsOf(topic), notFound())
      await this.setAside(description)
    })
  }

  /** Runs `work` while no topic is made or deleted. @throws MillraceError SHUTTING_DOWN */
  whileUnchanged<T>(work: () => Promise<T>): Promise<T> {
    return this.changes.run(() => {
      this.checkOpen()
      return work()
    })
  }

  /** @throws MillraceError TOPIC_NOT_FOUND, PARTITION_NOT_FOUND, SHUTTING_DOWN */
  log(topicId: string, partition: number): PartitionLog {
    this.checkOpen()
    const topic = this.byId.get(topicId)
    if (topic === undefined) throw notFound()
    const log = topic.logs[partition]
    if (log instanceof MillraceError) throw log
    if (log !== undefined) return log
    const { name, partitions } = topic.description
    throw new MillraceError(
      'PARTITION_NOT_FOUND',
      `topic ${name} has partitions 0 to ${partitions - 1}, and no ${partition}`,
    )
  }

  /** All topics, for who looks at them one after another: some may be made and deleted meanwhile. */
  all(): Iterable<OpenTopic> {
    return this.byId.values()
  }

  /** The logs of all partitions that could be opened. */
  logs(): readonly PartitionLog[] {
    return [...this.byId.values()].flatMap(logsOf)
  }

  /** The partitions that could not be opened. */
  failed(): readonly PartitionIdentity[] {
    return [...this.byId.values()].flatMap(({ description: { id: topicId }, logs }) =>
      logs.flatMap((log, partition) => (log instanceof MillraceError ? [{ topicId, partition }] : [])),
    )
  }

  /** The same by their names, as their directories have them. */
  unopened(): readonly string[] {
    return [...this.byId.values()].flatMap(({ description: { name }, logs }) =>
      logs.flatMap((log, partition) => (log instanceof MillraceError ? [`${name}-${partition}`] : [])),
    )
  }

  /** Refuses further calls and closes all logs; where one fails to close, the others are closed all the same. */
  async close(): Promise<void> {
    this.ended = new MillraceError('SHUTTING_DOWN', 'the server is shutting down')
    await this.changes.idle()
    await allEnded(this.logs().map((log) => log.close()))
    await this.removal.close()
  }

  checkOpen(): void {
    if (this.ended !== undefined) throw this.ended
  }

  /** The topics whose keys begin with `prefix`. */
  private kept(prefix: string): TopicDescription[] {
    const entries = [...this.options.store.entries()].filter(([key]) => key.startsWith(prefix))
    return entries.map(([, value]) => value as TopicDescription)
  }

  private check({ name, partitions, settings }: { name: string; partitions: number; settings: TopicSettings }): void {
    this.checkOpen()
    const { limits } = this.options
    const other = this.byFoldedName.get(name.toLowerCase())?.description.name
    if (other === name) throw new MillraceError('TOPIC_EXISTS', `topic ${name} exists`)
    if (other !== undefined) {
      throw new MillraceError(
        'TOPIC_NAME_CONFLICT',
        `topic ${other} exists, whose name differs from ${name} only in case`,
      )
    }
    parseTopicConfig(settings)
    checkPartitionCount(partitions, limits.partitionsPerTopic)
    if (this.byId.size >= limits.topics)
      throw new MillraceError('LIMIT_REACHED', `there are ${limits.topics} topics already`)
    this.checkRoom(partitions)
  }

  private checkRoom(added: number): void {
    const { partitions } = this.options.limits
    if (this.partitions + added <= partitions) return
    throw new MillraceError('LIMIT_REACHED', `there are ${this.partitions} of at most ${partitions} partitions already`)
  }

  /**
   * Makes the partitions that a topic has more than `before`, and then its record, from which on it is so.
   * @returns the logs of those partitions
   */
  private async keep(description: TopicDescription, before: TopicDescription | undefined): Promise<PartitionLog[]> {
    const { store, files } = this.options
    const { id, partitions } = description
    const firstPartition = before?.partitions ?? 0
    const logs = firstPartition < partitions ? await this.makePartitions(description, firstPartition) : []
    try {
      this.doubtful.set(id, before)
      await store.set(TOPIC_KEY_PREFIX + id, description)
      this.doubtful.delete(id)
      return logs
    } catch (error) {
      await files.abandon(logs, notFound())
      throw error
    }
  }

  private async makePartitions(description: TopicDescription, firstPartition: number): Promise<PartitionLog[]> {
    const { files } = this.options
    await files.create(description, firstPartition)
    const [logs = []] = await files.open([description], { ...NEW, firstPartition })
    const failure = logs.find((log) => log instanceof MillraceError)
    if (failure === undefined) return logs.filter(isLog)
    await files.abandon(logs.filter(isLog), failure)
    throw failure
  }

  /** Has the logs that a topic had before go by its description from now on. */
  private async reconfigure(topic: OpenTopic, description: TopicDescription): Promise<void> {
    const { files, logger } = this.options
    const config = logConfigOf(description)
    const logs = logsOf(topic)
    for (const log of logs) log.reconfigure(config)
    if (config.flushPolicy !== 'commit') return
    try {
      await files.flush(logs)
    } catch (error) {
      // Their next append mends the file before it is committed.
      logger.error(
        { err: error, topic: description.name },
        'syncing what was committed before flush.policy became commit failed',
      )
    }
  }

  /** Takes back what may have been written and failed, before another topic has the directories that it names. */
  private async forgetDoubtful(): Promise<void> {
    if (this.doubtful.size === 0) return
    const { store } = this.options
    await store.batch(Array.from(this.doubtful, ([id, value]) => ({ key: TOPIC_KEY_PREFIX + id, value })))
    this.doubtful.clear()
  }

  private add(topic: OpenTopic): void {
    const { id, name, partitions } = topic.description
    this.byId.set(id, topic)
    this.byFoldedName.set(name.toLowerCase(), topic)
    this.partitions += partitions
  }

  /** What stays in place of a topic that is gone goes with the next one of its name, or at the next start. */
  private async setAside(description: TopicDescription): Promise<void> {
    const { files, logger, store } = this.options
    try {
      this.removal.add(await files.setAside(description))
      await store.delete(DELETED_KEY_PREFIX + description.id)
    } catch (error) {
      logger.warn({ err: error, topic: description.name }, 'the files of a deleted topic could not be set aside')
    }
  }
}

function logsOf({ logs }: OpenTopic): PartitionLog[] {
  return logs.filter(isLog)
}

function isLog(log: OpenedPartition): log is PartitionLog {
  return !(log instanceof MillraceError)
}

function notFound(): MillraceError {
  return new MillraceError('TOPIC_NOT_FOUND', 'the topic does not exist, or no longer')
}
