import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2'
import { BatchBuilder } from '@millrace/record'
import {
  decodeFetchStreamResponse,
  decodeProduceAcks,
  encodeFetchStreamRequest,
  FETCH_STREAM_PATH,
  FrameReader,
  frameMessage,
  frameProduceStreamRequest,
  PRODUCE_STREAM_PATH,
  toInt64,
} from '@millrace/wire'

/** A connection of its own, by hand: it may do what the client library would not. */
export function openSession(url: string): ClientHttp2Session {
  const session = connect(url, { maxSessionMemory: 1_000, settings: { initialWindowSize: 1 << 20 } })
  session.on('error', () => {})
  return session
}

/** Begins a gRPC call. */
export function openCall(session: ClientHttp2Session, path: string): ClientHttp2Stream {
  const stream = session.request({
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/grpc',
    te: 'trailers',
  })
  stream.on('error', () => {})
  return stream
}

/** One batch with one record of `valueBytes`. */
export function batchOf(valueBytes: number): Buffer {
  const builder = new BatchBuilder()
  builder.append({ key: null, value: Buffer.alloc(valueBytes, 7), timestamp: Date.now() })
  return builder.build().buffer
}

/** Keeps `inFlight` batches on their way on one stream, until `stop`. */
export class Flood {
  answered = 0
  failed = 0
  private readonly stream: ClientHttp2Stream
  private readonly send: () => void
  private stopped = false

  constructor(
    session: ClientHttp2Session,
    load: { topic: string; partition?: number; batch: Buffer; inFlight: number },
  ) {
    const { topic, partition = 0, batch, inFlight } = load
    const reader = new FrameReader({ maxMessageBytes: 64 << 20 })
    this.stream = openCall(session, PRODUCE_STREAM_PATH)
    let id = 0
    this.send = () => {
      if (this.stopped || this.stream.destroyed) return
      // Each its own copy of the head alone: the batch is the same memory for all.
      const parts = frameProduceStreamRequest({ id: id++, topic, partition, acks: 'committed', batch, records: [] })
      for (const part of parts) this.stream.write(part)
    }
    this.stream.on('data', (chunk: Buffer) => {
      reader.push(chunk)
      for (let message = reader.read(); message !== undefined; message = reader.read())
        for (const { error } of decodeProduceAcks(message)) {
          if (error === undefined) this.answered++
          else this.failed++
          this.send()
        }
    })
    for (let count = 0; count < inFlight; count++) this.send()
  }

  get isBroken(): boolean {
    return this.stream.destroyed
  }

  stop(): void {
    this.stopped = true
  }
}

/** Follows a partition from its start; counts what comes. */
export class Follower {
  bytes = 0
  batches = 0
  readonly stream: ClientHttp2Stream

  constructor(session: ClientHttp2Session, o: { topic: string; partition?: number; from?: 'earliest' | 'latest' }) {
    this.stream = openCall(session, FETCH_STREAM_PATH)
    const reader = new FrameReader({ maxMessageBytes: 64 << 20 })
    this.stream.on('data', (chunk: Buffer) => {
      reader.push(chunk)
      for (let message = reader.read(); message !== undefined; message = reader.read()) {
        const { batches } = decodeFetchStreamResponse(message)
        this.bytes += batches.length
        if (batches.length > 0) this.batches++
      }
    })
    this.stream.write(
      frameMessage(
        encodeFetchStreamRequest({
          add: {
            subscription: 1,
            topic: o.topic,
            partition: o.partition ?? 0,
            bytes: toInt64(2 ** 50),
            ...(o.from === 'latest' && { from: { latest: true } }),
          },
        }),
      ),
    )
  }

  /** Takes nothing any more. */
  stall(): void {
    this.stream.pause()
  }
}
