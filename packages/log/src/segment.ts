import { checksum, MillraceError, type RecordBatch } from '@millrace/record'
import { followsOn, scanBatches } from './batch-scan.ts'
import { type BatchWindow, type FirstBatch, selectBatches } from './batch-window.ts'
import { readFile, replaceFile, writeNewFile } from './disk.ts'
import { type SegmentSuffix, segmentFileName, TEMPORARY_SUFFIX } from './file-names.ts'
import type { LogContext } from './log-context.ts'
import { OffsetIndex } from './offset-index.ts'
import { SegmentIndexes } from './segment-indexes.ts'
import { TimeIndex } from './time-index.ts'

/** Read at once when looking for a batch whose place is known to about an index interval. */
const LOOKUP_BYTES = 16 * 1024
const CHUNK_BYTES = 1 << 20
/** Kafka's default of `index.interval.bytes`. */
const REBUILT_INTERVAL_BYTES = 4096
/** Offsets that a segment can hold at most: indexes keep them as int32. */
const MAX_OFFSETS = 2 ** 31

export interface SegmentRead {
  readonly batches: readonly Buffer[]
  readonly nextOffset: number
}

/** A record that was looked for by its time. */
export interface FoundRecord {
  readonly offset: number
  readonly timestamp: number
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
  private readonly context: LogContext
  private readonly directory: string
  private size = 0
  private end: number
  /** The indexes, kept while no file holds them. */
  private resident: SegmentIndexes | undefined
  private sealed = false
  private damaged = false
  private largest: number | undefined
  private withdrawal: Promise<void> | undefined
  /** Whether the index files led to where no batch is. */
  private distrusted = false

  constructor(context: LogContext, directory: string, baseOffset: number, resident?: SegmentIndexes) {
    this.context = context
    this.directory = directory
    this.baseOffset = baseOffset
    this.end = baseOffset
    this.resident = resident
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
    if (stop.position !== segment.size) return undefined
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
    this.passOver(batch, nextOffset)
  }

  /** Takes in a damaged batch, which the indexes do not tell of. */
  passOver(batch: RecordBatch, nextOffset: number): void {
    this.size += batch.sizeBytes
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
    await files.drop((open) => open === path)
    await disk.syncDirectory(this.directory)
  }

  /** Writes the last `maxBytes` of the segment over themselves, so that the next sync covers them. */
  rewriteEnd(maxBytes: number): Promise<void> {
    return this.context.files.use(this.path('log'), async (file) => {
      const chunk = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, this.size))
      for (let position = Math.max(this.size - maxBytes, 0); position < this.size; position += chunk.length) {
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
  }

  /**
   * Finishes a segment that is closed and synced: its index files, then its checksum, whose presence says that all of
   * it is whole. Index files of an earlier shutdown must not come back beside it, so that their names are synced first.
   */
  async seal(): Promise<void> {
    await this.saveIndexes()
    await this.context.disk.syncDirectory(this.directory)
    const sum = await this.checksumOfLog()
    await replaceFile(this.context.disk, this.path('crc'), Buffer.from(`${sum.toString(16).padStart(8, '0')}\n`))
    this.resident = undefined
    this.sealed = true
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
   * @throws MillraceError CORRUPT_BATCH, with `file` and `position`, for a batch that fails its CRC or is not there
   */
  async read(offset: number, maxBytes: number): Promise<SegmentRead | undefined> {
    if (offset >= this.end) return undefined
    return this.again(() => this.readBatches(offset, maxBytes, this.size))
  }

  private async readBatches(offset: number, maxBytes: number, sizeBytes: number): Promise<SegmentRead> {
    const { offsets } = await this.indexes()
    const entry = offsets.entryFor(offset - this.baseOffset)
    let position = entry < 0 ? 0 : offsets.positionAt(entry)
    let first: FirstBatch =
      entry < 0
        ? { baseOffset: this.baseOffset }
        : { nextOffset: this.baseOffset + offsets.relativeOffsetAt(entry) + 1 }
    let length = maxBytes + LOOKUP_BYTES
    while (position < sizeBytes) {
      const bytes = await this.readAt(position, Math.min(length, sizeBytes - position))
      const window = this.selectBatches(bytes, position, offset, maxBytes, first)
      if (window.to > window.from) {
        return { batches: [bytes.subarray(window.from, window.to)], nextOffset: window.nextOffset }
      }
      position += window.from
      first = { baseOffset: window.expectedOffset }
      length = Math.max(window.neededBytes, LOOKUP_BYTES)
      if (position < sizeBytes && position + window.neededBytes > sizeBytes)
        throw this.corrupt(position, 'a batch is cut off')
    }
    throw this.corrupt(position, `the batches end before offset ${offset}`)
  }

  /** The first record from `fromOffset` on whose timestamp is `timestampMs` or later, or undefined. */
  findTimestamp(timestampMs: number, fromOffset: number): Promise<FoundRecord | undefined> {
    return this.again(() => this.scanForTimestamp(timestampMs, fromOffset, this.size))
  }

  private async scanForTimestamp(
    timestampMs: number,
    fromOffset: number,
    sizeBytes: number,
  ): Promise<FoundRecord | undefined> {
    const { offsets, times, largestTimestamp } = await this.indexes()
    if (largestTimestamp < timestampMs) return undefined
    const start = offsets.lookup(times.lookup(timestampMs))
    let next = start === 0 ? this.baseOffset : undefined
    let found: FoundRecord | undefined
    const stop = await this.context.files.use(this.path('log'), (file) =>
      scanBatches(file, start, sizeBytes, (batch, position) => {
        next ??= offsetWithin(batch, this.baseOffset)
        if (!followsOn(batch, next, this.end)) throw this.corrupt(position, 'its offsets cannot be there')
        next = batch.nextOffset
        if (isBefore(batch, timestampMs)) return true
        if (!batch.hasValidChecksum()) throw this.corrupt(position, 'the CRC is wrong')
        found = firstAtOrAfter(batch, timestampMs, fromOffset, this.context.limits.decompressedBytes)
        return found === undefined
      }),
    )
    if (stop.error !== undefined) throw this.corrupt(stop.position, stop.error.message)
    return found
  }

  /** A position from which a scan meets the batch that holds `offset`, or the next after it. */
  async positionOf(offset: number): Promise<number> {
    return (await this.indexes()).offsets.lookup(Math.max(offset - this.baseOffset, 0))
  }

  /** Removes the segment's files. Reads that are under way finish or fail with ENOENT. */
  async remove(): Promise<void> {
    this.withdrawal ??= Promise.resolve()
    await this.removeFiles()
  }

  private async removeFiles(): Promise<void> {
    const { disk, files, indexes } = this.context
    indexes.drop(this)
    await files.drop((path) => path === this.path('log'))
    for (const suffix of ['crc', 'index', 'timeindex', 'log'] as const) await disk.remove(this.path(suffix))
  }

  /**
   * Runs `work`, and where it meets damage once more without the index files: they carry no checksum, and a wrong entry
   * looks like a damaged batch.
   */
  private async again<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof MillraceError) || this.resident !== undefined || this.distrusted) throw error
      this.distrusted = true
      this.context.indexes.drop(this)
      return work()
    }
  }

  private indexes(): Promise<SegmentIndexes> {
    if (this.resident !== undefined) return Promise.resolve(this.resident)
    return this.context.indexes.get(this, () => this.loadIndexes())
  }

  private async loadIndexes(): Promise<SegmentIndexes> {
    const indexes = this.distrusted ? undefined : await this.readIndexes()
    if (indexes !== undefined) return indexes
    this.context.logger.warn(
      { file: this.path('log') },
      'the indexes of a segment are missing or damaged; they are made again',
    )
    return this.rebuildIndexes()
  }

  /** The content of the index files; undefined when they are missing or do not fit the log. */
  private async readIndexes(): Promise<SegmentIndexes | undefined> {
    const { disk } = this.context
    const offsetBytes = await readFile(disk, this.path('index'))
    const timeBytes = await readFile(disk, this.path('timeindex'))
    if (offsetBytes === undefined || timeBytes === undefined) return undefined
    const offsets = new OffsetIndex(offsetBytes)
    const times = new TimeIndex(timeBytes)
    const whole = offsets.fileBytes.length === offsetBytes.length && times.fileBytes.length === timeBytes.length
    const fits = whole && offsets.fits(this.size) && times.fits(this.end - this.baseOffset)
    // The time index of a segment that was finished has at least the largest time.
    if (this.size > 0 && times.entries === 0) return undefined
    return fits ? new SegmentIndexes(offsets, times, this.size) : undefined
  }

  private async fileBytes(): Promise<number> {
    return this.context.files.use(this.path('log'), (file) => file.size())
  }

  /** Damaged batches are left out; behind one that hides where the next begins there is no index. */
  private async rebuildIndexes(): Promise<SegmentIndexes> {
    const indexes = new SegmentIndexes()
    let next = this.baseOffset
    await this.context.files.use(this.path('log'), (file) =>
      scanBatches(file, 0, this.size, (batch, position) => {
        if (!followsOn(batch, next, this.end)) return false
        next = batch.nextOffset
        if (batch.hasValidChecksum()) indexes.add(batch, next - 1 - this.baseOffset, position, REBUILT_INTERVAL_BYTES)
        return true
      }),
    )
    indexes.finish()
    return indexes
  }

  private async readAt(position: number, length: number): Promise<Buffer> {
    const bytes = Buffer.allocUnsafeSlow(length)
    const filled = await this.context.files.use(this.path('log'), (file) => file.read(bytes, position))
    if (filled < length) throw this.corrupt(position + filled, 'the file is shorter than what was written')
    return bytes
  }

  private selectBatches(
    bytes: Buffer,
    position: number,
    offset: number,
    maxBytes: number,
    first: FirstBatch,
  ): BatchWindow {
    try {
      return selectBatches(bytes, offset, maxBytes, first)
    } catch (error) {
      if (!(error instanceof MillraceError)) throw error
      throw this.corrupt(position + Number(error.details.position ?? 0), error.message)
    }
  }

  private corrupt(position: number, reason: string): MillraceError {
    // Within the data directory: where that lies is no client's business.
    const file = `${this.directory.slice(this.directory.lastIndexOf('/') + 1)}/${segmentFileName(this.baseOffset, 'log')}`
    return new MillraceError('CORRUPT_BATCH', `${file} at byte ${position}: ${reason}`, { details: { file, position } })
  }

  private checksumOfLog(): Promise<number> {
    return this.context.files.use(this.path('log'), async (file) => {
      const chunk = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, Math.max(this.size, 1)))
      let sum = 0
      for (let position = 0; position < this.size; ) {
        const bytes = await file.read(chunk.subarray(0, Math.min(chunk.length, this.size - position)), position)
        if (bytes === 0)
          throw new MillraceError('STORAGE_FAILED', `${this.path('log')} is shorter than what was written`)
        sum = checksum(chunk.subarray(0, bytes), sum)
        position += bytes
      }
      return sum
    })
  }
}

/** A batch's base offset; `least` where it is lower or no number. */
function offsetWithin(batch: RecordBatch, least: number): number {
  try {
    return Math.max(batch.baseOffset, least)
  } catch {
    return least
  }
}

/** Whether all of a batch is before a time; not for one whose time is damaged. */
function isBefore(batch: RecordBatch, timestampMs: number): boolean {
  try {
    return batch.maxTimestamp < timestampMs
  } catch {
    return false
  }
}

/**
 * The first record of a batch from `fromOffset` on at or after a time. A block that does not decompress, which only the
 * client that sent it can read, stands for its header: it must not keep others from finding what comes after it.
 */
function firstAtOrAfter(
  batch: RecordBatch,
  timestampMs: number,
  fromOffset: number,
  maxBytes: number,
): FoundRecord | undefined {
  try {
    for (const { offset, timestamp } of batch.records(maxBytes)) {
      if (timestamp >= timestampMs && offset >= fromOffset) return { offset, timestamp }
    }
    return undefined
  } catch (error) {
    if (!(error instanceof MillraceError)) throw error
    return { offset: Math.max(batch.baseOffset, fromOffset), timestamp: batch.maxTimestamp }
  }
}
