import type { PartitionId } from '../partition-id.ts'

/** What an assignor knows of a member. */
export interface AssignorMember {
  readonly id: string
  /** What it is sorted by where order matters: a static member's instance id outlives the member. */
  readonly sortKey: string
  /** Ids of the topics that it wants. Members that want the same may share the Set. */
  readonly topics: ReadonlySet<string>
  /** What it was to own before. */
  readonly previous: ReadonlySet<PartitionId>
}

/** By member id, what each should own; members without a partition too. */
export type Target = Map<string, Set<PartitionId>>

/**
 * Shares partitions out: each partition of a topic that somebody wants goes to exactly one member that wants it.
 * @param partitionsOf how many partitions a topic has; 0 when there is no such topic
 */
export type Assignor = (members: readonly AssignorMember[], partitionsOf: (topicId: string) => number) => Target
