import type { Engine } from '@millrace/engine'
import { type Clock, MAX_OFFSET_METADATA_BYTES, MillraceError } from '@millrace/record'
import { offsetKey } from './group-records.ts'
import type { GroupStore, GroupsChange } from './group-store.ts'
import type { OffsetCommit } from './group-types.ts'
import type { LiveGroup } from './live-group.ts'
import { type PartitionId, partitionId } from './partition-id.ts'
import type { TopicIndex } from './topic-index.ts'

interface CheckedCommit extends OffsetCommit {
  readonly id: PartitionId
  readonly topicId: string
}

/** Commits of offsets: checked against the partitions, then written with those of others. */
export class OffsetCommits {
  private readonly engine: Engine
  private readonly clock: Clock
  private readonly topics: TopicIndex

  constructor({ engine, clock, topics }: { engine: Engine; clock: Clock; topics: TopicIndex }) {
    this.engine = engine
    this.clock = clock
    this.topics = topics
  }

  /**
   * Checks offsets against what the partitions have.
   * @throws MillraceError TOPIC_NOT_FOUND, PARTITION_NOT_FOUND, METADATA_TOO_LARGE, OFFSET_OUT_OF_RANGE
   */
  async check(commits: readonly OffsetCommit[]): Promise<readonly CheckedCommit[]> {
    const checked = commits.map((commit) => ({ ...commit, ...this.partition(commit.topic, commit.partition) }))
    for (const { metadata } of checked) checkMetadata(metadata)
    await Promise.all(checked.map((commit) => this.checkRange(commit)))
    return checked
  }

  /**
   * Writes offsets that were checked; in the order of the calls. Whether the caller may commit is checked before, in the
   * same turn.
   * @throws MillraceError as `Table.batch`
   */
  write(group: LiveGroup, store: GroupStore, commits: readonly CheckedCommit[]): Promise<void> {
    const committedAtMs = this.clock.nowMs()
    const unit: GroupsChange[] = commits.map(({ id, offset, metadata }) => ({
      key: offsetKey(group.name, id),
      value: { offset, metadata, committedAtMs },
    }))
    const written = store.write([unit])
    group.commits.add(written)
    const done = (): void => {
      group.commits.delete(written)
    }
    written.then(done, done)
    return written
  }

  /**
   * The partition of this name and number.
   * @throws MillraceError TOPIC_NOT_FOUND, PARTITION_NOT_FOUND
   */
  partition(name: string, partition: number): { id: PartitionId; topicId: string } {
    const topic = this.topics.named(name)
    if (topic === undefined) {
      throw new MillraceError('TOPIC_NOT_FOUND', `there is no topic ${JSON.stringify(name.slice(0, 60))}`)
    }
    if (!Number.isInteger(partition) || partition < 0 || partition >= topic.partitions) {
      throw new MillraceError('PARTITION_NOT_FOUND', `topic ${name} has no partition ${partition}`, {
        details: { partitions: topic.partitions },
      })
    }
    return { id: partitionId(topic.id, partition), topicId: topic.id }
  }

  private async checkRange({ topic, topicId, partition, offset }: CheckedCommit): Promise<void> {
    const { logStartOffset, highWatermark } = await this.engine.partition(topicId, partition).status()
    if (Number.isSafeInteger(offset) && offset >= 0 && offset <= highWatermark) return
    throw new MillraceError(
      'OFFSET_OUT_OF_RANGE',
      `offset ${offset} of partition ${partition} of ${topic} is not within 0 to ${highWatermark}`,
      { details: { topic, partition, logStartOffset, highWatermark } },
    )
  }
}

function checkMetadata(metadata: string): void {
  const bytes = Buffer.byteLength(metadata)
  if (bytes <= MAX_OFFSET_METADATA_BYTES) return
  throw new MillraceError('METADATA_TOO_LARGE', `the metadata has ${bytes} bytes`, {
    details: { maxBytes: MAX_OFFSET_METADATA_BYTES },
  })
}
