import {
  type Engine,
  type EnginePartition,
  parseTopicConfig,
  type TopicConfig,
  type TopicDescription,
} from '@millrace/engine'
import { MillraceError } from '@millrace/record'
import type { TopicTraffic, Traffic } from '../stats/traffic.ts'

/**
 * One topic: its description and configuration, as they were found or altered last, and the way to its partitions. It
 * stands for the topic with this id and no other: once that is deleted, calls on its partitions fail with
 * TOPIC_NOT_FOUND, even when there is a topic of the same name again.
 */
export class TopicHandle {
  private readonly counts: Traffic
  private current: TopicDescription
  private parsed: TopicConfig
  private readonly engine: Engine
  /** Those that were asked for. */
  private readonly partitions: EnginePartition[] = []

  constructor(engine: Engine, description: TopicDescription, counts: Traffic) {
    this.engine = engine
    this.counts = counts
    this.current = description
    this.parsed = parseTopicConfig(description.settings)
  }

  get description(): TopicDescription {
    return this.current
  }
  get config(): TopicConfig {
    return this.parsed
  }

  /** Where what is written to it, and read from it, is counted now: it may get a count of its own, or lose it. */
  get traffic(): TopicTraffic {
    return this.counts.of(this.current.id)
  }

  /** Takes up what the topic is now, for all who hold the handle. */
  altered(description: TopicDescription): void {
    this.current = description
    this.parsed = parseTopicConfig(description.settings)
  }

  get name(): string {
    return this.description.name
  }

  /** @throws MillraceError PARTITION_NOT_FOUND */
  partition(partition: number): EnginePartition {
    const { id, name, partitions } = this.description
    if (!Number.isInteger(partition) || partition < 0 || partition >= partitions) {
      throw new MillraceError(
        'PARTITION_NOT_FOUND',
        partitions === 1
          ? `topic ${name} has only partition 0, not ${partition}`
          : `topic ${name} has partitions 0 to ${partitions - 1}, not ${partition}`,
        { details: { partitions } },
      )
    }
    this.partitions[partition] ??= this.engine.partition(id, partition)
    return this.partitions[partition]
  }
}
