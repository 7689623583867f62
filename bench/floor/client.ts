/** The floor's client, which imports nothing of Millrace either. */
import { type ClientHttp2Session, connect } from 'node:http2'
import { batchSizeAt, eachRecord, isWhole, recordCount } from './batch.ts'

const WINDOW_BYTES = 16 * 2 ** 20

/** Connects to a floor server; close the session when done. */
export function open(url: string): Promise<ClientHttp2Session> {
  return new Promise((resolve, reject) => {
    const session = connect(url, { settings: { initialWindowSize: WINDOW_BYTES } })
    session.once('error', reject)
    session.once('connect', () => {
      session.setLocalWindowSize(WINDOW_BYTES)
      resolve(session)
    })
  })
}

export function createTopic(session: ClientHttp2Session, topic: string, partitions: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':method': 'PUT', ':path': `/${topic}?${partitions}` })
    stream.on('error', reject)
    stream.on('response', () => resolve())
    stream.resume()
  })
}

/** What a reader does with what it gets; true is enough, a promise holds the reading up. */
export interface Take {
  /** Called with the value of every record; undefined: batches are not walked. */
  readonly record?: (value: Buffer) => boolean
  readonly batch: (records: number) => boolean | Promise<boolean>
}

/** Reads a topic and checks each CRC. */
export function read(session: ClientHttp2Session, topic: string, take: Take): Promise<void> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':path': `/${topic}` })
    // The beginning of a batch whose rest is in the next chunks.
    let parts: Buffer[] = []
    let partBytes = 0
    let neededBytes = 0
    let enough = false
    const end = (): void => {
      enough = true
      stream.close()
    }
    const onBatch = (buffer: Buffer, at: number, to: number): void => {
      if (!isWhole(buffer, at, to)) throw new Error('a batch is not whole')
      const { record } = take
      if (record !== undefined) {
        eachRecord(buffer, at, to, ({ value }) => {
          if (!enough && record(value)) end()
        })
        return
      }
      const answer = take.batch(recordCount(buffer, at))
      if (answer === true) end()
      else if (answer !== false) {
        stream.pause()
        answer.then((isEnough) => (isEnough ? end() : stream.resume()), reject)
      }
    }
    stream.on('data', (chunk: Buffer) => {
      let buffer = chunk
      if (partBytes > 0) {
        parts.push(chunk)
        partBytes += chunk.length
        if (partBytes < neededBytes) return
        buffer = Buffer.concat(parts, partBytes)
        parts = []
        partBytes = 0
      }
      let at = 0
      while (at < buffer.length && !enough) {
        const size = batchSizeAt(buffer, at)
        if (size === undefined || at + size > buffer.length) {
          parts = [buffer.subarray(at)]
          partBytes = buffer.length - at
          neededBytes = size ?? partBytes + 1
          return
        }
        onBatch(buffer, at, at + size)
        at += size
      }
    })
    stream.on('error', reject)
    stream.on('close', () => (enough ? resolve() : reject(new Error('the stream was closed'))))
  })
}
