import { parseTopicConfig, type TopicDescription } from '@millrace/engine'
import {
  type Disk,
  identityKey,
  type JournaledBatches,
  type LogContext,
  METADATA_FILE,
  openPartitionLog,
  type PartitionLog,
  type PartitionLogConfig,
  partitionDirectoryName,
  readFile,
  replaceFile,
} from '@millrace/log'
import { MillraceError } from '@millrace/record'
import { allEnded } from './all-ended.ts'

const DELETED_SUFFIX = '.deleted'
/** A directory with records of a topic that the catalog does not know. */
const ORPHAN_SUFFIX = '.orphan'

/** What the last life of a data directory left, beside the partitions' own files. */
export interface FoundState {
  /** Whether it was shut down in order. */
  readonly clean: boolean
  readonly journaled: JournaledBatches
  /** What `PartitionFiles.removeOrphans` told. */
  readonly topicIds?: ReadonlyMap<string, string>
}

/**
 * The partition directories below a data directory. Each holds a `partition.metadata` file, as Kafka's does, that names
 * the id of its topic: a directory whose topic the catalog does not know is what a crash left behind.
 */
export class PartitionFiles {
  private readonly context: LogContext
  private readonly root: string

  constructor(context: LogContext, root: string) {
    this.context = context
    this.root = root
  }

  directory(topic: string, partition: number): string {
    return `${this.root}/${partitionDirectoryName(topic, partition)}`
  }

  /** Makes the directories of a new topic; when it returns, they outlive a crash. */
  async create({ id, name, partitions }: TopicDescription): Promise<void> {
    const { disk } = this.context
    await inParallel([...Array(partitions).keys()], async (partition) => {
      const directory = this.directory(name, partition)
      // What a crash left there belongs to no topic: the catalog would know it.
      await disk.remove(directory)
      await disk.makeDirectory(directory)
      await replaceFile(disk, `${directory}/${METADATA_FILE}`, metadataOf(id))
    })
    await disk.syncDirectory(this.root)
  }

  /** Opens the logs of all partitions of `topics`; gives them in the order of the topics. */
  async open(topics: readonly TopicDescription[], found: FoundState): Promise<PartitionLog[][]> {
    const wanted = topics.flatMap((topic, index) => {
      const topicConfig = parseTopicConfig(topic.settings)
      const config = { ...topicConfig, cleanup: topicConfig }
      return Array.from({ length: topic.partitions }, (_, partition) => ({ topic, index, partition, config }))
    })
    const opened: PartitionLog[][] = topics.map(() => [])
    await inParallel(wanted, async ({ topic, index, partition, config }) => {
      const log = await this.openOne(topic, partition, config, found)
      ;(opened[index] as PartitionLog[])[partition] = log
    })
    return opened
  }

  private async openOne(
    { id, name }: TopicDescription,
    partition: number,
    config: PartitionLogConfig,
    { clean, journaled, topicIds }: FoundState,
  ): Promise<PartitionLog> {
    const directory = this.directory(name, partition)
    const topicId = topicIds?.get(partitionDirectoryName(name, partition))
    if ((topicId ?? (await topicIdOf(this.context.disk, directory))) !== id) {
      throw new MillraceError(
        'DATA_DIR_INVALID',
        `${directory} is missing or is not a partition of topic ${name} (${id})`,
      )
    }
    const identity = { topicId: id, partition }
    return openPartitionLog(this.context, {
      directory,
      identity,
      config,
      clean,
      journaled: journaled.get(identityKey(identity)),
    })
  }

  /** Takes what is still there of a deleted topic out of the way of a new one of its name; returns where it is now. */
  async setAside({ id, name, partitions }: TopicDescription): Promise<string[]> {
    const { disk } = this.context
    const aside: string[] = []
    for (let partition = 0; partition < partitions; partition++) {
      const directory = `${this.root}/${id}-${partition}${DELETED_SUFFIX}`
      if ((await topicIdOf(disk, this.directory(name, partition))) === id) {
        await disk.rename(this.directory(name, partition), directory)
      }
      aside.push(directory)
    }
    await disk.syncDirectory(this.root)
    return aside
  }

  /**
   * Clears away the directories that belong to no topic: of deleted ones, and of ones whose making a crash cut short.
   * One that holds records is not removed but set aside: were the catalog damaged, they would be all that is left.
   * @returns by the names of the other directories, the ids of their topics
   */
  async removeOrphans(known: (topicId: string) => boolean): Promise<Map<string, string>> {
    const { disk } = this.context
    const topicIds = new Map<string, string>()
    await inParallel(await disk.list(this.root), async (name) => {
      if (name.endsWith(ORPHAN_SUFFIX)) return
      if (name.endsWith(DELETED_SUFFIX)) return disk.remove(`${this.root}/${name}`)
      const topicId = await topicIdOf(disk, `${this.root}/${name}`)
      if (topicId !== undefined && known(topicId)) topicIds.set(name, topicId)
      else await this.removeIfOrphan(name, topicId)
    })
    return topicIds
  }

  private async removeIfOrphan(name: string, topicId: string | undefined): Promise<void> {
    const { disk, logger } = this.context
    const directory = `${this.root}/${name}`
    if (topicId === undefined && !(await this.isHardlyMade(name))) return
    if (topicId !== undefined && (await this.hasRecords(name))) {
      const aside = `${this.root}/${topicId}-${name.slice(name.lastIndexOf('-') + 1)}${ORPHAN_SUFFIX}`
      logger.error({ directory, aside }, 'a directory with records belongs to no topic; it is set aside')
      await disk.rename(directory, aside)
      await disk.syncDirectory(this.root)
      return
    }
    logger.warn({ directory }, 'a directory belongs to no topic; it is removed')
    await disk.remove(directory)
  }

  private async hasRecords(name: string): Promise<boolean> {
    const logs = (await this.context.disk.list(`${this.root}/${name}`)).filter((inside) => inside.endsWith('.log'))
    for (const log of logs) {
      const file = await this.context.disk.open(`${this.root}/${name}/${log}`)
      try {
        if ((await file.size()) > 0) return true
      } finally {
        await file.close()
      }
    }
    return false
  }

  /** Whether it is a partition's directory by its name and has nothing in it yet, not even its topic's id. */
  private async isHardlyMade(name: string): Promise<boolean> {
    if (!/.-\d+$/.test(name)) return false
    const names = await this.context.disk.list(`${this.root}/${name}`)
    return names.every((inside) => inside === `${METADATA_FILE}.tmp`)
  }
}

/** The content of the metadata file of a partition. */
export function metadataOf(topicId: string): Buffer {
  return Buffer.from(`version: 0\ntopic_id: ${topicId}\n`)
}

/** The id in a partition's metadata file; undefined when there is no such file. */
async function topicIdOf(disk: Disk, directory: string): Promise<string | undefined> {
  const bytes = await readFile(disk, `${directory}/${METADATA_FILE}`)
  return /^topic_id: (\S+)$/m.exec(bytes?.toString('utf8') ?? '')?.[1]
}

/**
 * Runs `work` for each of `items`, a number of them at once. When one fails, no more are begun, and those under way have
 * ended before it fails: nobody may work in a directory that is given back.
 */
async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const AT_ONCE = 32
  const left = items.values()
  let hasFailed = false
  await allEnded(
    Array.from({ length: Math.min(AT_ONCE, items.length) }, async () => {
      for (const item of left) {
        if (hasFailed) return
        try {
          await work(item)
        } catch (error) {
          hasFailed = true
          throw error
        }
      }
    }),
  )
}
