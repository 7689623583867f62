/**
 * A topic into an SQLite database, each record exactly once, whatever is killed and whenever.
 *
 * The trick: how far it has come is kept in the database, and changes in the same transaction as the rows. So the rows
 * and the offset are there together or not at all. What the group has committed counts for nothing.
 *
 *     npx millrace topic create orders --partitions 2
 *     npx node examples/sqlite-sink.ts orders.db
 *     npx millrace produce orders '{"total": 10}' --key c42
 *
 * To load everything again, delete the database.
 */
import { DatabaseSync } from 'node:sqlite'
import { Millrace, type ReadRecord } from '@millrace/client'

const db = new DatabaseSync(process.argv[2] ?? 'orders.db', { timeout: 5_000 })
db.exec(`
  PRAGMA journal_mode = WAL;
  CREATE TABLE IF NOT EXISTS orders (customer TEXT, content TEXT, received INTEGER);
  CREATE TABLE IF NOT EXISTS progress (topic TEXT, partition INTEGER, next INTEGER, PRIMARY KEY (topic, partition));
`)
const begin = db.prepare('INSERT OR IGNORE INTO progress VALUES ($topic, $partition, 0)')
const find = db.prepare('SELECT next FROM progress WHERE topic = $topic AND partition = $partition')
const insert = db.prepare('INSERT INTO orders VALUES ($customer, $content, $received)')
const advance = db.prepare(`
  UPDATE progress SET next = $offset + 1 WHERE topic = $topic AND partition = $partition AND next <= $offset
`)

const mr = new Millrace({ url: process.env.MILLRACE_URL ?? 'http://127.0.0.1:7070' })

const consumer = mr.consumer({
  group: 'sqlite-sink',
  topics: ['orders'],
  // One that was killed may come back under this name at once, without waiting for its session to end.
  instanceId: 'sqlite-sink',
  autoCommit: false,
  onAssigned: (partitions) => {
    for (const { topic, partition } of partitions) {
      begin.run({ topic, partition })
      consumer.seek({ topic, partition, offset: Number(find.get({ topic, partition })?.next) })
    }
  },
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => consumer.close())

for await (const orders of consumer.batches({ size: 500, timeMs: 200 })) {
  store(orders)
  console.log(`stored ${orders.length}`)
  // Only so that `millrace group describe sqlite-sink` shows the lag: it may fail.
  await consumer.commit().catch(() => {})
}
await mr.close()
db.close()

function store(orders: readonly ReadRecord[]): void {
  db.exec('BEGIN IMMEDIATE')
  try {
    for (const order of orders) {
      const { topic, partition, offset } = order
      // Nothing changes where somebody has stored it before: a sink that was taken for dead and is not.
      if (advance.run({ topic, partition, offset }).changes === 0) continue
      insert.run({ customer: order.keyText(), content: order.text(), received: order.timestamp })
    }
    db.exec('COMMIT')
  } catch (error) {
    db.exec('ROLLBACK')
    throw error
  }
}
