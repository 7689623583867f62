import { checksum, MillraceError, type RecordBatch } from '@millrace/record'
import { type DiskFile, writeNewFile } from './disk.ts'
import { CLEANED_SUFFIXES, type CleanedSuffix, checksumText, cleanedFileName } from './file-names.ts'
import type { LogContext } from './log-context.ts'
import { SegmentIndexes } from './segment-indexes.ts'
import { type AbortedTransaction, TransactionIndex } from './transaction-index.ts'

/**
 * Gathered bytes that are worth a write and a sync. A commit's sync that comes meanwhile waits until these are on disk
 * too, because file systems with a journal, such as ext4, have one for all files: so they are few.
 */
const WRITE_BYTES = 1 << 20
const FIRST_BYTES = 256 << 10
/** Positions in an index are int32. */
const MAX_LOG_BYTES = 2 ** 31 - 1

/**
 * A segment in the making, under names of its own: what compaction leaves of others. Batches are added in offset order,
 * without gaps. Nobody reads it before a swap has put it in the others' place.
 */
export class CleanedSegment {
  readonly directory: string
  readonly baseOffset: number
  readonly indexes = new SegmentIndexes()
  readonly aborts = new TransactionIndex()
  private readonly context: LogContext
  private readonly file: DiskFile
  private readonly indexIntervalBytes: number
  private end: number
  private size = 0
  private sum = 0
  private buffer = Buffer.allocUnsafeSlow(FIRST_BYTES)
  private buffered = 0
  private closed = false

  private constructor(
    context: LogContext,
    file: DiskFile,
    place: { directory: string; baseOffset: number; indexIntervalBytes: number },
  ) {
    this.context = context
    this.file = file
    this.directory = place.directory
    this.baseOffset = place.baseOffset
    this.indexIntervalBytes = place.indexIntervalBytes
    this.end = place.baseOffset
  }

  static async create(
    context: LogContext,
    place: { directory: string; baseOffset: number; indexIntervalBytes: number },
  ): Promise<CleanedSegment> {
    const path = `${place.directory}/${cleanedFileName(place.baseOffset, 'log')}`
    await context.disk.remove(path)
    return new CleanedSegment(context, await context.disk.open(path, { create: true }), place)
  }

  get sizeBytes(): number {
    return this.size
  }

  /** The offset after the last batch. */
  get nextOffset(): number {
    return this.end
  }

  /** Takes a copy of a batch. */
  add(batch: RecordBatch): void {
    const { buffer: bytes, nextOffset } = batch
    if (this.size + bytes.length > MAX_LOG_BYTES)
      throw new MillraceError('STORAGE_FAILED', 'a compacted segment is larger than a segment can be')
    if (this.buffered + bytes.length > this.buffer.length) this.grow(this.buffered + bytes.length)
    bytes.copy(this.buffer, this.buffered)
    this.buffered += bytes.length
    this.sum = checksum(bytes, this.sum)
    this.indexes.add(batch, nextOffset - 1 - this.baseOffset, this.size, this.indexIntervalBytes)
    this.size += bytes.length
    this.end = nextOffset
  }

  /** Takes note of what the marker that was added last aborts. */
  addAborted(aborted: AbortedTransaction): void {
    this.aborts.append(aborted)
  }

  /** Writes and syncs what was added, once that is enough to be worth it. @returns bytes that were written */
  async flush(): Promise<number> {
    return this.buffered < WRITE_BYTES ? 0 : this.write()
  }

  private async write(): Promise<number> {
    const bytes = this.buffered
    if (bytes === 0) return 0
    await this.file.writev([this.buffer.subarray(0, bytes)], this.size - bytes)
    this.buffered = 0
    await this.file.datasync()
    return bytes
  }

  /**
   * Writes all files and makes them durable. Nothing may be added any more.
   * @param hadAborts whether what it replaces may have a transaction index, which must then not stay behind
   */
  async finish(hadAborts: boolean): Promise<void> {
    const { disk } = this.context
    await this.write()
    await this.close()
    this.indexes.finish()
    await writeNewFile(disk, this.path('index'), this.indexes.offsets.fileBytes)
    await writeNewFile(disk, this.path('timeindex'), this.indexes.times.fileBytes)
    if (hadAborts) await writeNewFile(disk, this.path('txnindex'), this.aborts.fileBytes)
    await writeNewFile(disk, this.path('crc'), Buffer.from(checksumText(this.sum)))
    await disk.syncDirectory(this.directory)
  }

  /** Removes what was written. */
  async discard(): Promise<void> {
    await this.close().catch(() => {})
    for (const suffix of CLEANED_SUFFIXES) await this.context.disk.remove(this.path(suffix))
  }

  private async close(): Promise<void> {
    if (this.closed) return
    this.closed = true
    await this.file.close()
  }

  private path(suffix: CleanedSuffix): string {
    return `${this.directory}/${cleanedFileName(this.baseOffset, suffix)}`
  }

  private grow(needed: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.buffer.length * 2))
    this.buffer.copy(larger, 0, 0, this.buffered)
    this.buffer = larger
  }
}
