import { MillraceError, type RecordBatch } from '@millrace/record'
import { type BatchVisitor, followsOn, type ScanResult, scanBatches } from './batch-scan.ts'
import { type BatchWindow, type FirstBatch, selectBatches } from './batch-window.ts'
import type { CleanedSegment } from './cleaned-segment.ts'
import { replaceFile, writeNewFile } from './disk.ts'
import { checksumOf } from './file-checksum.ts'
import { checksumText, type SegmentSuffix, segmentFileName, TEMPORARY_SUFFIX } from './file-names.ts'
import { readIndexFiles, rebuildIndexes } from './index-files.ts'
import { type BatchPlace, findIntactBatch, type Stretch } from './intact-batch.ts'
import type { LogContext } from './log-context.ts'
import type { OffsetIndex } from './offset-index.ts'
import { SegmentAborts } from './segment-aborts.ts'
import { SegmentIndexes } from './segment-indexes.ts'
import { type Disagreement, type FoundRecord, findByTime, isFalseTimeEntry, type TimeQuery } from './time-lookup.ts'

/** Read at once when looking for a batch whose place is known to about an index interval. */
const LOOKUP_BYTES = 8 * 1024
const CHUNK_BYTES = 1 << 20
/** Offsets that a segment can hold at most: indexes keep them as int32. */
const MAX_OFFSETS = 2 ** 31

interface WantedBatches {
  readonly offset: number
  readonly maxBytes: number
  readonly end: number
}

export interface SegmentRead {
  readonly batches: readonly Buffer[]
  readonly nextOffset: number
}

/**
 * One `.log` file with its indexes: the batches from `baseOffset` on. The last segment of a partition is written to;
 * the others are closed, and once they are sealed their files never change.
 *
 * `sizeBytes` and `nextOffset` tell what is committed: `write` puts bytes behind it, `advance` takes them in, and no
 * read goes past it. Writing, advancing, cutting and sealing are the partition log's to call, one at a time; reads may
 * come at any moment.
 */
export class Segment {
  readonly baseOffset: number
  /** When the first batch came, in ms since 1970; undefined while the segment is empty. */
  startedAtMs: number | undefined
  /** The aborted transactions whose markers are in it. */
  readonly aborts: SegmentAborts
  private readonly context: LogContext
  private readonly directory: string
  private size = 0
  private end: number
  /** The indexes, kept while no file holds them. */
  private resident: SegmentIndexes | undefined
  private sealed = false
  /** By an attempt to seal it. */
  private areIndexesSaved = false
  private damaged = false
  private largest: number | undefined
  private withdrawal: Promise<void> | undefined

  constructor(context: LogContext, directory: string, baseOffset: number, resident?: SegmentIndexes) {
    this.context = context
    this.directory = directory
    this.baseOffset = baseOffset
    this.end = baseOffset
    this.resident = resident
    this.aborts = new SegmentAborts(context, this.path('txnindex'))
  }

  /** Makes the file of a new segment and syncs its name. A file of that name is what an earlier try left behind. */
  static async create(context: LogContext, directory: string, baseOffset: number): Promise<Segment> {
    const segment = new Segment(context, directory, baseOffset, new SegmentIndexes())
    await segment.removeFiles()
    const file = await context.disk.open(segment.path('log'), { create: true })
    await file.close()
    await context.disk.syncDirectory(directory)
    return segment
  }

  /** A sealed segment that was found on disk. `nextBase` is where the next segment begins. */
  static async openSealed(
    context: LogContext,
    directory: string,
    baseOffset: number,
    nextBase: number,
  ): Promise<Segment> {
    const segment = new Segment(context, directory, baseOffset)
    segment.size = await segment.fileBytes()
    segment.end = nextBase
    segment.sealed = true
    return segment
  }

  /** What compaction made of others, from the moment on at which it takes their place. */
  static fromCleaned(context: LogContext, cleaned: CleanedSegment): Segment {
    const segment = new Segment(context, cleaned.directory, cleaned.baseOffset, cleaned.indexes)
    segment.size = cleaned.sizeBytes
    segment.end = cleaned.nextOffset
    segment.aborts.replace(cleaned.aborts)
    segment.sealed = true
    return segment
  }

  /**
   * The last segment, as a clean shutdown left it; undefined when it does not look like that. Its end is found from the
   * last index entry on.
   */
  static async openActive(context: LogContext, directory: string, baseOffset: number): Promise<Segment | undefined> {
    const segment = new Segment(context, directory, baseOffset)
    segment.size = await segment.fileBytes()
    segment.end = baseOffset + MAX_OFFSETS
    const indexes = await segment.readIndexes()
    if (indexes === undefined) return undefined
    const { offsets } = indexes
    const last = offsets.entries - 1
    const start = last < 0 ? 0 : offsets.positionAt(last)
    segment.end = baseOffset
    const stop = await context.files.use(segment.path('log'), (file) =>
      scanBatches(file, start, segment.size, (batch, position) => {
        const isIndexed = last >= 0 && position === start
        const expected = isIndexed ? baseOffset + offsets.relativeOffsetAt(last) - batch.lastOffsetDelta : segment.end
        if (!batch.hasValidChecksum() || !followsOn(batch, expected, Number.MAX_SAFE_INTEGER)) return false
        segment.end = batch.nextOffset
        return true
      }),
    )
    if (stop.position !== segment.size || !(await segment.aborts.load(segment))) return undefined
    segment.resident = indexes
    segment.estimateStart()
    return segment
  }

  get sizeBytes(): number {
    return this.size
  }

  /** The offset after the last committed batch. */
  get nextOffset(): number {
    return this.end
  }

  /** Whether all of it is known to be whole, its files synced and never written to again. */
  get isSealed(): boolean {
    return this.sealed
  }

  /** Whether recovery found bytes in it that are no batches. */
  get isDamaged(): boolean {
    return this.damaged
  }

  /**
   * Set from before its files are replaced or removed: from then on, whatever was read in it may be of either. Settles
   * when the list of segments has what there is instead.
   */
  get withdrawn(): Promise<void> | undefined {
    return this.withdrawal
  }

  /** @param replaced settles when the list has what there is instead; undefined: it stays after all */
  withdraw(replaced: Promise<void> | undefined): void {
    this.withdrawal = replaced
  }

  path(suffix: SegmentSuffix): string {
    return `${this.directory}/${segmentFileName(this.baseOffset, suffix)}`
  }

  /** Guesses `startedAtMs` of a segment that was found on disk by the first timestamp that its index knows. */
  estimateStart(): void {
    const nowMs = this.context.clock.nowMs()
    const times = this.resident?.times
    if (this.size > 0) this.startedAtMs = times?.entries ? Math.min(times.timestampAt(0), nowMs) : nowMs
  }

  /** Keeps, in a segment that is not the last, bytes that are no batches: reading them gives CORRUPT_BATCH. */
  keepDamaged(fileBytes: number, nextOffset: number): void {
    this.size = fileBytes
    this.end = nextOffset
    this.damaged = true
  }

  /** Writes batches behind what is committed. Until `advance` they are not there for anybody. */
  write(buffers: readonly Buffer[]): Promise<void> {
    return this.context.files.use(this.path('log'), (file) => file.writev(buffers, this.size))
  }

  sync(): Promise<void> {
    return this.context.files.use(this.path('log'), (file) => file.datasync())
  }

  /** Takes in a batch that lies behind what was committed so far. */
  advance(batch: RecordBatch, nextOffset: number, indexIntervalBytes: number): void {
    const indexes = this.resident as SegmentIndexes
    indexes.add(batch, nextOffset - 1 - this.baseOffset, this.size, indexIntervalBytes)
    this.passOver(batch.sizeBytes, nextOffset)
  }

  /** Takes in damaged bytes, which the indexes do not tell of. */
  passOver(sizeBytes: number, nextOffset: number): void {
    this.size += sizeBytes
    this.end = nextOffset
  }

  /** Cuts off, and syncs away, what was written behind the committed end. */
  cut(): Promise<void> {
    return this.context.files.use(this.path('log'), async (file) => {
      await file.truncate(this.size)
      await file.datasync()
    })
  }

  /**
   * Puts a new file in the place of this one, with what is committed in it, and syncs it: after a failed sync, the old
   * file's pages may be marked as written although they are not.
   */
  async replaceFile(): Promise<void> {
    const { disk, files } = this.context
    const path = this.path('log')
    const temporary = `${path}${TEMPORARY_SUFFIX}`
    await disk.remove(temporary)
    const copy = await disk.open(temporary, { create: true })
    try {
      const chunk = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, this.size))
      for (let position = 0; position < this.size; position += chunk.length) {
        const bytes = chunk.subarray(0, Math.min(chunk.length, this.size - position))
        await files.use(path, (file) => file.read(bytes, position))
        await copy.writev([bytes], position)
      }
      await copy.datasync()
    } finally {
      await copy.close()
    }
    await disk.rename(temporary, path)
    await files.drop(path)
    await disk.syncDirectory(this.directory)
  }

  /** Sets the file's size again, and writes what lies from `start` on over itself, so that the next sync covers both. */
  rewriteFrom(start: number): Promise<void> {
    return this.context.files.use(this.path('log'), async (file) => {
      await file.truncate(this.size)
      const chunk = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, Math.max(this.size - start, 0)))
      for (let position = start; position < this.size; position += chunk.length) {
        const bytes = chunk.subarray(0, Math.min(chunk.length, this.size - position))
        await file.read(bytes, position)
        await file.writev([bytes], position)
      }
    })
  }

  /** Writes the index files. They are synced; their names are not. */
  async saveIndexes(): Promise<void> {
    const { disk } = this.context
    if (this.resident === undefined) return
    this.resident.finish()
    await writeNewFile(disk, this.path('index'), this.resident.offsets.fileBytes)
    await writeNewFile(disk, this.path('timeindex'), this.resident.times.fileBytes)
    await this.aborts.save()
  }

  /** Reads the indexes from their files from now on, which must be in place. */
  releaseIndexes(): void {
    this.resident = undefined
    this.aborts.release()
  }

  /**
   * Finishes a segment that is closed and synced: its index files, then its checksum, whose presence says that all of
   * it is whole. Index files of an earlier shutdown must not come back beside it, so that their names are synced first.
   */
  async seal(): Promise<void> {
    // The checksum of an attempt that failed may be in place: index files that are whole are not written again.
    if (!this.areIndexesSaved) {
      await this.saveIndexes()
      await this.context.disk.syncDirectory(this.directory)
      this.areIndexesSaved = true
    }
    const sum = await this.context.files.use(this.path('log'), (file) => checksumOf(file, this.size))
    await replaceFile(this.context.disk, this.path('crc'), Buffer.from(checksumText(sum)))
    this.releaseIndexes()
    this.sealed = true
  }

  /** Shows each of its batches to `visit`; see `scanBatches`. */
  scan(visit: BatchVisitor): Promise<ScanResult> {
    return this.context.files.use(this.path('log'), (file) => scanBatches(file, 0, this.size, visit))
  }

  /** The base timestamp of its first batch, or when that was appended, in ms since 1970; undefined when it has none. */
  async firstTimestamp(): Promise<number | undefined> {
    let first: number | undefined
    await this.scan((batch) => {
      first = batch.isLogAppendTime ? batch.maxTimestamp : batch.baseTimestamp
      return false
    })
    return first
  }

  /** The largest timestamp of its records, in ms since 1970; -1 when there are none. */
  async largestTimestamp(): Promise<number> {
    if (this.largest !== undefined) return this.largest
    const { largestTimestamp } = await this.indexes()
    if (this.sealed) this.largest = largestTimestamp
    return largestTimestamp
  }

  /**
   * The batches from the one that holds `offset` on: up to `maxBytes`, but at least one. Undefined when all batches lie
   * before `offset`.
   * @param end where a batch begins, or the end of the segment or what lies behind it: the batches are those before it
   * @throws MillraceError CORRUPT_BATCH, with `file` and `position`, for a batch that fails its CRC or is not there
   */
  async read(offset: number, maxBytes: number, end = this.end): Promise<SegmentRead | undefined> {
    if (offset >= this.end) return undefined
    const wanted = { offset, maxBytes, end }
    const { offsets } = await this.indexes()
    const entry = offsets.entryFor(Math.max(offset - this.baseOffset, 0))
    const first: FirstBatch =
      entry < 0
        ? { baseOffset: this.baseOffset }
        : { nextOffset: this.baseOffset + offsets.relativeOffsetAt(entry) + 1 }
    try {
      return await this.readFrom(entry < 0 ? 0 : offsets.positionAt(entry), first, wanted)
    } catch (error) {
      if (!(error instanceof MillraceError)) throw error
      // Damage before the batch that is wanted, or in the index, must not keep it from being read.
      const { position, baseOffset } = await this.placeOf(offset)
      return this.readFrom(position, { baseOffset }, wanted)
    }
  }

  private async readFrom(start: number, known: FirstBatch, wanted: WantedBatches): Promise<SegmentRead> {
    const { sizeBytes } = this
    const { offset, maxBytes } = wanted
    let position = start
    let first = known
    let length = maxBytes + LOOKUP_BYTES
    while (position < sizeBytes) {
      const bytes = await this.readAt(position, Math.min(length, sizeBytes - position))
      const window = this.selectBatches(bytes, position, wanted, first)
      if (window.to > window.from) {
        return { batches: [bytes.subarray(window.from, window.to)], nextOffset: window.nextOffset }
      }
      position += window.from
      first = window.from === 0 ? first : { baseOffset: window.expectedOffset }
      length = Math.max(window.neededBytes, LOOKUP_BYTES)
      if (position < sizeBytes && position + window.neededBytes > sizeBytes) {
        throw this.corrupt(position, 'a batch is cut off')
      }
    }
    throw this.corrupt(position, `the batches end before offset ${offset}`)
  }

  private findIntact(index: OffsetIndex, offset: number): Promise<BatchPlace> {
    return this.context.files.use(this.path('log'), (file) => findIntactBatch(file, this.stretch, index, offset))
  }

  /** The first record from `fromOffset` on whose timestamp is `timestampMs` or later, or undefined. */
  async findTimestamp(timestampMs: number, fromOffset: number): Promise<FoundRecord | undefined> {
    const { limits, unpacking } = this.context
    const query = { timestampMs, fromOffset, decompressedBytes: limits.decompressedBytes, unpacking }
    const found = await this.searchByTime(await this.indexes(), query)
    if (found === undefined || 'offset' in found) return found
    if (this.resident !== undefined) throw this.corrupt(found.position, found.reason)
    this.warnOfIndexes(found.reason)
    this.context.indexes.drop(this)
    const again = await this.searchByTime(await this.context.indexes.get(this, () => this.rebuildIndexes()), query)
    if (again === undefined || 'offset' in again) return again
    throw this.corrupt(again.position, again.reason)
  }

  private async searchByTime(
    indexes: SegmentIndexes,
    query: TimeQuery,
  ): Promise<FoundRecord | Disagreement | undefined> {
    if (indexes.largestTimestamp < query.timestampMs) return undefined
    return this.explained(() =>
      this.context.files.use(this.path('log'), (file) => findByTime(file, this.stretch, indexes, query)),
    )
  }

  /**
   * Where the batch lies that holds `offset`.
   * @throws MillraceError CORRUPT_BATCH when it is damaged or not there
   */
  async placeOf(offset: number): Promise<BatchPlace> {
    const { offsets } = await this.indexes()
    return this.explained(() => this.findIntact(offsets, offset))
  }

  /** Removes the segment's files. Reads that are under way finish or fail with ENOENT. */
  async remove(): Promise<void> {
    this.withdrawal ??= Promise.resolve()
    await this.removeFiles()
  }

  private async removeFiles(): Promise<void> {
    const { disk, files, indexes } = this.context
    indexes.drop(this)
    await files.drop(this.path('log'))
    await disk.remove(this.path('crc'))
    await this.aborts.remove()
    for (const suffix of ['index', 'timeindex', 'log'] as const) await disk.remove(this.path(suffix))
  }

  private indexes(): Promise<SegmentIndexes> {
    if (this.resident !== undefined) return Promise.resolve(this.resident)
    return this.context.indexes.get(this, () => this.loadIndexes())
  }

  private async loadIndexes(): Promise<SegmentIndexes> {
    const indexes = await this.readIndexes()
    if (indexes !== undefined) return indexes
    this.warnOfIndexes('they are missing, or cannot be of this log')
    return this.rebuildIndexes()
  }

  private warnOfIndexes(reason: string): void {
    this.context.logger.warn(
      { file: this.path('log'), reason },
      'the indexes of a segment are missing or damaged; they are made again',
    )
  }

  private async readIndexes(): Promise<SegmentIndexes | undefined> {
    const paths = { index: this.path('index'), timeindex: this.path('timeindex') }
    const indexes = await readIndexFiles(this.context.disk, paths, this.stretch)
    return indexes !== undefined && (await this.tellsLargestTimestamp(indexes)) ? indexes : undefined
  }

  /** Whether the last entry of a time index, by which whole segments are passed over, can be right. */
  private async tellsLargestTimestamp(indexes: SegmentIndexes): Promise<boolean> {
    const { entries } = indexes.times
    if (!this.sealed || entries === 0) return true
    return this.context.files.use(
      this.path('log'),
      async (file) => !(await isFalseTimeEntry(file, this.stretch, indexes, entries - 1)),
    )
  }

  private async fileBytes(): Promise<number> {
    return this.context.files.use(this.path('log'), (file) => file.size())
  }

  private rebuildIndexes(): Promise<SegmentIndexes> {
    return this.context.files.use(this.path('log'), (file) => rebuildIndexes(file, this.stretch))
  }

  private async readAt(position: number, length: number): Promise<Buffer> {
    const bytes = Buffer.allocUnsafeSlow(length)
    const filled = await this.context.files.use(this.path('log'), (file) => file.read(bytes, position))
    if (filled < length) throw this.corrupt(position + filled, 'the file is shorter than what was written')
    return bytes
  }

  private selectBatches(bytes: Buffer, position: number, wanted: WantedBatches, first: FirstBatch): BatchWindow {
    try {
      return selectBatches(bytes, wanted.offset, wanted.maxBytes, first, wanted.end)
    } catch (error) {
      throw this.located(error, position)
    }
  }

  private get stretch(): Stretch {
    return { baseOffset: this.baseOffset, nextOffset: this.end, sizeBytes: this.size }
  }

  /** Does `work`; the error that it finds in the log names the file. */
  private async explained<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      throw this.located(error, 0)
    }
  }

  /** @param start where in the file the positions that an error names are counted from */
  private located(error: unknown, start: number): unknown {
    if (!(error instanceof MillraceError)) return error
    return this.corrupt(start + Number(error.details.position ?? 0), error.message)
  }

  private corrupt(position: number, reason: string): MillraceError {
    // Within the data directory: where that lies is no client's business.
    const file = `${this.directory.slice(this.directory.lastIndexOf('/') + 1)}/${segmentFileName(this.baseOffset, 'log')}`
    return new MillraceError('CORRUPT_BATCH', `${file} at byte ${position}: ${reason}`, { details: { file, position } })
  }
}
