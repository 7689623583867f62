import { randomUUID } from 'node:crypto'
import {
  alteredTopic,
  checkPartitionCount,
  type Engine,
  type EnginePartition,
  type EngineStats,
  type ProducerIds,
  parseTopicConfig,
  type TopicCatalog,
  type TopicChange,
  type TopicDescription,
  type TopicSettings,
} from '@millrace/engine'
import { type Clock, DEFAULT_LIMITS, type Limits, MillraceError } from '@millrace/record'
import { MemoryPartition, type MemoryPartitionContext } from './memory-partition.ts'
import { memoryStats } from './memory-stats.ts'
import { MemoryTransactions } from './memory-transactions.ts'

export interface MemoryEngineOptions {
  readonly clock: Clock
  readonly limits?: Limits
}

interface Topic {
  readonly description: TopicDescription
  readonly partitions: readonly MemoryPartition[]
}

/**
 * The engine port in plain arrays: the reference for tests of what lies above the port. It obeys the port's conformance
 * suite, keeps nothing beyond its own life, and commits in a microtask after the append.
 */
export class MemoryEngine implements Engine {
  readonly topics: TopicCatalog = {
    create: async (topic) => this.createTopic(topic),
    find: async (name) => this.findTopic(name),
    list: async () => this.listTopics(),
    alter: async (id, change) => this.alterTopic(id, change),
    delete: async (id) => this.deleteTopic(id),
  }
  readonly producers: ProducerIds = {
    allocate: async () => {
      this.checkOpen()
      return { producerId: this.nextProducerId++, producerEpoch: 0 }
    },
  }
  readonly transactions: MemoryTransactions
  private readonly clock: Clock
  private readonly limits: Limits
  private readonly topicsById = new Map<string, Topic>()
  private readonly uncommitted = new Set<MemoryPartition>()
  private nextProducerId = 0
  private holds = 0
  private appendFailure: MillraceError | undefined
  private closed = false

  constructor({ clock, limits = DEFAULT_LIMITS }: MemoryEngineOptions) {
    this.clock = clock
    this.limits = limits
    this.transactions = new MemoryTransactions({
      clock,
      limits,
      checkOpen: () => this.checkOpen(),
      allocateProducerId: () => this.nextProducerId++,
    })
  }

  partition(topicId: string, partition: number): EnginePartition {
    return new PartitionHandle(() => this.findPartition(topicId, partition))
  }

  async problems(): Promise<readonly string[]> {
    return this.closed ? ['the engine is closed'] : []
  }

  async stats(): Promise<EngineStats> {
    this.checkOpen()
    return memoryStats([...this.topicsById.values()])
  }

  async close(): Promise<void> {
    if (this.closed) return
    this.closed = true
    this.transactions.close()
    this.commitAll()
    const error = shuttingDown()
    for (const topic of this.topicsById.values()) for (const partition of topic.partitions) partition.end(error)
  }

  /** Keeps appends uncommitted, as a slow disk would, until the function that it returns is called. */
  holdCommits(): () => void {
    this.holds++
    let held = true
    return () => {
      if (!held) return
      held = false
      if (--this.holds === 0) this.commitAll()
    }
  }

  /** From now on appends fail with `error` and store nothing; with no error they work again. */
  failAppends(error?: MillraceError): void {
    this.appendFailure = error
  }

  private commitAll(): void {
    for (const partition of this.uncommitted) partition.commit()
    this.uncommitted.clear()
  }

  private checkOpen(): void {
    if (this.closed) throw shuttingDown()
  }

  private createTopic(topic: { name: string; partitions: number; settings: TopicSettings }): TopicDescription {
    this.checkOpen()
    const { name, partitions } = topic
    this.checkFree(name)
    const { limits } = this
    checkPartitionCount(partitions, limits.partitionsPerTopic)
    parseTopicConfig(topic.settings)
    if (this.topicsById.size >= limits.topics) {
      throw new MillraceError('LIMIT_REACHED', `there are ${limits.topics} topics already`)
    }
    this.checkRoom(partitions)
    const settings = { ...topic.settings }
    const description = { id: randomUUID(), name, partitions, settings, createdAtMs: this.clock.nowMs() }
    this.topicsById.set(description.id, {
      description,
      partitions: Array.from({ length: partitions }, (_, index) => this.makePartition(description.id, index)),
    })
    return description
  }

  private alterTopic(id: string, change: TopicChange): TopicDescription {
    this.checkOpen()
    const topic = this.topicsById.get(id)
    if (topic === undefined) throw topicNotFound(id)
    const description = alteredTopic(topic.description, change, this.limits.partitionsPerTopic)
    const partitions = [...topic.partitions]
    this.checkRoom(description.partitions - partitions.length)
    while (partitions.length < description.partitions) partitions.push(this.makePartition(id, partitions.length))
    this.topicsById.set(id, { description, partitions })
    return description
  }

  private checkRoom(added: number): void {
    const { partitions } = this.limits
    if (this.partitionCount() + added <= partitions) return
    throw new MillraceError('LIMIT_REACHED', `there may be ${partitions} partitions in all`)
  }

  private checkFree(name: string): void {
    for (const { description } of this.topicsById.values()) {
      if (description.name === name) throw new MillraceError('TOPIC_EXISTS', `there is a topic ${name} already`)
      if (description.name.toLowerCase() === name.toLowerCase()) {
        throw new MillraceError(
          'TOPIC_NAME_CONFLICT',
          `${name} differs only in case from the topic ${description.name}`,
        )
      }
    }
  }

  private partitionCount(): number {
    let count = 0
    for (const { partitions } of this.topicsById.values()) count += partitions.length
    return count
  }

  private makePartition(topicId: string, partition: number): MemoryPartition {
    const context: MemoryPartitionContext = {
      clock: this.clock,
      limits: this.limits,
      appendError: () => this.appendFailure,
      stampsAppendTime: () => this.settingsOf(topicId)['message.timestamp.type'] === 'LogAppendTime',
      checkTransaction: (batch, of) => this.transactions.check(batch, of),
      scheduleCommit: (due) => {
        this.uncommitted.add(due)
        queueMicrotask(() => {
          if (this.holds === 0) this.commitAll()
        })
      },
    }
    return new MemoryPartition(context, topicId, partition)
  }

  private settingsOf(topicId: string): TopicSettings {
    return this.topicsById.get(topicId)?.description.settings ?? {}
  }

  private findTopic(name: string): TopicDescription | undefined {
    return this.listTopics().find((topic) => topic.name === name)
  }

  private listTopics(): readonly TopicDescription[] {
    this.checkOpen()
    const topics = Array.from(this.topicsById.values(), ({ description }) => description)
    return topics.sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  private deleteTopic(id: string): void {
    this.checkOpen()
    const topic = this.topicsById.get(id)
    if (topic === undefined) throw topicNotFound(id)
    this.topicsById.delete(id)
    for (const partition of topic.partitions) partition.end(topicNotFound(topic.description.name))
  }

  private findPartition(topicId: string, partition: number): MemoryPartition {
    this.checkOpen()
    const topic = this.topicsById.get(topicId)
    if (topic === undefined) throw topicNotFound(topicId)
    const found = topic.partitions[partition]
    if (found === undefined) {
      throw new MillraceError(
        'PARTITION_NOT_FOUND',
        `${topic.description.name} has no partition ${partition}, it has ${topic.partitions.length}`,
      )
    }
    return found
  }
}

/** Looks its partition up at each call, so that it outlives neither the topic nor the engine. */
class PartitionHandle implements EnginePartition {
  private readonly find: () => MemoryPartition

  constructor(find: () => MemoryPartition) {
    this.find = find
  }

  async append(...call: Parameters<EnginePartition['append']>) {
    return this.find().append(...call)
  }
  async read(...call: Parameters<EnginePartition['read']>) {
    return this.find().read(...call)
  }
  async status() {
    return this.find().status()
  }
  async offsetForTimestamp(timestampMs: number) {
    return this.find().offsetForTimestamp(timestampMs)
  }
  async truncateBefore(offset: number) {
    return this.find().truncateBefore(offset)
  }
}

function shuttingDown(): MillraceError {
  return new MillraceError('SHUTTING_DOWN', 'the engine is closed')
}

function topicNotFound(nameOrId: string): MillraceError {
  return new MillraceError('TOPIC_NOT_FOUND', `there is no topic ${nameOrId}`)
}

export function createMemoryEngine(options: MemoryEngineOptions): MemoryEngine {
  return new MemoryEngine(options)
}
