/** The client program for Apache Kafka with @platformatic/kafka. */
import { Admin, Consumer, Producer } from '@platformatic/kafka'
import { serveClient } from '../workloads/serve-client.ts'

const ALL = -1
const FETCH_BYTES = 2 ** 20
/** Messages that a stream of messages holds ready. */
const AHEAD = 100_000
/** A new topic's partitions take a while to be served. */
const RETRIES = 50
/** What the stream of single records makes into one request, and how long it waits for it. */
const GATHERED = { batchSize: 1_000, batchTime: 1, highWaterMark: 10_000 }

serveClient(async (url) => {
  const common = { clientId: 'bench', bootstrapBrokers: [url] }
  const open: { close(): Promise<unknown> }[] = []
  return {
    async createTopic(topic, partitions) {
      const admin = new Admin(common)
      await admin.createTopics({ topics: [topic], partitions, replicas: 1 })
      await admin.close()
    },
    async producer(topic, { batchRecords, inFlight }) {
      const producer = new Producer({ ...common, retries: RETRIES, acks: ALL, maxInflights: Math.max(5, inFlight) })
      const message = (value: Buffer, partition: number) => ({ topic, partition, value })
      if (batchRecords > 1 || inFlight === 1) {
        open.push(producer)
        return {
          batch(values, partitions) {
            const messages = values.map((value, index) => message(value, partitions[index]!))
            return () => producer.send({ messages })
          },
          send: (value, partition) => producer.send({ messages: [message(value, partition)] }),
        }
      }
      const stream = producer.asStream({ ...GATHERED, acks: ALL, reportMode: 'message' })
      open.push(stream, producer)
      const settles = new Map<unknown, () => void>()
      stream.on('delivery-report', (report) => {
        settles.get(report.message)?.()
        settles.delete(report.message)
      })
      return {
        batch: () => () => Promise.reject(new Error('single records only')),
        send: (value, partition) =>
          new Promise((resolve) => {
            const one = message(value, partition)
            settles.set(one, () => resolve(undefined))
            stream.write(one)
          }),
      }
    },
    async read(topic, { by, takeRecord, takeBatch }) {
      const consumer = new Consumer({
        ...common,
        groupId: `bench-${crypto.randomUUID()}`,
        maxBytes: FETCH_BYTES,
        maxBytesPerPartition: FETCH_BYTES,
        maxWaitTime: 500,
        highWaterMark: AHEAD,
      })
      const messages = await consumer.consume({ topics: [topic], mode: 'earliest', autocommit: false })
      for await (const { value } of messages) if (by === 'record' ? takeRecord(value) : await takeBatch(1)) break
      await consumer.close(true)
    },
    async close() {
      for (const one of open) await one.close()
    },
  }
})
