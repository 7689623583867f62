import { DEFAULT_LIMITS, type RecordBatch } from '@millrace/record'
import { batchesOf, type Chunk, type Cursor } from '../cursor.ts'
import { Line } from '../line.ts'
import { ReadRecord } from '../read-record.ts'
import type { Serializer } from '../serializer.ts'
import { OffsetTracker, type Share } from './offset-tracker.ts'
import type { TopicPartition } from './topic-partition.ts'

/** Records of one partition that were given out together, and must be given back with `settle`. */
export interface Given {
  readonly from: AssignedPartition
  readonly records: readonly ReadRecord[]
  readonly share: Share
  readonly tracker: OffsetTracker
}

/** One partition that the member owns: what has come of it, what was given out, and what is handled. */
export class AssignedPartition implements TopicPartition {
  readonly topic: string
  readonly partition: number
  readonly cursor: Cursor
  isPaused = false
  /** It gives nothing out any more: it is being given back, or is another's. */
  isClosed = false
  committedOffset: number | undefined
  /** All before it is in the hands of whoever reads, or was; undefined: nothing is, since it was assigned or sought. */
  delivered: number | undefined
  /** As of the last transaction that took its offset along. */
  claimed: number | undefined
  /** Failures of its fetches since the last that went well. */
  failures = 0
  private readonly serializer: Serializer
  private readonly release: (chunk: Chunk) => void
  private readonly leaving = new AbortController()
  private readonly lost = new AbortController()
  private tracker_: OffsetTracker
  /** Chunks that have come and are not used up, and those of which records are still in hands. */
  private readonly chunks = new Line<Chunk>()
  private readonly spent = new Line<Chunk>()
  private batches: Iterator<RecordBatch> | undefined
  private records: ReturnType<RecordBatch['decoder']> | undefined
  private inHands = 0
  private readonly idleWaiters: (() => void)[] = []

  /** @param start where reading begins; undefined: the server will tell */
  constructor(
    cursor: Cursor,
    parts: {
      readonly start: number | undefined
      readonly committedOffset: number | undefined
      readonly serializer: Serializer
      readonly release: (chunk: Chunk) => void
    },
  ) {
    this.cursor = cursor
    this.topic = cursor.topic
    this.partition = cursor.partition
    this.serializer = parts.serializer
    this.release = parts.release
    this.committedOffset = parts.committedOffset
    this.tracker_ = new OffsetTracker(parts.start)
  }

  get tracker(): OffsetTracker {
    return this.tracker_
  }

  /** Aborts when it is to be given back: what has not begun should not begin. */
  get leavingSignal(): AbortSignal {
    return this.leaving.signal
  }

  /** Aborts when it is another's: what is done for it is done there too. */
  get lostSignal(): AbortSignal {
    return this.lost.signal
  }

  /** Gives nothing out from now on. */
  close(): void {
    this.isClosed = true
    this.leaving.abort()
  }

  /** It is another's. */
  lose(): void {
    this.close()
    this.lost.abort()
  }

  /** Whether what becomes of the records counts: nothing was sought since. */
  counts({ tracker }: Given): boolean {
    return tracker === this.tracker_
  }

  /** Whether the records are still to be handled: nothing was sought or given back since. */
  isCurrent(given: Given): boolean {
    return this.counts(given) && !this.isClosed
  }

  /** Forgets what has come, and begins anew. @param start undefined: the server will tell */
  restart(start: number | undefined): void {
    for (const chunk of [...this.spent.clear(), ...this.chunks.clear()]) this.release(chunk)
    this.batches = undefined
    this.records = undefined
    this.tracker_ = new OffsetTracker(start)
    this.delivered = undefined
  }

  /** Records were delivered of which the group does not know that they are handled. */
  get isUnclaimed(): boolean {
    const { delivered } = this
    return delivered !== undefined && delivered !== this.claimed && delivered !== this.committedOffset
  }

  /** The server has told more. */
  moved(chunk: Chunk | undefined): void {
    this.failures = 0
    if (chunk !== undefined) {
      if (this.tracker_.given === undefined) this.tracker_.pass(chunk.from)
      this.chunks.push(chunk)
    } else if (this.chunks.length === 0) {
      const { position } = this.cursor
      if (typeof position === 'object' && 'offset' in position) this.tracker_.pass(position.offset)
    }
  }

  /** The next record that has come. @throws MillraceError CORRUPT_BATCH and what else is wrong with a batch */
  takeRecord(): Given | undefined {
    while (this.nextBatch()) {
      const { first: chunk } = this.chunks
      const { records } = this
      while (chunk !== undefined && records?.next()) {
        if (records.offset < chunk.from || records.offset >= chunk.until) continue
        return this.give([new ReadRecord(this.topic, this.partition, records, this.serializer)])
      }
      this.records = undefined
    }
    return undefined
  }

  /** The next records that have come, of one batch. @throws as `takeRecord` */
  takeBatch(): Given | undefined {
    while (this.nextBatch()) {
      const { first: chunk } = this.chunks
      const made: ReadRecord[] = []
      while (chunk !== undefined && this.records?.next()) {
        const { records } = this
        if (records.offset < chunk.from || records.offset >= chunk.until) continue
        made.push(new ReadRecord(this.topic, this.partition, records, this.serializer))
      }
      this.records = undefined
      if (made.length > 0) return this.give(made)
    }
    return undefined
  }

  /** Somebody works on the records from now on. */
  begin(): void {
    this.inHands++
  }

  /** Whoever reads has the records now. */
  deliver({ share, tracker }: Given): void {
    if (tracker === this.tracker_) this.delivered = share.nextOffset
  }

  /** Nobody works on the records any more. */
  settle({ share, tracker }: Given, isHandled: boolean): void {
    this.inHands--
    if (isHandled) {
      tracker.handle(share)
      this.releaseSpent()
    }
    if (this.inHands === 0) for (const resolve of this.idleWaiters.splice(0)) resolve()
  }

  /** Resolves when nobody works on its records. */
  idle(): Promise<void> {
    if (this.inHands === 0) return Promise.resolve()
    return new Promise((resolve) => this.idleWaiters.push(resolve))
  }

  private give(records: readonly ReadRecord[]): Given {
    const first = records[0] as ReadRecord
    const last = records.at(-1) as ReadRecord
    return { from: this, records, tracker: this.tracker_, share: this.tracker_.give(first.offset, last.offset + 1) }
  }

  /** Opens the next batch unless one is open; false: nothing more has come. */
  private nextBatch(): boolean {
    while (this.records === undefined) {
      const chunk = this.chunks.first
      if (chunk === undefined) return false
      this.batches ??= batchesOf(chunk)
      const { done, value } = this.batches.next()
      if (done === true) this.finishChunk(chunk)
      else this.records = value.decoder(DEFAULT_LIMITS.decompressedBytes)
    }
    return true
  }

  private finishChunk(chunk: Chunk): void {
    this.batches = undefined
    this.chunks.shift()
    this.tracker_.pass(chunk.nextOffset)
    this.spent.push(chunk)
    this.releaseSpent()
  }

  private releaseSpent(): void {
    const handled = this.tracker_.handled ?? -1
    for (let chunk = this.spent.first; chunk !== undefined && chunk.nextOffset <= handled; chunk = this.spent.first) {
      this.spent.shift()
      this.release(chunk)
    }
  }
}
