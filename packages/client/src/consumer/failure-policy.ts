import { MillraceError } from '@millrace/record'
import { type Backoff, createBackoff } from '../backoff.ts'
import type { Producer } from '../producer.ts'
import type { ReadRecord } from '../read-record.ts'
import type { Transport } from '../transport.ts'
import type { Given } from './assigned-partition.ts'
import type { Definite, FailureOptions } from './failure-options.ts'

/** What a handler is told beside its records. */
export interface HandlerContext {
  /** Aborts when the partition is another's already, so that what is done counts for nothing. */
  readonly signal: AbortSignal
  /** 1: the first. */
  readonly attempt: number
}

export interface FailurePolicyParts {
  readonly transport: Transport
  readonly options: Definite<FailureOptions>
  readonly random: () => number
  /** Makes the producer for dead letters, when there is the first. */
  readonly producer: () => Producer
  readonly warn: (warning: MillraceError) => void
}

/** Calls handlers, and decides what becomes of records whose handler fails. */
export class FailurePolicy {
  private readonly parts: FailurePolicyParts
  private readonly backoff: Backoff
  private producer: Producer | undefined

  constructor(parts: FailurePolicyParts) {
    this.parts = parts
    this.backoff = createBackoff(parts.options, parts.random)
  }

  /**
   * Has the records handled.
   * @returns whether they count as handled; false: their partition goes to another, who will handle them, or is read
   *   elsewhere now
   * @throws MillraceError HANDLER_FAILED; what storing a dead letter fails with
   */
  async handle(given: Given, handler: (context: HandlerContext) => unknown): Promise<boolean> {
    const { from, records } = given
    const { transport, options, warn } = this.parts
    for (let attempt = 1; ; attempt++) {
      try {
        await handler({ signal: from.lostSignal, attempt })
        return true
      } catch (reason) {
        if (from.lostSignal.aborted || !from.counts(given)) return false
        if (attempt >= options.attempts) return await this.settle(records, reason, attempt)
        // Tried so often that the waits grow no longer: it holds up its partition, which somebody should know.
        if (options.initialMs * 2 ** (attempt - 1) >= options.maxMs) warn(handlerFailed(records, reason, attempt))
      }
      try {
        await transport.sleep(this.backoff(attempt), from.leavingSignal)
      } catch {
        return false
      }
      if (!from.counts(given)) return false
    }
  }

  /** Sends what is to be sent still, until the signal aborts. */
  async close(signal: AbortSignal): Promise<void> {
    await this.producer?.close({ signal })
  }

  private async settle(records: readonly ReadRecord[], reason: unknown, attempts: number): Promise<boolean> {
    const { options, producer, warn } = this.parts
    const failure = handlerFailed(records, reason, attempts)
    if (options.finally === 'stop') throw failure
    if (typeof options.finally === 'object') {
      const { deadLetterTopic } = options.finally
      this.producer ??= producer()
      await this.producer.sendBatch(records.map((record) => deadLetter(deadLetterTopic, record, reason, attempts)))
    }
    warn(failure)
    return true
  }
}

function deadLetter(topic: string, record: ReadRecord, reason: unknown, attempts: number) {
  return {
    topic,
    key: record.key,
    value: record.value,
    timestamp: record.timestamp,
    headers: [
      ...record.headers,
      { key: 'millrace-topic', value: record.topic },
      { key: 'millrace-partition', value: String(record.partition) },
      { key: 'millrace-offset', value: String(record.offset) },
      { key: 'millrace-error', value: textOf(reason) },
      { key: 'millrace-attempts', value: String(attempts) },
    ],
  }
}

function handlerFailed(records: readonly ReadRecord[], cause: unknown, attempts: number): MillraceError {
  const [first] = records
  const { topic = '', partition = 0, offset = 0 } = first ?? {}
  const what = records.length === 1 ? `record ${offset}` : `${records.length} records from ${offset} on`
  const times = attempts === 1 ? '' : `, ${attempts} times`
  return new MillraceError('HANDLER_FAILED', `${what} of ${topic}/${partition}${times}: ${textOf(cause)}`, {
    cause,
    details: { topic, partition, offset, records: records.length, attempts },
  })
}

function textOf(reason: unknown): string {
  return reason instanceof Error ? `${reason.name}: ${reason.message}` : String(reason)
}
