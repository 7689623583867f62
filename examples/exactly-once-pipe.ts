/**
 * From topic to topic, each record exactly once: what is written and how far it has come are one transaction.
 *
 *     npx millrace topic create orders --partitions 2
 *     npx millrace topic create invoices --partitions 2
 *     npx millrace topic create orders-refused
 *     npx node examples/exactly-once-pipe.ts
 *     npx millrace produce orders '{"total": 10}' --key c42
 *     npx millrace consume invoices
 *
 * Several share the work, each under a name of its own: `npx node examples/exactly-once-pipe.ts pipe-2`.
 */
import { setTimeout } from 'node:timers/promises'
import { type ErrorCode, Millrace, MillraceError, type ProducerRecord, type ReadRecord } from '@millrace/client'

/** The same after a restart, and nobody else's: it ends the transaction that its predecessor left open. */
const name = process.argv[2] ?? 'pipe-1'

const mr = new Millrace({ url: process.env.MILLRACE_URL ?? 'http://127.0.0.1:7070' })
const producer = mr.producer({ transactionalId: name, compression: 'zstd' })

const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())

while (!stop.signal.aborted) {
  try {
    await pipe()
  } catch (error) {
    if (!(error instanceof MillraceError && mayGoOn(error))) throw error
    console.error(`${error.code}: ${error.message}`)
    await setTimeout(1_000)
  }
}
await mr.close()

/** Runs until it is stopped or a transaction fails. */
async function pipe(): Promise<void> {
  const consumer = mr.consumer({ group: 'invoicing', topics: ['orders'], instanceId: name, autoCommit: false })
  stop.signal.addEventListener('abort', () => consumer.close(), { once: true })
  for await (const orders of consumer.batches({ size: 500, timeMs: 100 })) {
    await producer.transaction(async (tx) => {
      await tx.sendBatch(orders.map(invoiceFor))
      await tx.commitOffsets(consumer)
    })
    console.log(`${orders.length} orders`)
  }
}

/**
 * After a transaction that failed, the consumer is behind what is committed, or ahead of it. A new one begins where the
 * last committed transaction ended, also where nobody could say whether that was this one (`details.outcomeUnknown`).
 * What ends the program instead: PRODUCER_FENCED, since another has its name; and what would only fail again.
 */
function mayGoOn({ code, retriable }: MillraceError): boolean {
  const passing: ErrorCode[] = ['TRANSACTION_ABORTED', 'UNKNOWN_MEMBER', 'STALE_MEMBER_EPOCH', 'PARTITION_NOT_OWNED']
  return retriable || passing.includes(code)
}

/** A record that cannot be read is put aside in the same transaction, so that it neither blocks the others nor is lost. */
function invoiceFor(order: ReadRecord): ProducerRecord {
  const { topic, partition, offset, key, value } = order
  const headers = { order: `${topic}/${partition}/${offset}` }
  try {
    const { total } = order.json() as { total: number }
    if (!Number.isFinite(total)) throw new TypeError('the order has no total')
    return { topic: 'invoices', key, value: { net: total, tax: Math.round(total * 20) / 100 }, headers }
  } catch (error) {
    return { topic: 'orders-refused', key, value, headers: { ...headers, reason: String(error) } }
  }
}
