import type { TopicDescription } from '@millrace/engine'
import { isInternalTopic } from '@millrace/record'
import { matcherOf, type Subscription } from './subscription.ts'

export type IndexedTopic = Pick<TopicDescription, 'id' | 'name' | 'partitions'>

/** Subscriptions whose topics are remembered; past it all are forgotten, and found again when they are asked for. */
const REMEMBERED = 1_000

interface Resolution {
  readonly matches: (name: string) => boolean
  readonly topicIds: Set<string>
}

/** The topics that groups can be about, by name and by id. Millrace's own are never among them. */
export class TopicIndex {
  private readonly ids = new Map<string, string>()
  private readonly topics = new Map<string, IndexedTopic>()
  private characters = 0
  private readonly resolved = new Map<string, Resolution>()

  /** Adds a topic, or takes up that it has grown. */
  set(topic: IndexedTopic): void {
    if (isInternalTopic(topic.name)) return
    if (!this.topics.has(topic.id)) this.characters += topic.name.length
    this.ids.set(topic.name, topic.id)
    this.topics.set(topic.id, topic)
    for (const { matches, topicIds } of this.resolved.values()) if (matches(topic.name)) topicIds.add(topic.id)
  }

  delete(topicId: string): void {
    const topic = this.topics.get(topicId)
    if (topic === undefined) return
    this.topics.delete(topicId)
    this.characters -= topic.name.length
    if (this.ids.get(topic.name) === topicId) this.ids.delete(topic.name)
    for (const { topicIds } of this.resolved.values()) topicIds.delete(topicId)
  }

  /** Of all names together. */
  get nameCharacters(): number {
    return this.characters
  }

  has(topicId: string): boolean {
    return this.topics.has(topicId)
  }

  named(name: string): IndexedTopic | undefined {
    const id = this.ids.get(name)
    return id === undefined ? undefined : this.topics.get(id)
  }

  readonly nameOf = (topicId: string): string | undefined => this.topics.get(topicId)?.name
  readonly partitionsOf = (topicId: string): number => this.topics.get(topicId)?.partitions ?? 0

  /**
   * Ids of the topics that a subscription stands for now. Equal subscriptions get the same Set, which goes on changing.
   * @throws MillraceError INVALID_SUBSCRIPTION for a bad pattern
   */
  resolve(subscription: Subscription): ReadonlySet<string> {
    return this.resolution(subscription).topicIds
  }

  /** Whether a subscription is for topics of this name, there or not. */
  isIn(name: string, subscription: Subscription): boolean {
    if ('topics' in subscription) return subscription.topics.includes(name)
    return this.resolution(subscription).matches(name)
  }

  private resolution(subscription: Subscription): Resolution {
    const key = 'pattern' in subscription ? `~${subscription.pattern}` : JSON.stringify(subscription.topics)
    const known = this.resolved.get(key)
    if (known !== undefined) return known
    const matches = matcherOf(subscription)
    if (this.resolved.size >= REMEMBERED) this.resolved.clear()
    const resolution = { matches, topicIds: this.find(subscription, matches) }
    this.resolved.set(key, resolution)
    return resolution
  }

  /** A name is looked up; only a pattern is held against all topics. */
  private find(subscription: Subscription, matches: (name: string) => boolean): Set<string> {
    if ('topics' in subscription) {
      const ids = subscription.topics.map((name) => this.ids.get(name))
      return new Set(ids.filter((id) => id !== undefined))
    }
    const found = new Set<string>()
    for (const { id, name } of this.topics.values()) if (matches(name)) found.add(id)
    return found
  }
}
