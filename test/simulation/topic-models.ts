import assert from 'node:assert/strict'
import { isDeepStrictEqual } from 'node:util'
import { parseTopicConfig, type TopicChange, type TopicDescription } from '@millrace/engine'
import { ConfigHistory } from './config-history.ts'
import type { Counts } from './counts.ts'
import { PartitionModel } from './partition-model.ts'
import type { TopicKind } from './topic-kinds.ts'

interface TopicModel {
  topic: TopicDescription
  partitions: readonly PartitionModel[]
  readonly configs: ConfigHistory
  /** What somebody tried to make of it, without being told that it worked. */
  unanswered: readonly TopicDescription[]
  isBeingAltered: boolean
  isBeingDeleted: boolean
}

/** Which topics there are, and what is known of each of their partitions. */
export class TopicModels {
  private producers: readonly number[] = []
  private readonly kinds: readonly TopicKind[]
  private readonly counts: Counts
  private readonly byId = new Map<string, TopicModel>()
  private readonly deleted = new Set<string>()
  /** Names that somebody tried to make a topic of, without being told that it worked. */
  private readonly unanswered = new Set<string>()

  constructor(kinds: readonly TopicKind[], counts: Counts) {
    this.kinds = kinds
    this.counts = counts
  }

  /** Partitions of the topics that are known to exist. */
  partitions(): PartitionModel[] {
    return [...this.byId.values()].flatMap(({ partitions }) => partitions)
  }

  topics(): TopicDescription[] {
    return [...this.byId.values()].map(({ topic }) => topic)
  }

  /** Kinds of which there is no topic. */
  missing(): TopicKind[] {
    return this.kinds.filter(({ name }) => !this.topics().some((topic) => topic.name === name))
  }

  noteCreation(name: string): void {
    this.unanswered.add(name)
  }

  add(topic: TopicDescription): void {
    const configs = new ConfigHistory(parseTopicConfig(topic.settings))
    const model = { topic, partitions: [], configs, unanswered: [], isBeingAltered: false, isBeingDeleted: false }
    this.byId.set(topic.id, model)
    this.become(model, topic)
  }

  /** Somebody alters a topic; undefined when somebody else is about it. @returns what it is to be */
  noteAlteration(id: string, { set, partitions }: TopicChange): TopicDescription | undefined {
    const model = this.byId.get(id)
    if (model === undefined || model.isBeingAltered) return undefined
    const { topic, configs } = model
    const settings = { ...topic.settings, ...set }
    const altered = { ...topic, settings, partitions: Math.max(topic.partitions, partitions ?? 0) }
    model.isBeingAltered = true
    model.unanswered = [...model.unanswered, altered]
    configs.ask(parseTopicConfig(settings))
    return altered
  }

  /** @param altered what the engine says that the topic is now; undefined when that is not known */
  endAlteration(id: string, altered: TopicDescription | undefined, expected: TopicDescription): void {
    const model = this.byId.get(id)
    if (altered !== undefined) assert.deepEqual(altered, expected, 'what an altered topic is')
    if (model === undefined) return
    model.isBeingAltered = false
    if (altered !== undefined) this.become(model, altered)
  }

  noteDeletion(id: string): void {
    const model = this.byId.get(id)
    if (model !== undefined) model.isBeingDeleted = true
  }

  remove(id: string): void {
    this.byId.delete(id)
    this.deleted.add(id)
  }

  /** Holds the topics that a start found against those that there must be. */
  check(found: readonly TopicDescription[]): void {
    const names = new Set(found.map(({ name }) => name))
    assert.equal(names.size, found.length, 'no two topics have one name')
    for (const [id, { topic, isBeingDeleted }] of this.byId) {
      if (found.some((other) => other.id === id)) continue
      assert(isBeingDeleted, `topic ${topic.name} is lost`)
      this.remove(id)
    }
    for (const topic of found) {
      const model = this.byId.get(topic.id)
      if (model !== undefined) {
        this.checkTopic(model, topic)
        continue
      }
      assert(!this.deleted.has(topic.id), `topic ${topic.name} was deleted and came back`)
      assert(this.unanswered.has(topic.name), `nobody made topic ${topic.name}`)
      this.add(topic)
    }
  }

  /** Whether somebody deletes, or deleted, a topic. */
  mayBeGone(id: string): boolean {
    return this.byId.get(id)?.isBeingDeleted ?? true
  }

  /** @param ids of producers that write to partitions that have none yet, from now on */
  giveProducers(ids: readonly number[]): void {
    this.producers = ids
    for (const partition of this.partitions()) partition.giveProducers(ids)
  }

  cutPower(): void {
    for (const partition of this.partitions()) partition.cutPower()
  }

  private checkTopic(model: TopicModel, found: TopicDescription): void {
    const wasAltered = model.unanswered.some((altered) => isDeepStrictEqual(found, altered))
    if (!wasAltered) assert.deepEqual(found, model.topic, 'a topic has changed')
    else if (!isDeepStrictEqual(found, model.topic)) this.counts['alterations found made']++
    if (!wasAltered && model.unanswered.length > 0) this.counts['alterations found not made']++
    this.become(model, found)
    model.configs.start(parseTopicConfig(found.settings))
    model.isBeingAltered = false
    model.isBeingDeleted = false
  }

  /** This is what a topic is, and nothing else that somebody asked for. */
  private become(model: TopicModel, topic: TopicDescription): void {
    const { producers, counts } = this
    const { configs, partitions } = model
    model.topic = topic
    model.unanswered = []
    configs.settle(parseTopicConfig(topic.settings))
    model.partitions = Array.from(
      { length: topic.partitions },
      (_, index) => partitions[index] ?? new PartitionModel(topic, index, { configs, producers, counts }),
    )
  }
}
