/** The client program for NATS JetStream. A topic is a stream, its partitions are subjects. */
import { DeliverPolicy, jetstream, jetstreamManager, StorageType } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { serveClient } from '../workloads/serve-client.ts'

/** Messages that an ordered consumer asks for ahead; more make it no faster. */
const AHEAD = 10_000
/** A server that syncs each record takes long for many. */
const TIMEOUT_MS = 60_000

serveClient(async (url) => {
  const connection = await connect({ servers: url })
  const client = jetstream(connection, { timeout: TIMEOUT_MS })
  const subject = (topic: string, partition: number): string => `${topic}.${partition}`
  return {
    async createTopic(topic) {
      const manager = await jetstreamManager(connection)
      const subjects = [`${topic}.*`]
      await manager.streams.add({ name: topic, subjects, storage: StorageType.File, allow_atomic: true })
    },
    async producer(topic) {
      return {
        batch(values, partitions) {
          const subjects = partitions.map((partition) => subject(topic, partition))
          const last = values.length - 1
          return async () => {
            const batch = await client.startBatch(subjects[0]!, values[0]!)
            for (let index = 1; index < last; index++) batch.add(subjects[index]!, values[index]!)
            await batch.commit(subjects[last]!, values[last]!, { timeout: TIMEOUT_MS })
          }
        },
        send: (value, partition) => client.publish(subject(topic, partition), value),
      }
    },
    async read(topic, { by, takeRecord, takeBatch }) {
      const settings = { deliver_policy: DeliverPolicy.All, filter_subjects: [subject(topic, 0)] }
      const consumer = await client.consumers.get(topic, settings)
      await new Promise<void>((resolve, reject) => {
        let isOver = false
        const end = (): void => {
          isOver = true
          messages.then((running) => running.stop())
          resolve()
        }
        const messages = consumer.consume({
          max_messages: AHEAD,
          callback({ data }) {
            if (isOver) return
            const value = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
            try {
              if (by === 'record' ? takeRecord(value) : takeBatch(1) === true) end()
            } catch (error) {
              reject(error)
            }
          },
        })
        messages.catch(reject)
      })
    },
    close: () => connection.close(),
  }
})
