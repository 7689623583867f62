import type { ProducerStamp } from '@millrace/record'
import type { ModelRecord } from './model-record.ts'

/** A batch of an idempotent producer. */
export interface SequencedBatch {
  readonly records: readonly ModelRecord[]
  readonly producer: ProducerStamp
}

/** What an idempotent producer sends to one partition: in order, again until it is acknowledged. */
export class ProducerStream {
  readonly producerId: number
  private nextSequence = 0
  private readonly waiting: SequencedBatch[] = []

  constructor(producerId: number) {
    this.producerId = producerId
  }

  /** What is not acknowledged, oldest first. */
  get unacknowledged(): readonly SequencedBatch[] {
    return [...this.waiting]
  }

  /** Queues a batch behind those that are not acknowledged. */
  add(records: readonly ModelRecord[]): SequencedBatch {
    const { producerId, nextSequence: baseSequence } = this
    const batch = { records, producer: { producerId, producerEpoch: 0, baseSequence } }
    this.nextSequence += records.length
    this.waiting.push(batch)
    return batch
  }

  acknowledge(batch: SequencedBatch): void {
    const at = this.waiting.indexOf(batch)
    if (at >= 0) this.waiting.splice(at, 1)
  }
}
