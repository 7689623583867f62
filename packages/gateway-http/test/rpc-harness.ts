import { once } from 'node:events'
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2'
import type { Socket } from 'node:net'
import { Broker, type GroupCalls } from '@millrace/broker'
import {
  BatchBuilder,
  type Clock,
  DEFAULT_LIMITS,
  type Limits,
  type MillraceError,
  systemClock,
} from '@millrace/record'
import { createMemoryEngine, type MemoryEngine } from '@millrace/testkit'
import {
  decodeFetchStreamResponse,
  decodeMemberResponse,
  decodeProduceAcks,
  encodeFetchStreamRequest,
  encodeMemberRequest,
  errorFromTrailers,
  FETCH_STREAM_PATH,
  type FetchStreamResponse,
  FrameReader,
  frameMessage,
  frameProduceStreamRequest,
  MEMBERSHIP_PATH,
  type millrace,
  PRODUCE_STREAM_PATH,
  type ProduceAck,
  type ProduceStreamRequest,
  toInt64,
  type UnaryMethod,
} from '@millrace/wire'
import { createHttpGateway, type HttpGateway } from '../src/gateway.ts'
import type { TlsCredentials } from '../src/tls-door.ts'
import { type LogLine, recordingLogger } from './rest-harness.ts'

/** Timers of the port itself while an HTTP/2 connection is open: it looks at what connections send. */
export const PORT_TIMERS = 1

/** A gateway on a memory engine, and what it logged. */
export interface RpcServer {
  readonly engine: MemoryEngine
  readonly broker: Broker
  readonly gateway: HttpGateway
  readonly lines: LogLine[]
  readonly port: number
  readonly limits: Limits
  /** Appends that reached the engine, and those of them that it has not answered. */
  readonly appends: { readonly started: number; readonly open: number }
  /** Reads that reached the engine, and those of them that it has not answered. */
  readonly reads: { readonly started: number; readonly open: number }
  /** A connection to it; `close` ends those that are left. */
  connect(): RawClient
  close(): Promise<void>
}

export async function serveRpc(
  options: {
    limits?: Partial<Limits>
    clock?: Clock
    gatewayClock?: Clock
    groups?: GroupCalls
    tls?: TlsCredentials
  } = {},
): Promise<RpcServer> {
  const { clock = systemClock, gatewayClock = clock } = options
  const limits = { ...DEFAULT_LIMITS, ...options.limits }
  const { logger, lines } = recordingLogger()
  const engine = createMemoryEngine({ clock, limits })
  const appends = { started: 0, open: 0 }
  const reads = { started: 0, open: 0 }
  countCalls(engine, appends, reads)
  const broker = new Broker({ engine, clock, limits })
  if (options.groups !== undefined) Object.assign(broker, { groups: options.groups })
  const gateway = createHttpGateway({ broker, clock: gatewayClock, logger, limits, checkHost: true, tls: options.tls })
  const { port } = await gateway.listen('127.0.0.1', 0)
  const clients: RawClient[] = []
  return {
    engine,
    broker,
    gateway,
    lines,
    port,
    limits,
    appends,
    reads,
    connect() {
      const client = new RawClient(port)
      clients.push(client)
      return client
    },
    async close() {
      for (const client of clients) client.destroy()
      await gateway.close(0)
      await engine.close()
    },
  }
}

function countCalls(
  engine: MemoryEngine,
  appends: { started: number; open: number },
  reads: { started: number; open: number },
): void {
  const open = engine.partition.bind(engine)
  engine.partition = (topicId, number) => {
    const partition = open(topicId, number)
    const append = partition.append.bind(partition)
    partition.append = (batch, options) => {
      appends.started++
      appends.open++
      return append(batch, options).finally(() => appends.open--)
    }
    const read = partition.read.bind(partition)
    partition.read = (offset, options) => {
      reads.started++
      reads.open++
      return read(offset, options).finally(() => reads.open--)
    }
    return partition
  }
}

/** What one call gave. */
export interface Outcome {
  readonly messages: Buffer[]
  /** Undefined: OK. */
  readonly error: MillraceError | undefined
  readonly trailers: IncomingHttpHeaders
}

/** gRPC by hand over `node:http2`, so that a test can also do what no client library would. */
export class RawClient {
  readonly session: ClientHttp2Session

  constructor(port: number) {
    this.session = connect(`http://127.0.0.1:${port}`)
    this.session.on('error', () => {})
  }

  /** Begins a call; nothing is sent but its headers. */
  open(path: string, headers: OutgoingHttpHeaders = {}): RawCall {
    const stream = this.session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...headers,
    })
    return new RawCall(stream)
  }

  async unary<Request, Response>(
    method: UnaryMethod<unknown, Request, Response, never>,
    request: Request,
    headers?: OutgoingHttpHeaders,
  ): Promise<Response> {
    const call = this.open(method.path, headers)
    call.stream.end(frameMessage(method.encodeRequest(request)))
    const { messages, error } = await call.outcome
    if (error !== undefined) throw error
    if (messages.length !== 1) throw new Error(`${messages.length} messages`)
    return method.decodeResponse(messages[0]!)
  }

  produceStream(): ProduceCall {
    return new ProduceCall(this.open(PRODUCE_STREAM_PATH))
  }

  memberStream(): MemberCall {
    return new MemberCall(this.open(MEMBERSHIP_PATH))
  }

  fetchStream(): FetchCall {
    return new FetchCall(this.open(FETCH_STREAM_PATH))
  }

  destroy(): void {
    this.session.destroy()
  }
}

/** One call: what comes can be awaited message by message or as a whole. */
export class RawCall {
  readonly stream: ClientHttp2Stream
  /** When the call has ended, however it ended. */
  readonly outcome: Promise<Outcome>
  private readonly messages: Buffer[] = []
  private taken = 0
  private wake: (() => void) | undefined
  private hasEnded = false

  constructor(stream: ClientHttp2Stream) {
    this.stream = stream
    const reader = new FrameReader({ maxMessageBytes: 64 << 20 })
    let trailers: IncomingHttpHeaders = {}
    stream.on('response', (headers) => {
      trailers = headers
    })
    stream.on('trailers', (headers) => {
      trailers = headers
    })
    stream.on('error', () => {})
    stream.on('data', (chunk: Buffer) => {
      reader.push(chunk)
      for (let message = reader.read(); message !== undefined; message = reader.read()) this.messages.push(message)
      this.rouse()
    })
    this.outcome = new Promise((resolve) => {
      stream.on('close', () => {
        this.hasEnded = true
        this.rouse()
        resolve({ messages: this.messages, error: errorFromTrailers(trailers), trailers })
      })
    })
  }

  /** The next message; undefined when the call ended without one. */
  async next(): Promise<Buffer | undefined> {
    while (this.taken === this.messages.length && !this.hasEnded) {
      await new Promise<void>((resolve) => {
        this.wake = resolve
      })
    }
    return this.messages[this.taken++]
  }

  write(parts: readonly Buffer[]): void {
    for (const part of parts) this.stream.write(part)
  }

  end(): void {
    this.stream.end()
  }

  /** Ends its side when the server has ended the other, as client libraries do. */
  async endAfterServer(): Promise<Outcome> {
    await once(this.stream, 'end')
    this.end()
    return this.outcome
  }

  private rouse(): void {
    this.wake?.()
    this.wake = undefined
  }
}

export class ProduceCall {
  readonly call: RawCall
  private readonly acks: ProduceAck[] = []

  constructor(call: RawCall) {
    this.call = call
  }

  send(request: Partial<ProduceStreamRequest> & { id: number }): void {
    this.call.write(
      frameProduceStreamRequest({
        topic: 't',
        partition: 0,
        acks: 'committed',
        batch: undefined,
        records: [],
        ...request,
      }),
    )
  }

  /** The next acknowledgement; undefined when the call ended without one. */
  async next(): Promise<ProduceAck | undefined> {
    while (this.acks.length === 0) {
      const message = await this.call.next()
      if (message === undefined) return undefined
      this.acks.push(...decodeProduceAcks(message))
    }
    return this.acks.shift()
  }
}

export class FetchCall {
  readonly call: RawCall

  constructor(call: RawCall) {
    this.call = call
  }

  request(request: millrace.v1.FetchStreamRequest.$Properties): void {
    this.call.write([frameMessage(encodeFetchStreamRequest(request))])
  }

  /** Adds a partition of the topic `t`. Without `from`, from the earliest offset. */
  add(subscription: number, o: { partition?: number; offset?: number; bytes?: number; topic?: string } = {}): void {
    const { partition = 0, offset, bytes = 1 << 30, topic = 't' } = o
    const from = offset === undefined ? {} : { from: { offset: toInt64(offset) } }
    this.request({ add: { subscription, topic, partition, bytes: toInt64(bytes), ...from } })
  }

  seek(subscription: number, offset: number, generation: number): void {
    this.request({ seek: { subscription, from: { offset: toInt64(offset) }, generation } })
  }

  grant(subscription: number, bytes: number): void {
    this.request({ grant: { subscription, bytes: toInt64(bytes) } })
  }

  remove(subscription: number): void {
    this.request({ remove: { subscription } })
  }

  /** The next message; undefined when the call ended without one. */
  async next(): Promise<FetchStreamResponse | undefined> {
    const message = await this.call.next()
    return message && decodeFetchStreamResponse(message)
  }
}

export class MemberCall {
  readonly call: RawCall

  constructor(call: RawCall) {
    this.call = call
  }

  send(...requests: readonly millrace.v1.MemberRequest.$Properties[]): void {
    this.call.write([Buffer.concat(requests.map((request) => frameMessage(encodeMemberRequest(request))))])
  }

  /** Joins the group `g` as the member `m`. */
  join(join: millrace.v1.Join.$Properties = {}): void {
    this.send({ join: { group: 'g', memberId: 'm', topics: ['t'], ...join } })
  }

  commit(id: number, offset = id): void {
    this.send({ commit: { id: toInt64(id), offsets: [{ topic: 't', partition: 0, offset: toInt64(offset) }] } })
  }

  /** The next message; undefined when the call ended without one. */
  async next(): Promise<millrace.v1.MemberResponse | undefined> {
    const message = await this.call.next()
    return message && decodeMemberResponse(message)
  }
}

/** A batch of records with these values. */
export function batchOf(...values: readonly (string | Buffer)[]): Buffer {
  const builder = new BatchBuilder()
  for (const value of values) {
    builder.append({ key: null, value: Buffer.from(value as string), timestamp: Date.UTC(2026, 0, 1) })
  }
  return builder.build().buffer
}

/** Waits, turn by turn of the event loop, until `condition` holds. The test's own timeout bounds it. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}

/** All that a connection gives until it ends; an error ends it, too. */
export async function readAll(socket: Socket): Promise<string> {
  let text = ''
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    text += chunk
  })
  socket.on('error', () => {})
  await new Promise((resolve) => socket.once('close', resolve))
  return text
}
