import { asMillraceError, MillraceError, sequenceAfter } from '@millrace/record'
import type { Backoff } from './backoff.ts'
import type { ClientBatch } from './client-batch.ts'
import { expired, failureOf, isPartial, withDoubt } from './failure.ts'

/** Who a producer is to the broker. */
export interface ProducerIdentity {
  readonly producerId: number
  readonly producerEpoch: number
}

/** Gets told what became of batches. */
export interface QueueHost {
  stored(batch: ClientBatch, baseOffset: number, timestamp: number): void
  rejected(batch: ClientBatch, error: MillraceError): void
  /** `batch` was refused because of some of its records; all of them go on in `parts`. */
  divided(batch: ClientBatch, parts: readonly ClientBatch[]): void
}

export interface PartitionQueueOptions {
  readonly idempotent: boolean
  /** Without idempotence: send again what may have been stored, so that it may be stored twice. */
  readonly resendUnknown: boolean
  readonly maxInFlight: number
  /** The largest encoded batch that may be sent. */
  readonly maxBytes: number
  readonly backoff: Backoff
  readonly host: QueueHost
}

/**
 * The sealed batches of one partition on their way to the broker: the order, the sequence numbers, what is in flight,
 * and what is sent again. It does no I/O and knows no time but what it is told.
 *
 * How nothing is lost, repeated or moved: the broker appends a batch of an idempotent producer only if its sequence
 * follows on the last one, and answers a repeat as it answered the first. So after a failure nothing new is sent until
 * everything in flight has its answer; then what failed is sent again in order, with the same sequences.
 *
 * A batch that the broker refuses leaves a gap, so those behind it get new sequences. That is safe only while none of
 * them is *in doubt*, that is, may be stored without our knowing: then they go on under a new identity instead, and
 * what stays in doubt is rejected, because only the old sequence could tell whether it is stored.
 *
 * Until an identity's first batch is stored, only one is in flight: a broker that does not know the identity yet takes
 * any sequence for its first.
 */
export class PartitionQueue {
  private readonly options: PartitionQueueOptions
  /** To be sent; first those that were sent before. */
  private waiting: ClientBatch[] = []
  /** In flight, or answered with a failure while others still are; in the order of sending. */
  private sent: ClientBatch[] = []
  private identity: ProducerIdentity | undefined
  /** The broker has stored something under the identity. */
  private known = false
  private nextSequence = 0
  /** The sequence after the last batch that was stored under the identity. */
  private storedEnd = 0
  private failing = false
  private attempts = 0
  private heldUntil = 0

  constructor(options: PartitionQueueOptions) {
    this.options = options
  }

  /** Batches that are not settled. */
  get size(): number {
    return this.waiting.length + this.sent.length
  }

  get inFlight(): number {
    return this.sent.length
  }

  /** It has something to send but no identity to send it with; see `adopt`. */
  get needsIdentity(): boolean {
    return this.options.idempotent && this.identity === undefined && this.waiting.length > 0
  }

  /** When the wait after a failure is over, by the steady clock. */
  get heldUntilMs(): number {
    return this.heldUntil
  }

  push(batch: ClientBatch): void {
    this.waiting.push(batch)
  }

  /** Gives an identity that this partition has not used before. */
  adopt(identity: ProducerIdentity): void {
    this.identity = identity
    this.known = false
    this.nextSequence = 0
    this.storedEnd = 0
  }

  /** Asks for another identity before anything more is sent. For an empty queue. */
  forgetIdentity(): void {
    this.identity = undefined
    this.heldUntil = 0
  }

  /** The batch to send now, encoded and stamped, or undefined when none may be sent. */
  take(nowMs: number): ClientBatch | undefined {
    const { idempotent, maxInFlight } = this.options
    if (idempotent && this.identity === undefined) return undefined
    for (;;) {
      const batch = this.waiting[0]
      if (batch === undefined || nowMs < this.heldUntil) return undefined
      // What is in doubt is sent even so: its answer is what the decision about the rest waits for.
      if (this.failing && !batch.inDoubt) return undefined
      if (this.sent.length >= (idempotent && !this.known ? 1 : maxInFlight)) return undefined
      this.waiting.shift()
      if (!this.prepare(batch)) continue
      batch.answer = undefined
      this.sent.push(batch)
      return batch
    }
  }

  /** The broker has stored the batch. */
  acknowledged(batch: ClientBatch, baseOffset: number, timestamp: number, nowMs: number): void {
    const index = this.sent.indexOf(batch)
    if (index < 0) return
    this.sent.splice(index, 1)
    if (batch.isNumbered) {
      const end = sequenceAfter(batch.sequence, batch.recordCount)
      if (!this.known || isAfter(end, this.storedEnd)) this.storedEnd = end
      this.known = true
    }
    this.attempts = 0
    this.options.host.stored(batch, baseOffset, timestamp)
    if (this.failing) this.settle(nowMs)
  }

  /** The broker answered the batch with an error. */
  failed(batch: ClientBatch, error: MillraceError, nowMs: number): void {
    if (!this.sent.includes(batch)) return
    this.answer(batch, error)
    this.failing = true
    this.settle(nowMs)
  }

  /** The connection is gone and with it every answer that has not come. */
  disconnected(error: MillraceError, nowMs: number): void {
    if (this.sent.length === 0) return
    let gap = false
    for (const batch of this.sent) {
      if (batch.answer !== undefined) {
        // The broker takes a partition's batches in order: what follows one that is surely not stored is not either.
        if (!batch.inDoubt && this.options.idempotent) gap = true
      } else if (gap && !batch.inDoubt) {
        batch.answer = 'gap'
        batch.lastError = error
      } else {
        this.answer(batch, error)
      }
    }
    this.settle(nowMs, true)
    // The wait is that for the next connection.
    this.heldUntil = nowMs
  }

  /** Gives up what has waited past its deadline. */
  expire(nowMs: number): void {
    const oldest = this.sent[0] ?? this.waiting[0]
    if (oldest === undefined || oldest.deadlineMs > nowMs) return
    if (this.sent.length > 0 || oldest.inDoubt) this.abandonSent(nowMs)
    const { host } = this.options
    let numbered = false
    while ((this.waiting[0]?.deadlineMs ?? Number.POSITIVE_INFINITY) <= nowMs) {
      const batch = this.waiting.shift() as ClientBatch
      numbered ||= batch.isNumbered
      host.rejected(batch, expired(batch.lastError, batch.inDoubt))
    }
    if (numbered) this.renumber([], false)
  }

  /** Gives up everything. */
  rejectAll(error: MillraceError): void {
    const batches = [...this.sent, ...this.waiting]
    const sent = this.sent.length
    this.sent = []
    this.waiting = []
    this.failing = false
    this.identity = undefined
    batches.forEach((batch, index) => {
      const inDoubt = batch.inDoubt || (index < sent && batch.answer === undefined)
      this.options.host.rejected(batch, inDoubt ? withDoubt(error) : error)
    })
  }

  private answer(batch: ClientBatch, error: MillraceError): void {
    const { idempotent } = this.options
    const failure = failureOf(error)
    batch.lastError = error
    batch.answer = failure === 'gap' && !idempotent ? 'refused' : failure
    if (failure === 'unknown' || failure === 'broken') batch.inDoubt = true
  }

  /** Encodes and stamps the batch; false when it could not be, and is settled. */
  private prepare(batch: ClientBatch): boolean {
    if (batch.isNumbered) return true
    const { identity, options } = this
    try {
      const stamp = identity === undefined ? undefined : { ...identity, baseSequence: this.nextSequence }
      const { sizeBytes } = batch.encode(stamp)
      if (sizeBytes > options.maxBytes) {
        throw new MillraceError(
          'BATCH_TOO_LARGE',
          `a batch of ${sizeBytes} bytes; at most ${options.maxBytes} can be sent`,
        )
      }
    } catch (error) {
      const refusal = asMillraceError(error)
      const parts = this.divide(batch, refusal)
      if (parts === undefined) options.host.rejected(batch, refusal)
      else this.waiting.unshift(...parts)
      return false
    }
    if (identity !== undefined) {
      batch.sequence = this.nextSequence
      this.nextSequence = sequenceAfter(this.nextSequence, batch.recordCount)
    }
    return true
  }

  /** Decides about what failed, once everything in flight has its answer. */
  private settle(nowMs: number, force = false): void {
    if (this.sent.some((batch) => batch.answer === undefined)) return
    if (!force && this.waiting[0]?.inDoubt) return
    const failed = this.sent
    this.sent = []
    this.failing = false
    if (failed.length === 0) return
    if (failed.some(({ answer }) => answer === 'again' || answer === 'unknown' || answer === 'gap')) {
      this.attempts++
    }
    if (this.options.idempotent) this.resend(failed, nowMs)
    else this.resendUnnumbered(failed, nowMs)
  }

  private resend(failed: readonly ClientBatch[], nowMs: number): void {
    // Everything before the first was acknowledged; a gap there means that the broker no longer knows of it.
    const forgotten = failed[0]?.answer === 'gap'
    if (!forgotten && !failed.some(isFinal)) {
      this.waiting.unshift(...failed)
      this.hold(failed, nowMs)
      return
    }
    const fresh = forgotten || failed.some((batch) => batch.inDoubt || isFenced(batch))
    const survivors: ClientBatch[] = []
    for (const batch of failed) {
      // A gap after a batch that was refused proves that this one is not stored.
      const proven = batch.answer === 'gap' && !forgotten
      if (isFinal(batch)) survivors.push(...this.refuse(batch))
      else if (batch.inDoubt && !proven) this.options.host.rejected(batch, withDoubt(errorOf(batch)))
      else survivors.push(batch)
    }
    this.renumber(survivors, fresh)
    if (forgotten || failed.some(({ answer }) => answer === 'again')) this.hold(survivors, nowMs)
  }

  private resendUnnumbered(failed: readonly ClientBatch[], nowMs: number): void {
    const { resendUnknown, host } = this.options
    const again: ClientBatch[] = []
    const parts: ClientBatch[] = []
    for (const batch of failed) {
      if (isFinal(batch)) parts.push(...this.refuse(batch))
      else if (batch.inDoubt && !resendUnknown) host.rejected(batch, withDoubt(errorOf(batch)))
      else again.push(batch)
    }
    this.waiting.unshift(...again, ...parts)
    this.hold(again, nowMs)
  }

  /** Settles a batch that the broker refused. What may still be stored of it comes back. */
  private refuse(batch: ClientBatch): readonly ClientBatch[] {
    const error = errorOf(batch)
    const parts = batch.inDoubt ? undefined : this.divide(batch, error)
    if (parts !== undefined) return parts
    this.options.host.rejected(batch, batch.inDoubt ? withDoubt(error) : error)
    return []
  }

  private divide(batch: ClientBatch, error: MillraceError): readonly ClientBatch[] | undefined {
    if (!isPartial(error) || batch.recordCount < 2) return undefined
    const parts = batch.split()
    this.options.host.divided(batch, parts)
    return parts
  }

  /** Puts `first` before what waits and gives all of it new sequences, under a new identity if `fresh`. */
  private renumber(first: readonly ClientBatch[], fresh: boolean): void {
    const doubtful = this.waiting.filter(({ inDoubt }) => inDoubt)
    for (const batch of doubtful) this.options.host.rejected(batch, withDoubt(errorOf(batch)))
    this.waiting = [...first, ...this.waiting.filter(({ inDoubt }) => !inDoubt)]
    for (const batch of this.waiting) if (batch.isNumbered) batch.unnumber()
    if (fresh || doubtful.length > 0) this.identity = undefined
    else this.nextSequence = this.storedEnd
  }

  /** Gives up all that was sent: under this identity nobody will know what became of it. */
  private abandonSent(nowMs: number): void {
    const { host, idempotent } = this.options
    const { sent } = this
    this.sent = []
    this.failing = false
    const survivors: ClientBatch[] = []
    for (const batch of sent) {
      if (isFinal(batch)) host.rejected(batch, batch.inDoubt ? withDoubt(errorOf(batch)) : errorOf(batch))
      else if (batch.answer === undefined || batch.inDoubt) host.rejected(batch, expired(batch.lastError, true))
      else if (batch.deadlineMs <= nowMs) host.rejected(batch, expired(batch.lastError, false))
      else survivors.push(batch)
    }
    const doubtful = this.waiting.filter(({ inDoubt }) => inDoubt)
    for (const batch of doubtful) host.rejected(batch, expired(batch.lastError, true))
    this.waiting = this.waiting.filter(({ inDoubt }) => !inDoubt)
    if (idempotent) this.renumber(survivors, true)
    else this.waiting.unshift(...survivors)
  }

  private hold(batches: readonly ClientBatch[], nowMs: number): void {
    if (batches.length > 0) this.heldUntil = nowMs + this.options.backoff(Math.max(1, this.attempts))
  }
}

function isFinal({ answer }: ClientBatch): boolean {
  return answer === 'refused' || answer === 'broken'
}

function isFenced({ lastError, answer }: ClientBatch): boolean {
  return answer === 'refused' && lastError?.code === 'PRODUCER_FENCED'
}

function errorOf(batch: ClientBatch): MillraceError {
  return batch.lastError ?? new MillraceError('INTERNAL', 'a batch failed without an error')
}

/** Whether `sequence` lies in the half of the circle of sequences that comes after `other`. */
function isAfter(sequence: number, other: number): boolean {
  const distance = (sequence - other + 0x8000_0000) % 0x8000_0000
  return distance > 0 && distance < 0x4000_0000
}
