/*
 * The floor's server: what the machine can do when nothing is done but the work that cannot be left out. It imports
 * nothing of Millrace. Run as `node server.ts DIR [unsynced]`; it sends `{ port }` to its parent, or prints it.
 *
 *   /produce  frames with one batch each: the CRC is checked, the base offset stamped; what arrived while the last
 *             sync ran goes into one writev and one fdatasync; then one frame with the number of batches is answered
 *   /echo     frames of any content: write, fdatasync, the same frame back
 *   /read     the file that was produced, in one long answer
 */
import { once } from 'node:events'
import { createServer, type ServerHttp2Stream } from 'node:http2'
import { join } from 'node:path'
import { isWhole, recordCount, stamp } from './batch.ts'
import { FRAME_PREFIX_BYTES, FrameReader, writePrefix } from './frames.ts'
import { GroupCommit } from './group-commit.ts'

const WINDOW_BYTES = 16 * 2 ** 20
const READ_BYTES = 2 ** 20

const directory = process.argv[2] ?? '.'
const synced = process.argv[3] !== 'unsynced'
const log = new GroupCommit(join(directory, 'produced.log'), synced)
const echoes = new GroupCommit(join(directory, 'echoed.log'), synced)
let nextOffset = 0

function produce(stream: ServerHttp2Stream): void {
  let acknowledged = 0
  const answer = (): void => {
    const frame = Buffer.allocUnsafe(FRAME_PREFIX_BYTES + 4)
    writePrefix(frame, 4)
    frame.writeUInt32BE(acknowledged, FRAME_PREFIX_BYTES)
    acknowledged = 0
    stream.write(frame)
  }
  const done = (): void => {
    if (acknowledged++ === 0) queueMicrotask(answer)
  }
  const frames = new FrameReader((batch) => {
    if (!isWhole(batch, 0, batch.length)) throw new Error('a batch is not whole')
    stamp(batch, nextOffset)
    nextOffset += recordCount(batch, 0)
    log.append(batch, done)
  })
  stream.on('data', (chunk: Buffer) => frames.push(chunk))
}

function echo(stream: ServerHttp2Stream): void {
  const frames = new FrameReader((payload) => {
    const frame = Buffer.allocUnsafe(FRAME_PREFIX_BYTES + payload.length)
    writePrefix(frame, payload.length)
    frame.set(payload, FRAME_PREFIX_BYTES)
    echoes.append(payload, () => stream.write(frame))
  })
  stream.on('data', (chunk: Buffer) => frames.push(chunk))
}

async function send(stream: ServerHttp2Stream): Promise<void> {
  for (let at = 0; at < log.size; ) {
    const bytes = Buffer.allocUnsafeSlow(READ_BYTES)
    const length = await log.read(at, bytes)
    at += length
    if (!stream.write(bytes.subarray(0, length))) await once(stream, 'drain')
  }
  stream.end()
}

const server = createServer({ settings: { initialWindowSize: WINDOW_BYTES } })
server.on('session', (session) => session.setLocalWindowSize(WINDOW_BYTES))
server.on('stream', (stream, headers) => {
  stream.respond({ ':status': 200 })
  if (headers[':path'] === '/read') {
    void send(stream)
    return
  }
  stream.on('end', () => stream.end())
  if (headers[':path'] === '/produce') produce(stream)
  else echo(stream)
})
server.listen(0, '127.0.0.1', () => {
  const address = server.address() as { port: number }
  if (process.send) process.send({ port: address.port })
  else console.log(address.port)
})
process.on('disconnect', () => process.exit())
process.on('SIGTERM', () => process.exit())
