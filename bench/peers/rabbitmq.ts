/** The client program for RabbitMQ streams. A topic's partition is a stream. */
import { connect, Offset } from 'rabbitmq-stream-js-client'
import { Connection } from 'rabbitmq-stream-js-client/dist/connection.js'
import { serveClient } from '../workloads/serve-client.ts'

// A request that only tells versions, and that a RabbitMQ before 3.11, as Debian 12 has it, answers by hanging up.
Connection.prototype.exchangeCommandVersions = async () => {}

serveClient(async (url) => {
  const { hostname, port } = new URL(url)
  const user = { username: 'guest', password: 'guest', vhost: '/' }
  const client = await connect({ hostname, port: Number(port), ...user, heartbeat: 0 })
  const streamOf = (topic: string, partition: number): string => `${topic}-${partition}`
  return {
    async createTopic(topic, partitions) {
      for (let partition = 0; partition < partitions; partition++)
        await client.createStream({ stream: streamOf(topic, partition), arguments: {} })
    },
    async producer(topic) {
      const publisher = await client.declarePublisher({ stream: streamOf(topic, 0) })
      // What was sent is confirmed in its order.
      const waiting: { readonly sent: number; readonly settle: () => void }[] = []
      let sent = 0
      let confirmed = 0
      publisher.on('publish_confirm', (error, ids) => {
        if (error !== null) throw new Error(`RabbitMQ refused a record with ${error}`)
        confirmed += ids.length
        let settled = 0
        while (settled < waiting.length && waiting[settled]!.sent <= confirmed) waiting[settled++]!.settle()
        waiting.splice(0, settled)
      })
      const isConfirmed = (): Promise<void> => new Promise((settle) => waiting.push({ sent, settle }))
      const publish = (value: Buffer): void => {
        sent++
        void publisher.send(value)
      }
      return {
        batch: (values) => () => {
          for (const value of values) publish(value)
          return isConfirmed()
        },
        send(value) {
          publish(value)
          return isConfirmed()
        },
      }
    },
    read(topic, { by, takeRecord, takeBatch }) {
      const where = { stream: streamOf(topic, 0), offset: Offset.first() }
      return new Promise((resolve, reject) => {
        let isOver = false
        // One chunk at a time, as it is by default: with more the client mixes up their records.
        const consumer = client.declareConsumer(where, ({ content }) => {
          if (isOver) return
          try {
            isOver = by === 'record' ? takeRecord(content) : takeBatch(1) === true
          } catch (error) {
            isOver = true
            reject(error)
          }
          if (isOver) consumer.then((running) => running.close()).then(resolve, reject)
        })
        consumer.catch(reject)
      })
    },
    close: () => client.close(),
  }
})
