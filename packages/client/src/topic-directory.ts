import { MillraceError } from '@millrace/record'
import { UNARY } from '@millrace/wire'
import { abortable } from './abort.ts'
import type { Transport } from './transport.ts'

/** What a producer must know of a topic. */
export interface TopicFacts {
  readonly name: string
  readonly partitions: number
  /** Largest batch that the topic takes. */
  readonly maxMessageBytes: number
}

interface Entry {
  readonly facts: TopicFacts
  readonly learnedMs: number
}

/** Age at which facts are asked for again, in the background: how late a client may learn of added partitions. */
export const FRESH_MS = 10_000
/** Topics that are remembered. */
const MAX_TOPICS = 10_000

/** Remembers what topics are like. */
export class TopicDirectory {
  private readonly transport: Transport
  private readonly entries = new Map<string, Entry>()
  private readonly lookups = new Map<string, Promise<TopicFacts>>()

  constructor(transport: Transport) {
    this.transport = transport
  }

  /** What is known of the topic at the moment. Facts that have grown old are asked for again meanwhile. */
  known(topic: string): TopicFacts | undefined {
    const entry = this.entries.get(topic)
    if (entry === undefined) return undefined
    if (this.transport.clock.monotonicMs() - entry.learnedMs > FRESH_MS) this.learn(topic).catch(() => {})
    return entry.facts
  }

  /**
   * What is known of the topic, or what the server says of it.
   * @throws MillraceError TOPIC_NOT_FOUND and those of any call; the signal's reason
   */
  find(topic: string, signal?: AbortSignal, timeoutMs?: number): Promise<TopicFacts> {
    const facts = this.known(topic)
    return facts === undefined ? abortable(this.learn(topic, timeoutMs), signal) : Promise.resolve(facts)
  }

  /** To be called when the server's answers contradict what is known of the topic. */
  forget(topic: string): void {
    this.entries.delete(topic)
  }

  /** What the server says of the topic now. @throws as `find` does */
  learn(topic: string, timeoutMs?: number): Promise<TopicFacts> {
    const running = this.lookups.get(topic)
    if (running !== undefined) return running
    const lookup = this.ask(topic, timeoutMs).finally(() => this.lookups.delete(topic))
    this.lookups.set(topic, lookup)
    return lookup
  }

  private async ask(topic: string, timeoutMs?: number): Promise<TopicFacts> {
    const request = { name: topic }
    const limits = { timeoutMs, connectTimeoutMs: timeoutMs }
    try {
      const response = await this.transport.call(UNARY.describeTopic, request, limits)
      const partitions = response.topic?.partitions ?? 0
      if (partitions < 1) throw new MillraceError('INTERNAL', `the server knows no partitions of topic ${topic}`)
      const maxMessageBytes = Number(response.config['max.message.bytes'] ?? Number.NaN)
      const facts = {
        name: topic,
        partitions,
        maxMessageBytes: maxMessageBytes > 0 ? maxMessageBytes : Number.POSITIVE_INFINITY,
      }
      if (this.entries.size >= MAX_TOPICS) this.entries.delete(this.entries.keys().next().value ?? '')
      this.entries.set(topic, { facts, learnedMs: this.transport.clock.monotonicMs() })
      return facts
    } catch (error) {
      if (error instanceof MillraceError && error.code === 'TOPIC_NOT_FOUND') this.entries.delete(topic)
      throw error
    }
  }
}
