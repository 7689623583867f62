import { parseTopicConfig, type TopicConfig, type TopicDescription } from '@millrace/engine'
import {
  CLEAN_FILE,
  type Disk,
  type DiskFile,
  type Finding,
  FORMAT_FILE,
  findingOf,
  hasSystemCode,
  identityKey,
  inspectDirectory,
  type JournaledBatches,
  LOCK_FILE,
  METADATA_FILE,
  partitionDirectoryName,
  readFile,
  type VerifyPartitionOptions,
  verifyJournal,
  verifyPartition,
} from '@millrace/log'
import { DEFAULT_LIMITS, type Limits, MillraceError, type RecordBatch } from '@millrace/record'
import { CATALOG_CONFIG } from './catalog-store.ts'
import {
  BACKUPS_DIRECTORY,
  CATALOG,
  CATALOG_DIRECTORY,
  JOURNAL_DIRECTORY,
  TOPIC_KEY_PREFIX,
  TRANSACTIONS,
  TRANSACTIONS_DIRECTORY,
} from './layout.ts'
import { metadataOf } from './partition-files.ts'

/** How far a check is. */
export interface VerifyProgress {
  readonly doneBytes: number
  /** Of all `.log` files. */
  readonly totalBytes: number
  /** What is being checked, for people. */
  readonly directory: string
}

export interface VerifyOptions {
  readonly disk: Disk
  /** Absolute, with `/`. */
  readonly dataDir: string
  readonly limits?: Limits
  /** Gets each finding, its file relative to the data directory; the check goes on when it is done with it. */
  readonly onFinding: (finding: Finding) => Promise<void> | void
  readonly onProgress?: (progress: VerifyProgress) => void
  readonly signal?: AbortSignal
}

/** What was checked. */
export interface VerifySummary {
  readonly topics: number
  readonly partitions: number
  readonly segments: number
  readonly batches: number
  readonly bytes: number
  readonly errors: number
  readonly notes: number
}

/**
 * Checks every file of a data directory that no server uses, and changes nothing: the catalog, the journal, and each
 * partition that the catalog knows. Memory stays bounded whatever the directory holds, but for what a start keeps of
 * the journal.
 * @throws MillraceError DATA_DIR_LOCKED, DATA_DIR_INVALID; what `signal` was aborted with
 */
export async function verifyDataDirectory(options: VerifyOptions): Promise<VerifySummary> {
  const directory = await inspectDirectory(options.disk, options.dataDir)
  try {
    if (!directory.names.includes(CATALOG_DIRECTORY)) {
      throw new MillraceError(
        'DATA_DIR_INVALID',
        `${options.dataDir} is no data directory: it has no ${CATALOG_DIRECTORY}`,
      )
    }
    return await new DirectoryCheck(options, directory.names, directory.wasClean).run()
  } finally {
    await directory.release()
  }
}

/** Files and directories of a data directory that are no partition. */
const OWN_NAMES: readonly string[] = [
  LOCK_FILE,
  CLEAN_FILE,
  FORMAT_FILE,
  CATALOG_DIRECTORY,
  TRANSACTIONS_DIRECTORY,
  JOURNAL_DIRECTORY,
  BACKUPS_DIRECTORY,
]
/** A number of bytes after which progress is told. */
const PROGRESS_BYTES = 1 << 20

class DirectoryCheck {
  private readonly options: VerifyOptions
  private readonly names: readonly string[]
  private readonly clean: boolean
  private readonly counts = { topics: 0, partitions: 0, segments: 0, batches: 0, bytes: 0, errors: 0, notes: 0 }
  private totalBytes = 0
  private toldBytes = 0

  constructor(options: VerifyOptions, names: readonly string[], clean: boolean) {
    this.options = options
    this.names = names
    this.clean = clean
  }

  async run(): Promise<VerifySummary> {
    const { dataDir } = this.options
    if (!this.clean) {
      await this.report(findingOf('unclean-shutdown', dataDir, 'what a crash may leave is told as notes'))
    }
    const journaled = this.names.includes(JOURNAL_DIRECTORY)
      ? await verifyJournal(this.options.disk, `${dataDir}/${JOURNAL_DIRECTORY}`, (finding) => this.report(finding))
      : new Map()
    await this.measure()
    const topics = await this.readCatalog(journaled)
    await this.checkTransactions(journaled)
    for (const topic of topics) await this.checkTopic(topic, journaled)
    await this.checkNames(topics)
    return this.counts
  }

  /** Adds up what is to be read. */
  private async measure(): Promise<void> {
    const { disk, dataDir, signal } = this.options
    for (const name of this.names) {
      const directory = `${dataDir}/${name}`
      for (const file of await listQuietly(disk, directory)) {
        if (!file.endsWith('.log')) continue
        signal?.throwIfAborted()
        this.totalBytes += await sizeOf(disk, `${directory}/${file}`)
      }
    }
  }

  /** Checks the catalog's own log, and gives the topics that it has. */
  private async readCatalog(journaled: JournaledBatches): Promise<TopicDescription[]> {
    const topics = new Map<string, TopicDescription | undefined>()
    const file = `${this.options.dataDir}/${CATALOG_DIRECTORY}`
    const problems: Finding[] = []
    const { decompressedBytes } = this.options.limits ?? DEFAULT_LIMITS
    await this.checkPartition({
      directory: file,
      indexIntervalBytes: CATALOG_CONFIG.indexIntervalBytes,
      compacts: true,
      journaled: journaled.get(identityKey(CATALOG)),
      onBatch: (batch) => {
        try {
          applyEntries(batch, decompressedBytes, topics)
        } catch (error) {
          const message = `the entries at offset ${batch.baseOffset}: ${(error as Error).message}`
          if (problems.length < 100) problems.push(findingOf('catalog-invalid', file, message))
        }
      },
    })
    for (const problem of problems) await this.report(problem)
    return [...topics.values()].filter((topic) => topic !== undefined)
  }

  /** Checks the log of transactions; one that an older version wrote is not there. */
  private async checkTransactions(journaled: JournaledBatches): Promise<void> {
    if (!this.names.includes(TRANSACTIONS_DIRECTORY)) return
    await this.checkPartition({
      directory: `${this.options.dataDir}/${TRANSACTIONS_DIRECTORY}`,
      indexIntervalBytes: CATALOG_CONFIG.indexIntervalBytes,
      compacts: true,
      journaled: journaled.get(identityKey(TRANSACTIONS)),
    })
  }

  private async checkTopic(topic: TopicDescription, journaled: JournaledBatches): Promise<void> {
    const { dataDir } = this.options
    let config: TopicConfig
    try {
      config = parseTopicConfig(topic.settings)
    } catch (error) {
      const message = `the settings of topic ${topic.name}: ${(error as Error).message}`
      return this.report(findingOf('catalog-invalid', `${dataDir}/${CATALOG_DIRECTORY}`, message))
    }
    this.counts.topics++
    for (let partition = 0; partition < topic.partitions; partition++) {
      const name = partitionDirectoryName(topic.name, partition)
      const directory = `${dataDir}/${name}`
      if (this.names.includes(name)) await this.checkMetadata(directory, topic.id)
      await this.checkPartition({
        directory,
        indexIntervalBytes: config.indexIntervalBytes,
        compacts: config.cleanupPolicy !== 'delete',
        journaled: journaled.get(identityKey({ topicId: topic.id, partition })),
      })
    }
  }

  private async checkMetadata(directory: string, topicId: string): Promise<void> {
    const file = `${directory}/${METADATA_FILE}`
    const content = await readFile(this.options.disk, file)
    if (content?.equals(metadataOf(topicId))) return
    const message = content === undefined ? 'it is missing' : 'it does not name the topic that the catalog has here'
    await this.report(findingOf('metadata-mismatch', file, `${message}, ${topicId}`))
  }

  private async checkPartition(
    partition: Pick<VerifyPartitionOptions, 'directory' | 'indexIntervalBytes' | 'compacts' | 'journaled' | 'onBatch'>,
  ): Promise<void> {
    const { disk, limits = DEFAULT_LIMITS, signal } = this.options
    const { segments, batches } = await verifyPartition({
      ...partition,
      disk,
      limits,
      clean: this.clean,
      signal,
      report: (finding) => this.report(finding),
      onProgress: (bytes) => this.progress(bytes, partition.directory),
    })
    this.counts.partitions++
    this.counts.segments += segments
    this.counts.batches += batches
  }

  /** Tells of what is in the directory and belongs to nobody. */
  private async checkNames(topics: readonly TopicDescription[]): Promise<void> {
    const { disk, dataDir } = this.options
    const known = new Set(OWN_NAMES)
    for (const { name, partitions } of topics) {
      for (let partition = 0; partition < partitions; partition++) known.add(partitionDirectoryName(name, partition))
    }
    for (const name of this.names) {
      if (known.has(name)) continue
      const isDirectory = (await readFile(disk, `${dataDir}/${name}`).catch(() => undefined)) === undefined
      const finding = isDirectory
        ? findingOf('leftover-directory', `${dataDir}/${name}`, 'no topic of the catalog has it')
        : findingOf('leftover-file', `${dataDir}/${name}`, 'its name means nothing here')
      await this.report(finding)
    }
  }

  private progress(bytes: number, directory: string): void {
    this.counts.bytes += bytes
    if (this.counts.bytes - this.toldBytes < PROGRESS_BYTES && this.counts.bytes < this.totalBytes) return
    this.toldBytes = this.counts.bytes
    const { dataDir, onProgress } = this.options
    const name = directory.slice(dataDir.length + 1)
    onProgress?.({ doneBytes: this.counts.bytes, totalBytes: this.totalBytes, directory: name })
  }

  private async report(finding: Finding): Promise<void> {
    const { dataDir, onFinding } = this.options
    if (finding.severity === 'error') this.counts.errors++
    else this.counts.notes++
    const { file } = finding
    await onFinding({ ...finding, file: file.startsWith(`${dataDir}/`) ? file.slice(dataDir.length + 1) : '.' })
  }
}

/** Brings a map of topics up to what a batch of the catalog's log says. */
function applyEntries(batch: RecordBatch, maxBytes: number, topics: Map<string, TopicDescription | undefined>): void {
  for (const { key, value } of batch.records(maxBytes)) {
    const name = String(key)
    if (!name.startsWith(TOPIC_KEY_PREFIX)) continue
    if (value === null) topics.delete(name)
    else topics.set(name, describedIn(JSON.parse(value.toString('utf8'))))
  }
}

function describedIn(value: unknown): TopicDescription {
  const topic = value as TopicDescription
  const isWhole = typeof topic?.id === 'string' && typeof topic.name === 'string' && Number.isInteger(topic.partitions)
  if (!isWhole || topic.settings === null || typeof topic.settings !== 'object')
    throw new Error('they describe no topic')
  return topic
}

async function listQuietly(disk: Disk, directory: string): Promise<string[]> {
  try {
    return await disk.list(directory)
  } catch (error) {
    if (hasSystemCode(error, 'ENOENT') || hasSystemCode(error, 'ENOTDIR')) return []
    throw error
  }
}

async function sizeOf(disk: Disk, path: string): Promise<number> {
  let file: DiskFile | undefined
  try {
    file = await disk.open(path, { readOnly: true })
    return await file.size()
  } catch {
    // The check of the partition tells of it.
    return 0
  } finally {
    await file?.close()
  }
}
