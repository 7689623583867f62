import type { ProduceAck } from '@millrace/wire'

/** The part of an engine that a fake server needs; the memory engine of testkit has it. */
export interface FakeEngine {
  readonly topics: {
    create(topic: { name: string; partitions: number; settings: Record<string, string> }): Promise<FakeTopic>
    find(name: string): Promise<FakeTopic | undefined>
    list(): Promise<readonly FakeTopic[]>
    delete(id: string): Promise<void>
  }
  readonly producers: { allocate(): Promise<{ producerId: number; producerEpoch: number }> }
  readonly transactions: {
    init(transactionalId: string, options: { timeoutMs: number }): Promise<FakeIdentity>
    end(transaction: FakeIdentity & { transactionalId: string }, outcome: 'commit' | 'abort'): Promise<FakeIdentity>
    list(): Promise<readonly FakeTransaction[]>
  }
  partition(topicId: string, partition: number): FakePartition
}

export interface FakeIdentity {
  readonly producerId: number
  readonly producerEpoch: number
}

export interface FakeTransaction extends FakeIdentity {
  readonly transactionalId: string
  readonly state: string
  readonly timeoutMs: number
  readonly startedAtMs: number | undefined
  readonly partitions: readonly unknown[]
}

export interface FakeTopic {
  readonly id: string
  readonly name: string
  readonly partitions: number
  readonly createdAtMs: number
  readonly settings: Readonly<Record<string, string>>
}

export interface FakePartition {
  append(batch: Buffer, options: { acks: 'committed' | 'none' }): Promise<Omit<ProduceAck, 'id' | 'error'>>
  read(
    offset: number,
    options: { maxBytes: number; waitMs?: number; signal?: AbortSignal; isolation?: 'committed' | 'uncommitted' },
  ): Promise<FakeRead>
  status(): Promise<{
    logStartOffset: number
    highWatermark: number
    lastStableOffset: number
    sizeBytes: number
    leaderEpoch: number
  }>
  offsetForTimestamp(timestampMs: number): Promise<{ offset: number; timestamp: number } | undefined>
}

export interface FakeRead {
  readonly batches: readonly Buffer[]
  readonly abortedTransactions: readonly { readonly producerId: number; readonly firstOffset: number }[]
  readonly nextOffset: number
  readonly logStartOffset: number
  readonly highWatermark: number
  readonly lastStableOffset: number
}
