import type { Engine, ProducerIdentity, TransactionOutcome } from '@millrace/engine'
import { BatchBuilder } from '@millrace/record'
import type { Death, KillPoint } from './kill-disk.ts'

export { LIMITS } from './kill-events.ts'

export const TRANSACTIONAL_ID = 'writer'
/** Of each topic; together enough for rounds that go by way of the journal. */
export const PARTITIONS = 3
/** Markers are synced whatever the topic says. */
export const TOPICS = {
  strict: { 'flush.policy': 'commit' },
  lax: { 'flush.policy': 'interval', 'flush.ms': '600000' },
} as const

export interface TransactionProgramOptions {
  readonly outcome: TransactionOutcome
  readonly killPoint?: KillPoint | undefined
}

/** What the program says; `ends` right before it ends the transaction, `ended` when it was told so. */
export type TransactionEvent =
  | { readonly event: 'ends'; readonly changes: number; readonly identity: ProducerIdentity }
  | { readonly event: 'ended' | 'closed'; readonly changes: number }
  | ({ readonly event: 'dies' } & Death)

/** Appends `value` to every partition in the open transaction of `identity`. */
export async function appendToAll(engine: Engine, identity: ProducerIdentity, value: string): Promise<void> {
  const topics = await engine.topics.list()
  const appends = topics.flatMap(({ id, partitions }) =>
    Array.from({ length: partitions }, (_, partition) => {
      const builder = new BatchBuilder().append({ key: null, value: Buffer.from(value), timestamp: 1_000 })
      const batch = builder.build({ producer: { ...identity, baseSequence: 0 }, transactional: true })
      return engine.partition(id, partition).append(batch.buffer, { acks: 'committed' })
    }),
  )
  await Promise.all(appends)
}
