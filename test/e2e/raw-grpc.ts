import { once } from 'node:events'
import { type ClientHttp2Stream, connect, type IncomingHttpHeaders } from 'node:http2'

export const RECORDS = '/millrace.v1.Records'
export const TOPICS = '/millrace.v1.Topics'

/** One gRPC call made by hand, for what no client library would send. */
export interface RawCall {
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  /** Bytes to send, frames included. */
  readonly bytes: Buffer
  /** False: the request goes on without ever ending. Default true. */
  readonly end?: boolean
}

/** How the server ended a call: HTTP's status, the trailers, and the body. */
export interface RawOutcome {
  readonly httpStatus: number
  readonly trailers: IncomingHttpHeaders
  readonly body: Buffer
}

export async function rawGrpc(url: string, { path, headers, bytes, end = true }: RawCall): Promise<RawOutcome> {
  const session = connect(url)
  session.on('error', () => {})
  try {
    const stream = session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...headers,
    })
    stream.write(bytes)
    if (end) stream.end()
    return await outcomeOf(stream)
  } finally {
    session.destroy()
  }
}

async function outcomeOf(stream: ClientHttp2Stream): Promise<RawOutcome> {
  const chunks: Buffer[] = []
  let trailers: IncomingHttpHeaders = {}
  stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  stream.on('trailers', (received) => {
    trailers = received
  })
  const [headers] = (await once(stream, 'response')) as [IncomingHttpHeaders]
  if (!stream.readableEnded) await once(stream, 'end')
  // A call that fails before it says anything has its status in its only headers.
  const ownTrailers = headers['grpc-status'] === undefined ? trailers : headers
  return { httpStatus: Number(headers[':status']), trailers: ownTrailers, body: Buffer.concat(chunks) }
}

/** A message in its frame. */
export function frame(message: Buffer): Buffer {
  const head = Buffer.alloc(5)
  head.writeUInt32BE(message.length, 1)
  return Buffer.concat([head, message])
}
