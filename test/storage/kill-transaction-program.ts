/*
 * A program that ends a transaction over the partitions of two topics, and dies at a change of the disk; where the
 * transaction was begun before, it only starts and ends. Run as `node kill-transaction-program.ts DIRECTORY OPTIONS`; it
 * tells as `kill-program.ts` does.
 */
import { writeSync } from 'node:fs'
import type { ProducerIdentity } from '@millrace/engine'
import { openLocalEngine } from '@millrace/engine-local'
import { nodeDisk } from '@millrace/log'
import { ManualClock } from '@millrace/testkit'
import { KillDisk } from './kill-disk.ts'
import {
  appendToAll,
  LIMITS,
  PARTITIONS,
  TOPICS,
  TRANSACTIONAL_ID,
  type TransactionEvent,
  type TransactionProgramOptions,
} from './kill-transaction-events.ts'

const [dataDir = '', json = '{}'] = process.argv.slice(2)
const { killPoint, outcome } = JSON.parse(json) as TransactionProgramOptions
const disk = new KillDisk(nodeDisk(), killPoint, (death) => tell({ event: 'dies', ...death }))

function tell(event: TransactionEvent): void {
  writeSync(1, `${JSON.stringify(event)}\n`)
}

const engine = await openLocalEngine({ disk, dataDir, clock: new ManualClock(), limits: LIMITS })
if ((await engine.topics.list()).length === 0) {
  for (const [name, settings] of Object.entries(TOPICS)) {
    await engine.topics.create({ name, partitions: PARTITIONS, settings })
  }
  const end = (identity: ProducerIdentity, as: 'commit' | 'abort'): Promise<ProducerIdentity> =>
    engine.transactions.end({ transactionalId: TRANSACTIONAL_ID, ...identity }, as)
  const first = await engine.transactions.init(TRANSACTIONAL_ID, { timeoutMs: 60_000 })
  await appendToAll(engine, first, 'before')
  const identity = await end(first, 'commit')
  await appendToAll(engine, identity, 'it')
  tell({ event: 'ends', changes: disk.changes, identity })
  await end(identity, outcome)
  tell({ event: 'ended', changes: disk.changes })
}
await engine.close()
tell({ event: 'closed', changes: disk.changes })
