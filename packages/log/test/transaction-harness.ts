import { BatchBuilder, type RecordBatch, readBatches, transactionMarkerOf } from '@millrace/record'
import type { Isolation, LogRead, PartitionLog } from '../src/partition-log.ts'
import { TIMESTAMP } from './log-harness.ts'

export interface Identity {
  readonly producerId: number
  readonly producerEpoch: number
}

export interface TransactionalShape extends Identity {
  readonly baseSequence?: number
  readonly key?: string | undefined
  readonly timestamp?: number
}

/** A transactional batch of one record for each value. */
export function transactionalBatch(values: readonly string[], shape: TransactionalShape): RecordBatch {
  const { producerId, producerEpoch, baseSequence = -1, key, timestamp = TIMESTAMP } = shape
  const builder = new BatchBuilder()
  for (const value of values) {
    builder.append({ key: key === undefined ? null : Buffer.from(key), value: Buffer.from(value), timestamp })
  }
  return builder.build({ producer: { producerId, producerEpoch, baseSequence }, transactional: true })
}

/** A producer whose transactions follow on one another, each with an epoch of its own. */
export class TransactionalProducer {
  readonly producerId: number
  producerEpoch = 0
  private sequence = 0
  private isSequenced = true

  constructor(producerId: number) {
    this.producerId = producerId
  }

  /** Appends to the open transaction, or begins one. */
  async append(log: PartitionLog, values: readonly string[], key?: string): Promise<number> {
    const { producerId, producerEpoch } = this
    const baseSequence = this.isSequenced ? this.sequence : -1
    const batch = transactionalBatch(values, { producerId, producerEpoch, baseSequence, key })
    const { baseOffset } = await log.append(batch).committed
    this.sequence += values.length
    return baseOffset
  }

  async end(log: PartitionLog, outcome: 'commit' | 'abort'): Promise<number | undefined> {
    const offset = await log.appendMarker({ ...this.identity, outcome })
    this.begin(this.producerEpoch + 1)
    return offset
  }

  /** Goes on with an epoch; in the middle of a transaction of it where there are no sequences. */
  begin(producerEpoch: number, how: 'at sequence 0' | 'without sequences' = 'at sequence 0'): void {
    this.producerEpoch = producerEpoch
    this.sequence = 0
    this.isSequenced = how === 'at sequence 0'
  }

  get identity(): Identity {
    return { producerId: this.producerId, producerEpoch: this.producerEpoch }
  }
}

/** What a client makes of a read with isolation `committed`: offset and value of each record that is not left out. */
export function* committedValues({ batches, abortedTransactions }: LogRead): Generator<[number, string]> {
  const waiting = abortedTransactions.toSorted((a, b) => a.firstOffset - b.firstOffset)
  const aborting = new Set<number>()
  for (const batch of batches.flatMap((buffer) => [...readBatches(buffer)])) {
    for (; waiting[0] !== undefined && waiting[0].firstOffset <= batch.lastOffset; waiting.shift()) {
      aborting.add(waiting[0].producerId)
    }
    if (batch.isControl) {
      if (transactionMarkerOf(batch)?.outcome === 'abort') aborting.delete(batch.producerId)
    } else if (!batch.isTransactional || !aborting.has(batch.producerId)) {
      for (const { offset, value } of batch.records(1 << 20)) yield [offset, String(value)]
    }
  }
}

/** All that a reader gets who reads from `offset` on, `maxBytes` at a time. */
export async function readAll(
  log: PartitionLog,
  isolation: Isolation,
  { offset = log.logStartOffset as number, maxBytes = 1 << 20 } = {},
): Promise<string[]> {
  const values = new Map<number, string>()
  const end = isolation === 'committed' ? log.lastStableOffset : log.highWatermark
  for (let next = offset; next < end; ) {
    const read = await log.read(next, maxBytes, isolation)
    if (read.nextOffset <= next || read.nextOffset > end) throw new RangeError(`${next} leads to ${read.nextOffset}`)
    for (const [at, value] of isolation === 'committed' ? committedValues(read) : recordsOf(read)) {
      if (at >= offset) values.set(at, value)
    }
    next = read.nextOffset
  }
  return [...values.values()]
}

function* recordsOf({ batches }: LogRead): Generator<[number, string]> {
  for (const batch of batches.flatMap((buffer) => [...readBatches(buffer)])) {
    if (batch.isControl) continue
    for (const { offset, value } of batch.records(1 << 20)) yield [offset, String(value)]
  }
}
