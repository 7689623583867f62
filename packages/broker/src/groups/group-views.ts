import type { Engine, PartitionStatus } from '@millrace/engine'
import { MillraceError } from '@millrace/record'
import type { GroupStore } from './group-store.ts'
import type { GroupDescription, GroupPartition, GroupSummary, MemberDescription } from './group-types.ts'
import type { LiveGroup } from './live-group.ts'
import type { Member } from './member.ts'
import { namedPartitions, numberOf, type PartitionId, partitionId, topicOf } from './partition-id.ts'
import type { TopicIndex } from './topic-index.ts'

/** What metrics may tell of a group. */
export interface GroupStats extends GroupSummary {
  /** Since this process has the group. */
  readonly rebalances: number
  /** Records up to the last stable offset that are not committed, over all partitions with a committed offset. */
  readonly lag: number
}

/** What a group looks like from outside. */
export class GroupViews {
  private readonly engine: Engine
  private readonly topics: TopicIndex

  constructor({ engine, topics }: { engine: Engine; topics: TopicIndex }) {
    this.engine = engine
    this.topics = topics
  }

  summary({ name, machine, isEmpty }: LiveGroup): GroupSummary {
    const state = isEmpty ? 'empty' : machine.isStable ? 'stable' : 'reconciling'
    return { name, state, members: machine.members.size, epoch: machine.epoch }
  }

  async describe(group: LiveGroup, store: GroupStore): Promise<GroupDescription> {
    const { machine } = group
    return {
      ...this.summary(group),
      assignor: machine.assignor,
      memberList: Array.from(machine.members.values(), (member) => this.member(group, member)),
      partitions: await this.partitions(group, store),
    }
  }

  async stats(group: LiveGroup, store: GroupStore): Promise<GroupStats> {
    const partitions = await Promise.all(
      Array.from(store.offsets(group.name).keys(), (id) => this.partition(group, store, id)),
    )
    const lag = partitions.reduce((sum, partition) => sum + (partition?.lag ?? 0), 0)
    return { ...this.summary(group), rebalances: group.rebalances, lag }
  }

  private member({ machine }: LiveGroup, member: Member): MemberDescription {
    const { id: memberId, epoch: memberEpoch, instanceId, clientId, subscription, holdings } = member
    const owned = namedPartitions(holdings.keys(), this.topics.nameOf)
    const target = namedPartitions(machine.targetOf(memberId), this.topics.nameOf)
    return { memberId, memberEpoch, instanceId, clientId, subscription, owned, target }
  }

  private async partitions(group: LiveGroup, store: GroupStore): Promise<GroupPartition[]> {
    const ids = new Set(store.offsets(group.name).keys())
    for (const { subscription } of group.machine.members.values()) {
      for (const topicId of this.topics.resolve(subscription)) {
        const count = this.topics.partitionsOf(topicId)
        for (let partition = 0; partition < count; partition++) ids.add(partitionId(topicId, partition))
      }
    }
    const found = await Promise.all(Array.from(ids, (id) => this.partition(group, store, id)))
    return found
      .filter((partition) => partition !== undefined)
      .sort((a, b) => (a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1))
  }

  /** Undefined when the topic is gone. */
  private async partition(group: LiveGroup, store: GroupStore, id: PartitionId): Promise<GroupPartition | undefined> {
    const topic = this.topics.nameOf(topicOf(id))
    const status = topic === undefined ? undefined : await this.status(id)
    if (topic === undefined || status === undefined) return undefined
    const { logStartOffset, highWatermark, lastStableOffset } = status
    const committed = store.offsets(group.name).get(id)
    const committedOffset = committed?.offset
    return {
      topic,
      partition: numberOf(id),
      memberId: group.machine.holderOf(id),
      committedOffset,
      metadata: committed?.metadata ?? '',
      logStartOffset,
      highWatermark,
      lag:
        committedOffset === undefined
          ? undefined
          : Math.max(lastStableOffset - Math.max(committedOffset, logStartOffset), 0),
    }
  }

  private async status(id: PartitionId): Promise<PartitionStatus | undefined> {
    try {
      return await this.engine.partition(topicOf(id), numberOf(id)).status()
    } catch (error) {
      if (error instanceof MillraceError && error.code === 'TOPIC_NOT_FOUND') return undefined
      throw error
    }
  }
}
