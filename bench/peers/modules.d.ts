/*
 * What the client programs in this folder use of their libraries. The libraries are installed only where peers are
 * measured; with these declarations the programs are checked everywhere, against the same.
 */

declare module 'redis' {
  type Argument = string | Buffer

  export interface RedisClient {
    connect(): Promise<unknown>
    withTypeMapping(mapping: Readonly<Record<number, unknown>>): RedisClient
    sendCommand<T>(args: readonly Argument[]): Promise<T>
    multi(): RedisPipeline
    destroy(): void
  }
  export interface RedisPipeline {
    addCommand(args: readonly Argument[]): RedisPipeline
    execAsPipeline(): Promise<unknown>
  }
  export const RESP_TYPES: { readonly BLOB_STRING: number }
  export function createClient(options: { url: string; RESP: 2 | 3 }): RedisClient
}

declare module '@nats-io/transport-node' {
  export interface NatsConnection {
    close(): Promise<void>
  }
  export function connect(options: { servers: string }): Promise<NatsConnection>
}

declare module '@nats-io/jetstream' {
  import type { NatsConnection } from '@nats-io/transport-node'

  export interface JetStreamBatch {
    add(subject: string, payload: Uint8Array): void
    commit(subject: string, payload: Uint8Array, options: { timeout: number }): Promise<unknown>
  }
  export interface ConsumerMessages {
    stop(): void
  }
  export interface JetStreamConsumer {
    consume(options: {
      max_messages: number
      callback: (message: { readonly data: Uint8Array }) => void
    }): Promise<ConsumerMessages>
  }
  export interface JetStreamClient {
    readonly consumers: {
      get(stream: string, options: { deliver_policy: string; filter_subjects: string[] }): Promise<JetStreamConsumer>
    }
    publish(subject: string, payload: Uint8Array): Promise<unknown>
    startBatch(subject: string, payload: Uint8Array): Promise<JetStreamBatch>
  }
  export interface JetStreamManager {
    readonly streams: {
      add(config: { name: string; subjects: string[]; storage: string; allow_atomic: boolean }): Promise<unknown>
    }
  }
  export const DeliverPolicy: { readonly All: string }
  export const StorageType: { readonly File: string }
  export function jetstream(connection: NatsConnection, options: { timeout: number }): JetStreamClient
  export function jetstreamManager(connection: NatsConnection): Promise<JetStreamManager>
}

declare module '@platformatic/kafka' {
  interface Options {
    clientId: string
    bootstrapBrokers: string[]
  }
  export interface Message {
    readonly topic: string
    readonly partition: number
    readonly value: Buffer
  }
  export interface ProducerStream {
    on(event: 'delivery-report', listener: (report: { readonly message: Message }) => void): this
    write(message: Message): boolean
    close(): Promise<void>
  }
  export class Admin {
    constructor(options: Options)
    createTopics(options: { topics: string[]; partitions: number; replicas: number }): Promise<unknown>
    close(): Promise<void>
  }
  export class Producer {
    constructor(options: Options & { retries: number; acks: number; maxInflights: number })
    send(options: { messages: readonly Message[] }): Promise<unknown>
    asStream(options: {
      batchSize: number
      batchTime: number
      highWaterMark: number
      acks: number
      reportMode: 'message'
    }): ProducerStream
    close(): Promise<void>
  }
  export class Consumer {
    constructor(
      options: Options & {
        groupId: string
        maxBytes: number
        maxBytesPerPartition: number
        maxWaitTime: number
        highWaterMark: number
      },
    )
    consume(options: { topics: string[]; mode: 'earliest'; autocommit: false }): Promise<AsyncIterable<Message>>
    close(force: boolean): Promise<void>
  }
}

declare module 'kafkajs' {
  export const logLevel: { readonly ERROR: number }
  export interface Batch {
    readonly messages: readonly { readonly value: Buffer | null }[]
    lastOffset(): string
  }
  export class Kafka {
    constructor(options: { clientId: string; brokers: string[]; logLevel: number })
    admin(): {
      connect(): Promise<void>
      createTopics(options: { topics: { topic: string; numPartitions: number }[] }): Promise<boolean>
      disconnect(): Promise<void>
    }
    producer(options: { allowAutoTopicCreation: boolean }): {
      connect(): Promise<void>
      send(options: { topic: string; messages: { value: Buffer; partition: number }[]; acks: number }): Promise<unknown>
      disconnect(): Promise<void>
    }
    consumer(options: { groupId: string; maxBytesPerPartition: number; maxBytes: number }): {
      connect(): Promise<void>
      subscribe(options: { topic: string; fromBeginning: boolean }): Promise<void>
      run(options: {
        autoCommit: boolean
        eachBatch(payload: { batch: Batch; resolveOffset(offset: string): void }): Promise<void>
      }): Promise<void>
      disconnect(): Promise<void>
    }
  }
}

declare module 'rabbitmq-stream-js-client' {
  export interface StreamClient {
    createStream(options: { stream: string; arguments: object }): Promise<unknown>
    declarePublisher(options: { stream: string }): Promise<StreamPublisher>
    declareConsumer(
      options: { stream: string; offset: unknown },
      take: (message: { readonly content: Buffer }) => void,
    ): Promise<{ close(): Promise<void> }>
    close(): Promise<void>
  }
  export interface StreamPublisher {
    send(value: Buffer): Promise<unknown>
    on(event: 'publish_confirm', listener: (error: number | null, ids: readonly bigint[]) => void): void
  }
  export const Offset: { first(): unknown }
  export function connect(options: {
    hostname: string
    port: number
    username: string
    password: string
    vhost: string
    heartbeat: number
  }): Promise<StreamClient>
}

declare module 'rabbitmq-stream-js-client/dist/connection.js' {
  export class Connection {
    exchangeCommandVersions(): Promise<unknown>
  }
}
