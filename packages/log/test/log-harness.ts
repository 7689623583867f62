import { BatchBuilder, DEFAULT_LIMITS, type Limits, type Logger, MillraceError, RecordBatch } from '@millrace/record'
import { ManualClock } from '@millrace/testkit'
import { Committer } from '../src/committer.ts'
import { type Disk, type DiskFile, readFile } from '../src/disk.ts'
import { FilePool } from '../src/file-pool.ts'
import type { Journal } from '../src/journal.ts'
import type { PartitionLogConfig } from '../src/log-config.ts'
import type { LogContext } from '../src/log-context.ts'
import { LogStats } from '../src/log-stats.ts'
import { memoryDisk } from '../src/memory-disk.ts'
import type { PartitionLog } from '../src/partition-log.ts'
import type { AppendedBatch } from '../src/pending-append.ts'
import { ProducerRoom } from '../src/producer-room.ts'
import { openPartitionLog } from '../src/recovery.ts'
import { IndexCache } from '../src/segment-indexes.ts'
import { Serial } from '../src/serial.ts'
import { TailCache } from '../src/tail-cache.ts'
import type { Finding } from '../src/verify/finding.ts'
import { type VerifyPartitionOptions, verifyPartition } from '../src/verify/verify-partition.ts'

export const DIRECTORY = '/t-0'
export const IDENTITY = { topicId: '11111111-2222-3333-4444-555555555555', partition: 0 }
export const CONFIG: PartitionLogConfig = {
  segmentBytes: 1 << 20,
  segmentMs: 7 * 86_400_000,
  indexIntervalBytes: 256,
  flushPolicy: 'commit',
  flushMs: 1_000,
}
/** Of every record that `valuesBatch` makes, in ms since 1970. */
export const TIMESTAMP = 1_700_000_000_000

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly fields: Readonly<Record<string, unknown>>
  readonly message: string
}

/** A logger that keeps what it is told. */
export class LogBook implements Logger {
  readonly lines: LogLine[] = []

  debug(fields: object, message: string): void {
    this.note('debug', fields, message)
  }
  info(fields: object, message: string): void {
    this.note('info', fields, message)
  }
  warn(fields: object, message: string): void {
    this.note('warn', fields, message)
  }
  error(fields: object, message: string): void {
    this.note('error', fields, message)
  }

  private note(level: LogLine['level'], fields: object, message: string): void {
    this.lines.push({ level, fields: fields as Record<string, unknown>, message })
  }
}

export interface BenchOptions {
  readonly limits?: Partial<Limits>
  readonly clock?: ManualClock
  /** Takes rounds of many partitions; without one, all are written to the segment files. */
  readonly journal?: Journal
}

/** What the partitions of one data directory share, on a disk of the test's. */
export class LogBench implements LogContext {
  readonly disk: Disk
  readonly clock: ManualClock
  readonly logger = new LogBook()
  readonly limits: Limits
  readonly committer: Committer
  readonly files: FilePool
  readonly tails: TailCache
  readonly indexes: IndexCache
  readonly stats = new LogStats()
  readonly producers: ProducerRoom
  readonly unpacking = new Serial()
  /** Probes of the committer's that were asked for. */
  probes = 0
  /** What the next probes end with. */
  probeError: Error | undefined

  constructor(disk: Disk, options: BenchOptions = {}) {
    this.disk = disk
    this.clock = options.clock ?? new ManualClock()
    this.limits = { ...DEFAULT_LIMITS, ...options.limits }
    const probe = async (): Promise<void> => {
      this.probes++
      if (this.probeError !== undefined) throw this.probeError
    }
    const { clock, logger } = this
    const { journalBacklogBytes: backlogBytes } = this.limits
    this.committer = new Committer({ clock, logger, probe, backlogBytes, ...options })
    this.files = new FilePool(disk, this.limits.openFiles)
    this.producers = new ProducerRoom(this.clock, this.limits)
    this.tails = new TailCache(this.limits.tailCacheBytes)
    this.indexes = new IndexCache(this.limits.indexCacheBytes)
  }

  /** Opens the log in `directory`, which is made where there is none. */
  async open(options: OpenLog = {}): Promise<PartitionLog> {
    const { directory = DIRECTORY, clean = false, ...config } = options
    await this.disk.makeDirectory(directory)
    await this.disk.syncDirectory('/')
    return openPartitionLog(this, { directory, identity: IDENTITY, clean, config: { ...CONFIG, ...config } })
  }
}

export interface OpenLog extends Partial<PartitionLogConfig> {
  readonly directory?: string
  /** Whether the last shutdown was in order. Default false. */
  readonly clean?: boolean
}

export interface BatchShape {
  readonly timestamp?: number
  readonly producerId?: number
  readonly producerEpoch?: number
  readonly baseSequence?: number
}

/** A batch of one record for each value. */
export function valuesBatch(values: readonly string[], shape: BatchShape = {}): RecordBatch {
  const { timestamp = TIMESTAMP, producerId = -1 } = shape
  const { producerEpoch = producerId < 0 ? -1 : 0, baseSequence = producerId < 0 ? -1 : 0 } = shape
  const builder = new BatchBuilder()
  for (const value of values) builder.append({ key: null, value: Buffer.from(value), timestamp })
  return builder.build({ producer: { producerId, producerEpoch, baseSequence } })
}

/** A batch of exactly `sizeBytes` bytes with one record, whose value begins with `label`. */
export function sizedBatch(sizeBytes: number, label = '', shape: BatchShape = {}): RecordBatch {
  const filled = (length: number): RecordBatch => valuesBatch([label.padEnd(length, '.')], shape)
  let length = Math.max(sizeBytes - 68, 0)
  while (length > 0 && filled(length).sizeBytes > sizeBytes) length--
  const batch = filled(length)
  if (batch.sizeBytes !== sizeBytes) throw new RangeError(`no batch has ${sizeBytes} bytes`)
  return batch
}

/** Appends a batch and waits until it is committed. */
export function append(log: PartitionLog, ...values: string[]): Promise<AppendedBatch> {
  return log.append(valuesBatch(values)).committed
}

/** The values of all records from `offset` (default: the log start) to the high watermark, by offset. */
export async function valuesFrom(log: PartitionLog, offset?: number, maxBytes = 1 << 20): Promise<Map<number, string>> {
  const values = new Map<number, string>()
  for (let next: number = offset ?? log.logStartOffset; next < log.highWatermark; ) {
    const { batches, nextOffset } = await log.read(next, maxBytes)
    for (const [at, value] of valuesOf(batches)) if (at >= next) values.set(at, value)
    if (nextOffset <= next) throw new RangeError(`reading at ${next} goes on at ${nextOffset}`)
    next = nextOffset
  }
  return values
}

/** Offset and value of each record in `buffers`, each of which holds whole batches. */
export function* valuesOf(buffers: readonly Buffer[]): Generator<[offset: number, value: string]> {
  for (const buffer of buffers) {
    for (let at = 0; at < buffer.length; ) {
      const batch = RecordBatch.at(buffer, at)
      for (const { offset, value } of batch.records(1 << 24)) yield [offset, String(value)]
      at += batch.sizeBytes
    }
  }
}

/** The error that `work` fails with. */
export async function failureOf(work: Promise<unknown> | (() => unknown)): Promise<MillraceError> {
  try {
    await (typeof work === 'function' ? work() : work)
  } catch (error) {
    if (error instanceof MillraceError) return error
    throw error
  }
  throw new RangeError('it did not fail')
}

/** The content of every file in `directory` whose name `wanted` takes, by name. */
export async function filesIn(
  disk: Disk,
  directory: string,
  wanted: (name: string) => boolean = () => true,
): Promise<Record<string, Buffer>> {
  const files: Record<string, Buffer> = {}
  for (const name of await disk.list(directory)) {
    if (wanted(name)) files[name] = (await readFile(disk, `${directory}/${name}`)) as Buffer
  }
  return files
}

/** Lets `turns` turns of the event loop pass. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
}

/** `disk` with some of its calls replaced. */
export function diskWith(disk: Disk, replaced: Partial<Disk>): Disk {
  return {
    open: (path, options) => disk.open(path, options),
    list: (directory) => disk.list(directory),
    makeDirectory: (directory) => disk.makeDirectory(directory),
    rename: (from, to) => disk.rename(from, to),
    link: (from, to) => disk.link(from, to),
    remove: (path) => disk.remove(path),
    syncDirectory: (directory) => disk.syncDirectory(directory),
    freeBytes: (directory) => disk.freeBytes(directory),
    lock: (path, options) => disk.lock(path, options),
    ...replaced,
  }
}

/** `file` with some of its calls replaced. */
export function fileWith(file: DiskFile, replaced: Partial<DiskFile>): DiskFile {
  return {
    read: (buffer, position) => file.read(buffer, position),
    writev: (buffers, position) => file.writev(buffers, position),
    datasync: () => file.datasync(),
    truncate: (sizeBytes) => file.truncate(sizeBytes),
    size: () => file.size(),
    linkCount: () => file.linkCount(),
    close: () => file.close(),
    ...replaced,
  }
}

/** A disk in memory that holds `files` in `DIRECTORY`. */
export async function diskOf(files: Readonly<Record<string, Buffer>>): Promise<Disk> {
  const disk = memoryDisk()
  await disk.makeDirectory(DIRECTORY)
  for (const [name, bytes] of Object.entries(files)) {
    const file = await disk.open(`${DIRECTORY}/${name}`, { create: true })
    await file.writev([bytes], 0)
    await file.close()
  }
  return disk
}

/** What an offline check of a partition finds; without other options, after a shutdown in order. */
export async function findingsIn(disk: Disk, options: Partial<VerifyPartitionOptions> = {}): Promise<Finding[]> {
  const found: Finding[] = []
  await verifyPartition({
    disk,
    directory: DIRECTORY,
    limits: DEFAULT_LIMITS,
    indexIntervalBytes: CONFIG.indexIntervalBytes,
    compacts: false,
    clean: true,
    report: async (finding) => void found.push(finding),
    ...options,
  })
  return found
}
