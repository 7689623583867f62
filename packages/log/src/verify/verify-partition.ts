import { type Limits, RecordBatch } from '@millrace/record'
import { type Disk, hasSystemCode, readFile } from '../disk.ts'
import {
  baseOffsetIn,
  baseOffsetsIn,
  CLEANER_CHECKPOINT_FILE,
  LEADER_EPOCH_FILE,
  LOG_START_FILE,
  METADATA_FILE,
  type SegmentSuffix,
  segmentFileName,
} from '../file-names.ts'
import type { JournaledBatch } from '../journal-file.ts'
import { OffsetIndex } from '../offset-index.ts'
import { TimeIndex } from '../time-index.ts'
import { type Finding, type FindingKind, findingOf, type Report } from './finding.ts'
import { isUnfinished, PartitionView } from './partition-view.ts'
import { LeaderEpochCheck } from './verify-leader-epochs.ts'
import { OffsetIndexCheck } from './verify-offset-index.ts'
import { ProducersCheck } from './verify-producers.ts'
import { SegmentCheck } from './verify-segment.ts'
import { TimeIndexCheck } from './verify-time-index.ts'
import { TransactionsCheck } from './verify-transactions.ts'

export interface VerifyPartitionOptions {
  readonly disk: Disk
  readonly directory: string
  readonly limits: Limits
  readonly indexIntervalBytes: number
  /** Whether the topic compacts: then records may be missing from batches in segments that are sealed. */
  readonly compacts: boolean
  /** Whether the directory was shut down in order. */
  readonly clean: boolean
  /** What the journal has of this partition, oldest first. */
  readonly journaled?: readonly JournaledBatch[] | undefined
  readonly report: Report
  /** Gets each whole batch, also those that only the journal has, in order. It is only good during the call. */
  readonly onBatch?: (batch: RecordBatch) => void
  /** Told of bytes of `.log` files that are done with. */
  readonly onProgress?: (bytes: number) => void
  readonly signal?: AbortSignal | undefined
}

export interface VerifiedPartition {
  readonly segments: number
  readonly batches: number
}

/**
 * Checks all files of a partition's directory against each other, and changes nothing: each batch, the indexes and
 * checksums of closed segments, producer snapshots, leader epochs, the kept log start. Memory is bounded by the
 * largest batch, the indexes of one segment and the producers that one partition remembers.
 */
export function verifyPartition(options: VerifyPartitionOptions): Promise<VerifiedPartition> {
  return new PartitionCheck(options).run()
}

const KNOWN_NAMES: readonly string[] = [CLEANER_CHECKPOINT_FILE, LEADER_EPOCH_FILE, LOG_START_FILE, METADATA_FILE]
const SUFFIXES: readonly SegmentSuffix[] = ['log', 'index', 'timeindex', 'txnindex', 'crc', 'snapshot', 'cut']

class PartitionCheck {
  private readonly options: VerifyPartitionOptions
  private compacts = false
  private names: readonly string[] = []
  private bases: readonly number[] = []
  private sealed = new Set<number>()
  private segments = 0
  private batches = 0
  /** The end of what was seen of the log. */
  private end = 0
  private view!: PartitionView
  private epochs!: LeaderEpochCheck
  private producers!: ProducersCheck
  private transactions!: TransactionsCheck

  constructor(options: VerifyPartitionOptions) {
    this.options = options
  }

  async run(): Promise<VerifiedPartition> {
    const { disk, directory, limits, report } = this.options
    this.view = await PartitionView.open(disk, directory, await this.list())
    this.names = this.view.names
    // A topic that no longer compacts may have done so before.
    const compacts = this.options.compacts || this.names.includes(CLEANER_CHECKPOINT_FILE)
    this.compacts = compacts
    this.bases = baseOffsetsIn(this.names, 'log')
    this.sealed = new Set(baseOffsetsIn(this.names, 'crc'))
    const [first] = this.bases
    if (first === undefined) {
      await report(findingOf('partition-missing', directory, 'there is no directory with segments'))
      return { segments: 0, batches: 0 }
    }
    this.end = first
    this.epochs = await LeaderEpochCheck.open(disk, `${directory}/${LEADER_EPOCH_FILE}`, report)
    const { names } = this
    this.transactions = new TransactionsCheck(disk, compacts, report)
    this.producers = new ProducersCheck({
      disk,
      directory,
      names,
      maxProducers: limits.producersPerPartition,
      compacts,
      report,
    })
    for (const [index, baseOffset] of this.bases.entries()) {
      await this.guard(this.path(baseOffset, 'log'), () => this.checkSegment(baseOffset, this.bases[index + 1]))
    }
    await this.checkJournaled()
    while (this.producers.nextSnapshot < Number.POSITIVE_INFINITY) await this.compareSnapshot()
    await this.producers.finish()
    await this.guard(`${directory}/${LOG_START_FILE}`, () => this.checkLogStart(first))
    await this.checkNames()
    return { segments: this.segments, batches: this.batches }
  }

  /** The names in the directory; none where there is no such directory. */
  private async list(): Promise<string[]> {
    try {
      return await this.options.disk.list(this.options.directory)
    } catch (error) {
      if (hasSystemCode(error, 'ENOENT') || hasSystemCode(error, 'ENOTDIR')) return []
      throw error
    }
  }

  private async checkSegment(baseOffset: number, nextBase: number | undefined): Promise<void> {
    const { options } = this
    const isSealed = this.sealed.has(baseOffset)
    const file = this.path(baseOffset, 'log')
    const log = await options.disk.open(file, { readOnly: true })
    try {
      const size = await log.size()
      // Of a segment that is not sealed, recovery makes the indexes again, but for the last after a shutdown in order.
      const isIndexed = isSealed || (nextBase === undefined && options.clean && size > 0)
      const outcome = await new SegmentCheck(log, size, {
        file,
        baseOffset,
        nextBase,
        mayBeTorn: nextBase === undefined && !options.clean && !isSealed,
        mayBeCompacted: this.compacts && isSealed,
        decompressedBytes: options.limits.decompressedBytes,
        offsets: isIndexed ? await this.openOffsets(baseOffset, size) : undefined,
        times: isIndexed ? await this.openTimes(baseOffset, size) : undefined,
        report: options.report,
        onBatch: (batch, position, found) => this.take(batch, position, file, found),
        resume: (due) => this.resume(due),
        onDamage: () => this.skipDamage(),
        onProgress: (bytes) => options.onProgress?.(bytes),
      }).run()
      this.segments++
      this.end = nextBase ?? outcome.nextOffset
      const txnindex = isIndexed ? this.path(baseOffset, 'txnindex') : undefined
      await this.transactions.endSegment(txnindex, { baseOffset, nextOffset: this.end })
      if (isSealed) await this.checkSum(baseOffset, outcome.checksum)
      else if (nextBase !== undefined) await this.note('unsealed-segment', file, 'its batch headers cannot be checked')
    } finally {
      await log.close()
    }
  }

  /** Takes in a whole batch, unless something must be done before it, for which `resume` is called. */
  private take(batch: RecordBatch, position: number, file: string, found: Finding[]): boolean {
    const { options } = this
    if (batch.baseOffset >= this.producers.nextSnapshot || options.signal?.aborted) return false
    this.batches++
    this.end = batch.nextOffset
    this.epochs.add(batch, position, file, found)
    this.producers.add(batch)
    this.transactions.add(batch, position, file, found)
    options.onBatch?.(batch)
    return true
  }

  private skipDamage(): void {
    this.producers.skip()
    this.transactions.skip()
  }

  private async resume(_due: number): Promise<void> {
    this.options.signal?.throwIfAborted()
    await this.compareSnapshot()
  }

  private compareSnapshot(): Promise<void> {
    const offset = this.producers.nextSnapshot
    if (offset === Number.POSITIVE_INFINITY) return Promise.resolve()
    // The snapshot at a segment's end is saved before the segment is sealed.
    const ending = this.bases.findLast((base) => base < offset)
    const mayBeTorn = !this.options.clean && (ending === undefined || !this.sealed.has(ending))
    return this.producers.compare(this.end, mayBeTorn)
  }

  /** Follows on with what only the journal has, as the next start will. */
  private async checkJournaled(): Promise<void> {
    const { disk, directory, journaled = [], onBatch, clean, report } = this.options
    if (clean) return
    let taken = 0
    for (const { path, position, sizeBytes, baseOffset, nextOffset } of journaled) {
      if (nextOffset <= this.end) continue
      if (baseOffset !== this.end) {
        const message = `${directory} has offsets up to ${this.end}, and the journal goes on at ${baseOffset}`
        return report(findingOf('journal-gap', path, message, position))
      }
      while (baseOffset >= this.producers.nextSnapshot) await this.compareSnapshot()
      const file = await disk.open(path, { readOnly: true })
      const bytes = Buffer.allocUnsafeSlow(sizeBytes)
      await file.read(bytes, position)
      await file.close()
      const batch = RecordBatch.at(bytes)
      this.producers.add(batch)
      onBatch?.(batch)
      this.end = nextOffset
      this.batches++
      taken++
    }
    if (taken > 0) await report(findingOf('journal-ahead', directory, `${taken} batches up to offset ${this.end}`))
  }

  private async openOffsets(baseOffset: number, logBytes: number): Promise<OffsetIndexCheck | undefined> {
    const bytes = await this.readIndex(baseOffset, 'index', 'index-mismatch', 8, logBytes)
    if (bytes === undefined) return undefined
    const { indexIntervalBytes } = this.options
    return new OffsetIndexCheck(new OffsetIndex(bytes), this.path(baseOffset, 'index'), indexIntervalBytes)
  }

  private async openTimes(baseOffset: number, logBytes: number): Promise<TimeIndexCheck | undefined> {
    const bytes = await this.readIndex(baseOffset, 'timeindex', 'time-index-mismatch', 12, logBytes)
    return bytes && new TimeIndexCheck(new TimeIndex(bytes), this.path(baseOffset, 'timeindex'))
  }

  private async readIndex(
    baseOffset: number,
    suffix: SegmentSuffix,
    kind: FindingKind,
    entryBytes: number,
    logBytes: number,
  ): Promise<Buffer | undefined> {
    const path = this.path(baseOffset, suffix)
    if (!this.names.includes(segmentFileName(baseOffset, suffix))) {
      await this.note('index-missing', path, 'reads make it again, at a cost')
      return undefined
    }
    return this.guard(path, async () => {
      const file = await this.options.disk.open(path, { readOnly: true })
      try {
        const size = await file.size()
        // Each entry but the last of a time index stands for a batch.
        if (size % entryBytes !== 0 || size / entryBytes > logBytes / 61 + 1) {
          await this.note(kind, path, `its size of ${size} bytes cannot be`)
          return undefined
        }
        const bytes = Buffer.allocUnsafeSlow(size)
        return bytes.subarray(0, await file.read(bytes, 0))
      } finally {
        await file.close()
      }
    })
  }

  private async checkSum(baseOffset: number, sum: number): Promise<void> {
    const path = this.path(baseOffset, 'crc')
    const text = (await readFile(this.options.disk, path))?.toString('latin1') ?? ''
    const expected = `${sum.toString(16).padStart(8, '0')}\n`
    if (text === expected) return
    const said = /^[0-9a-f]{8}\n$/.test(text) ? text.trim() : 'no checksum'
    await this.note('checksum-mismatch', path, `it has ${said}, and the .log has ${expected.trim()}`)
  }

  private async checkLogStart(first: number): Promise<void> {
    const path = `${this.options.directory}/${LOG_START_FILE}`
    const bytes = await readFile(this.options.disk, path)
    const start = bytes === undefined ? 0 : this.numberIn(bytes)
    // A crash may take an end that was deleted up to, where flush.policy let it be without a sync.
    if (start === undefined || (start > this.end && this.options.clean)) {
      await this.note('log-start-invalid', path, `it is no offset from 0 to the log's end, ${this.end}`)
    } else if (start < first) {
      const missing = `offsets ${start} to ${first - 1} are missing before it`
      await this.note('offset-gap', this.path(first, 'log'), missing, 0)
    }
  }

  private numberIn(bytes: Buffer): number | undefined {
    const text = bytes.toString('latin1')
    const number = Number(text)
    return /^\d+\n$/.test(text) && Number.isSafeInteger(number) ? number : undefined
  }

  private async checkNames(): Promise<void> {
    const bases = new Set(this.bases)
    for (const [name, replaced] of this.view.swaps) {
      const message = `a compacted segment takes the place of those from offset ${replaced.join(', ')} on`
      await this.note('unfinished-compaction', `${this.options.directory}/${name}`, message)
    }
    for (const name of this.names) {
      if (KNOWN_NAMES.includes(name)) continue
      const suffix = SUFFIXES.find((known) => baseOffsetIn(name, known) !== undefined)
      const path = `${this.options.directory}/${name}`
      if (suffix === 'cut') await this.note('cut-tail', path, 'it is kept for whoever wants to look at it')
      else if (isUnfinished(name)) await this.note('unfinished-compaction', path, 'it is of no use')
      else if (suffix === undefined) await this.note('leftover-file', path, 'its name means nothing here')
      else if (suffix !== 'snapshot' && !bases.has(baseOffsetIn(name, suffix) as number)) {
        await this.note('leftover-file', path, 'there is no .log that it would belong to')
      }
    }
  }

  /** Runs `work`; what the system says against it is a finding. */
  private async guard<T>(file: string, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work()
    } catch (error) {
      if (typeof (error as NodeJS.ErrnoException).code !== 'string' || !(error instanceof Error)) throw error
      if (!('syscall' in error) && (error as NodeJS.ErrnoException).code !== 'EIO') throw error
      this.skipDamage()
      await this.note('unreadable-file', file, error.message)
      return undefined
    }
  }

  private note(kind: FindingKind, file: string, message: string, position?: number): Promise<void> {
    return this.options.report(findingOf(kind, file, message, position))
  }

  private path(baseOffset: number, suffix: SegmentSuffix): string {
    return this.view.path(baseOffset, suffix)
  }
}
