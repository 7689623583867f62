import type { Engine } from '@millrace/engine'
import { type Clock, type Limits, type Logger, MillraceError } from '@millrace/record'
import type { Fetch } from '../fetch/fetch.ts'
import type { Topics } from '../topics/topics.ts'
import { GroupRegistry, notEmpty } from './group-registry.ts'
import type {
  CommitRequest,
  CommittedOffset,
  GroupCalls,
  GroupDescription,
  GroupSummary,
  JoinRequest,
  MemberIdentity,
  MemberListener,
  Membership,
  OffsetReset,
  ResetRequest,
  TopicPartitions,
} from './group-types.ts'
import { type GroupStats, GroupViews } from './group-views.ts'
import { checkGroupName, checkJoin } from './join-request.ts'
import type { LiveGroup } from './live-group.ts'
import { MemberConnection } from './member-connection.ts'
import { MemberSession } from './member-session.ts'
import { OffsetCommits } from './offset-commits.ts'
import { OffsetResets } from './offset-reset.ts'
import { numberOf, type PartitionId, partitionId, topicOf } from './partition-id.ts'

export interface GroupsOptions {
  readonly engine: Engine
  readonly clock: Clock
  readonly limits: Limits
  readonly logger: Logger
  readonly topics: Topics
  readonly fetch: Fetch
}

/** Consumer groups: members that share partitions, and offsets that they commit. */
export class Groups implements GroupCalls {
  private readonly limits: Limits
  private readonly registry: GroupRegistry
  private readonly commits: OffsetCommits
  private readonly resets: OffsetResets
  private readonly views: GroupViews

  constructor({ engine, clock, limits, logger, topics, fetch }: GroupsOptions) {
    this.limits = limits
    this.registry = new GroupRegistry({ engine, clock, limits, logger, topics })
    this.commits = new OffsetCommits({ engine, clock, topics: this.registry.topics })
    this.resets = new OffsetResets({ fetch, topics: this.registry.topics, commits: this.commits })
    this.views = new GroupViews({ engine, topics: this.registry.topics })
  }

  /** Why groups cannot be served, in words; undefined when they can, or were not asked for. */
  get problem(): string | undefined {
    return this.registry.problem
  }

  /**
   * Takes up the groups that there are: from now on their members can be late.
   * @throws MillraceError what reading them failed with; the next call tries again
   */
  async open(): Promise<void> {
    await this.registry.open()
  }

  /** Ends all memberships with SHUTTING_DOWN. Members stay members, for a server to come. */
  endMemberships(): void {
    this.registry.end()
  }

  /** Ends all memberships, and waits until what was called before is on disk. */
  async close(): Promise<void> {
    await this.registry.close()
  }

  /**
   * Makes the caller a member, or again the one that it was. The listener hears its assignment after this has returned.
   * @throws MillraceError INVALID_GROUP_NAME, INVALID_SUBSCRIPTION, INVALID_REQUEST, LIMIT_REACHED, INSTANCE_ID_IN_USE,
   *   UNKNOWN_MEMBER, STALE_MEMBER_EPOCH, SHUTTING_DOWN; what writing failed with
   */
  async join(request: JoinRequest, listener: MemberListener): Promise<Membership> {
    const { group: name, memberId, owned, ...traits } = checkJoin(request, this.limits)
    const { group, store } = await this.registry.findOrMake(name)
    const { membersPerGroup } = this.limits
    if (group.machine.members.size >= membersPerGroup && !group.machine.members.has(memberId)) {
      throw new MillraceError('LIMIT_REACHED', `group ${name} has ${membersPerGroup} members already`)
    }
    const connection = new MemberConnection(memberId, listener, this.registry.topics)
    try {
      await group.join({ memberId, owned: this.idsOf(owned), ...traits }, connection)
    } catch (error) {
      group.disconnected(connection)
      throw error
    }
    const idsOf = (partitions: readonly TopicPartitions[]) => this.idsOf(partitions)
    return new MemberSession({ group, store, connection, commits: this.commits, idsOf })
  }

  async list(): Promise<readonly GroupSummary[]> {
    const open = await this.registry.open()
    const groups = Array.from(open?.groups.values() ?? [], (group) => this.views.summary(group))
    return groups.sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  /** @throws MillraceError GROUP_NOT_FOUND */
  async describe(name: string): Promise<GroupDescription> {
    const { group, store } = await this.registry.find(name)
    return this.views.describe(group, store)
  }

  /** Figures of all groups, for metrics. */
  async stats(): Promise<readonly GroupStats[]> {
    const open = await this.registry.open()
    if (open === undefined) return []
    return Promise.all(Array.from(open.groups.values(), (group) => this.views.stats(group, open.store)))
  }

  /**
   * Deletes a group without members, and its offsets.
   * @throws MillraceError GROUP_NOT_FOUND, GROUP_NOT_EMPTY
   */
  async delete(name: string): Promise<void> {
    await this.registry.delete(name)
  }

  /**
   * Commits offsets, all or nothing; when it returns they are on disk. Without a member it is a commit from outside, into
   * a group that has none, and makes the group if need be.
   * @throws MillraceError UNKNOWN_MEMBER, STALE_MEMBER_EPOCH, PARTITION_NOT_OWNED, GROUP_NOT_EMPTY, OFFSET_OUT_OF_RANGE,
   *   METADATA_TOO_LARGE, TOPIC_NOT_FOUND, PARTITION_NOT_FOUND, INVALID_GROUP_NAME, LIMIT_REACHED; what writing failed
   *   with
   */
  async commit(request: CommitRequest): Promise<void> {
    const { group: name, offsets, member } = request
    if (request.transaction !== undefined) {
      throw new MillraceError('UNIMPLEMENTED', 'offsets cannot be committed in a transaction yet')
    }
    checkGroupName(name)
    if (member === undefined) {
      await this.registry.make()
      const checked = await this.commits.check(offsets)
      const { group, store } = await this.registry.findOrMake(name)
      if (!group.isEmpty) throw notEmpty(name)
      await this.commits.write(group, store, checked)
      return
    }
    const { group, store } = await this.findMember(name, member)
    group.seen(member.memberId)
    const checked = await this.commits.check(offsets)
    group.checkCommit(
      member,
      checked.map(({ id }) => id),
    )
    await this.commits.write(group, store, checked)
  }

  /**
   * Committed offsets; partitions without one are left out.
   * @throws MillraceError GROUP_NOT_FOUND, UNKNOWN_MEMBER, STALE_MEMBER_EPOCH, TOPIC_NOT_FOUND, PARTITION_NOT_FOUND
   */
  async offsets(
    name: string,
    { partitions, member }: Parameters<GroupCalls['offsets']>[1] = {},
  ): Promise<readonly CommittedOffset[]> {
    const { group, store } = member === undefined ? await this.registry.find(name) : await this.findMember(name, member)
    const committed = store.offsets(group.name)
    const wanted = partitions === undefined ? committed.keys() : this.partitionsOf(partitions)
    const found: CommittedOffset[] = []
    for (const id of wanted) {
      const offset = committed.get(id)
      const topic = this.registry.topics.nameOf(topicOf(id))
      if (offset !== undefined && topic !== undefined) found.push({ topic, partition: numberOf(id), ...offset })
    }
    return found
  }

  /**
   * Sets offsets anew, or tells what they would be.
   * @throws MillraceError GROUP_NOT_EMPTY unless forced, GROUP_NOT_FOUND when no partitions are named, TOPIC_NOT_FOUND,
   *   PARTITION_NOT_FOUND, OFFSET_OUT_OF_RANGE, INVALID_REQUEST, INVALID_GROUP_NAME; what writing failed with
   */
  async reset(request: ResetRequest): Promise<readonly OffsetReset[]> {
    checkGroupName(request.group)
    if (request.partitions === undefined) await this.registry.find(request.group)
    if (request.dryRun) return told(await this.resets.plan((await this.registry.open())?.store, request))
    const { group, store } = await this.registry.findOrMake(request.group)
    return told(await this.resets.apply(group, store, request))
  }

  private async findMember(name: string, { memberId, memberEpoch }: MemberIdentity) {
    const open = await this.registry.open()
    const group: LiveGroup | undefined = open?.groups.get(name)
    if (open === undefined || group === undefined) {
      throw new MillraceError('UNKNOWN_MEMBER', `there is no group ${JSON.stringify(name)} with member ${memberId}`)
    }
    group.machine.checkCommit(memberId, memberEpoch, [])
    return { group, store: open.store }
  }

  /** Ids of partitions that a member names; topics that are gone by now are left out. */
  private idsOf(partitions: readonly TopicPartitions[]): PartitionId[] {
    return partitions.flatMap(({ topic, partitions: numbers }) => {
      const id = this.registry.topics.named(topic)?.id
      return id === undefined ? [] : numbers.map((number) => partitionId(id, number))
    })
  }

  private partitionsOf(partitions: readonly TopicPartitions[]): PartitionId[] {
    return partitions.flatMap(({ topic, partitions: numbers }) =>
      numbers.map((number) => this.commits.partition(topic, number).id),
    )
  }
}

function told(resets: readonly OffsetReset[]): OffsetReset[] {
  return resets.map(({ topic, partition, before, after }) => ({ topic, partition, before, after }))
}
