/** The floor's client program. */
import { createTopic, open, read } from '../floor/client.ts'
import { FloorProducer } from '../floor/producer.ts'
import { serveClient } from '../workloads/serve-client.ts'

serveClient(async (url) => {
  const session = await open(url)
  return {
    createTopic: (topic, partitions) => createTopic(session, topic, partitions),
    async producer(topic, { valueBytes }) {
      const producer = new FloorProducer(session, topic, valueBytes)
      return {
        batch(values, partitions) {
          const batches = [...new Set(partitions)].map((partition) => ({
            partition,
            values: values.filter((_, index) => partitions[index] === partition),
          }))
          return () => Promise.all(batches.map((batch) => producer.sendBatch(batch.values, batch.partition)))
        },
        send: (value, partition) => producer.send(value, partition),
      }
    },
    read: (topic, { by, takeRecord, takeBatch }) =>
      read(session, topic, by === 'record' ? { record: takeRecord, batch: () => false } : { batch: takeBatch }),
    async close() {
      session.destroy()
    },
  }
})
