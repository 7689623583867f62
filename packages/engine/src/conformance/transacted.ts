import { expect } from 'vitest'
import type {
  AppendResult,
  EnginePartition,
  Isolation,
  ProducerIdentity,
  ReadResult,
  TransactionOutcome,
  Transactions,
} from '../engine.ts'
import { type Bench, batchesIn, batchOf } from './subject.ts'

const READ_BYTES = 1 << 20

/** Both partitions of a new topic. */
export async function twoPartitions(bench: Bench) {
  const { id } = await bench.createTopic('orders', 2)
  return { id, zero: bench.engine.partition(id, 0), one: bench.engine.partition(id, 1) }
}

/** One instance of a transactional producer: it knows its identity and its sequences. */
export class Writer {
  readonly transactionalId: string
  readonly transactions: Transactions
  identity: ProducerIdentity
  private sequences = new Map<EnginePartition, number>()

  constructor(transactions: Transactions, transactionalId: string, identity: ProducerIdentity) {
    this.transactions = transactions
    this.transactionalId = transactionalId
    this.identity = identity
  }

  static async start(transactions: Transactions, transactionalId = 'writer', timeoutMs = 60_000): Promise<Writer> {
    return new Writer(transactions, transactionalId, await transactions.init(transactionalId, { timeoutMs }))
  }

  append(partition: EnginePartition, values: readonly string[]): Promise<AppendResult> {
    const baseSequence = this.sequences.get(partition) ?? 0
    this.sequences.set(partition, baseSequence + values.length)
    return partition.append(transactionalBatch(this.identity, baseSequence, values), { acks: 'committed' })
  }

  /** Ends the transaction as `end` does, and goes on with what it returns. */
  async end(outcome: TransactionOutcome): Promise<ProducerIdentity> {
    this.identity = await this.tryEnd(outcome)
    this.sequences.clear()
    return this.identity
  }

  tryEnd(outcome: TransactionOutcome, identity = this.identity): Promise<ProducerIdentity> {
    return this.transactions.end({ transactionalId: this.transactionalId, ...identity }, outcome)
  }
}

export function transactionalBatch(
  identity: ProducerIdentity,
  baseSequence: number,
  values: readonly string[],
): Buffer {
  return batchOf(values, { producer: { ...identity, baseSequence }, transactional: true })
}

/** What a consumer makes of what it reads: the values, without markers and, when `committed`, without aborted ones. */
export async function consume(
  partition: EnginePartition,
  isolation: Isolation,
  { from = 0, maxBytes = READ_BYTES }: { from?: number; maxBytes?: number } = {},
): Promise<string[]> {
  const values: string[] = []
  for (let offset = from; ; ) {
    const read = await partition.read(offset, { maxBytes, isolation })
    if (read.batches.length === 0) return values
    values.push(...valuesIn(read, offset))
    offset = read.nextOffset
  }
}

/** The values of one read that lie at `from` or later and were not aborted. */
export function valuesIn(read: ReadResult, from: number): string[] {
  const values: string[] = []
  const due = [...read.abortedTransactions].sort((a, b) => a.firstOffset - b.firstOffset)
  const aborted = new Set<number>()
  for (const batch of batchesIn(read)) {
    while (due.length > 0 && due[0]!.firstOffset <= batch.lastOffset) aborted.add(due.shift()!.producerId)
    if (batch.isControl) {
      aborted.delete(batch.producerId)
      continue
    }
    if (batch.isTransactional && aborted.has(batch.producerId)) continue
    for (const { offset, value } of batch.records(READ_BYTES)) if (offset >= from) values.push(String(value))
  }
  return values
}

/** Expects what both kinds of readers see of a partition. */
export async function expectValues(
  partition: EnginePartition,
  { committed, uncommitted }: { committed: readonly string[]; uncommitted: readonly string[] },
): Promise<void> {
  expect(await consume(partition, 'committed')).toEqual(committed)
  expect(await consume(partition, 'committed', { maxBytes: 1 })).toEqual(committed)
  expect(await consume(partition, 'uncommitted')).toEqual(uncommitted)
}
