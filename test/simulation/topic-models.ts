import assert from 'node:assert/strict'
import type { TopicDescription } from '@millrace/engine'
import type { Counts } from './counts.ts'
import { PartitionModel } from './partition-model.ts'
import { kindOf, type TopicKind } from './topic-kinds.ts'

interface TopicModel {
  readonly topic: TopicDescription
  readonly partitions: readonly PartitionModel[]
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
    const kind = kindOf(topic.name)
    const options = { kind, producers: this.producers, counts: this.counts }
    const partitions = Array.from({ length: topic.partitions }, (_, index) => new PartitionModel(topic, index, options))
    this.byId.set(topic.id, { topic, partitions, isBeingDeleted: false })
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
        assert.deepEqual(topic, model.topic, 'a topic has changed')
        model.isBeingDeleted = false
        continue
      }
      assert(!this.deleted.has(topic.id), `topic ${topic.name} was deleted and came back`)
      assert(this.unanswered.has(topic.name), `nobody made topic ${topic.name}`)
      this.add(topic)
    }
  }

  /** @param ids of producers that write to partitions that have none yet, from now on */
  giveProducers(ids: readonly number[]): void {
    this.producers = ids
    for (const partition of this.partitions()) partition.giveProducers(ids)
  }

  cutPower(): void {
    for (const partition of this.partitions()) partition.cutPower()
  }
}
