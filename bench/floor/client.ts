/** The floor's client, which imports nothing of Millrace either. */
import { type ClientHttp2Session, connect } from 'node:http2'
import { batchBytesAtMost, batchSizeAt, eachRecord, isWhole, recordCount, writeBatch } from './batch.ts'
import { FRAME_PREFIX_BYTES, FrameReader, writePrefix } from './frames.ts'

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

export interface FloorProduce {
  readonly values: readonly Buffer[]
  /** Records to send in all; rounded up to whole batches. */
  readonly records: number
  readonly batchRecords: number
  /** Batches that may be unacknowledged. */
  readonly inFlight: number
  /** Told the records that were acknowledged so far, and that it is over. */
  readonly onAcknowledged?: (records: number) => void
}

/** Encodes and sends batches over one stream until all are acknowledged. Returns the records sent. */
export function produce(session: ClientHttp2Session, options: FloorProduce): Promise<number> {
  const { values, batchRecords, inFlight, onAcknowledged } = options
  const batches = Math.ceil(options.records / batchRecords)
  const roomBytes = FRAME_PREFIX_BYTES + batchBytesAtMost(batchRecords, values[0]?.length ?? 0)
  // An acknowledged batch has left this process: the Buffers go round, in the order of the batches.
  const buffers = Array.from({ length: inFlight }, () => Buffer.allocUnsafeSlow(roomBytes))
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':method': 'POST', ':path': '/produce' }, { endStream: false })
    let sent = 0
    let acknowledged = 0
    const fill = (): void => {
      while (sent < batches && sent - acknowledged < inFlight) {
        const buffer = buffers[sent % inFlight]!
        const end = writeBatch(buffer, FRAME_PREFIX_BYTES, values, sent * batchRecords, batchRecords)
        writePrefix(buffer, end - FRAME_PREFIX_BYTES)
        stream.write(buffer.subarray(0, end))
        sent++
      }
    }
    const frames = new FrameReader((payload) => {
      acknowledged += payload.readUInt32BE(0)
      onAcknowledged?.(acknowledged * batchRecords)
      if (acknowledged === batches) stream.end()
      else fill()
    })
    stream.on('data', (chunk: Buffer) => frames.push(chunk))
    stream.on('error', reject)
    stream.on('close', () =>
      acknowledged === batches ? resolve(batches * batchRecords) : reject(new Error('the stream was closed')),
    )
    fill()
  })
}

/** Sends `payload` `count` times, each after the answer to the one before, and tells how long each took, in ns. */
export function echo(
  session: ClientHttp2Session,
  payload: Buffer,
  count: number,
  onAnswer: (tookNs: number) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':method': 'POST', ':path': '/echo' }, { endStream: false })
    let answered = 0
    let startedNs = 0n
    const next = (): void => {
      const frame = Buffer.allocUnsafe(FRAME_PREFIX_BYTES + payload.length)
      writePrefix(frame, payload.length)
      frame.set(payload, FRAME_PREFIX_BYTES)
      startedNs = process.hrtime.bigint()
      stream.write(frame)
    }
    const frames = new FrameReader(() => {
      onAnswer(Number(process.hrtime.bigint() - startedNs))
      if (++answered < count) next()
      else stream.end()
    })
    stream.on('data', (chunk: Buffer) => frames.push(chunk))
    stream.on('error', reject)
    stream.on('close', () => (answered === count ? resolve() : reject(new Error('the stream was closed'))))
    next()
  })
}

/** What a reader of the floor counted. */
export interface FloorRead {
  readonly records: number
  readonly bytes: number
}

/** Reads all that was produced and checks each CRC; by record it also walks the records and hands each out. */
export function readBack(
  session: ClientHttp2Session,
  by: 'batch' | 'record',
  onRecords: (records: number) => void,
): Promise<FloorRead> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':path': '/read' })
    let records = 0
    let bytes = 0
    // The beginning of a batch whose rest is in the next chunks.
    let parts: Buffer[] = []
    let partBytes = 0
    let neededBytes = 0
    const onBatch = (buffer: Buffer, at: number, end: number): void => {
      if (!isWhole(buffer, at, end)) throw new Error('a batch is not whole')
      if (by === 'batch') records += recordCount(buffer, at)
      else
        eachRecord(buffer, at, end, (record) => {
          bytes += record.value.length
          records++
        })
      if (by === 'batch') bytes += end - at
      onRecords(records)
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
      while (at < buffer.length) {
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
    stream.on('close', () => resolve({ records, bytes }))
  })
}
