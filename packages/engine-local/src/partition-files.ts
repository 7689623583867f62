import { parseTopicConfig, type TopicDescription } from '@millrace/engine'
import {
  type Disk,
  fillFromJournal,
  hasSystemCode,
  identityKey,
  type JournaledBatches,
  type LogContext,
  METADATA_FILE,
  type PartitionLog,
  type PartitionLogConfig,
  PartitionRecovery,
  partitionDirectoryName,
  readFile,
  replaceFile,
  sideBySide,
  storageError,
} from '@millrace/log'
import { MillraceError, nextTurn } from '@millrace/record'

/** Partitions that are worked on at once. */
const AT_ONCE = 32
const DELETED_SUFFIX = '.deleted'
/** A directory with records of a topic that the catalog does not know. */
const ORPHAN_SUFFIX = '.orphan'

/** A partition's log, or what every call for it is to fail with. */
export type OpenedPartition = PartitionLog | MillraceError

interface Opening {
  readonly recovery: PartitionRecovery
  readonly done: (result: OpenedPartition) => void
}

/** Of the system's errors, those that every partition would meet. */
const SYSTEM_WIDE = ['EMFILE', 'ENFILE', 'ENOMEM', 'EROFS']

/** What the last life of a data directory left, beside the partitions' own files. */
export interface FoundState {
  /** Whether it was shut down in order. */
  readonly clean: boolean
  readonly journaled: JournaledBatches
  /** What `PartitionFiles.removeOrphans` told. */
  readonly topicIds?: ReadonlyMap<string, string>
  /** Of each topic, the first partition to open. Default 0. */
  readonly firstPartition?: number
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

  /** Makes the directories of a topic's partitions from `first` on; when it returns, they outlive a crash. */
  async create({ id, name, partitions }: TopicDescription, first = 0): Promise<void> {
    const { disk } = this.context
    await sideBySide(numbers(first, partitions), AT_ONCE, async (partition) => {
      const directory = this.directory(name, partition)
      // What a crash left there belongs to no topic: the catalog would know it.
      await disk.remove(directory)
      await disk.makeDirectory(directory)
      await replaceFile(disk, `${directory}/${METADATA_FILE}`, metadataOf(id))
    })
    await disk.syncDirectory(this.root)
  }

  /**
   * Opens the logs of all partitions of `topics`; gives them in the order of the topics. One that cannot be opened stops
   * no other.
   * @throws MillraceError what is not the matter of one partition
   */
  async open(topics: readonly TopicDescription[], found: FoundState): Promise<OpenedPartition[][]> {
    const opened: OpenedPartition[][] = topics.map(() => [])
    const recoveries: Opening[] = []
    const wanted = topics.flatMap((topic, index) => {
      const config = logConfigOf(topic)
      return numbers(found.firstPartition ?? 0, topic.partitions).map((partition) => ({
        topic,
        partition,
        config,
        index,
      }))
    })
    await sideBySide(wanted, AT_ONCE, async ({ topic, partition, config, index }) => {
      const done = (result: OpenedPartition): void => {
        ;(opened[index] as OpenedPartition[])[partition - (found.firstPartition ?? 0)] = result
      }
      try {
        const recovery = await this.begin(topic, partition, config, found)
        if (recovery.lacking.length === 0) done(await recovery.finish())
        else recoveries.push({ recovery, done })
      } catch (error) {
        done(this.failureOf(error))
      }
    })
    const lacking = recoveries.map(({ recovery }) => recovery)
    await fillFromJournal(this.context.files, lacking)
    await sideBySide(recoveries, AT_ONCE, async ({ recovery, done }) => {
      done(await recovery.finish().catch((error: unknown) => this.failureOf(error)))
    })
    return opened
  }

  /** Has what is committed of all of these on disk, whatever their flush policy. @throws MillraceError COMMIT_UNKNOWN */
  async flush(logs: readonly PartitionLog[]): Promise<void> {
    await sideBySide(logs, AT_ONCE, (log) => log.flush())
  }

  /** Lets go of logs whose partitions are gone, or never came about; see `PartitionLog.abandon`. */
  async abandon(logs: readonly PartitionLog[], reason: MillraceError): Promise<void> {
    await sideBySide(logs, AT_ONCE, async (log) => {
      await log.abandon(reason)
      // Others have their turn between two of many.
      await nextTurn()
    })
  }

  /** What every call for a partition is to fail with; throws what is not the matter of one partition. */
  private failureOf(thrown: unknown): MillraceError {
    const error = storageError(thrown, 'opening a partition')
    if (error.code === 'DISK_FULL' || SYSTEM_WIDE.some((code) => hasSystemCode(error.cause, code))) throw error
    this.context.logger.error({ err: error }, 'a partition cannot be opened; the others are served')
    // Where the data directory lies is no client's business.
    const reason = error.message.replaceAll(`${this.root}/`, '')
    return new MillraceError('STORAGE_FAILED', `the partition could not be opened at the start: ${reason}`)
  }

  private async begin(
    { id, name }: TopicDescription,
    partition: number,
    config: PartitionLogConfig,
    { clean, journaled: allJournaled, topicIds }: FoundState,
  ): Promise<PartitionRecovery> {
    const directory = this.directory(name, partition)
    const topicId = topicIds?.get(partitionDirectoryName(name, partition))
    if ((topicId ?? (await topicIdOf(this.context.disk, directory))) !== id) {
      throw new MillraceError(
        'DATA_DIR_INVALID',
        `${directory} is missing or is not a partition of topic ${name} (${id})`,
      )
    }
    const identity = { topicId: id, partition }
    const journaled = allJournaled.get(identityKey(identity))
    return PartitionRecovery.begin(this.context, { directory, identity, config, clean, journaled })
  }

  /** Takes what is still there of a deleted topic out of the way of a new one of its name; returns where it is now. */
  async setAside({ id, name, partitions }: TopicDescription): Promise<string[]> {
    const { disk } = this.context
    const aside: string[] = []
    await sideBySide(numbers(0, partitions), AT_ONCE, async (partition) => {
      const directory = `${this.root}/${id}-${partition}${DELETED_SUFFIX}`
      if ((await topicIdOf(disk, this.directory(name, partition))) === id) {
        await disk.rename(this.directory(name, partition), directory)
      }
      aside.push(directory)
    })
    await disk.syncDirectory(this.root)
    return aside
  }

  /**
   * Clears away the directories that belong to no partition: of deleted topics, and of what a crash kept from being made.
   * One that holds records is not removed but set aside: were the catalog damaged, they would be all that is left.
   * @returns by the names of the other directories, the ids of their topics; and the directories of deleted topics, which
   *   may take long to remove
   */
  async removeOrphans(
    known: (topicId: string, partition: number) => boolean,
  ): Promise<{ topicIds: Map<string, string>; deleted: string[] }> {
    const { disk, logger } = this.context
    const topicIds = new Map<string, string>()
    const deleted: string[] = []
    await sideBySide(await disk.list(this.root), AT_ONCE, async (name) => {
      if (name.endsWith(ORPHAN_SUFFIX)) return
      const directory = `${this.root}/${name}`
      try {
        if (name.endsWith(DELETED_SUFFIX)) return void deleted.push(directory)
        const topicId = await topicIdOf(disk, directory)
        if (topicId !== undefined && known(topicId, partitionIn(name))) topicIds.set(name, topicId)
        else await this.removeIfOrphan(name, topicId)
      } catch (error) {
        logger.error(
          { err: error, directory },
          'nobody can tell whether a directory belongs to a topic; it is left alone',
        )
      }
    })
    return { topicIds, deleted }
  }

  private async removeIfOrphan(name: string, topicId: string | undefined): Promise<void> {
    const { disk, logger } = this.context
    const directory = `${this.root}/${name}`
    if (topicId === undefined && !(await this.isHardlyMade(name))) return
    if (topicId !== undefined && (await this.hasRecords(name))) {
      const aside = `${this.root}/${topicId}-${partitionIn(name)}${ORPHAN_SUFFIX}`
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

/** What a topic's logs go by. */
export function logConfigOf({ settings }: TopicDescription): PartitionLogConfig {
  const config = parseTopicConfig(settings)
  return { ...config, cleanup: config }
}

function numbers(first: number, end: number): number[] {
  return Array.from({ length: end - first }, (_, index) => first + index)
}

/** The partition of a directory that is a partition's by its name. */
function partitionIn(name: string): number {
  return Number(name.slice(name.lastIndexOf('-') + 1))
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
