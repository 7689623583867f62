import { MillraceError, REMEMBERED_BATCHES, type RecordBatch, sequenceAfter } from '@millrace/record'
import { OpenTransactions } from './open-transactions.ts'
import type { ProducerRoom } from './producer-room.ts'

/** A batch that a producer wrote, as far as it takes to recognise its repeat; or the marker that ended its transaction. */
export interface RememberedBatch {
  /** Of a marker, the one after its own: that one is over. */
  readonly producerEpoch: number
  /** -1: without one, as markers are. */
  readonly baseSequence: number
  readonly lastOffsetDelta: number
  readonly baseOffset: number
  /** The batch's largest timestamp, in ms since 1970. */
  readonly timestamp: number
}

/** The fields of a batch by which its producer is known. */
export interface SequencedBatch {
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly lastOffsetDelta: number
}

/** What `ProducerState.check` found: a batch to append, or one that was appended before. */
export type SequenceCheck =
  | { readonly kind: 'next' }
  /** `original` is undefined when the batch is older than what is remembered. */
  | { readonly kind: 'duplicate'; readonly original: RememberedBatch | undefined }

const NEXT: SequenceCheck = { kind: 'next' }
const SEQUENCES = 2 ** 31
/** Producers that are looked at to make room for one that is replayed. */
const MAX_LOOKS = 100

interface Producer {
  /** Oldest first. */
  readonly batches: RememberedBatch[]
  /** When it appended last, by the clock of the room. */
  usedAtMs: number
}

/**
 * What one partition knows of its producers: for each, the last batches it wrote, and the transaction that it has open.
 * Batches are entered when they get their offset, before they are committed; `forgetFrom` takes back those whose append
 * failed. The window of remembered batches counts committed ones, so that what is taken back never costs a producer its
 * place. A producer with an open transaction is never forgotten.
 */
export class ProducerState {
  readonly transactions = new OpenTransactions()
  /** In the order of their last append. */
  private readonly producers = new Map<number, Producer>()
  private readonly maxProducers: number
  private room: ProducerRoom | undefined
  private committedEnd: () => number = () => 0

  constructor(maxProducers: number) {
    this.maxProducers = maxProducers
  }

  get size(): number {
    return this.producers.size
  }

  /**
   * Shares `room` with other partitions from now on, from when on what is known counts as used.
   * @param committedEnd tells the end of what is committed
   */
  join(room: ProducerRoom, committedEnd: () => number): void {
    this.room = room
    this.committedEnd = committedEnd
    const nowMs = room.nowMs()
    for (const producer of this.producers.values()) producer.usedAtMs = nowMs
    room.add(this)
  }

  leave(): void {
    this.room?.remove(this)
    this.room = undefined
  }

  /** @throws MillraceError LIMIT_REACHED when the producer is new and there is no room for it, here or in all partitions */
  checkRoom(producerId: number): void {
    const { room, producers, maxProducers } = this
    if (room === undefined || producers.has(producerId)) return
    if (producers.size >= maxProducers) this.forgetIdle(room.untilMs())
    if (producers.size >= maxProducers) {
      throw new MillraceError('LIMIT_REACHED', `the partition remembers ${producers.size} producers, as many as it may`)
    }
    room.make()
  }

  /**
   * Whether the batch is its producer's next one or a repeat. A producer that is not known, and one with a new epoch,
   * must begin at sequence 0: were any sequence taken, a batch that overtook a failed one would shut that one out. A
   * batch without a sequence (-1) is always the next, and is none to follow on.
   * @throws MillraceError OUT_OF_ORDER_SEQUENCE for a gap; PRODUCER_FENCED for an epoch that is over
   */
  check(batch: SequencedBatch): SequenceCheck {
    const { producerId, producerEpoch, baseSequence, lastOffsetDelta } = batch
    const remembered = this.producers.get(producerId)?.batches
    const latest = remembered?.at(-1)
    if (latest !== undefined && producerEpoch < latest.producerEpoch) {
      throw new MillraceError(
        'PRODUCER_FENCED',
        `producer ${producerId} has epoch ${latest.producerEpoch}; this batch has ${producerEpoch}`,
      )
    }
    if (baseSequence < 0) return NEXT
    const last = latest === undefined || latest.baseSequence >= 0 ? latest : lastSequenced(remembered)
    if (remembered === undefined || last === undefined || producerEpoch > last.producerEpoch) {
      if (baseSequence === 0) return NEXT
      throw outOfOrder(batch, 0)
    }
    const expected = sequenceAfter(last.baseSequence, last.lastOffsetDelta + 1)
    if (baseSequence === expected) return NEXT
    const ahead = (baseSequence - expected + SEQUENCES) % SEQUENCES
    if (ahead < SEQUENCES / 2) throw outOfOrder(batch, expected)
    const original = remembered.find(
      (known) =>
        known.producerEpoch === producerEpoch &&
        known.baseSequence === baseSequence &&
        known.lastOffsetDelta === lastOffsetDelta,
    )
    if (original === undefined && lastOffsetDelta >= SEQUENCES - ahead) throw outOfOrder(batch, expected)
    return { kind: 'duplicate', original }
  }

  /**
   * Enters a batch of a producer's that has its offset; a control batch is a marker. What compaction emptied opens no
   * transaction: the one it was in is decided.
   * @param committedEnd see `add`
   */
  enter(batch: RecordBatch, producerId: number, committedEnd: number): void {
    const { baseOffset, producerEpoch, baseSequence, lastOffsetDelta, maxTimestamp: timestamp, isControl } = batch
    const epoch = isControl ? producerEpoch + 1 : producerEpoch
    const remembered = { producerEpoch: epoch, baseSequence, lastOffsetDelta, baseOffset, timestamp }
    this.add(producerId, remembered, committedEnd)
    if (isControl) this.transactions.end(producerId, baseOffset)
    else if (batch.isTransactional && batch.recordCount > 0) {
      this.transactions.open(producerId, producerEpoch, baseOffset)
    }
  }

  /**
   * Enters a batch that got its offset. Of producers that are replayed, before there is a room, the last ones stay: as
   * `checkRoom` had it, all are among them that may repeat themselves.
   * @param committedEnd the end of what is committed: only batches below it may fall out of the window
   */
  add(producerId: number, batch: RememberedBatch, committedEnd: number): void {
    const known = this.producers.get(producerId)
    if (known !== undefined) this.forget(producerId)
    else if (this.room === undefined) this.forgetIdlest()
    const producer = known ?? { batches: [], usedAtMs: 0 }
    producer.usedAtMs = this.room?.nowMs() ?? 0
    this.remember(producerId, producer)
    const { batches: remembered } = producer
    remembered.push(batch)
    let tooOld = 0
    for (let last = REMEMBERED_BATCHES; last < remembered.length; last++, tooOld++) {
      if (endOf(remembered[last] as RememberedBatch) > committedEnd) break
    }
    if (tooOld > 0) remembered.splice(0, tooOld)
  }

  /** Takes back every batch at or after `offset`. */
  forgetFrom(offset: number): void {
    for (const [producerId, { batches }] of this.producers) {
      while (batches.length > 0 && (batches.at(-1) as RememberedBatch).baseOffset >= offset) batches.pop()
      if (batches.length === 0) this.forget(producerId)
    }
    this.transactions.forgetFrom(offset)
  }

  /** Each producer with its batches that end at or before `end`, idlest producer first. */
  *below(end: number): Generator<[producerId: number, batches: RememberedBatch[]], void, undefined> {
    for (const [producerId, { batches: remembered }] of this.producers) {
      const batches = remembered.filter((batch) => endOf(batch) <= end).slice(-REMEMBERED_BATCHES)
      if (batches.length > 0) yield [producerId, batches]
    }
  }

  /**
   * Forgets producers that appended nothing after `untilMs`. Those in a transaction, and those with batches that are not
   * committed, are in use.
   * @returns when the first of those that are left was used
   */
  forgetIdle(untilMs: number): number {
    for (const [producerId, producer] of this.producers) {
      if (producer.usedAtMs > untilMs) return producer.usedAtMs
      this.forget(producerId)
      if (!this.isBusy(producerId, producer, this.committedEnd())) continue
      producer.usedAtMs = this.room?.nowMs() ?? Number.POSITIVE_INFINITY
      this.remember(producerId, producer)
    }
    return Number.POSITIVE_INFINITY
  }

  private isBusy(producerId: number, { batches }: Producer, committedEnd: number): boolean {
    return this.transactions.of(producerId) !== undefined || endOf(batches.at(-1) as RememberedBatch) > committedEnd
  }

  /** Makes room for one more producer that is replayed. */
  private forgetIdlest(): void {
    let looks = 0
    for (const [producerId, producer] of this.producers) {
      if (this.producers.size < this.maxProducers || looks++ === MAX_LOOKS) return
      this.forget(producerId)
      // One in a transaction goes behind the others, so that the next look does not meet it first.
      if (this.transactions.of(producerId) !== undefined) this.remember(producerId, producer)
    }
  }

  private remember(producerId: number, producer: Producer): void {
    this.producers.set(producerId, producer)
    if (this.room !== undefined) this.room.size++
  }

  private forget(producerId: number): void {
    this.producers.delete(producerId)
    if (this.room !== undefined) this.room.size--
  }
}

function lastSequenced(remembered: readonly RememberedBatch[] = []): RememberedBatch | undefined {
  return remembered.findLast(({ baseSequence }) => baseSequence >= 0)
}

function endOf(batch: RememberedBatch): number {
  return batch.baseOffset + batch.lastOffsetDelta + 1
}

function outOfOrder(batch: SequencedBatch, expected: number): MillraceError {
  return new MillraceError(
    'OUT_OF_ORDER_SEQUENCE',
    `producer ${batch.producerId} sent sequence ${batch.baseSequence}; ${expected} is next`,
    { details: { expectedSequence: expected } },
  )
}
