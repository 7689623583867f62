import { MillraceError, RecordBatch } from '@millrace/record'
import { followsOn, type ScanResult, scanBatches } from './batch-scan.ts'
import { copyToNewFile, readFile, storageError } from './disk.ts'
import { baseOffsetsIn, LEADER_EPOCH_FILE, LOG_START_FILE, segmentFileName, TEMPORARY_SUFFIX } from './file-names.ts'
import type { PartitionIdentity } from './journal-entry.ts'
import type { JournaledBatch } from './journal-file.ts'
import { LeaderEpochs } from './leader-epochs.ts'
import type { LogContext } from './log-context.ts'
import { PartitionLog, type RecoveredPartition } from './partition-log.ts'
import type { PartitionLogConfig } from './partition-writer.ts'
import { decodeProducerSnapshot } from './producer-snapshot.ts'
import { ProducerState, type RememberedBatch } from './producer-state.ts'
import { Segment } from './segment.ts'
import { SegmentIndexes } from './segment-indexes.ts'
import { SegmentList } from './segment-list.ts'
import { recoverSwaps } from './segment-swap.ts'

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
 * Opens the log in a partition's directory, which must exist, and makes its first segment where there is none.
 *
 * Sealed segments are whole: their checksum file was written after they were synced. After a shutdown that was not
 * clean, every other segment is scanned, which checks each batch, makes the indexes again, and cuts the last one off
 * behind its last whole batch; the bytes that are cut off are kept in a `.cut` file. What the journal has behind that end
 * is written to it, because segments that rely on the journal are not synced. What remains, and the names in the
 * directory, may have been written without a sync (the process died, the machine did not), so they are synced before
 * anybody reads them; what may not have reached the disk is written again first, because after a sync that failed the
 * system believes pages to be on disk that are not. Then the leader epoch rises: in memory, because a start with
 * thousands of partitions must not write a file for each. It is on disk before the first batch that bears it.
 * @throws MillraceError STORAGE_FAILED, DISK_FULL
 */
export async function openPartitionLog(context: LogContext, options: OpenOptions): Promise<PartitionLog> {
  try {
    const recovered = await new Recovery(context, options).run()
    return new PartitionLog(context, recovered)
  } catch (error) {
    throw storageError(error, `opening ${options.directory}`)
  }
}

class Recovery {
  private readonly context: LogContext
  private readonly options: OpenOptions
  private readonly directory: string
  /** Whether the end of the log is known to be as the last shutdown left it. */
  private asLeft: boolean
  private names: readonly string[] = []

  constructor(context: LogContext, options: OpenOptions) {
    this.context = context
    this.options = options
    this.directory = options.directory
    this.asLeft = options.clean
  }

  async run(): Promise<RecoveredPartition> {
    const { context, directory } = this
    const { identity, config } = this.options
    this.names = await recoverSwaps(context.disk, directory, await context.disk.list(directory))
    for (const name of this.names) {
      if (name.endsWith(TEMPORARY_SUFFIX)) await context.disk.remove(`${directory}/${name}`)
    }
    const epochs = await this.openEpochs()
    const keptStart = await this.readLogStart()
    const segments = await this.openSegments(keptStart)
    const active = segments.at(-1) as Segment
    const logStartOffset = Math.max(keptStart, (segments[0] as Segment).baseOffset)
    const { producers, snapshots } = await this.recoverProducers(segments)
    const isNew = epochs.latest < 0
    if (!this.asLeft) await context.disk.syncDirectory(directory)
    if (isNew || !this.asLeft) epochs.raise(active.nextOffset)
    if (isNew) await epochs.save()
    const list = new SegmentList(context, directory, segments, snapshots)
    return { identity, config, segments: list, producers, epochs, logStartOffset }
  }

  /** @param logStart what lies wholly before it is removed: a crash came before its removal was done */
  private async openSegments(logStart: number): Promise<Segment[]> {
    const bases = baseOffsetsIn(this.names, 'log')
    while (bases.length > 1 && (bases[1] as number) <= logStart) await this.at(bases.shift() as number).remove()
    if (bases.length === 0) return [await Segment.create(this.context, this.directory, logStart)]
    const sealed = new Set(baseOffsetsIn(this.names, 'crc'))
    const segments: Segment[] = []
    for (const [index, baseOffset] of bases.entries()) {
      const nextBase = bases[index + 1]
      if (nextBase === undefined) segments.push(await this.openLast(baseOffset, sealed.has(baseOffset)))
      else if (sealed.has(baseOffset))
        segments.push(await Segment.openSealed(this.context, this.directory, baseOffset, nextBase))
      else segments.push(await this.openScanned(baseOffset, nextBase))
    }
    if ((segments.at(-1) as Segment).nextOffset >= logStart) return segments
    // Records were deleted up to an end that was not synced, and lost. Offsets go on behind it all the same.
    const active = await Segment.create(this.context, this.directory, logStart)
    for (const segment of segments) await segment.remove()
    return [active]
  }

  private at(baseOffset: number): Segment {
    return new Segment(this.context, this.directory, baseOffset)
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
    return this.openScanned(baseOffset, undefined)
  }

  /** @param nextBase where the next segment begins; undefined for the last one, whose end may be torn */
  private async openScanned(baseOffset: number, nextBase: number | undefined): Promise<Segment> {
    const { context } = this
    const segment = new Segment(context, this.directory, baseOffset, new SegmentIndexes())
    const { stop, fileBytes } = await context.files.use(segment.path('log'), async (file) => {
      const size = await file.size()
      const result = await scanBatches(file, 0, size, (batch) => {
        if (!followsOn(batch, segment.nextOffset, nextBase ?? Number.MAX_SAFE_INTEGER)) return false
        if (batch.hasValidChecksum()) {
          segment.advance(batch, batch.nextOffset, this.options.config.indexIntervalBytes)
          return true
        }
        // Only the last segment can be torn. Damage in another one is not cut off: what follows it was acknowledged.
        if (nextBase === undefined) return false
        context.logger.error({ file: segment.path('log'), offset: batch.baseOffset }, 'a stored batch is damaged')
        segment.passOver(batch, batch.nextOffset)
        return true
      })
      return { stop: result, fileBytes: size }
    })
    segment.estimateStart()
    if (nextBase !== undefined && segment.nextOffset < nextBase) segment.keepDamaged(fileBytes, nextBase)
    else if (segment.sizeBytes < fileBytes) await this.cutTail(segment, fileBytes, stop)
    if (nextBase === undefined) {
      if (fileBytes > 0) await segment.rewriteFrom(await this.unsyncedFrom(segment))
      await this.fillFromJournal(segment)
    }
    if (fileBytes > 0 || segment.sizeBytes > 0) await segment.sync()
    return segment
  }

  /**
   * The position in the last segment from which on it may not be on disk: what one round wrote, and what relies on the
   * journal.
   */
  private async unsyncedFrom(segment: Segment): Promise<number> {
    const ofRound = Math.max(segment.sizeBytes - this.context.limits.pendingBytesPerPartition, 0)
    const [first] = this.options.journaled ?? []
    return first === undefined ? ofRound : Math.min(ofRound, await segment.positionOf(first.baseOffset))
  }

  private async fillFromJournal(segment: Segment): Promise<void> {
    for (const { path, position, sizeBytes, baseOffset } of this.options.journaled ?? []) {
      if (baseOffset < segment.nextOffset) continue
      if (baseOffset > segment.nextOffset) {
        const { directory } = this
        this.context.logger.error({ directory, from: segment.nextOffset, to: baseOffset }, 'the journal leaves a gap')
        return
      }
      const bytes = Buffer.allocUnsafeSlow(sizeBytes)
      await this.context.files.use(path, (file) => file.read(bytes, position))
      const batch = RecordBatch.at(bytes)
      await segment.write([bytes])
      segment.advance(batch, batch.nextOffset, this.options.config.indexIntervalBytes)
    }
  }

  private async cutTail(segment: Segment, fileBytes: number, stop: ScanResult): Promise<void> {
    const { context } = this
    const cutBytes = fileBytes - segment.sizeBytes
    context.logger.warn(
      { file: segment.path('log'), position: segment.sizeBytes, bytes: cutBytes, reason: stop.error?.message },
      'the end of a segment is not whole, as a crash leaves it; it is cut off and kept beside',
    )
    await context.files.use(segment.path('log'), (file) =>
      copyToNewFile(context.disk, file, segment.sizeBytes, fileBytes, segment.path('cut')),
    )
    await segment.cut()
  }

  private openEpochs(): Promise<LeaderEpochs> {
    const path = `${this.directory}/${LEADER_EPOCH_FILE}`
    const isThere = this.names.includes(LEADER_EPOCH_FILE)
    return isThere
      ? LeaderEpochs.open(this.context.disk, path)
      : Promise.resolve(LeaderEpochs.none(this.context.disk, path))
  }

  private async readLogStart(): Promise<number> {
    if (!this.names.includes(LOG_START_FILE)) return 0
    const bytes = await readFile(this.context.disk, `${this.directory}/${LOG_START_FILE}`)
    const kept = Number(bytes?.toString('latin1').trim() || 0)
    return Number.isSafeInteger(kept) ? Math.max(kept, 0) : 0
  }

  /** The newest snapshot that can be read, and what was appended after it. */
  private async recoverProducers(segments: Segment[]): Promise<{ producers: ProducerState; snapshots: number[] }> {
    const { disk, limits, logger } = this.context
    const end = (segments.at(-1) as Segment).nextOffset
    const snapshots: number[] = []
    let producers: ProducerState | undefined
    let from = 0
    for (const offset of baseOffsetsIn(this.names, 'snapshot').reverse()) {
      const path = `${this.directory}/${segmentFileName(offset, 'snapshot')}`
      const bytes = await readFile(disk, path)
      try {
        if (offset > end) throw new MillraceError('STORAGE_FAILED', 'it is of a later offset than the log has')
        const decoded = decodeProducerSnapshot(bytes as Buffer, limits.producersPerPartition)
        snapshots.unshift(offset)
        if (producers !== undefined) continue
        producers = decoded
        from = offset
      } catch (error) {
        logger.warn({ err: error, file: path }, 'a producer snapshot is not used')
        await disk.remove(path)
      }
    }
    producers ??= new ProducerState(limits.producersPerPartition)
    await replayProducers(this.context, segments, from, producers)
    return { producers, snapshots }
  }
}

async function replayProducers(
  context: LogContext,
  segments: readonly Segment[],
  from: number,
  producers: ProducerState,
): Promise<void> {
  for (const segment of segments) {
    if (segment.nextOffset <= from) continue
    const start = await segment.positionOf(from)
    await context.files.use(segment.path('log'), (file) =>
      scanBatches(file, start, segment.sizeBytes, (batch) => {
        const remembered = rememberedOf(batch)
        if (remembered === undefined || remembered.baseOffset < from) return true
        producers.add(batch.producerId, remembered, remembered.baseOffset + remembered.lastOffsetDelta + 1)
        return true
      }),
    )
  }
}

/** What is remembered of an idempotent producer's batch; undefined for other batches and for damaged ones. */
function rememberedOf(batch: RecordBatch): RememberedBatch | undefined {
  try {
    const { producerId, producerEpoch, baseSequence, lastOffsetDelta, baseOffset, maxTimestamp: timestamp } = batch
    return producerId < 0 ? undefined : { producerEpoch, baseSequence, lastOffsetDelta, baseOffset, timestamp }
  } catch {
    return undefined
  }
}
