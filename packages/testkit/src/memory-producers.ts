import {
  type Clock,
  type Limits,
  MillraceError,
  REMEMBERED_BATCHES,
  type RecordBatch,
  sequenceAfter,
} from '@millrace/record'

/** A batch that a producer wrote, as far as a repeat of it must be answered. */
interface RememberedBatch {
  readonly baseSequence: number
  readonly lastSequence: number
  readonly baseOffset: number
  readonly nextOffset: number
  readonly timestamp: number
}

interface ProducerState {
  readonly epoch: number
  readonly usedAtMs: number
  /** Oldest first, never empty. */
  readonly batches: readonly RememberedBatch[]
}

/** A batch that is there already. */
export interface Duplicate {
  /** -1 when its place is no longer known. */
  readonly baseOffset: number
  readonly timestamp: number
  /** It is committed once the high watermark has come this far. */
  readonly committedAt: number
}

const SEQUENCES = 0x8000_0000

/** What one partition remembers of its idempotent producers. */
export class MemoryProducers {
  private readonly clock: Clock
  private readonly limits: Limits
  /** The one that has been silent longest comes first. */
  private readonly states = new Map<number, ProducerState>()

  constructor(clock: Clock, limits: Limits) {
    this.clock = clock
    this.limits = limits
  }

  /**
   * Decides whether `batch` may be appended: undefined when it may.
   * @throws MillraceError PRODUCER_FENCED, OUT_OF_ORDER_SEQUENCE
   */
  check(batch: RecordBatch): Duplicate | undefined {
    const { producerId, producerEpoch, baseSequence } = batch
    if (producerId < 0 || baseSequence < 0) return undefined
    const state = this.states.get(producerId)
    if (state !== undefined && producerEpoch < state.epoch) {
      throw new MillraceError(
        'PRODUCER_FENCED',
        `epoch ${producerEpoch} of producer ${producerId} has been replaced by epoch ${state.epoch}`,
      )
    }
    if (state === undefined || producerEpoch > state.epoch) {
      if (baseSequence !== 0) throw outOfOrder(producerId, baseSequence, 0)
      return undefined
    }
    const last = state.batches.at(-1)!
    const expected = sequenceAfter(last.lastSequence, 1)
    if (baseSequence === expected) return undefined
    const known = state.batches.find((b) => b.baseSequence === baseSequence && b.lastSequence === batch.lastSequence)
    if (known !== undefined) {
      return { baseOffset: known.baseOffset, timestamp: known.timestamp, committedAt: known.nextOffset }
    }
    if (!isBefore(baseSequence, expected) || !isBefore(batch.lastSequence, expected)) {
      throw outOfOrder(producerId, baseSequence, expected)
    }
    return { baseOffset: -1, timestamp: batch.maxTimestamp, committedAt: last.nextOffset }
  }

  /**
   * Makes room for the producer of a batch that may be appended.
   * @throws MillraceError LIMIT_REACHED
   */
  checkRoom({ producerId }: RecordBatch): void {
    const { states, limits } = this
    if (producerId < 0 || states.has(producerId) || states.size < limits.producersPerPartition) return
    const untilMs = this.clock.monotonicMs() - limits.producerIdExpirationMs
    for (const [silent, { usedAtMs }] of states) if (usedAtMs <= untilMs) states.delete(silent)
    if (states.size < limits.producersPerPartition) return
    throw new MillraceError('LIMIT_REACHED', `there are ${states.size} producers already`)
  }

  /** Remembers a batch that got its place. */
  remember(batch: RecordBatch): void {
    const { producerId, producerEpoch } = batch
    if (producerId < 0 || batch.baseSequence < 0) return
    const entry: RememberedBatch = {
      baseSequence: batch.baseSequence,
      lastSequence: batch.lastSequence,
      baseOffset: batch.baseOffset,
      nextOffset: batch.nextOffset,
      timestamp: batch.maxTimestamp,
    }
    const state = this.states.get(producerId)
    const before = state !== undefined && state.epoch === producerEpoch ? state.batches : []
    this.states.delete(producerId)
    const batches = [...before, entry].slice(-REMEMBERED_BATCHES)
    this.states.set(producerId, { epoch: producerEpoch, usedAtMs: this.clock.monotonicMs(), batches })
  }
}

/** Whether `sequence` lies in the half of the circle of sequences that comes before `other`. */
function isBefore(sequence: number, other: number): boolean {
  const distance = (other - sequence + SEQUENCES) % SEQUENCES
  return distance > 0 && distance <= SEQUENCES / 2
}

function outOfOrder(producerId: number, sequence: number, expected: number): MillraceError {
  return new MillraceError(
    'OUT_OF_ORDER_SEQUENCE',
    `producer ${producerId} sent sequence ${sequence} where ${expected} was expected`,
    { details: { expectedSequence: expected } },
  )
}
