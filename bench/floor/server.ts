/*
 * The floor's server: what the machine can do when nothing is done but the work that cannot be left out. It imports
 * nothing of Millrace. Run as `node server.ts DIR [unsynced]`; it sends `{ port }` to its parent, or prints it.
 *
 *   PUT  /TOPIC?PARTITIONS  a new topic
 *   POST /TOPIC             frames with a partition (uint32) and a batch each: the CRC is checked, the base offset
 *                           stamped; what arrived while the last sync ran goes into one writev and one fdatasync; then
 *                           one frame with the number of batches is answered
 *   GET  /TOPIC             all of the topic that is committed, and then what is committed, in one answer without end
 */
import { createServer, type ServerHttp2Stream } from 'node:http2'
import { FRAME_PREFIX_BYTES, FrameReader, writePrefix } from './frames.ts'
import { Topic } from './topic.ts'

const WINDOW_BYTES = 16 * 2 ** 20
const PARTITION_BYTES = 4

const directory = process.argv[2] ?? '.'
const synced = process.argv[3] !== 'unsynced'
const topics = new Map<string, Topic>()

function produce(topic: Topic, stream: ServerHttp2Stream): void {
  let acknowledged = 0
  const answer = (): void => {
    const frame = Buffer.allocUnsafe(FRAME_PREFIX_BYTES + 4)
    writePrefix(frame, 4)
    frame.writeUInt32BE(acknowledged, FRAME_PREFIX_BYTES)
    acknowledged = 0
    if (!stream.destroyed) stream.write(frame)
  }
  const done = (): void => {
    if (acknowledged++ === 0) queueMicrotask(answer)
  }
  const frames = new FrameReader((payload) => {
    topic.append(payload.readUInt32BE(0), payload.subarray(PARTITION_BYTES), done)
  })
  stream.on('data', (chunk: Buffer) => frames.push(chunk))
  stream.on('end', () => stream.end())
}

const server = createServer({ settings: { initialWindowSize: WINDOW_BYTES } })
server.on('session', (session) => session.setLocalWindowSize(WINDOW_BYTES))
server.on('stream', (stream, headers) => {
  // A client that goes away is no failure.
  stream.on('error', () => {})
  const [name, partitions] = headers[':path']!.slice(1).split('?') as [string, string?]
  if (headers[':method'] === 'PUT') {
    topics.set(name, new Topic(directory, name, Number(partitions), synced))
    stream.respond({ ':status': 201 }, { endStream: true })
    return
  }
  const topic = topics.get(name)
  stream.respond({ ':status': topic === undefined ? 404 : 200 }, { endStream: topic === undefined })
  if (topic === undefined) return
  if (headers[':method'] === 'POST') produce(topic, stream)
  else topic.follow(stream)
})
server.on('sessionError', () => {})
server.listen(0, '127.0.0.1', () => {
  const address = server.address() as { port: number }
  if (process.send) process.send({ port: address.port })
  else console.log(address.port)
})
process.on('disconnect', () => process.exit())
process.on('SIGTERM', () => process.exit())
