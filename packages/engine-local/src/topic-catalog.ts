import { randomUUID } from 'node:crypto'
import { parseTopicConfig, type TopicCatalog, type TopicDescription, type TopicSettings } from '@millrace/engine'
import { type Disk, type PartitionIdentity, type PartitionLog, Serial, storageError } from '@millrace/log'
import { type Clock, type Limits, type Logger, MillraceError } from '@millrace/record'
import { allEnded } from './all-ended.ts'
import type { CatalogTable } from './catalog-store.ts'
import { DELETED_KEY_PREFIX, TOPIC_KEY_PREFIX } from './layout.ts'
import type { FoundState, OpenedPartition, PartitionFiles } from './partition-files.ts'

/** What a topic that is just being made was left with. */
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
  private readonly removals = new Serial()
  private partitions = 0
  /** Topics that could not be made and whose record may have been written all the same. */
  private doubtful: readonly string[] = []
  private ended: MillraceError | undefined

  constructor(options: CatalogOptions) {
    this.options = options
  }

  /** Opens the logs of all topics that the store knows. */
  async open(found: FoundState): Promise<void> {
    const { store, files } = this.options
    for (const deleted of this.kept(DELETED_KEY_PREFIX)) {
      await files.setAside(deleted)
      await store.delete(DELETED_KEY_PREFIX + deleted.id)
    }
    const topicIds = await files.removeOrphans((id) => store.has(TOPIC_KEY_PREFIX + id))
    const descriptions = this.kept(TOPIC_KEY_PREFIX)
    const opened = await files.open(descriptions, { ...found, topicIds })
    for (const [index, description] of descriptions.entries()) {
      this.add({ description, logs: opened[index] as OpenedPartition[] })
    }
  }

  create(topic: { name: string; partitions: number; settings: TopicSettings }): Promise<TopicDescription> {
    return this.changes.run(async () => {
      this.check(topic)
      const { store, files, clock } = this.options
      const description = { id: randomUUID(), ...topic, createdAtMs: clock.nowMs() }
      // What is left of a topic that could not be made is removed by the next that has its name, or at the next start.
      try {
        await this.forgetDoubtful()
        await files.create(description)
        const [logs = []] = await files.open([description], NEW)
        const failure = logs.find((log) => log instanceof MillraceError)
        if (failure !== undefined) throw failure
        this.doubtful = [description.id]
        await store.set(TOPIC_KEY_PREFIX + description.id, description)
        this.doubtful = []
        this.add({ description, logs })
        return description
      } catch (error) {
        throw storageError(error, `making topic ${topic.name}`)
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
      this.byId.delete(id)
      this.byFoldedName.delete(description.name.toLowerCase())
      this.partitions -= description.partitions
      await Promise.all(logsOf(topic).map((log) => log.abandon(notFound())))
      await this.setAside(description)
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
    await this.removals.idle()
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
    if (!Number.isInteger(partitions) || partitions < 1 || partitions > limits.partitionsPerTopic) {
      throw new MillraceError(
        'INVALID_PARTITIONS',
        `${partitions} partitions: 1 to ${limits.partitionsPerTopic} are allowed`,
      )
    }
    if (this.byId.size >= limits.topics)
      throw new MillraceError('LIMIT_REACHED', `there are ${limits.topics} topics already`)
    if (this.partitions + partitions > limits.partitions) {
      throw new MillraceError(
        'LIMIT_REACHED',
        `there are ${this.partitions} of at most ${limits.partitions} partitions already`,
      )
    }
  }

  /** Takes back what may have been written of topics that could not be made, before another one has their directories. */
  private async forgetDoubtful(): Promise<void> {
    if (this.doubtful.length === 0) return
    await this.options.store.batch(this.doubtful.map((id) => ({ key: TOPIC_KEY_PREFIX + id, value: undefined })))
    this.doubtful = []
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
      this.removeLater(await files.setAside(description))
      await store.delete(DELETED_KEY_PREFIX + description.id)
    } catch (error) {
      logger.warn({ err: error, topic: description.name }, 'the files of a deleted topic could not be set aside')
    }
  }

  private removeLater(directories: readonly string[]): void {
    const { disk, logger } = this.options
    void this.removals.run(async () => {
      try {
        for (const directory of directories) await disk.remove(directory)
      } catch (error) {
        logger.warn({ err: error }, 'removing the files of a deleted topic failed; the next start tries again')
      }
    })
  }
}

function logsOf({ logs }: OpenTopic): PartitionLog[] {
  return logs.filter((log): log is PartitionLog => !(log instanceof MillraceError))
}

function notFound(): MillraceError {
  return new MillraceError('TOPIC_NOT_FOUND', 'the topic does not exist, or no longer')
}
