/** The product's client program: `@millrace/client` as users use it. */
import { randomUUID } from 'node:crypto'
import { type Consumer, Millrace } from '@millrace/client'
import type { Producer } from '../harness/client.ts'
import { serveClient } from '../workloads/serve-client.ts'
import { MillraceMembers } from './millrace-member.ts'

/** What a record takes in a batch beside its value; a little more than it does. */
const RECORD_OVERHEAD_BYTES = 12
/** What the client allows an idempotent producer. */
const MOST_IN_FLIGHT = 31

serveClient(async (url) => {
  const client = new Millrace({ url })
  const members = new MillraceMembers(url)
  // As programs have it: one for all topics.
  const defaults = client.producer()
  return {
    async createTopic(topic, partitions) {
      await client.admin.createTopic({ name: topic, partitions })
    },
    async producer(topic, { valueBytes, batchRecords, inFlight, clientDefaults, idempotent, transactions }) {
      if (transactions) return transactional(client, topic)
      const producer = clientDefaults
        ? idempotent === undefined
          ? defaults
          : client.producer({ idempotent })
        : client.producer({
            batchBytes: batchRecords * (valueBytes + RECORD_OVERHEAD_BYTES),
            maxInFlight: Math.min(inFlight, MOST_IN_FLIGHT),
          })
      return {
        batch(values, partitions) {
          const records = values.map((value, index) => ({ topic, partition: partitions[index], value }))
          return () => producer.sendBatch(records)
        },
        send: (value, partition) => producer.send({ topic, partition, value }),
      }
    },
    async read(topic, { by, takeRecord, takeBatch }) {
      if (by === 'record') {
        for await (const { value } of client.read({ topic, partition: 0 })) if (takeRecord(value as Buffer)) return
      } else {
        for await (const { records } of client.readBatches({ topic, partition: 0 }))
          if (await takeBatch(records.length)) return
      }
    },
    member: (group, topic) => members.join(group, topic),
    async consumer(group, topic) {
      const owned = new Set<number>()
      const consumer = client.consumer({
        group,
        topics: [topic],
        onAssigned(partitions) {
          for (const { partition } of partitions) owned.add(partition)
        },
        onRevoked(partitions) {
          for (const { partition } of partitions) owned.delete(partition)
        },
      })
      // What fails ends the process.
      void consumer.run(() => {})
      return {
        get owned() {
          return owned.size
        },
      }
    },
    groupState: async (group) => (await client.admin.describeGroup(group)).state,
    worker: new URL('millrace-worker.ts', import.meta.url),
    async pipe(from, to, { batchRecords, transactions }, copied) {
      await using consumer = client.consumer({ group: `${from}-pipe`, topics: [from], autoCommit: false })
      const copy = transactions ? exactlyOnce(client, to, consumer) : atLeastOnce(client, to, consumer)
      for await (const records of consumer.batches({ size: batchRecords })) {
        await copy(records)
        if (copied(records.length)) return
      }
    },
    async close() {
      members.close()
      await client.close()
    },
  }
})

type Copy = (records: readonly { readonly value: unknown }[]) => Promise<void>

function exactlyOnce(client: Millrace, topic: string, consumer: Consumer): Copy {
  const producer = client.producer({ transactionalId: randomUUID() })
  return (records) =>
    producer.transaction(async (tx) => {
      const copies = records.map(({ value }) => ({ topic, partition: 0, value: value as Buffer }))
      await Promise.all([tx.sendBatch(copies), tx.commitOffsets(consumer)])
    })
}

function atLeastOnce(client: Millrace, topic: string, consumer: Consumer): Copy {
  const producer = client.producer()
  return async (records) => {
    await producer.sendBatch(records.map(({ value }) => ({ topic, partition: 0, value: value as Buffer })))
    await consumer.commit()
  }
}

/** Stores each record in a transaction of its own. */
function transactional(client: Millrace, topic: string): Producer {
  const producer = client.producer({ transactionalId: randomUUID() })
  return {
    batch: () => () => Promise.reject(new Error('only records one by one')),
    send: (value, partition) =>
      producer.transaction(async (tx) => {
        await tx.send({ topic, partition, value })
      }),
  }
}
