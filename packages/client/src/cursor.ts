import {
  AbortedFilter,
  type AbortedTransaction,
  DEFAULT_LIMITS,
  MillraceError,
  type RecordBatch,
  readBatches,
  type StoredRecord,
} from '@millrace/record'
import type { FetchStreamResponse } from '@millrace/wire'
import type { CheckedPosition } from './position.ts'
import type { ReadEnd } from './read-options.ts'

/** Batches of one partition as they came, of which the records from `from` up to `until` are wanted. */
export interface Chunk {
  readonly cursor: Cursor
  readonly bytes: Buffer
  readonly from: number
  readonly until: number
  /** The aborted transactions that the batches may belong to. */
  readonly aborted: readonly AbortedTransaction[]
  /** Where reading goes on after it. */
  readonly nextOffset: number
}

/** What one partition is read for. */
export interface CursorOptions {
  readonly topic: string
  readonly partition: number
  readonly from: CheckedPosition
  readonly to: ReadEnd
  readonly isolation: 'committed' | 'uncommitted'
}

/** How far one partition is read. */
export class Cursor {
  /** Its number on the link that it was added to last; 0: none. */
  subscription = 0
  readonly topic: string
  readonly partition: number
  readonly isolation: 'committed' | 'uncommitted'
  /** Of the last seek on the present stream. */
  generation = 0
  private readonly to: ReadEnd
  private creditBytes: number
  private start: CheckedPosition
  /** The next offset to come; undefined until the server has told where `start` is. */
  private next: number | undefined
  private end: number | undefined
  private heldBytes = 0
  private owedBytes = 0

  /** @param creditBytes what may be fetched ahead and not be released yet */
  constructor({ topic, partition, from, to, isolation }: CursorOptions, creditBytes: number) {
    this.topic = topic
    this.partition = partition
    this.isolation = isolation
    this.creditBytes = creditBytes
    this.start = from
    this.to = to
    if (typeof to === 'object') this.end = to.offset
  }

  /** Everything that was asked for has come. */
  get isComplete(): boolean {
    return this.next !== undefined && this.end !== undefined && this.next >= this.end
  }

  /** Where a new stream has to begin, so that nothing is missed or comes twice. */
  get position(): CheckedPosition {
    return this.next === undefined ? this.start : { offset: this.next }
  }

  /** A new stream begins. Returns the bytes that it may send. */
  reopen(): number {
    this.generation = 0
    const roomBytes = this.creditBytes - this.heldBytes
    this.owedBytes = Math.min(0, roomBytes)
    return Math.max(0, roomBytes)
  }

  /** Goes elsewhere, because the offset is not there. */
  seek(position: CheckedPosition): void {
    this.generation++
    this.start = position
    this.next = undefined
  }

  /** Takes a message of the present generation. Returns its batches, if it has any that are wanted. */
  take(response: FetchStreamResponse): Chunk | undefined {
    const { nextOffset, batches, abortedTransactions: aborted } = response
    const from = this.next ?? nextOffset
    this.next ??= nextOffset
    if (this.end === undefined && this.to === 'end') {
      this.end = this.isolation === 'committed' ? response.lastStableOffset : response.highWatermark
    }
    if (batches.length === 0) {
      // Nothing to read between the two: a compacted or unreadable stretch.
      this.next = Math.max(this.next, nextOffset)
      return undefined
    }
    this.next = Math.max(from, nextOffset)
    this.heldBytes += batches.length
    const until = this.end ?? Number.POSITIVE_INFINITY
    return { cursor: this, bytes: batches, from, until, aborted, nextOffset: this.next }
  }

  /**
   * Bytes that came have been used up, or were not wanted.
   * @returns bytes to grant now; 0: not worth a message yet
   */
  release(bytes: number, held: boolean): number {
    if (held) this.heldBytes -= bytes
    this.owedBytes += bytes
    return this.due()
  }

  /**
   * Changes what may be fetched ahead. What was granted stays granted: less takes hold as bytes are released.
   * @returns as `release`
   */
  setCredit(bytes: number): number {
    this.owedBytes += bytes - this.creditBytes
    this.creditBytes = bytes
    return this.due()
  }

  private due(): number {
    if (this.owedBytes < this.creditBytes / 2) return 0
    const grant = this.owedBytes
    this.owedBytes = 0
    return grant
  }
}

/**
 * The batches of a chunk of which records are wanted, their CRCs checked. Control batches and those of aborted
 * transactions are not; a batch belongs to one transaction, so that it is left out whole or not at all.
 * @throws MillraceError CORRUPT_BATCH, INVALID_BATCH
 */
export function* batchesOf({ bytes, from, until, aborted, cursor }: Chunk): Generator<RecordBatch, void, undefined> {
  const filter = new AbortedFilter(aborted)
  for (const batch of readBatches(bytes)) {
    if (!batch.hasValidChecksum()) {
      throw new MillraceError('CORRUPT_BATCH', `the batch at offset ${batch.baseOffset} fails its checksum`, {
        details: { partition: cursor.partition, offset: batch.baseOffset },
      })
    }
    const isShown = !filter.leavesOut(batch)
    if (isShown && batch.nextOffset > from && batch.baseOffset < until) yield batch
  }
}

/**
 * What `make` makes of each record of a batch that is wanted. The object that it is given is used again for the next.
 * @throws MillraceError CORRUPT_BATCH, INVALID_BATCH, UNSUPPORTED_COMPRESSION, BATCH_TOO_LARGE
 */
export function wantedOf<T>(batch: RecordBatch, { from, until }: Chunk, make: (record: StoredRecord) => T): T[] {
  const made: T[] = []
  for (const record = batch.decoder(DEFAULT_LIMITS.decompressedBytes); record.next(); ) {
    if (record.offset >= from && record.offset < until) made.push(make(record))
  }
  return made
}
