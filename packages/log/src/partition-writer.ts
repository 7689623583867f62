import {
  controlBatch,
  type DurableOffset,
  type HighWatermark,
  type LogEndOffset,
  MillraceError,
  type RecordBatch,
  type TransactionMarker,
} from '@millrace/record'
import { ActiveFile } from './active-file.ts'
import type { AppendClock } from './append-clock.ts'
import type { CommitStep, CommitTarget } from './committer.ts'
import { storageError } from './disk.ts'
import type { JournalEntry } from './journal.ts'
import { encodeIdentity, type PartitionIdentity } from './journal-entry.ts'
import type { LeaderEpochs } from './leader-epochs.ts'
import type { LiveConfig, PartitionLogConfig } from './log-config.ts'
import type { LogContext } from './log-context.ts'
import { PartitionBacklog } from './partition-backlog.ts'
import { type AppendedBatch, type PendingAppend, pendingAppend, placeOf, unknownOutcome } from './pending-append.ts'
import type { ProducerState, RememberedBatch } from './producer-state.ts'
import type { SegmentList } from './segment-list.ts'
import { Serial } from './serial.ts'
import type { PartitionTail } from './tail-cache.ts'

export interface WriterParts {
  readonly context: LogContext
  readonly identity: PartitionIdentity
  readonly config: LiveConfig
  readonly appendClock: AppendClock
  readonly segments: SegmentList
  readonly producers: ProducerState
  readonly epochs: LeaderEpochs
  readonly tail: PartitionTail
  readonly mustCut: boolean
  /** Told when the committed end has moved. */
  readonly onCommitted: (end: HighWatermark) => void
}

const MAX_RELATIVE_OFFSET = 2 ** 31 - 1
/** What one partition may have in a round: what arrives during it for another one waits until it is written. */
const ROUND_BYTES = 4 * 1_048_576

/**
 * The writing half of a partition's log. Batches get their offsets in the order of the calls of `append`, and are
 * committed in that order: first all of a batch and all before it, or nothing of it. With `flush.policy=commit` they are
 * on disk by then; with `interval` and `os` they are written.
 *
 * When writing or making durable fails, every append that was not yet committed fails with it, and leaves no trace:
 * offsets, remembered producers, the tail cache and the file go back to the committed end. The next append tries anew.
 *
 * `append` may be called at any time; `prepare` to `failed`, `catchUp` and `checkpoint` are the committer's to call.
 */
export class PartitionWriter implements CommitTarget {
  private readonly parts: WriterParts
  private logEnd: LogEndOffset
  private committedEnd: HighWatermark
  private durable: DurableOffset
  /** The end of what is on disk in the segment files themselves; the journal may be ahead of it. */
  private fileEnd: number
  private pending: PendingAppend[] = []
  /** What the committer's round has. */
  private round: PendingAppend[] = []
  /** Committed by way of the journal and not yet in the active segment. */
  readonly backlog = new PartitionBacklog()
  /** Everything that changes the active segment's file, but for syncs. */
  private readonly fileWork = new Serial()
  /** Appended and not committed; only this class changes it. */
  pendingBytes = 0
  private readonly file: ActiveFile
  private flushDue = false
  private rollDue = false
  private retired = false
  private durability: 'file' | 'journal' | 'none' = 'none'
  /** Whether the round is in the file. */
  private isWritten = false
  private entryKey: Buffer | undefined
  private flushTimer: { cancel(): void } | undefined

  constructor(parts: WriterParts) {
    this.parts = parts
    const end = parts.segments.active.nextOffset
    this.logEnd = end as LogEndOffset
    this.committedEnd = end as HighWatermark
    this.durable = end as DurableOffset
    this.fileEnd = end
    this.file = new ActiveFile(parts.segments)
    parts.producers.join(parts.context.producers, () => this.committedEnd)
    if (parts.mustCut) this.file.breaks('cut')
  }

  /** The offset that the next batch gets. */
  get logEndOffset(): LogEndOffset {
    return this.logEnd
  }
  private get config(): PartitionLogConfig {
    return this.parts.config.current
  }
  get highWatermark(): HighWatermark {
    return this.committedEnd
  }
  /** The end of what outlives a power cut; behind the high watermark with `flush.policy` interval and os. */
  get durableEnd(): DurableOffset {
    return this.durable
  }

  /**
   * Gives a checked batch its offset, synchronously, and has it committed. The batch belongs to the log from here on.
   * @returns its place, and a promise of the same for when it is committed
   * @throws MillraceError OUT_OF_ORDER_SEQUENCE, PRODUCER_FENCED, LIMIT_REACHED, DISK_FULL (nothing was stored);
   *   COMMIT_UNKNOWN, STORAGE_FAILED
   */
  append(batch: RecordBatch): { readonly placed: AppendedBatch; readonly committed: Promise<AppendedBatch> } {
    const { context, producers } = this.parts
    const { producerId } = batch
    if (producerId >= 0) {
      const check = producers.check(batch)
      if (check.kind === 'duplicate') return this.repeat(batch, check.original)
      producers.checkRoom(producerId)
    }
    if (this.pendingBytes + batch.sizeBytes > context.limits.pendingBytesPerPartition && this.pendingBytes > 0) {
      throw new MillraceError(
        'LIMIT_REACHED',
        `${this.pendingBytes} bytes are waiting to be committed in this partition`,
      )
    }
    const append = this.place(batch, producerId)
    return { placed: placeOf(append), committed: append.done }
  }

  /**
   * Ends the transaction that a producer has open here.
   * @returns the marker's offset, once that and all before it is on disk, whatever the flush policy; undefined, once the
   *   same is true, when the producer has none open
   * @throws MillraceError PRODUCER_FENCED for an epoch before that of the transaction; DISK_FULL, COMMIT_UNKNOWN,
   *   STORAGE_FAILED, after each of which the transaction is open
   */
  async appendMarker(marker: TransactionMarker): Promise<number | undefined> {
    const { context, producers } = this.parts
    const { producerId, producerEpoch, outcome } = marker
    const open = producers.transactions.of(producerId)
    if (open === undefined) {
      await this.appendAt(producers.transactions.endOf(producerId))?.done
      return undefined
    }
    if (producerEpoch < open.producerEpoch) {
      const message = `producer ${producerId} has a transaction of epoch ${open.producerEpoch}, not ${producerEpoch}`
      throw new MillraceError('PRODUCER_FENCED', message)
    }
    const batch = controlBatch(marker, context.clock.nowMs())
    return (await this.place(batch, producerId, outcome).done).baseOffset
  }

  /**
   * Goes by the configuration that was just changed from `before`. Where records were committed without a sync and that
   * is over, they are synced before anything is committed by way of the journal, whose batches must not come to stand
   * behind a hole.
   */
  reconfigured(before: PartitionLogConfig): void {
    const { flushPolicy } = this.config
    const hasUnsynced = this.durable < this.logEnd
    if (flushPolicy === 'commit' && before.flushPolicy !== 'commit' && hasUnsynced) {
      this.flushDue = true
      this.parts.context.committer.submit(this)
    }
    this.flushTimer?.cancel()
    this.flushTimer = undefined
    if (flushPolicy === 'interval' && hasUnsynced) this.flushLater()
  }

  /** Closes the active segment, unless it is empty, or syncs it. Returns when that is done, or has failed. */
  async settle(due: 'roll' | 'flush'): Promise<void> {
    const { committer } = this.parts.context
    if (due === 'roll') this.rollDue = true
    else this.flushDue = true
    committer.submit(this)
    await committer.settle(this)
  }

  /**
   * Commits what was appended and saves what makes the next start quick. Nothing may be appended any more.
   * @throws MillraceError STORAGE_FAILED, DISK_FULL when that fails; the next start must then take it for a crash
   */
  async close(): Promise<void> {
    const { context, segments, producers, epochs } = this.parts
    await context.committer.settle(this)
    try {
      await this.catchUp()
      await epochs.save()
      if (this.fileEnd < this.committedEnd) await this.fileWork.run(() => this.syncCommitted())
      await segments.sealed()
      await segments.saveActive(producers)
    } catch (error) {
      throw storageError(error, `closing ${segments.directory}`)
    } finally {
      await this.retire()
    }
    context.committer.forget(this)
  }

  /** Fails what is not committed with `reason`, and lets go of the files. Nothing may be appended any more. */
  async abandon(reason: MillraceError): Promise<void> {
    const { context, segments } = this.parts
    for (const append of [...this.round, ...this.pending]) append.reject(reason)
    this.round = []
    this.pending = []
    await context.committer.settle(this)
    // Nobody needs what the file lacks.
    this.fileEnd = Number.POSITIVE_INFINITY
    await this.retire()
    context.committer.forget(this)
    await context.files.dropWhere((path) => path.startsWith(`${segments.directory}/`))
  }

  prepare(): Promise<void> | undefined {
    const next = this.pending[0]
    const isReady = this.file.isSound && !this.rollDue && this.parts.epochs.isSaved
    if (!isReady || (next !== undefined && this.mustRoll(next))) {
      return this.fileWork.run(() => this.makeReady()).then(() => this.takeRound())
    }
    this.takeRound()
    return undefined
  }

  get roundBytes(): number {
    return this.round.reduce((sum, { batch }) => sum + batch.sizeBytes, 0)
  }

  get needsSync(): boolean {
    return this.flushDue || (this.config.flushPolicy === 'commit' && this.round.length > 0)
  }

  write(): Promise<void> {
    return this.fileWork.run(async () => {
      const batches = [...this.backlog.all(), ...this.round.map((append) => append.batch)]
      if (batches.length > 0) await this.writeBatches(batches)
      this.isWritten = true
    })
  }

  async sync(): Promise<void> {
    this.flushDue = false
    await this.file.sync()
    this.durability = 'file'
  }

  get mayBeJournaled(): boolean {
    // A flush that is due is for batches of earlier rounds, which only their file has.
    return !this.flushDue
  }

  journalEntry(): JournalEntry {
    this.durability = 'journal'
    this.entryKey ??= encodeIdentity(this.parts.identity)
    return { identity: this.entryKey, batches: this.round.map((append) => append.batch) }
  }

  committed(): void {
    const { round, durability, isWritten } = this
    const { active } = this.parts.segments
    const { context, onCommitted } = this.parts
    this.endRound()
    if (round.length > 0) active.startedAtMs ??= context.clock.nowMs()
    for (const append of round) {
      this.backlog.add(append.batch)
      this.pendingBytes -= append.batch.sizeBytes
      this.committedEnd = append.nextOffset as HighWatermark
    }
    this.endTransactions(round)
    if (isWritten) this.advanceTo(this.committedEnd)
    if (durability !== 'none') this.durable = this.committedEnd as number as DurableOffset
    else if (this.config.flushPolicy === 'interval') this.flushLater()
    if (durability === 'file') this.fileEnd = this.committedEnd
    for (const append of round) append.resolve(placeOf(append))
    onCommitted(this.committedEnd)
  }

  async failed(error: unknown, step: CommitStep): Promise<void> {
    const { producers, tail } = this.parts
    const { isWritten } = this
    const lost = [...this.round, ...this.pending]
    const hadRound = this.round.length > 0
    this.endRound()
    this.pending = []
    this.pendingBytes = 0
    this.logEnd = this.committedEnd as number as LogEndOffset
    producers.forgetFrom(this.committedEnd)
    tail.cutFrom(this.committedEnd)
    // Whoever gets these offsets next may be in the journal alone.
    if (step !== 'journal' || isWritten) this.file.breaks(step === 'sync' ? 'replace' : 'cut')
    let outcome = step === 'write' ? storageError(error, 'writing') : unknownOutcome(error)
    try {
      await this.fileWork.run(() => this.mend())
    } catch (mendError) {
      if (hadRound) outcome = unknownOutcome(mendError)
    }
    for (const append of lost) append.reject(outcome)
  }

  get backlogBytes(): number {
    return this.backlog.memoryBytes
  }

  catchUp(): Promise<void> {
    return this.fileWork.run(async () => {
      if (this.retired) return
      await this.mend()
      await this.writeBacklog()
    })
  }

  async checkpoint(): Promise<void> {
    const end = this.committedEnd
    if (this.fileEnd >= end) return
    // The next start needs the journal then.
    if (this.retired) throw new Error(`closing ${this.parts.segments.directory} failed before it was synced`)
    await this.catchUp()
    try {
      await this.file.sync()
    } catch (error) {
      // The next round replaces the file, and the checkpoint after that counts.
      this.parts.context.committer.submit(this)
      throw error
    }
    this.fileEnd = Math.max(this.fileEnd, end)
  }

  /** Lets nothing more happen to the files in the background. */
  private async retire(): Promise<void> {
    this.retired = true
    this.parts.producers.leave()
    this.backlog.clear()
    this.flushTimer?.cancel()
    await this.fileWork.idle()
    await this.file.idle()
    await this.parts.segments.sealed()
  }

  private place(batch: RecordBatch, producerId: number, outcome?: PendingAppend['outcome']): PendingAppend {
    const { context, producers, epochs, tail } = this.parts
    const baseOffset = this.logEnd
    batch.stamp(baseOffset, epochs.latest)
    if (this.config.timestampType === 'LogAppendTime') this.parts.appendClock.stamp(batch)
    const append = pendingAppend(batch, baseOffset, outcome)
    const { nextOffset } = append
    if (producerId >= 0) producers.enter(batch, producerId, this.committedEnd)
    this.logEnd = nextOffset as LogEndOffset
    tail.append(batch, baseOffset, nextOffset)
    this.pending.push(append)
    this.pendingBytes += batch.sizeBytes
    context.committer.submit(this)
    return append
  }

  private appendAt(baseOffset: number | undefined): PendingAppend | undefined {
    const isIt = (append: PendingAppend): boolean => append.baseOffset === baseOffset
    return this.round.find(isIt) ?? this.pending.find(isIt)
  }

  /** Readers of what is stable hear of an abort with the marker, and the segment's index of it. */
  private endTransactions(round: readonly PendingAppend[]): void {
    const ended = this.parts.producers.transactions.committed(this.committedEnd)
    for (const transaction of ended) {
      const marker = round.find(({ baseOffset }) => baseOffset === transaction.lastOffset)
      if (marker?.outcome === 'abort') this.parts.segments.addAborted(transaction)
    }
  }

  /** Answers a repeated batch as its original is answered: not before that one is committed. */
  private repeat(batch: RecordBatch, known: RememberedBatch | undefined) {
    const { baseOffset, timestamp } = known ?? { baseOffset: -1, timestamp: batch.maxTimestamp }
    const placed: AppendedBatch = { baseOffset, timestamp, duplicate: true }
    const original = this.appendAt(baseOffset)
    return { placed, committed: original === undefined ? Promise.resolve(placed) : original.done.then(() => placed) }
  }

  /** Bytes of the active segment when its file has caught up. */
  private get activeBytes(): number {
    return this.parts.segments.active.sizeBytes + this.backlog.sizeBytes
  }

  private mustRoll(next: PendingAppend): boolean {
    const { config } = this
    const { context, segments } = this.parts
    const { active } = segments
    if (this.activeBytes === 0) return false
    if (this.activeBytes + next.batch.sizeBytes > config.segmentBytes) return true
    if (next.nextOffset - active.baseOffset > MAX_RELATIVE_OFFSET) return true
    return context.clock.nowMs() - (active.startedAtMs ?? 0) >= config.segmentMs
  }

  private async makeReady(): Promise<void> {
    await this.mend()
    // Not before the cut: nothing may come back that bears an older epoch than its offset has.
    await this.parts.epochs.save()
    const next = this.pending[0]
    const isAsked = this.rollDue && this.activeBytes > 0
    this.rollDue = false
    if (isAsked || (next !== undefined && this.mustRoll(next))) await this.roll()
  }

  /** Takes what is pending and fits into the round and the active segment; of any size, if it is the first. */
  private takeRound(): void {
    const { config } = this
    const { segments, context } = this.parts
    const { baseOffset } = segments.active
    let bytes = this.activeBytes
    const mostBytes = bytes + ROUND_BYTES
    let count = 0
    for (const append of this.pending) {
      bytes += append.batch.sizeBytes
      const fits = bytes <= config.segmentBytes && append.nextOffset - baseOffset <= MAX_RELATIVE_OFFSET
      const isAlone = bytes === append.batch.sizeBytes
      if (!fits && !isAlone) break
      if (bytes > mostBytes && count > 0) break
      count++
    }
    this.round = this.pending.splice(0, count)
    // The coordinator forgets what it decided once a marker is acknowledged.
    if (config.flushPolicy !== 'commit' && this.round.some(({ outcome }) => outcome !== undefined)) this.flushDue = true
    if (this.pending.length > 0) context.committer.submit(this)
  }

  private endRound(): void {
    this.round = []
    this.durability = 'none'
    this.isWritten = false
  }

  /** Writes batches behind those that the file has. */
  private writeBatches(batches: readonly RecordBatch[]): Promise<void> {
    return this.parts.segments.active.write(batches.map((batch) => batch.buffer))
  }

  private async writeBacklog(): Promise<void> {
    const batches = this.backlog.all()
    const last = batches.at(-1)
    if (last === undefined) return
    await this.writeBatches(batches)
    this.advanceTo(last.nextOffset)
  }

  /** Takes the backlog before `offset` for what it is now: part of the active segment. */
  private advanceTo(offset: number): void {
    const { active } = this.parts.segments
    const { indexIntervalBytes } = this.config
    this.backlog.removeBefore(offset, (batch) => active.advance(batch, batch.nextOffset, indexIntervalBytes))
  }

  /** Closes the active segment. It is synced first, whatever the policy: only the last segment may end torn. */
  private async roll(): Promise<void> {
    await this.writeBacklog()
    if (this.fileEnd < this.committedEnd) await this.syncCommitted()
    // Once a file for the next offset may be there, nothing may follow in this one: recovery would cut it off.
    this.file.mustRoll()
    await this.mend()
  }

  private async mend(): Promise<void> {
    const { segments, producers } = this.parts
    if (!(await this.file.mend(producers))) return
    this.fileEnd = segments.active.nextOffset
    this.durable = this.committedEnd as number as DurableOffset
  }

  /** Makes sure that what is committed is on disk in the segment file itself. */
  private async syncCommitted(): Promise<void> {
    const end = this.committedEnd
    try {
      await this.file.sync()
    } catch (error) {
      const { logger } = this.parts.context
      logger.error({ err: error, directory: this.parts.segments.directory }, 'a sync failed; the file is written anew')
      await this.mend()
    }
    this.fileEnd = end
    this.durable = end as number as DurableOffset
  }

  private flushLater(): void {
    const { clock, committer } = this.parts.context
    this.flushTimer ??= clock.setTimer(this.config.flushMs, () => {
      this.flushTimer = undefined
      this.flushDue = true
      committer.submit(this)
    })
  }
}
