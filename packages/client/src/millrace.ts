import type { ConnectionOptions } from 'node:tls'
import { type Clock, foregroundClock } from '@millrace/record'
import { Admin } from './admin.ts'
import { createBackoff, DEFAULT_BACKOFF } from './backoff.ts'
import { Connection } from './connection.ts'
import { Consumer } from './consumer/consumer.ts'
import { type ConsumerOptions, checkConsumerOptions } from './consumer/consumer-options.ts'
import { FetchSession } from './fetch-session.ts'
import { checkNames, checkProducerOptions, invalid, type ProducerOptions, whole } from './options.ts'
import { Producer, type SendOptions } from './producer.ts'
import { checkReadOptions, type ReadOptions } from './read-options.ts'
import { BatchReader, RecordReader } from './reader.ts'
import { defaultSerializer, type Serializer } from './serializer.ts'
import { TopicDirectory } from './topic-directory.ts'
import { TransactionalProducer } from './transactional-producer.ts'
import { Transport } from './transport.ts'

export interface MillraceOptions {
  /** Where the server is: `http://HOST:PORT`, or `https://` for TLS. Default `http://127.0.0.1:7070`. */
  readonly url?: string | URL | undefined
  /** Makes bytes of keys and values, and values of bytes. Default: `defaultSerializer`. */
  readonly serializer?: Serializer | undefined
  /** Time for one call with its retries, in ms. Default 30,000. */
  readonly requestTimeoutMs?: number | undefined
  /** How long a call or the start of a read goes on trying to reach a server that is not there, in ms. Default 10,000. */
  readonly connectTimeoutMs?: number | undefined
  /** Silence after which the server is asked for a sign of life, and then again until it counts as gone. Default 10,000. */
  readonly keepaliveMs?: number | undefined
  /** The wait after a first failure, in ms; it doubles up to 2,000. Default 50. */
  readonly retryMs?: number | undefined
  /** With `https:`: what Node.js' `tls.connect` takes, for example `ca`. */
  readonly tls?: ConnectionOptions | undefined
}

/** What tests put in the place of the machine. */
export interface Surroundings {
  readonly clock: Clock
  /** Gives numbers from 0 up to but not including 1. */
  readonly random: () => number
}

const OPTIONS: Readonly<Record<keyof MillraceOptions, true>> = {
  url: true,
  serializer: true,
  requestTimeoutMs: true,
  connectTimeoutMs: true,
  keepaliveMs: true,
  retryMs: true,
  tls: true,
}

/**
 * A client of one server. It connects when it is first needed, and again when the connection breaks; everything that
 * it makes shares one HTTP/2 connection.
 */
export class Millrace implements AsyncDisposable {
  /** Makes, finds and deletes topics, and looks after consumer groups. */
  readonly admin: Admin
  private readonly transport: Transport
  private readonly directory: TopicDirectory
  private readonly serializer: Serializer
  private readonly producers = new Set<Producer>()
  private readonly consumers = new Set<Consumer>()
  private readonly random: () => number
  private readonly readers = new Set<{ close(): Promise<void> }>()
  private closing: Promise<void> | undefined

  /** @throws MillraceError INVALID_CONFIG that names the option, its value, and what is allowed */
  constructor(options: MillraceOptions = {}, surroundings: Partial<Surroundings> = {}) {
    checkNames('Millrace', options, OPTIONS)
    const { clock = foregroundClock, random = cryptoRandom } = surroundings
    const connectTimeoutMs = whole('connectTimeoutMs', options.connectTimeoutMs, 10_000, 1, 2 ** 31 - 1)
    const connection = new Connection({
      url: checkUrl(options.url ?? 'http://127.0.0.1:7070'),
      clock,
      attemptMs: connectTimeoutMs,
      keepaliveMs: whole('keepaliveMs', options.keepaliveMs, 10_000, 1, 2 ** 31 - 1),
      tls: options.tls,
    })
    const initialMs = whole('retryMs', options.retryMs, DEFAULT_BACKOFF.initialMs, 1, 60_000)
    this.transport = new Transport({
      connection,
      clock,
      backoff: createBackoff({ initialMs, maxMs: Math.max(initialMs, DEFAULT_BACKOFF.maxMs) }, random),
      requestTimeoutMs: whole('requestTimeoutMs', options.requestTimeoutMs, 30_000, 1, 2 ** 31 - 1),
      connectTimeoutMs,
    })
    this.random = random
    this.serializer = checkSerializer(options.serializer ?? defaultSerializer)
    this.directory = new TopicDirectory(this.transport)
    this.admin = new Admin(this.transport, this.directory)
  }

  /** With a `transactionalId` it writes in transactions only. @throws MillraceError INVALID_CONFIG, CLOSED */
  producer(options: ProducerOptions & { readonly transactionalId: string }): TransactionalProducer
  producer(options?: ProducerOptions): Producer
  producer(options: ProducerOptions = {}): Producer {
    this.transport.closing.throwIfAborted()
    const { transport, directory, serializer } = this
    const checked = checkProducerOptions(options)
    const closed = (producer: Producer): boolean => this.producers.delete(producer)
    const parts = { transport, directory, serializer, options: checked, closed }
    const { transactionalId } = checked
    const producer =
      transactionalId === undefined ? new Producer(parts) : new TransactionalProducer({ ...parts, transactionalId })
    this.producers.add(producer)
    return producer
  }

  /**
   * Reads records: in order within each partition, partitions as their records arrive. Leaving the loop ends the
   * reading. It fails with a MillraceError: TOPIC_NOT_FOUND, PARTITION_NOT_FOUND, OFFSET_OUT_OF_RANGE with
   * `logStartOffset` and `highWatermark` in its details, CORRUPT_BATCH, CONNECTION_FAILED, CLOSED; or with the signal's
   * reason.
   * @throws MillraceError INVALID_CONFIG, CLOSED
   */
  read(options: ReadOptions): RecordReader {
    return new RecordReader(this.readBatches(options))
  }

  /** As `read`, batch by batch: where speed is wanted. @throws MillraceError INVALID_CONFIG, CLOSED */
  readBatches(options: ReadOptions): BatchReader {
    this.transport.closing.throwIfAborted()
    const checked = checkReadOptions(options)
    const reader = new BatchReader({
      topic: checked.topic,
      session: new FetchSession(this.transport, this.directory, checked),
      serializer: this.serializer,
      closed: (closed) => this.readers.delete(closed),
    })
    this.readers.add(reader)
    return reader
  }

  /**
   * A member of a consumer group, which joins when it is first read from.
   * @throws MillraceError INVALID_CONFIG, CLOSED
   */
  consumer(options: ConsumerOptions): Consumer {
    this.transport.closing.throwIfAborted()
    const { transport, directory, serializer, random } = this
    const consumer = new Consumer({
      transport,
      serializer,
      random,
      options: checkConsumerOptions(options),
      producer: () => {
        const defaults = checkProducerOptions({})
        return new Producer({
          transport,
          directory,
          serializer: defaultSerializer,
          options: defaults,
          closed: () => {},
        })
      },
      closed: (closed) => this.consumers.delete(closed),
    })
    this.consumers.add(consumer)
    return consumer
  }

  /**
   * Leaves groups, sends what producers hold, ends reads and lets go of the connection. When the signal aborts, what is not sent by then
   * fails with CLOSED.
   */
  close(options: SendOptions = {}): Promise<void> {
    this.closing ??= this.end(options)
    return this.closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  private async end(options: SendOptions): Promise<void> {
    try {
      // The hook of one must not keep the others from their end.
      const left = await Promise.allSettled([...this.consumers].map((consumer) => consumer.close(options)))
      await Promise.all([...this.readers].map((reader) => reader.close()))
      await Promise.all([...this.producers].map((producer) => producer.close(options)))
      for (const outcome of left) if (outcome.status === 'rejected') throw outcome.reason
    } finally {
      this.transport.close()
    }
  }
}

function checkUrl(value: string | URL): URL {
  const url = URL.canParse(String(value)) ? new URL(value) : undefined
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw invalid('url', String(value), 'http://HOST:PORT or https://HOST:PORT')
  }
  return url
}

function checkSerializer(serializer: Serializer): Serializer {
  if (typeof serializer?.serialize === 'function' && typeof serializer.deserialize === 'function') return serializer
  throw invalid('serializer', typeof serializer, 'an object with serialize and deserialize')
}

function cryptoRandom(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0]! / 2 ** 32
}
