/** The product's client program: `@millrace/client` as users use it. */
import { Millrace } from '@millrace/client'
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
    async producer(topic, { valueBytes, batchRecords, inFlight, clientDefaults }) {
      const producer = clientDefaults
        ? defaults
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
    async close() {
      members.close()
      await client.close()
    },
  }
})
