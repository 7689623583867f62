/** The client program for REST: HTTP/1.1 with keep-alive, as little of it as there can be, so that the server decides. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { serveClient } from '../workloads/serve-client.ts'

const END_OF_HEAD = '\r\n\r\n'

/** One connection with one request at a time. */
class Connection {
  private readonly socket: Socket
  private readonly host: string
  private received = ''
  private answer: { resolve: (body: string) => void; reject: (error: Error) => void } | undefined

  constructor(socket: Socket, host: string) {
    this.socket = socket
    this.host = host
    socket.setNoDelay(true)
    socket.setEncoding('latin1')
    socket.on('data', (chunk: string) => this.take(chunk))
    socket.on('error', (error) => this.answer?.reject(error))
    socket.on('close', () => this.answer?.reject(new Error('the connection was closed')))
  }

  post(path: string, body: string): Promise<string> {
    const head = `POST ${path} HTTP/1.1\r\nHost: ${this.host}\r\nContent-Type: application/json\r\n`
    this.socket.write(`${head}Content-Length: ${body.length}${END_OF_HEAD}${body}`, 'latin1')
    return new Promise((resolve, reject) => {
      this.answer = { resolve, reject }
    })
  }

  close(): void {
    this.answer = undefined
    this.socket.destroy()
  }

  private take(chunk: string): void {
    this.received += chunk
    const end = this.received.indexOf(END_OF_HEAD)
    if (end === -1) return
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(this.received)?.[1])
    const from = end + END_OF_HEAD.length
    if (this.received.length < from + length) return
    const { received, answer } = this
    this.received = ''
    this.answer = undefined
    if (/^HTTP\/1\.1 20[01] /.test(received)) answer?.resolve(received.slice(from))
    else answer?.reject(new Error(received))
  }
}

serveClient(async (url) => {
  const { hostname, port, host } = new URL(url)
  const socket = connect(Number(port), hostname)
  await once(socket, 'connect')
  const connection = new Connection(socket, host)
  return {
    async createTopic(name, partitions) {
      await connection.post('/v1/topics', JSON.stringify({ name, partitions }))
    },
    async producer(topic) {
      const path = `/v1/topics/${topic}/records`
      return {
        batch(values, partitions) {
          const records = values.map((value, index) => ({
            partition: partitions[index],
            value: value.toString('latin1'),
          }))
          const body = JSON.stringify({ records })
          return () => connection.post(path, body)
        },
        send: (value, partition) =>
          connection.post(path, JSON.stringify({ records: [{ partition, value: value.toString('latin1') }] })),
      }
    },
    read: () => Promise.reject(new Error('nothing is read over REST')),
    close: async () => connection.close(),
  }
})
