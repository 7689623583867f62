import { type Breathe, gapBatch, MillraceError, type RecordBatch, RecordCursor, Scratch } from '@millrace/record'
import { AbortedBatches } from './aborted-batches.ts'
import { type CompactionRules, compactBatch, openRecords } from './batch-compaction.ts'
import { CleanedSegment } from './cleaned-segment.ts'
import type { CleanerCheckpoint } from './cleaner-checkpoint.ts'
import type { CleanupConfig } from './cleanup-config.ts'
import { type CompactionRange, groupSegments } from './compaction-range.ts'
import { KeyGroup } from './key-group.ts'
import { KeyMap } from './key-map.ts'
import type { LogContext } from './log-context.ts'
import type { ProducerState } from './producer-state.ts'
import type { Segment } from './segment.ts'
import type { SegmentList } from './segment-list.ts'
import type { PartitionTail } from './tail-cache.ts'
import type { Throttle } from './throttle.ts'

/** Bytes that are worked on in one go: what others of the process wait for at most. */
const SLICE_BYTES = 128 << 10

export interface CompactorParts {
  readonly context: LogContext
  readonly segments: SegmentList
  readonly producers: ProducerState
  readonly tail: PartitionTail
}

/** How a pass is run. */
export interface CompactionRun {
  /** Holds for all of the pass. */
  readonly config: { readonly segmentBytes: number; readonly indexIntervalBytes: number }
  readonly cleanup: CleanupConfig
  readonly logStartOffset: number
  /** All before it is decided. */
  readonly lastStableOffset: number
  readonly throttle: Throttle
  /** Ends the pass, which then fails with its reason. What was swapped by then stays. */
  readonly signal: AbortSignal
}

/** One pass of compaction over a range of one partition. */
export class CompactionPass {
  private readonly parts: CompactorParts
  private readonly options: CompactionRun
  private readonly range: CompactionRange
  private readonly map: KeyMap
  private readonly group = new KeyGroup()
  private readonly scratch = new Scratch()
  private readonly unmapped = new Set<number>()
  private aborted = new AbortedBatches([])
  /** Producers with batches that stay and that no marker was found behind so far. */
  private readonly keptOf = new Set<number>()
  /** How far the map reaches. */
  private dirtyTo: number
  private tombstonesDueMs: number | undefined
  private cleaned: CleanedSegment | undefined
  /** Bytes that were walked over since the last pause; and bytes that were read. */
  private workBytes = 0
  private readBytes = 0
  private readonly breathe: Breathe = (bytes) => {
    this.workBytes += bytes
    return this.workBytes < SLICE_BYTES ? undefined : this.pause()
  }

  constructor(parts: CompactorParts, options: CompactionRun, range: CompactionRange) {
    this.parts = parts
    this.options = options
    this.range = range
    this.dirtyTo = range.end
    const dirty = range.segments.filter((segment) => segment.nextOffset > range.dirtyFrom)
    // Compressed ones may hold more.
    const dirtyBytes = dirty.reduce((sum, segment) => sum + segment.sizeBytes, 0)
    this.map = new KeyMap(parts.context.limits.compactionMapBytes, range.end - range.dirtyFrom, dirtyBytes)
  }

  /** @returns how far the partition is compacted afterwards; undefined when segments were deleted meanwhile */
  async run(): Promise<CleanerCheckpoint | undefined> {
    const { context, segments } = this.parts
    const { config } = this.options
    const [first] = this.range.segments as readonly [Segment]
    this.aborted = new AbortedBatches(await segments.abortedBetween(first.baseOffset, this.range.end))
    await this.readKeys()
    const rules = this.rules()
    const groups = groupSegments(this.range.segments, this.dirtyTo, config.segmentBytes)
    let readBytes = 0
    let leftBytes = 0
    for (const group of groups) {
      readBytes += group.reduce((sum, segment) => sum + segment.sizeBytes, 0)
      const bytes = await this.rewrite(group, rules)
      if (bytes === undefined) return undefined
      leftBytes += bytes
    }
    const { directory } = segments
    context.stats.compactions++
    context.stats.compactionReadBytes += readBytes
    context.stats.compactionWrittenBytes += leftBytes
    context.logger.info({ directory, readBytes, leftBytes, keys: this.map.size }, 'a partition was compacted')
    return { firstDirtyOffset: this.dirtyTo, tombstonesDueMs: this.tombstonesDueMs }
  }

  private rules(): CompactionRules {
    const { context, segments, producers } = this.parts
    const { cleanup } = this.options
    const lastOfProducer = new Map<number, number>()
    for (const [producerId, batches] of producers.below(segments.active.baseOffset)) {
      const last = batches.at(-1)
      if (last !== undefined) lastOfProducer.set(producerId, last.baseOffset + last.lastOffsetDelta)
    }
    return {
      lastOffsets: this.map,
      dirtyFrom: this.range.dirtyFrom,
      dirtyTo: this.dirtyTo,
      unmapped: this.unmapped,
      aborted: this.aborted,
      keptOf: this.keptOf,
      logStartOffset: this.options.logStartOffset,
      lastOfProducer,
      nowMs: context.clock.nowMs(),
      deleteRetentionMs: cleanup.deleteRetentionMs,
      decompressedBytes: context.limits.decompressedBytes,
      group: this.group,
      scratch: this.scratch,
    }
  }

  /** Fills the map with what is new, batch by batch, until it is full. */
  private async readKeys(): Promise<void> {
    const { dirtyFrom, end, segments } = this.range
    for (const segment of segments) {
      if (segment.nextOffset <= dirtyFrom) continue
      await this.scan(segment, async (batch) => {
        if (batch.nextOffset <= dirtyFrom || (await this.enterKeys(batch))) return true
        const isFirst = batch.baseOffset <= dirtyFrom
        this.dirtyTo = isFirst ? batch.nextOffset : batch.baseOffset
        if (isFirst) this.passOver(segment, batch)
        return false
      })
      if (this.dirtyTo < end || this.unmapped.size > 0) return
    }
  }

  /** False when the map is full. The keys that it has taken by then do no harm: their records are there. */
  private async enterKeys(batch: RecordBatch): Promise<boolean> {
    if (batch.isControl || this.aborted.has(batch)) return true
    const records = await openRecords(batch, this.parts.context.limits.decompressedBytes, this.breathe)
    if (records === undefined) return true
    const { baseOffset, recordCount, lastOffsetDelta } = batch
    const record = new RecordCursor(records, { recordCount, lastOffsetDelta })
    for (let walked = 0; this.group.fill(record, baseOffset); walked = record.end) {
      if (!this.map.setAll(records, this.group)) return false
      await this.breathe(record.end - walked)
    }
    return true
  }

  /** A batch that fills a whole map by itself would hold up all that comes after it. */
  private passOver(segment: Segment, batch: RecordBatch): void {
    this.unmapped.add(batch.baseOffset)
    this.parts.context.logger.warn(
      { file: segment.path('log'), offset: batch.baseOffset },
      'a batch has more keys than compaction has memory for; it is left as it is',
    )
  }

  /**
   * Writes a group of segments anew as one, and puts it in their place.
   * @returns the bytes of it; undefined when some of them were deleted meanwhile
   */
  private async rewrite(group: readonly Segment[], rules: CompactionRules): Promise<number | undefined> {
    const { context, segments } = this.parts
    const { directory } = segments
    const { baseOffset } = group[0] as Segment
    const { indexIntervalBytes } = this.options.config
    const cleaned = await CleanedSegment.create(context, { directory, baseOffset, indexIntervalBytes })
    this.cleaned = cleaned
    try {
      const hasChanged = await this.fill(cleaned, group, rules)
      if (!hasChanged) {
        await cleaned.discard()
        return cleaned.sizeBytes
      }
      await cleaned.finish(group.some(({ aborts }) => !aborts.isEmpty))
    } catch (error) {
      await cleaned.discard().catch(() => {})
      throw error
    } finally {
      this.cleaned = undefined
    }
    // From here on the files are the list's to clean up.
    return (await segments.swap(group, cleaned)) ? cleaned.sizeBytes : undefined
  }

  /** Writes what stays of a group; returns whether that differs from what is there. */
  private async fill(cleaned: CleanedSegment, group: readonly Segment[], rules: CompactionRules): Promise<boolean> {
    let hasChanged = group.length > 1
    let gapEpoch = 0
    const fillGap = (nextOffset: number): void => {
      if (cleaned.nextOffset < nextOffset) cleaned.add(gapBatch(cleaned.nextOffset, nextOffset, gapEpoch))
    }
    for (const segment of group) {
      await this.scan(segment, async (batch) => {
        const kept = await compactBatch(batch, rules, this.breathe)
        if (kept === undefined) {
          if (cleaned.nextOffset === batch.baseOffset) gapEpoch = batch.leaderEpoch
          hasChanged ||= batch.recordCount > 0 || batch.producerId >= 0
          return true
        }
        hasChanged ||= kept !== batch
        fillGap(kept.baseOffset)
        cleaned.add(kept)
        this.noteTransaction(kept, cleaned)
        this.noteHorizon(kept, rules.nowMs)
        return true
      })
    }
    fillGap((group.at(-1) as Segment).nextOffset)
    await this.pause()
    return hasChanged
  }

  private noteTransaction(kept: RecordBatch, cleaned: CleanedSegment): void {
    if (!kept.isTransactional || kept.recordCount === 0) return
    if (!kept.isControl) {
      this.keptOf.add(kept.producerId)
      return
    }
    this.keptOf.delete(kept.producerId)
    const aborted = this.aborted.endedAt(kept.baseOffset)
    if (aborted !== undefined) cleaned.addAborted(aborted)
  }

  private noteHorizon({ deleteHorizonMs }: RecordBatch, nowMs: number): void {
    // A batch whose time has come has no tombstones any more.
    if (deleteHorizonMs === undefined || deleteHorizonMs <= nowMs) return
    this.tombstonesDueMs = Math.min(this.tombstonesDueMs ?? deleteHorizonMs, deleteHorizonMs)
  }

  /** Shows each batch of a segment to `work`, which ends the scan with false, and lets others have their turn. */
  private async scan(segment: Segment, work: (batch: RecordBatch) => Promise<boolean>): Promise<void> {
    let due = segment.baseOffset
    const stop = await segment.scan(async (batch, position) => {
      if (!batch.hasBaseOffset(due)) throw damaged(segment, position, `offset ${due} is due`)
      if (!batch.hasValidChecksum()) throw damaged(segment, position, 'the CRC is wrong')
      due = batch.nextOffset
      this.readBytes += batch.sizeBytes
      if (!(await work(batch))) return false
      await this.breathe(batch.sizeBytes)
      return true
    })
    if (stop.error !== undefined) throw damaged(segment, stop.position, stop.error.message)
  }

  private async pause(): Promise<void> {
    const { throttle, signal } = this.options
    const bytes = this.readBytes + ((await this.cleaned?.flush()) ?? 0)
    this.readBytes = 0
    this.workBytes = 0
    await throttle.pass(bytes, signal)
    signal.throwIfAborted()
  }
}

function damaged(segment: Segment, position: number, reason: string): MillraceError {
  const file = segment.path('log')
  return new MillraceError('CORRUPT_BATCH', `${file} at byte ${position}: ${reason}; it is not compacted`, {
    details: { file, position },
  })
}
