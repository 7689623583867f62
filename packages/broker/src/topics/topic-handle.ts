import {
  type Engine,
  type EnginePartition,
  parseTopicConfig,
  type TopicConfig,
  type TopicDescription,
} from '@millrace/engine'
import { MillraceError } from '@millrace/record'
import type { TopicTraffic } from '../stats/traffic.ts'

/**
 * One topic as it was found: its description, its configuration and the way to its partitions. It stands for the topic
 * with this id and no other: once that is deleted, calls on its partitions fail with TOPIC_NOT_FOUND, even when there
 * is a topic of the same name again.
 */
export class TopicHandle {
  readonly description: TopicDescription
  readonly config: TopicConfig
  /** Where what is written to it, and read from it, is counted. */
  readonly traffic: TopicTraffic
  private readonly engine: Engine
  /** Those that were asked for. */
  private readonly partitions: EnginePartition[] = []

  constructor(engine: Engine, description: TopicDescription, traffic: TopicTraffic) {
    this.engine = engine
    this.traffic = traffic
    this.description = description
    this.config = parseTopicConfig(description.settings)
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
