import { createServer, type Http2Server, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { asMillraceError, BatchBuilder, MillraceError } from '@millrace/record'
import {
  decodeFetchStreamRequest,
  decodeProduceStreamRequest,
  errorTrailers,
  FETCH_STREAM_PATH,
  FrameReader,
  frameMessage,
  frameProduceAcks,
  fromInt64,
  MEMBERSHIP_PATH,
  type millrace,
  OK_TRAILERS,
  PRODUCE_STREAM_PATH,
  type ProduceAck,
  type ProduceStreamRequest,
  toInt64,
  UNARY,
} from '@millrace/wire'
import type { FakeEngine, FakeIdentity, FakePartition, FakeTopic } from './fake-engine.ts'
import { FakeFetch } from './fake-fetch.ts'
import { FakeGroups } from './fake-groups.ts'

/**
 * What becomes of a batch: it is stored and answered; refused with an error; stored, but answered with an error; or the
 * connection is cut, before it is stored or after.
 */
export type ProduceFate = 'store' | { refuse: MillraceError } | { answer: MillraceError } | 'cut-before' | 'cut-after'

/** Faults. All of them may be changed at any time. */
export interface FakeFaults {
  produce: (request: ProduceStreamRequest) => ProduceFate | Promise<ProduceFate>
  /** An error to answer a unary call with, a cut of the connection, before it is obeyed or after, or no answer. */
  unary: (path: string) => MillraceError | 'cut' | 'cut-after' | 'silent' | undefined
  /** Whether to cut the connection instead of sending a message of a fetch stream. */
  fetch: () => boolean
  /** An error to end a stream with when it begins. */
  stream: (path: string) => MillraceError | undefined
  /** Changes what a fetch stream sends. */
  mangle: (batches: readonly Buffer[]) => void
  /** A larger message ends its stream. */
  maxMessageBytes: number
}

/** A gRPC server over an engine, without the rules of the real one, that fails when it is told to. */
export class FakeServer {
  readonly faults: FakeFaults = {
    produce: () => 'store',
    unary: () => undefined,
    fetch: () => false,
    stream: () => undefined,
    mangle: () => {},
    maxMessageBytes: 64 * 1_048_576,
  }
  /** Produce requests by topic and partition that have come and not been answered, and the most there were at once. */
  inFlight = 0
  maxInFlight = 0
  connections = 0
  openStreams = 0
  readonly calls: string[] = []
  readonly groups = new FakeGroups()
  private readonly engine: FakeEngine
  private readonly sessions = new Set<ServerHttp2Session>()
  private server: Http2Server | undefined
  private port = 0

  constructor(engine: FakeEngine) {
    this.engine = engine
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  /** Listens, after a `stop` at the same port as before. */
  async start(): Promise<this> {
    const server = createServer()
    server.on('session', (session) => {
      this.connections++
      this.sessions.add(session)
      session.on('error', () => {})
      session.once('close', () => this.sessions.delete(session))
    })
    server.on('stream', (stream, headers) => this.serve(stream, String(headers[':path'])))
    await new Promise<void>((resolve) => server.listen(this.port, '127.0.0.1', resolve))
    this.port = (server.address() as AddressInfo).port
    this.server = server
    return this
  }

  /** Cuts all connections. */
  cut(): void {
    for (const session of this.sessions) session.destroy()
  }

  async stop(): Promise<void> {
    const { server } = this
    this.server = undefined
    const closed = new Promise<void>((resolve) => server?.close(() => resolve()))
    this.cut()
    if (server !== undefined) await closed
  }

  async partition(topic: string, partition: number): Promise<FakePartition> {
    const found = await this.engine.topics.find(topic)
    if (found === undefined) throw new MillraceError('TOPIC_NOT_FOUND', `there is no topic ${topic}`)
    if (partition >= found.partitions) throw new MillraceError('PARTITION_NOT_FOUND', `no partition ${partition}`)
    return this.engine.partition(found.id, partition)
  }

  private serve(stream: ServerHttp2Stream, path: string): void {
    this.calls.push(path)
    this.openStreams++
    stream.once('close', () => this.openStreams--)
    stream.on('error', () => {})
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
    let failure: MillraceError | undefined
    stream.on('wantTrailers', () => stream.sendTrailers(failure === undefined ? OK_TRAILERS : errorTrailers(failure)))
    const end = (error?: unknown): void => {
      failure = error === undefined ? undefined : asMillraceError(error)
      if (!stream.destroyed) stream.end()
    }
    const isStream = path === PRODUCE_STREAM_PATH || path === FETCH_STREAM_PATH || path === MEMBERSHIP_PATH
    const refusal = isStream ? this.faults.stream(path) : undefined
    if (refusal !== undefined) {
      end(refusal)
      return
    }
    const reader = new FrameReader({ maxMessageBytes: this.faults.maxMessageBytes })
    const onMessage = this.handler(stream, path, end)
    let failed = false
    stream.on('data', (chunk: Buffer) => {
      if (failed) return
      try {
        reader.push(chunk)
        for (let bytes = reader.read(); bytes !== undefined; bytes = reader.read()) onMessage(bytes)
      } catch (error) {
        failed = true
        end(error)
      }
    })
    if (isStream) stream.on('end', () => end())
  }

  private handler(stream: ServerHttp2Stream, path: string, end: (error?: unknown) => void): (bytes: Buffer) => void {
    if (path === PRODUCE_STREAM_PATH) return this.produceStream(stream)
    if (path === FETCH_STREAM_PATH) return this.fetchStream(stream)
    if (path === MEMBERSHIP_PATH) return this.groups.serve(stream, end)
    return (bytes) => {
      const fault = this.faults.unary(path)
      if (fault === 'cut') return stream.session?.destroy()
      if (fault === 'silent') return
      if (typeof fault === 'object') return end(fault)
      this.unary(path, bytes).then((answer) => {
        if (fault === 'cut-after') stream.session?.destroy()
        if (stream.destroyed) return
        stream.write(frameMessage(answer))
        end()
      }, end)
    }
  }

  private produceStream(stream: ServerHttp2Stream): (bytes: Buffer) => void {
    let line: Promise<void> = Promise.resolve()
    return (bytes) => {
      this.maxInFlight = Math.max(this.maxInFlight, ++this.inFlight)
      line = line.then(() => this.produce(stream, decodeProduceStreamRequest(bytes)))
    }
  }

  private async produce(stream: ServerHttp2Stream, request: ProduceStreamRequest): Promise<void> {
    const answer = (ack: Partial<ProduceAck>): void => {
      this.inFlight--
      const whole = { id: request.id, baseOffset: 0, timestamp: 0, duplicate: false, error: undefined, ...ack }
      if (!stream.destroyed) stream.write(frameProduceAcks([whole]))
    }
    if (stream.destroyed) return answer({})
    const fate = await this.faults.produce(request)
    if (fate === 'cut-before') {
      stream.session?.destroy()
      return answer({})
    }
    if (typeof fate === 'object' && 'refuse' in fate) return answer({ error: fate.refuse })
    try {
      const partition = await this.partition(request.topic, request.partition)
      const stored = partition.append(Buffer.from(request.batch as Buffer), { acks: request.acks })
      if (fate === 'cut-after') stream.session?.destroy()
      // The next batch need not wait for this one's commit.
      stored.then(
        (result) => answer(typeof fate === 'object' ? { error: fate.answer } : result),
        (error) => answer({ error: asMillraceError(error) }),
      )
    } catch (error) {
      answer({ error: asMillraceError(error) })
    }
  }

  private fetchStream(stream: ServerHttp2Stream): (bytes: Buffer) => void {
    const fetch = new FakeFetch(
      (topic, partition) => this.partition(topic, partition),
      (frame) => {
        if (stream.destroyed) return
        if (this.faults.fetch()) {
          stream.session?.destroy()
          return
        }
        // The first part is the message's own, the others are its batches.
        this.faults.mangle(frame.slice(1))
        for (const part of frame) stream.write(part)
      },
    )
    stream.once('close', () => fetch.close())
    return (bytes) => fetch.handle(decodeFetchStreamRequest(bytes))
  }

  private async unary(path: string, bytes: Buffer): Promise<Buffer> {
    const { topics, producers, transactions } = this.engine
    switch (path) {
      case UNARY.createTopic.path: {
        const { name, partitions, config } = UNARY.createTopic.decodeRequest(bytes)
        const topic = await topics.create({ name, partitions: partitions || 1, settings: config })
        return UNARY.createTopic.encodeResponse({ topic: message(topic) })
      }
      case UNARY.listTopics.path:
        return UNARY.listTopics.encodeResponse({ topics: (await topics.list()).map(message) })
      case UNARY.describeTopic.path:
        return this.describe(UNARY.describeTopic.decodeRequest(bytes).name)
      case UNARY.deleteTopic.path: {
        const { name } = UNARY.deleteTopic.decodeRequest(bytes)
        await this.partition(name, 0)
        await topics.delete((await topics.find(name))?.id ?? '')
        return UNARY.deleteTopic.encodeResponse({})
      }
      case UNARY.getOffset.path:
        return this.offset(UNARY.getOffset.decodeRequest(bytes))
      case UNARY.initProducer.path: {
        const { transactionalId, transactionTimeoutMs } = UNARY.initProducer.decodeRequest(bytes)
        const given =
          transactionalId === ''
            ? await producers.allocate()
            : await transactions.init(transactionalId, { timeoutMs: transactionTimeoutMs || 60_000 })
        return UNARY.initProducer.encodeResponse(identityMessage(given))
      }
      case UNARY.endTransaction.path: {
        const { transactionalId, producerId, producerEpoch, commit } = UNARY.endTransaction.decodeRequest(bytes)
        const transaction = { transactionalId, producerId: fromInt64(producerId), producerEpoch }
        return UNARY.endTransaction.encodeResponse(
          identityMessage(await transactions.end(transaction, commit ? 'commit' : 'abort')),
        )
      }
      case UNARY.listTransactions.path: {
        const listed = (await transactions.list()).map(({ partitions, startedAtMs = null, ...it }) => ({
          ...it,
          producerId: toInt64(it.producerId),
          startedAtMs: startedAtMs === null ? null : toInt64(startedAtMs),
          partitions: partitions.length,
        }))
        return UNARY.listTransactions.encodeResponse({ transactions: listed })
      }
      case UNARY.fetchOffsets.path:
        return UNARY.fetchOffsets.encodeResponse(this.groups.fetchOffsets(UNARY.fetchOffsets.decodeRequest(bytes)))
      case UNARY.commitOffsets.path:
        await this.commitOffsets(UNARY.commitOffsets.decodeRequest(bytes))
        return UNARY.commitOffsets.encodeResponse({})
      default:
        throw new MillraceError('UNIMPLEMENTED', path)
    }
  }

  /** Keeps the offsets as a record of topic `offsets`, as a part of the transaction. */
  private async commitOffsets({ group, offsets, transaction }: millrace.v1.CommitOffsetsRequest): Promise<void> {
    if (transaction === null || transaction === undefined) throw new MillraceError('UNIMPLEMENTED', 'no transaction')
    const { producerId, producerEpoch } = transaction
    const value = JSON.stringify({ group, offsets: offsets.map(({ offset }) => fromInt64(offset)) })
    const batch = new BatchBuilder().append({ key: null, value: Buffer.from(value), timestamp: 1 }).build({
      transactional: true,
      producer: { producerId: fromInt64(producerId), producerEpoch, baseSequence: -1 },
    })
    await (await this.partition('offsets', 0)).append(batch.buffer, { acks: 'committed' })
  }

  private async describe(name: string): Promise<Buffer> {
    await this.partition(name, 0)
    const topic = (await this.engine.topics.find(name)) as FakeTopic
    const numbers = Array.from({ length: topic.partitions }, (_, partition) => partition)
    const partitions = await Promise.all(
      numbers.map(async (partition) => {
        const status = await this.engine.partition(topic.id, partition).status()
        return {
          partition,
          logStartOffset: toInt64(status.logStartOffset),
          highWatermark: toInt64(status.highWatermark),
          lastStableOffset: toInt64(status.lastStableOffset),
          sizeBytes: toInt64(status.sizeBytes),
          leaderEpoch: status.leaderEpoch,
        }
      }),
    )
    return UNARY.describeTopic.encodeResponse({ topic: message(topic), config: topic.settings, partitions })
  }

  private async offset({ topic, partition, at }: millrace.v1.GetOffsetRequest): Promise<Buffer> {
    const log = await this.partition(topic, partition)
    const { logStartOffset, highWatermark } = await log.status()
    if (at?.timestamp) {
      const found = await log.offsetForTimestamp(fromInt64(at.timestamp))
      return UNARY.getOffset.encodeResponse({
        offset: toInt64(found?.offset ?? highWatermark),
        timestamp: found === undefined ? null : toInt64(found.timestamp),
        found: found !== undefined,
      })
    }
    const offset = at?.offset ? fromInt64(at.offset) : at?.latest ? highWatermark : logStartOffset
    return UNARY.getOffset.encodeResponse({ offset: toInt64(offset), found: true })
  }
}

function identityMessage({ producerId, producerEpoch }: FakeIdentity): millrace.v1.InitProducerResponse.$Properties {
  return { producerId: toInt64(producerId), producerEpoch }
}

function message(topic: FakeTopic): millrace.v1.Topic.$Properties {
  const { name, id, partitions, createdAtMs } = topic
  return { name, id, partitions, createdAtMs: toInt64(createdAtMs) }
}
