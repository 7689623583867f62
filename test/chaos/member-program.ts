/** A member of a group, for `MemberProcess`: notes what it does on standard output, a line for each event. */
import { writeSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { type Consumer, Millrace, type ReadRecord } from '@millrace/client'
import { type HistoryEvent, nowMs, type Place } from './history.ts'
import type { MemberTask } from './member-process.ts'

const REBALANCE_TIMEOUT_MS = 5_000
const TRANSACTION_TIMEOUT_MS = 4_000
const CONCURRENCY = 8

const task = JSON.parse(process.argv[2]!) as MemberTask
const { name: member } = task
const mr = new Millrace({ url: task.url, connectTimeoutMs: 60_000 })
let consumer: Consumer
let isLeaving = false

/** Written at once: a process that is killed has noted all that it did. */
function note(event: HistoryEvent): void {
  writeSync(1, `${JSON.stringify(event)}\n`)
}

function newConsumer(autoCommit: boolean): Consumer {
  const noteAll =
    (kind: 'assigned' | 'revoked' | 'lost') => (partitions: readonly { readonly partition: number }[]) => {
      for (const { partition } of partitions) note({ kind, at: nowMs(), member, partition })
    }
  return mr.consumer({
    group: task.group,
    topics: [task.topic],
    clientId: member,
    sessionTimeoutMs: task.sessionTimeoutMs,
    rebalanceTimeoutMs: REBALANCE_TIMEOUT_MS,
    autoCommit,
    autoCommitIntervalMs: 200,
    onAssigned: noteAll('assigned'),
    onRevoked: noteAll('revoked'),
    onLost: noteAll('lost'),
  })
}

interface Value {
  readonly key: string
  readonly sequence: number
}

async function work(): Promise<void> {
  consumer = newConsumer(true)
  await consumer.run(
    async (record) => {
      const { partition, offset } = record
      const { key, sequence } = record.json() as Value
      note({ kind: 'handled', at: nowMs(), member, place: { partition, offset }, key, sequence })
      await delay(Math.random() * 5)
    },
    { concurrency: CONCURRENCY },
  )
}

/** What is handled goes into the output in the transaction that commits its offset; what fails begins anew. */
async function pipe(output: string): Promise<void> {
  const producer = mr.producer({
    transactionalId: `chaos-${task.slot}`,
    transactionTimeoutMs: TRANSACTION_TIMEOUT_MS,
  })
  while (!isLeaving) {
    consumer = newConsumer(false)
    try {
      for await (const records of consumer.batches({ size: 50, timeMs: 50 })) {
        await producer.transaction(async (tx) => {
          for (const record of records) tx.send({ topic: output, key: record.key, value: outputOf(record) })
          await tx.commitOffsets(consumer)
        })
      }
    } catch (error) {
      console.error(error)
      await delay(100)
    } finally {
      await consumer.close()
      for (const { partition } of consumer.assigned()) note({ kind: 'lost', at: nowMs(), member, partition })
    }
  }
}

function outputOf(record: ReadRecord): Value & { place: Place } {
  const { partition, offset } = record
  return { ...(record.json() as Value), place: { partition, offset } }
}

process.on('message', () => {
  isLeaving = true
  consumer.close().catch(() => {})
})
process.on('disconnect', () => process.exit())
try {
  await (task.output === undefined ? work() : pipe(task.output))
  await mr.close()
} catch (error) {
  console.error(error)
  process.exitCode = 1
}
process.disconnect()
