import { checksum, MillraceError, RecordBatch } from '@millrace/record'
import { type ScanResult, scanBatches } from '../batch-scan.ts'
import { findBatch } from '../batch-search.ts'
import type { DiskFile } from '../disk.ts'
import { type Finding, type FindingKind, findingOf, type Report } from './finding.ts'
import type { OffsetIndexCheck } from './verify-offset-index.ts'
import type { TimeIndexCheck } from './verify-time-index.ts'

/** Findings that are gathered before they are told. */
const GATHERED = 100
const CHUNK_BYTES = 1 << 20
const HEADER_BYTES = 61

export interface SegmentCheckOptions {
  /** Path of the `.log`. */
  readonly file: string
  readonly baseOffset: number
  /** Where the next segment begins; undefined for the last one. */
  readonly nextBase: number | undefined
  /** Whether the end may be torn: the last segment after a crash. */
  readonly mayBeTorn: boolean
  /** Whether compaction may have taken records out of batches. */
  readonly mayBeCompacted: boolean
  readonly decompressedBytes: number
  readonly offsets: OffsetIndexCheck | undefined
  readonly times: TimeIndexCheck | undefined
  readonly report: Report
  /** Gets every batch that is whole, in order; false ends the walk before it, until `resume` returned. */
  readonly onBatch: (batch: RecordBatch, position: number, found: Finding[]) => boolean
  /** Called between batches, when something is to be waited for: after `onBatch` said false, and every so often. */
  readonly resume: (nextOffset: number) => Promise<void>
  /** Told of damage. */
  readonly onDamage: () => void
  readonly onProgress: (bytes: number) => void
}

export interface SegmentOutcome {
  /** The offset after the last whole batch. */
  readonly nextOffset: number
  /** CRC-32C of the file. */
  readonly checksum: number
}

/** A batch whose base offset is larger than was due. */
interface Leap {
  readonly due: number
  readonly base: number
  readonly position: number
  /** Where the log goes on if nothing but the base offset is wrong. */
  readonly next: number
}

/**
 * Walks all bytes of a `.log`: each batch by itself, and how it follows on the one before. What is damaged is passed
 * over, and the walk goes on with the next whole batch.
 */
export class SegmentCheck {
  private readonly options: SegmentCheckOptions
  private readonly file: DiskFile
  private readonly size: number
  private found: Finding[] = []
  private sum = 0
  private position = 0
  /** The offset that is due; after damage the least that may come. */
  private due: number
  private afterDamage = false
  private leap: Leap | undefined
  /** Why the batch at `position` cannot be taken; set by `visit`. */
  private damageAt: string | undefined

  constructor(file: DiskFile, size: number, options: SegmentCheckOptions) {
    this.file = file
    this.size = size
    this.options = options
    this.due = options.baseOffset
  }

  async run(): Promise<SegmentOutcome> {
    const { options } = this
    while (this.position < this.size) {
      const stop = await scanBatches(this.file, this.position, this.size, (batch, position) =>
        this.visit(batch, position),
      )
      this.position = stop.position
      await this.tellFound()
      if (this.damageAt !== undefined || stop.error !== undefined) await this.passDamage(stop)
      else if (this.position < this.size) await options.resume(this.due)
    }
    this.endLeap(undefined)
    const { nextBase } = options
    if (nextBase !== undefined && !this.afterDamage && this.due < nextBase) {
      this.note('offset-gap', `offsets ${this.due} to ${nextBase - 1} are missing at the end`, this.size)
    }
    options.offsets?.finish(this.size, this.found)
    options.times?.finish(this.found)
    await this.tellFound()
    return { nextOffset: this.due, checksum: this.sum }
  }

  private visit(batch: RecordBatch, position: number): boolean {
    const { options } = this
    if (this.found.length >= GATHERED) return false
    this.damageAt = this.damageOf(batch)
    if (this.damageAt !== undefined) return false
    if (!options.onBatch(batch, position, this.found)) return false
    this.checkOrder(batch, position)
    this.checkContent(batch, position)
    const relative = batch.lastOffset - options.baseOffset
    const isIndexed = options.offsets?.add(relative, position, this.found) ?? false
    // A batch that compaction emptied has no timestamp that anybody could look for.
    options.times?.add(relative, batch.recordCount === 0 ? -1 : batch.maxTimestamp, isIndexed, this.found)
    this.sum = checksum(batch.buffer, this.sum)
    options.onProgress(batch.sizeBytes)
    return true
  }

  private damageOf(batch: RecordBatch): string | undefined {
    const { baseOffset: first, nextBase = Number.MAX_SAFE_INTEGER } = this.options
    if (!batch.hasValidChecksum()) return 'its CRC is wrong'
    try {
      const { baseOffset, lastOffsetDelta, maxTimestamp } = batch
      if (lastOffsetDelta < 0) return `its last offset delta is ${lastOffsetDelta}`
      if (baseOffset < first || baseOffset + lastOffsetDelta >= nextBase) {
        return `its offsets ${baseOffset} to ${baseOffset + lastOffsetDelta} are not of this segment`
      }
      return Number.isSafeInteger(maxTimestamp) ? undefined : 'its largest timestamp is out of all time'
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
  }

  private checkOrder(batch: RecordBatch, position: number): void {
    const { baseOffset, nextOffset, lastOffsetDelta } = batch
    this.endLeap(baseOffset)
    if (baseOffset > this.due && !this.afterDamage) {
      this.leap = { due: this.due, base: baseOffset, position, next: this.due + lastOffsetDelta + 1 }
    } else if (baseOffset < this.due) {
      this.note('offset-order', `base offset ${baseOffset} where at least ${this.due} is due`, position)
      this.due += lastOffsetDelta + 1
      return
    }
    this.afterDamage = false
    this.due = nextOffset
  }

  /** Tells whether offsets are missing, or only one base offset is damaged, once the next batch is known. */
  private endLeap(nextBase: number | undefined): void {
    const { leap } = this
    if (leap === undefined) return
    this.leap = undefined
    const goesOn = nextBase ?? this.options.nextBase
    if (goesOn === leap.next) {
      this.note('corrupt-batch', `its base offset is ${leap.base}, where ${leap.due} is due`, leap.position)
      this.due = leap.next
    } else {
      this.note('offset-gap', `offsets ${leap.due} to ${leap.base - 1} are missing before it`, leap.position)
    }
  }

  private checkContent(batch: RecordBatch, position: number): void {
    const { recordCount, lastOffsetDelta } = batch
    const { mayBeCompacted, decompressedBytes } = this.options
    const isRight = mayBeCompacted
      ? recordCount >= 0 && recordCount <= lastOffsetDelta + 1
      : recordCount === lastOffsetDelta + 1
    if (!isRight) {
      this.note(
        'invalid-batch',
        `a record count of ${recordCount} with a last offset delta of ${lastOffsetDelta}`,
        position,
      )
      return
    }
    try {
      for (const _ of batch.records(decompressedBytes));
    } catch (error) {
      if (!(error instanceof MillraceError || error instanceof RangeError)) throw error
      // It is stored as it was sent: only who opens it has a limit.
      const isTooLarge = error instanceof MillraceError && error.code === 'BATCH_TOO_LARGE'
      this.note(isTooLarge ? 'records-too-large' : 'unreadable-records', error.message, position)
    }
  }

  /** Finds where the log goes on behind what is damaged at the current position, and says what is lost. */
  private async passDamage(stop: ScanResult): Promise<void> {
    const { options, position } = this
    const reason = this.damageAt ?? stop.error?.message ?? 'it is no batch'
    this.damageAt = undefined
    this.endLeap(undefined)
    const next = await this.findNext(position)
    const end = next ?? this.size
    if (next === undefined && options.mayBeTorn) {
      this.note('torn-tail', `${end - position} bytes are not whole: ${reason}`, position)
    } else {
      const extent = next === undefined ? 'nothing whole follows' : `the next whole batch is at byte ${next}`
      this.note('corrupt-batch', `${reason}; ${extent}`, position)
      options.onDamage()
    }
    await this.sumUp(position, end)
    options.offsets?.skip(position, end, this.found)
    if (next !== undefined) options.times?.skip((await this.baseOffsetAt(next)) - options.baseOffset)
    else options.times?.skip(Number.MAX_SAFE_INTEGER)
    this.afterDamage = true
    this.position = end
    await this.tellFound()
  }

  /** The next batch that is whole, or that lies where the damaged one ends and goes on with its offsets. */
  private async findNext(position: number): Promise<number | undefined> {
    const damaged = this.options.mayBeTorn ? undefined : await this.headerAt(position)
    if (damaged !== undefined) {
      const { end, nextOffset } = damaged
      const following = await this.headerAt(end)
      if (following?.baseOffset === nextOffset && nextOffset > this.due) return end
    }
    const { nextBase: maxOffset = Number.MAX_SAFE_INTEGER } = this.options
    return findBatch(this.file, position + 1, this.size, { minOffset: this.due, maxOffset })
  }

  /** What the header at `position` says, be it right or not; undefined when there is no header. */
  private async headerAt(
    position: number,
  ): Promise<{ baseOffset: number; nextOffset: number; end: number } | undefined> {
    if (position + HEADER_BYTES > this.size) return undefined
    const header = Buffer.alloc(HEADER_BYTES)
    await this.file.read(header, position)
    try {
      const sizeBytes = header.readInt32BE(8) + 12
      header.writeInt32BE(HEADER_BYTES - 12, 8)
      const { baseOffset, nextOffset } = RecordBatch.at(header)
      return position + sizeBytes <= this.size && sizeBytes >= HEADER_BYTES
        ? { baseOffset, nextOffset, end: position + sizeBytes }
        : undefined
    } catch {
      return undefined
    }
  }

  private async baseOffsetAt(position: number): Promise<number> {
    return (await this.headerAt(position))?.baseOffset ?? this.due
  }

  private async sumUp(start: number, end: number): Promise<void> {
    const chunk = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, end - start))
    for (let at = start; at < end; ) {
      const filled = await this.file.read(chunk.subarray(0, Math.min(chunk.length, end - at)), at)
      if (filled === 0) return
      this.sum = checksum(chunk.subarray(0, filled), this.sum)
      this.options.onProgress(filled)
      at += filled
    }
  }

  private note(kind: FindingKind, message: string, position: number): void {
    this.found.push(findingOf(kind, this.options.file, message, position))
  }

  private async tellFound(): Promise<void> {
    const { found } = this
    this.found = []
    for (const finding of found) await this.options.report(finding)
  }
}
