/** The client program for Redis Streams. A topic's partition is a stream. */
import { createClient, RESP_TYPES } from 'redis'
import { serveClient } from '../workloads/serve-client.ts'

const PAGE = 5_000
const FIELD = 'v'

/** An entry of a stream: its id, and names and values in turn. */
type Entry = readonly [id: Buffer, fields: readonly Buffer[]]

serveClient(async (url) => {
  const client = createClient({ url, RESP: 3 })
  await client.connect()
  const reader = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer })
  const key = (topic: string, partition: number): string => `${topic}-${partition}`
  return {
    // A stream is there with its first entry.
    async createTopic() {},
    async producer(topic) {
      return {
        batch(values, partitions) {
          const commands = values.map((value, index) => ['XADD', key(topic, partitions[index]!), '*', FIELD, value])
          return () => {
            const pipeline = client.multi()
            for (const command of commands) pipeline.addCommand(command)
            return pipeline.execAsPipeline()
          }
        },
        send: (value, partition) => client.sendCommand(['XADD', key(topic, partition), '*', FIELD, value]),
      }
    },
    async read(topic, { by, takeRecord, takeBatch }) {
      const stream = key(topic, 0)
      let last = '-'
      const take = async (entries: readonly Entry[]): Promise<boolean> => {
        last = entries.at(-1)![0].toString()
        if (by === 'batch') return takeBatch(entries.length)
        for (const [, fields] of entries) if (takeRecord(fields[1]!)) return true
        return false
      }
      for (;;) {
        const from = last === '-' ? last : `(${last}`
        const page = await reader.sendCommand<Entry[]>(['XRANGE', stream, from, '+', 'COUNT', String(PAGE)])
        if (page.length === 0) break
        if (await take(page)) return
      }
      if (last === '-') last = '0'
      for (;;) {
        const args = ['XREAD', 'COUNT', String(PAGE), 'BLOCK', '0', 'STREAMS', stream, last]
        const answer = await reader.sendCommand<Record<string, Entry[]>>(args)
        if (await take(Object.values(answer)[0]!)) return
      }
    },
    async close() {
      client.destroy()
    },
  }
})
