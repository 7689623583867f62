import type { CleanedSegment } from './cleaned-segment.ts'
import { replaceFile, writeNewFile } from './disk.ts'
import { LOG_START_FILE, segmentFileName } from './file-names.ts'
import type { LogContext } from './log-context.ts'
import { type LargeFile, removePiecewise } from './piecewise-removal.ts'
import { encodeProducerSnapshot } from './producer-snapshot.ts'
import type { ProducerState } from './producer-state.ts'
import { Segment } from './segment.ts'
import { beginSwap, finishSwap, renameLog, undoSwap } from './segment-swap.ts'
import { Serial } from './serial.ts'
import type { AbortedTransaction, TransactionIndex } from './transaction-index.ts'
import { rebuildTransactionIndex } from './transaction-index-rebuild.ts'

/** Snapshots that are kept; an older one serves when the newest is damaged. */
const KEPT_SNAPSHOTS = 2

/**
 * The segments of one partition, in offset order; the last one is written to. There is always one. Closed segments are
 * sealed one after another in the background; `sealed` waits for them.
 */
export class SegmentList {
  readonly directory: string
  private readonly context: LogContext
  private readonly segments: Segment[]
  private snapshots: number[]
  private readonly background = new Serial()
  /** Whether a transaction was ever aborted here, as far as this process knows. */
  private hasAborts: boolean
  private swapCount = 0
  /** Swaps that an error left half done, or half undone. */
  private owed: (() => Promise<void>)[] = []

  constructor(context: LogContext, directory: string, segments: Segment[], snapshots: number[]) {
    this.context = context
    this.directory = directory
    this.segments = segments
    this.snapshots = snapshots
    this.hasAborts = segments.some(({ aborts }) => !aborts.isEmpty)
  }

  get active(): Segment {
    return this.segments.at(-1) as Segment
  }

  get sizeBytes(): number {
    return this.segments.reduce((sum, segment) => sum + segment.sizeBytes, 0)
  }

  get count(): number {
    return this.segments.length
  }

  /** All segments that there are at the moment. */
  all(): readonly Segment[] {
    return [...this.segments]
  }

  /** Rises when segments give way to what compaction made of them. */
  get swaps(): number {
    return this.swapCount
  }

  /** Whether `abortedBetween` may find anything. */
  get mayHaveAborts(): boolean {
    return this.hasAborts
  }

  /** Takes note of a transaction whose marker is in the active segment. */
  addAborted(aborted: AbortedTransaction): void {
    this.hasAborts = true
    this.active.aborts.add(aborted)
  }

  /**
   * The aborted transactions that have batches from `from` on and before `to`, where all are decided, by first offset.
   * @throws Error what reading a file failed with
   */
  async abortedBetween(from: number, to: number): Promise<AbortedTransaction[]> {
    const found: AbortedTransaction[] = []
    for (const segment of this.from(from)) {
      if (segment.aborts.isEmpty) continue
      let index: TransactionIndex | undefined
      let failure: unknown
      try {
        index = await segment.aborts.index(segment, () => rebuildTransactionIndex(this.context, segment, this.segments))
      } catch (error) {
        failure = error
      }
      if (segment.withdrawn !== undefined) {
        await segment.withdrawn
        return this.abortedBetween(from, to)
      }
      if (index === undefined) throw failure
      if (index.collect(from, to, found)) break
    }
    return found.sort((a, b) => a.firstOffset - b.firstOffset)
  }

  /** The segment that holds `offset`, and those after it. */
  from(offset: number): Segment[] {
    let index = this.segments.length - 1
    while (index > 0 && (this.segments[index] as Segment).baseOffset > offset) index--
    return this.segments.slice(index)
  }

  /** Begins a new segment behind the active one, which must be synced, and has that one sealed. */
  async roll(producers: ProducerState): Promise<void> {
    const closed = this.active
    // Now: by the time it is written, a producer's last batches may be others.
    const snapshot = encodeProducerSnapshot(producers, closed.nextOffset)
    this.segments.push(await Segment.create(this.context, this.directory, closed.nextOffset))
    this.inBackground(closed, async () => {
      await this.saveSnapshot(closed.nextOffset, snapshot)
      await closed.seal()
    })
  }

  /** Saves what a clean start needs of the active segment. */
  async saveActive(producers: ProducerState): Promise<void> {
    await this.active.saveIndexes()
    await this.saveSnapshot(this.active.nextOffset, encodeProducerSnapshot(producers, this.active.nextOffset))
    await this.context.disk.syncDirectory(this.directory)
  }

  /**
   * Keeps what is known of the producers of the segments that go with a log start, where no snapshot tells of it: a crash
   * tore it, or it could not be saved. When it returns, that outlives a crash.
   */
  async keepProducers(logStartOffset: number, producers: ProducerState): Promise<void> {
    const [{ baseOffset: from }] = this.from(logStartOffset) as [Segment]
    const isKept = (): boolean => from === this.segments[0]?.baseOffset || (this.snapshots.at(-1) ?? 0) >= from
    if (isKept()) return
    await this.background.run(async () => {
      if (isKept()) return
      // Whatever the policy, what lies before the active segment is synced, and no crash takes the log back behind it.
      const offset = Math.max(from, this.active.baseOffset)
      await this.saveSnapshot(offset, encodeProducerSnapshot(producers, offset))
      await this.context.disk.syncDirectory(this.directory)
    })
  }

  /** Keeps the log start for the next start: when it returns, that outlives a crash. */
  async keepStart(logStartOffset: number): Promise<void> {
    await replaceFile(this.context.disk, `${this.directory}/${LOG_START_FILE}`, Buffer.from(`${logStartOffset}\n`))
  }

  /** Removes, in the background, the segments that lie wholly before the log start, which must be kept by then. */
  removeBefore(logStartOffset: number): void {
    const { disk, stats } = this.context
    this.inBackground(this.active, async () => {
      while (this.segments.length > 1 && (this.segments[1] as Segment).baseOffset <= logStartOffset) {
        const segment = this.segments.shift() as Segment
        await removePiecewise(disk, [logFile(segment)], async () => {
          await segment.remove()
          await disk.syncDirectory(this.directory)
        })
        stats.deletedSegments++
        stats.deletedBytes += segment.sizeBytes
      }
    })
  }

  /**
   * Puts what compaction made of neighbouring closed segments in their place. Readers that are in one of them look again.
   * @returns whether it did: some of them may have been deleted meanwhile
   */
  swap(replaced: readonly Segment[], cleaned: CleanedSegment): Promise<boolean> {
    return this.background.run(async () => {
      if (!replaced.every((segment) => this.segments.includes(segment))) {
        await cleaned.discard()
        return false
      }
      const files = replaced.map(logFile)
      await removePiecewise(this.context.disk, files, () => this.replace(replaced, cleaned))
      return true
    })
  }

  /** Ends what errors left of swaps, before which there must be no other. */
  settleSwaps(): Promise<void> {
    return this.background.run(() => this.settleOwed())
  }

  private async settleOwed(): Promise<void> {
    for (let settle = this.owed[0]; settle !== undefined; settle = this.owed[0]) {
      await settle()
      this.owed.shift()
    }
  }

  private async replace(replaced: readonly Segment[], cleaned: CleanedSegment): Promise<void> {
    const { disk, files, indexes } = this.context
    const { directory } = this
    const swap = { directory, replaced: replaced.map((segment) => segment.baseOffset) }
    const { promise: done, resolve } = Promise.withResolvers<void>()
    try {
      await beginSwap(disk, swap)
      for (const segment of replaced) segment.withdraw(done)
      await renameLog(disk, swap)
    } catch (error) {
      for (const segment of replaced) segment.withdraw(undefined)
      resolve()
      await this.settleOrOwe(() => undoSwap(disk, swap))
      throw error
    }
    const made = Segment.fromCleaned(this.context, cleaned)
    this.segments.splice(this.segments.indexOf(replaced[0] as Segment), replaced.length, made)
    this.swapCount++
    for (const segment of replaced) {
      indexes.drop(segment)
      indexes.drop(segment.aborts)
    }
    // Nobody may find the new segment before the old file is forgotten.
    await Promise.all(replaced.map((segment) => files.drop(segment.path('log'))))
    resolve()
    await this.settleOrOwe(async () => {
      await finishSwap(disk, swap)
      made.releaseIndexes()
    })
  }

  private async settleOrOwe(settle: () => Promise<void>): Promise<void> {
    try {
      await settle()
    } catch (error) {
      this.owed.push(settle)
      throw error
    }
  }

  /** Seals the closed segments that are not: a crash, or an error, came before it. Returns when that is done. */
  async sealClosed(): Promise<void> {
    await this.background.idle()
    for (const segment of this.segments.slice(0, -1)) {
      if (!segment.isSealed && !segment.isDamaged) this.inBackground(segment, () => segment.seal())
    }
    await this.background.idle()
  }

  /**
   * Keeps the files of closed segments as they are, once what is under way in the background is done, until the function
   * that it returns is called. No swap is half done then.
   * @throws Error what ending a swap failed with
   */
  hold(): Promise<() => void> {
    const begun = Promise.withResolvers<() => void>()
    const end = Promise.withResolvers<void>()
    const held = this.background.run(async () => {
      await this.settleOwed()
      begun.resolve(end.resolve)
      await end.promise
    })
    held.catch(begun.reject)
    return begun.promise
  }

  /** Returns when nothing is left to do in the background. */
  sealed(): Promise<void> {
    return this.background.idle()
  }

  private async saveSnapshot(offset: number, bytes: Buffer): Promise<void> {
    const { disk } = this.context
    // The one that is there says the same, and would be gone if saving it again failed.
    if (this.snapshots.includes(offset)) return
    try {
      await writeNewFile(disk, this.snapshotPath(offset), bytes)
    } catch (error) {
      // The segment is sealed later without it, and a torn one beside a sealed segment passes for damage.
      await disk.remove(this.snapshotPath(offset)).catch(() => {})
      throw error
    }
    this.snapshots.push(offset)
    if (this.snapshots.length <= KEPT_SNAPSHOTS) return
    // A crash must not take the new one's name and leave the old one removed.
    await disk.syncDirectory(this.directory)
    for (const old of this.snapshots.splice(0, this.snapshots.length - KEPT_SNAPSHOTS)) {
      await disk.remove(this.snapshotPath(old))
    }
  }

  private snapshotPath(offset: number): string {
    return `${this.directory}/${segmentFileName(offset, 'snapshot')}`
  }

  private inBackground(segment: Segment, work: () => Promise<void>): void {
    void this.background.run(work).catch((error: unknown) => {
      this.context.logger.error({ err: error, file: segment.path('log') }, 'finishing a closed segment failed')
    })
  }
}

function logFile(segment: Segment): LargeFile {
  return { path: segment.path('log'), sizeBytes: segment.sizeBytes }
}
