/** The client program for Apache Kafka with kafkajs. */
import { Kafka, logLevel } from 'kafkajs'
import { serveClient } from '../workloads/serve-client.ts'

const ALL = -1
const FETCH_BYTES = 2 ** 20

serveClient(async (url) => {
  const kafka = new Kafka({ clientId: 'bench', brokers: [url], logLevel: logLevel.ERROR })
  const open: { disconnect(): Promise<void> }[] = []
  return {
    async createTopic(topic, numPartitions) {
      const admin = kafka.admin()
      await admin.connect()
      await admin.createTopics({ topics: [{ topic, numPartitions }] })
      await admin.disconnect()
    },
    async producer(topic) {
      const producer = kafka.producer({ allowAutoTopicCreation: false })
      await producer.connect()
      open.push(producer)
      return {
        batch(values, partitions) {
          const messages = values.map((value, index) => ({ value, partition: partitions[index]! }))
          return () => producer.send({ topic, messages, acks: ALL })
        },
        send: (value, partition) => producer.send({ topic, messages: [{ value, partition }], acks: ALL }),
      }
    },
    async read(topic, { by, takeRecord, takeBatch }) {
      const groupId = `bench-${crypto.randomUUID()}`
      const consumer = kafka.consumer({ groupId, maxBytesPerPartition: FETCH_BYTES, maxBytes: FETCH_BYTES })
      await consumer.connect()
      await consumer.subscribe({ topic, fromBeginning: true })
      await new Promise<void>((resolve, reject) => {
        let isOver = false
        consumer
          .run({
            autoCommit: false,
            async eachBatch({ batch, resolveOffset }) {
              if (isOver) return
              try {
                if (by === 'batch') isOver = await takeBatch(batch.messages.length)
                else for (const { value } of batch.messages) if (takeRecord(value as Buffer)) isOver = true
                resolveOffset(batch.lastOffset())
                if (isOver) resolve()
              } catch (error) {
                reject(error)
              }
            },
          })
          .catch(reject)
      })
      await consumer.disconnect()
    },
    async close() {
      for (const one of open) await one.disconnect()
    },
  }
})
