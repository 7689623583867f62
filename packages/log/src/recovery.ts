import { RecordBatch } from '@millrace/record'
import { lastAppendTime } from './append-clock.ts'
import { copyToNewFile, readFile, storageError } from './disk.ts'
import { baseOffsetsIn, LEADER_EPOCH_FILE, LOG_START_FILE, segmentFileName, TEMPORARY_SUFFIX } from './file-names.ts'
import type { PartitionIdentity } from './journal-entry.ts'
import type { JournaledBatch } from './journal-file.ts'
import { fillFromJournal, type JournalReceiver } from './journal-fill.ts'
import { LeaderEpochs } from './leader-epochs.ts'
import type { PartitionLogConfig } from './log-config.ts'
import type { LogContext } from './log-context.ts'
import { PartitionLog } from './partition-log.ts'
import { recoverProducers } from './producer-recovery.ts'
import type { ProducerState } from './producer-state.ts'
import { Segment } from './segment.ts'
import { SegmentIndexes } from './segment-indexes.ts'
import { SegmentList } from './segment-list.ts'
import { type SegmentRest, scanSegment } from './segment-scan.ts'
import { recoverSwaps } from './segment-swap.ts'
import { rebuildTransactionIndex } from './transaction-index-rebuild.ts'

/** So many starts no partition ever sees. */
const UNBELIEVED_EPOCH = 2 ** 30

export interface OpenOptions {
  readonly directory: string
  readonly identity: PartitionIdentity
  readonly config: PartitionLogConfig
  /** Whether the last shutdown was clean; then the files are what it left. */
  readonly clean: boolean
  /** What the journal has of this partition, oldest first. */
  readonly journaled?: readonly JournaledBatch[] | undefined
}

/**
 * Opens the log in a partition's directory, which must exist: see `PartitionRecovery`.
 * @throws MillraceError STORAGE_FAILED, DISK_FULL
 */
export async function openPartitionLog(context: LogContext, options: OpenOptions): Promise<PartitionLog> {
  const recovery = await PartitionRecovery.begin(context, options)
  await fillFromJournal(context.files, [recovery])
  return recovery.finish()
}

/**
 * Opens the log in a partition's directory, which must exist, and makes its first segment where there is none. `begin`
 * finds what is there, `fillFromJournal`, for all partitions at once, gives it what only the journal has, and `finish`
 * makes a log of it.
 *
 * Sealed segments are whole: their checksum file was written after they were synced. After a shutdown that was not
 * clean, every other segment is scanned, which checks each batch, makes the indexes again, and cuts the last one off
 * behind its last whole batch; the bytes that are cut off are kept in a `.cut` file. What is damaged but was on disk
 * before the crash is kept; see `scanSegment`. What the journal has behind that end is written to it, because segments
 * that rely on the journal are not synced.
 *
 * What remains, and the names in the directory, may have been written without a sync (the process died, the machine did
 * not), so they are synced before anybody reads them; what may not have reached the disk is written again first, because
 * after a sync that failed the system believes pages to be on disk that are not. Then the leader epoch rises: in memory,
 * because a start with thousands of partitions must not write a file for each. It is on disk before the first batch that
 * bears it.
 */
export class PartitionRecovery implements JournalReceiver {
  /** What the journal has behind the end of what was found. */
  lacking: readonly JournaledBatch[] = []
  private readonly context: LogContext
  private readonly options: OpenOptions
  private readonly directory: string
  private readonly journaled: readonly JournaledBatch[]
  /** Whether the end of the log is known to be as the last shutdown left it. */
  private asLeft: boolean
  /** Whether the file that was written to last was there after a crash, and empty. */
  private wasEmpty = false
  private names: readonly string[] = []
  private epochs!: LeaderEpochs
  private logStart = 0
  /** All before it was on disk once. */
  private durableEnd = 0
  private segments: Segment[] = []
  /** Segments of which each batch was found to be whole. */
  private readonly checked = new Set<Segment>()
  /** Segments with markers, whose transaction indexes must be made again. */
  private readonly marked = new Set<Segment>()
  private failure: unknown

  private constructor(context: LogContext, options: OpenOptions) {
    this.context = context
    this.options = options
    this.directory = options.directory
    this.journaled = options.journaled ?? []
    this.asLeft = options.clean
  }

  /** @throws MillraceError STORAGE_FAILED, DISK_FULL */
  static async begin(context: LogContext, options: OpenOptions): Promise<PartitionRecovery> {
    const recovery = new PartitionRecovery(context, options)
    await recovery.explained(() => recovery.find())
    return recovery
  }

  /** Takes the next of what it lacks. When that fails, so does `finish`. */
  async take(batches: readonly Buffer[]): Promise<void> {
    if (this.failure !== undefined) return
    const { active } = this
    try {
      await active.write(batches)
      for (const bytes of batches) {
        const batch = RecordBatch.at(bytes)
        this.noteMarker(active, batch)
        active.advance(batch, batch.nextOffset, this.options.config.indexIntervalBytes)
      }
    } catch (error) {
      this.failure = error
    }
  }

  /** @throws MillraceError STORAGE_FAILED, DISK_FULL */
  finish(): Promise<PartitionLog> {
    return this.explained(async () => {
      if (this.failure !== undefined) throw this.failure
      const { context, directory, durableEnd, epochs } = this
      if (!this.asLeft && this.active.sizeBytes > 0) await this.active.sync()
      const { nextOffset } = this.active
      if (nextOffset < durableEnd) {
        context.logger.error(
          { directory, from: nextOffset, upTo: durableEnd },
          'records that were on disk are not there',
        )
      }
      await this.beginAtLogStart()
      const { segments } = this
      await this.rebuildTransactionIndexes()
      const { clean } = this.options
      const { producers, snapshots } = await recoverProducers(
        context,
        directory,
        this.names,
        segments,
        this.checked,
        clean,
      )
      if (!this.asLeft) await context.disk.syncDirectory(directory)
      if (epochs.latest < 0) await this.beginEpochs()
      else if (!this.asLeft) epochs.raise(this.active.nextOffset)
      const { identity, config } = this.options
      const logStartOffset = Math.max(this.logStart, (segments[0] as Segment).baseOffset)
      const list = new SegmentList(context, directory, segments, snapshots)
      const mustCut = this.wasEmpty && this.active.sizeBytes === 0
      const appendTime = config.timestampType === 'LogAppendTime' ? await lastAppendTime(segments) : 0
      await this.removeDeleted(list, producers)
      return new PartitionLog(context, {
        identity,
        config,
        segments: list,
        producers,
        epochs,
        logStartOffset,
        mustCut,
        appendTime,
      })
    })
  }

  private get active(): Segment {
    return this.segments.at(-1) as Segment
  }

  private async find(): Promise<void> {
    const { disk } = this.context
    this.names = await recoverSwaps(disk, this.directory, await disk.list(this.directory))
    for (const name of this.names) {
      if (name.endsWith(TEMPORARY_SUFFIX)) await disk.remove(`${this.directory}/${name}`)
    }
    this.epochs = await this.openEpochs()
    this.logStart = await this.readLogStart()
    this.durableEnd = this.findDurableEnd()
    this.segments = await this.openSegments()
    if (!this.asLeft) this.lacking = this.journaledFrom(this.active.nextOffset)
  }

  /**
   * Snapshots are written, and leader epochs begin, behind what was synced; a batch is in the journal when those before
   * it are committed, and what the journal does not have of them was synced.
   */
  private findDurableEnd(): number {
    const epochStart = this.epochs.entries.at(-1)?.startOffset ?? 0
    const journalStart = this.journaled[0]?.baseOffset ?? 0
    return Math.max(epochStart, journalStart, ...baseOffsetsIn(this.names, 'snapshot'))
  }

  private async openSegments(): Promise<Segment[]> {
    const { context, directory } = this
    const bases = baseOffsetsIn(this.names, 'log')
    if (bases.length === 0) return [await Segment.create(context, directory, this.logStart)]
    const sealed = new Set(baseOffsetsIn(this.names, 'crc'))
    const segments: Segment[] = []
    for (const [index, baseOffset] of bases.entries()) {
      const nextBase = bases[index + 1]
      if (nextBase === undefined) segments.push(await this.openLast(baseOffset, sealed.has(baseOffset)))
      else if (sealed.has(baseOffset)) segments.push(await this.openSealed(baseOffset, nextBase))
      else segments.push(await this.openClosed(baseOffset, nextBase))
    }
    return segments
  }

  private async openSealed(baseOffset: number, nextBase: number): Promise<Segment> {
    const segment = await Segment.openSealed(this.context, this.directory, baseOffset, nextBase)
    if (this.names.includes(segmentFileName(baseOffset, 'txnindex'))) segment.aborts.useFile()
    return segment
  }

  private async openClosed(baseOffset: number, nextBase: number): Promise<Segment> {
    const { segment, rest } = await this.scan(baseOffset, nextBase)
    // Nothing is cut off: what follows it was acknowledged.
    if (segment.nextOffset < nextBase) segment.keepDamaged(rest.fileBytes, nextBase)
    await segment.sync()
    return segment
  }

  private async openLast(baseOffset: number, wasSealed: boolean): Promise<Segment> {
    const { context, directory } = this
    if (wasSealed) {
      // The segment behind it is gone, so that this one is written to again; its checksum will not hold.
      await context.disk.remove(`${directory}/${segmentFileName(baseOffset, 'crc')}`)
      await context.disk.syncDirectory(directory)
    }
    const found = this.options.clean ? await Segment.openActive(context, directory, baseOffset) : undefined
    if (found !== undefined) return found
    this.asLeft = false
    const { segment, rest } = await this.scan(baseOffset, undefined)
    if (segment.sizeBytes < rest.fileBytes) await this.cutTail(segment, rest)
    if (segment.sizeBytes > 0) await segment.rewriteFrom(await this.unsyncedFrom(segment))
    this.wasEmpty = segment.sizeBytes === 0
    return segment
  }

  private async scan(
    baseOffset: number,
    nextBase: number | undefined,
  ): Promise<{ segment: Segment; rest: SegmentRest }> {
    const segment = new Segment(this.context, this.directory, baseOffset, new SegmentIndexes())
    const rest = await scanSegment(this.context, segment, {
      nextBase,
      durableEnd: nextBase ?? this.durableEnd,
      journaled: this.journaled,
      indexIntervalBytes: this.options.config.indexIntervalBytes,
      onBatch: (batch) => this.noteMarker(segment, batch),
    })
    if (rest.isIntact) this.checked.add(segment)
    segment.estimateStart()
    return { segment, rest }
  }

  private noteMarker(segment: Segment, batch: RecordBatch): void {
    if (batch.isControl) this.marked.add(segment)
  }

  private async rebuildTransactionIndexes(): Promise<void> {
    for (const segment of this.segments) {
      if (this.marked.has(segment))
        segment.aborts.replace(await rebuildTransactionIndex(this.context, segment, this.segments))
    }
  }

  /**
   * The position in the last segment from which on it may not be on disk: what one round wrote, and what relies on the
   * journal.
   */
  private async unsyncedFrom(segment: Segment): Promise<number> {
    const { sizeBytes } = segment
    const ofRound = Math.max(sizeBytes - this.context.limits.pendingBytesPerPartition, 0)
    const first = this.journaled[0]?.baseOffset ?? segment.nextOffset
    if (first >= segment.nextOffset) return ofRound
    return first <= segment.baseOffset ? 0 : Math.min(ofRound, (await segment.placeOf(first)).position)
  }

  private journaledFrom(end: number): JournaledBatch[] {
    const lacking: JournaledBatch[] = []
    let due = end
    for (const batch of this.journaled) {
      if (batch.baseOffset < due) continue
      if (batch.baseOffset > due) {
        const { directory } = this
        this.context.logger.error({ directory, from: due, to: batch.baseOffset }, 'the journal leaves a gap')
        break
      }
      lacking.push(batch)
      due = batch.nextOffset
    }
    return lacking
  }

  private async cutTail(segment: Segment, { fileBytes, reason, batches, records }: SegmentRest): Promise<void> {
    const { disk, files, logger } = this.context
    const { sizeBytes: position, nextOffset: offset } = segment
    const cut = { file: segment.path('log'), position, bytes: fileBytes - position, offset, reason }
    if (batches > 0) {
      logger.error(
        { ...cut, batches, records },
        'the end of a segment is cut off and kept beside, with whole batches behind a place that is not: they may have been acknowledged',
      )
    } else {
      logger.warn(cut, 'the end of a segment is not whole, as a crash leaves it; it is cut off and kept beside')
    }
    await files.use(segment.path('log'), (file) => copyToNewFile(disk, file, position, fileBytes, segment.path('cut')))
    await segment.cut()
  }

  /** Records were deleted up to an end that was not synced, and lost? Offsets go on behind it all the same. */
  private async beginAtLogStart(): Promise<void> {
    if (this.active.nextOffset >= this.logStart) return
    this.segments.push(await Segment.create(this.context, this.directory, this.logStart))
  }

  /**
   * A crash came before the removal of what lies wholly before the log start was done. It goes now, and not before it
   * told what is known of its producers: there may be no snapshot that does.
   */
  private async removeDeleted(list: SegmentList, producers: ProducerState): Promise<void> {
    const { directory, logStart, segments } = this
    const second = segments[1]
    if (second === undefined || second.baseOffset > logStart) return
    try {
      await list.keepProducers(logStart, producers)
    } catch (error) {
      // They are removed with what is deleted next.
      this.context.logger.warn({ err: error, directory }, 'segments before the log start stay')
      return
    }
    list.removeBefore(logStart)
    await list.sealed()
  }

  private async openEpochs(): Promise<LeaderEpochs> {
    const { disk } = this.context
    const path = `${this.directory}/${LEADER_EPOCH_FILE}`
    return this.names.includes(LEADER_EPOCH_FILE) ? LeaderEpochs.open(disk, path) : LeaderEpochs.none(disk, path)
  }

  /** Of a new partition; or of one whose epochs are lost, which must not come again. */
  private async beginEpochs(): Promise<void> {
    const latest = await latestEpochIn(this.segments)
    if (latest >= 0) {
      const { directory } = this
      this.context.logger.error({ directory, latest }, 'the leader epochs are lost; they go on behind those of batches')
    }
    this.epochs.raise(this.active.nextOffset, latest + 1)
    await this.epochs.save()
  }

  private async readLogStart(): Promise<number> {
    if (!this.names.includes(LOG_START_FILE)) return 0
    const bytes = await readFile(this.context.disk, `${this.directory}/${LOG_START_FILE}`)
    const kept = Number(bytes?.toString('latin1').trim() || 0)
    return Number.isSafeInteger(kept) ? Math.max(kept, 0) : 0
  }

  private async explained<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      throw storageError(error, `opening ${this.directory}`)
    }
  }
}

/** The largest leader epoch of the batches in the last segment that has any; -1 when none has. */
async function latestEpochIn(segments: readonly Segment[]): Promise<number> {
  for (const segment of segments.toReversed()) {
    let latest = -1
    await segment.scan((batch) => {
      // No checksum covers it.
      if (batch.hasValidChecksum() && batch.leaderEpoch < UNBELIEVED_EPOCH) latest = Math.max(latest, batch.leaderEpoch)
      return true
    })
    if (latest >= 0) return latest
  }
  return -1
}
