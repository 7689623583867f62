import type { Engine } from '@millrace/engine'
import { type Clock, type Limits, type Logger, MillraceError, Pauses } from '@millrace/record'
import type { Fetch } from '../fetch/fetch.ts'
import type { Topics } from '../topics/topics.ts'
import type { LongWork } from '../work/long-work.ts'
import { GroupRegistry, notEmpty, pendingOffsets } from './group-registry.ts'
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
import { JoinRounds } from './join-rounds.ts'
import type { LiveGroup } from './live-group.ts'
import { MemberConnection } from './member-connection.ts'
import { MemberSession } from './member-session.ts'
import { OffsetCommits } from './offset-commits.ts'
import { OffsetResets } from './offset-reset.ts'
import { byPlace, numberOf, type PartitionId, partitionId, topicOf } from './partition-id.ts'

export interface GroupsOptions {
  readonly engine: Engine
  readonly clock: Clock
  readonly limits: Limits
  readonly logger: Logger
  readonly topics: Topics
  readonly fetch: Fetch
  readonly longWork: LongWork
}

/** Consumer groups: members that share partitions, and offsets that they commit. */
export class Groups implements GroupCalls {
  private readonly limits: Limits
  private readonly registry: GroupRegistry
  private readonly commits: OffsetCommits
  private readonly resets: OffsetResets
  private readonly views: GroupViews
  private readonly joins: JoinRounds

  constructor({ engine, clock, limits, logger, topics, fetch, longWork }: GroupsOptions) {
    this.limits = limits
    this.joins = new JoinRounds({ clock, longWork, limits })
    this.registry = new GroupRegistry({ engine, clock, limits, logger, topics })
    this.commits = new OffsetCommits({ engine, clock, topics: this.registry.topics })
    this.resets = new OffsetResets({ fetch, topics: this.registry.topics, commits: this.commits })
    this.views = new GroupViews({ engine, topics: this.registry.topics })
  }

  /** Why groups cannot be served as they should, in words; empty when they can, or were not asked for. */
  problems(): readonly string[] {
    return this.registry.problems()
  }

  /** Keys and values of what groups keep, encoded. */
  get sizeBytes(): number {
    return this.registry.sizeBytes
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
   * @param line who asks: where many join, one line waits for one of each other
   * @throws MillraceError INVALID_GROUP_NAME, INVALID_SUBSCRIPTION, INVALID_REQUEST, LIMIT_REACHED, INSTANCE_ID_IN_USE,
   *   UNKNOWN_MEMBER, STALE_MEMBER_EPOCH, SHUTTING_DOWN; what writing failed with
   */
  async join(request: JoinRequest, listener: MemberListener, line = ''): Promise<Membership> {
    // To check a join costs something, too: one that is refused has waited for its turn as well.
    return this.joins.run(line, () => this.joinNow(request, listener))
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

  /** Figures of all groups, for metrics. Collected with pauses in which others have their turn. */
  async stats(): Promise<readonly GroupStats[]> {
    const open = await this.registry.open()
    if (open === undefined) return []
    const { groups, store } = open
    const stats: GroupStats[] = []
    const pauses = new Pauses()
    for (const group of groups.values()) {
      stats.push(await this.views.stats(group, store))
      await pauses.after(1 + store.offsets(group.name).size)
    }
    return stats
  }

  /**
   * Deletes a group without members, and its offsets.
   * @throws MillraceError GROUP_NOT_FOUND, GROUP_NOT_EMPTY, OFFSETS_PENDING
   */
  async delete(name: string): Promise<void> {
    await this.registry.delete(name)
  }

  /**
   * Commits offsets, all or nothing; when it returns they are on disk. Without a member it is a commit from outside, into
   * a group that has none, and makes the group if need be. As part of a transaction they hold when that is committed.
   * @throws MillraceError PRODUCER_FENCED, TRANSACTION_ABORTED, INVALID_TRANSACTION_STATE; UNKNOWN_MEMBER, STALE_MEMBER_EPOCH, PARTITION_NOT_OWNED, GROUP_NOT_EMPTY, OFFSET_OUT_OF_RANGE,
   *   METADATA_TOO_LARGE, TOPIC_NOT_FOUND, PARTITION_NOT_FOUND, INVALID_GROUP_NAME, LIMIT_REACHED; what writing failed
   *   with
   */
  async commit(request: CommitRequest): Promise<void> {
    const { group: name, offsets, member, transaction } = request
    checkGroupName(name)
    if (member === undefined) {
      await this.registry.make()
      const checked = await this.commits.check(offsets)
      const { group, store } = await this.registry.findOrMake(name)
      if (!group.isEmpty) throw notEmpty(name)
      await this.commits.write(group, store, checked, transaction)
      return
    }
    const { group, store } = await this.findMember(name, member)
    group.seen(member.memberId)
    const checked = await this.commits.check(offsets)
    group.checkCommit(
      member,
      checked.map(({ id }) => id),
    )
    await this.commits.write(group, store, checked, transaction)
  }

  /**
   * Committed offsets; partitions without one are left out. With `allowPending` those from before open transactions.
   * @throws MillraceError OFFSETS_PENDING, GROUP_NOT_FOUND, UNKNOWN_MEMBER, STALE_MEMBER_EPOCH, TOPIC_NOT_FOUND, PARTITION_NOT_FOUND
   */
  async offsets(
    name: string,
    { partitions, member, allowPending = false }: Parameters<GroupCalls['offsets']>[1] = {},
  ): Promise<readonly CommittedOffset[]> {
    const { group, store } = member === undefined ? await this.registry.find(name) : await this.findMember(name, member)
    const named = partitions && this.partitionsOf(partitions)
    if (!allowPending && (await store.pending.has(name, named))) throw pendingOffsets(name)
    const committed = store.offsets(group.name)
    const wanted = named ?? committed.keys()
    const found: CommittedOffset[] = []
    for (const id of wanted) {
      const offset = committed.get(id)
      const topic = this.registry.topics.nameOf(topicOf(id))
      if (offset !== undefined && topic !== undefined) found.push({ topic, partition: numberOf(id), ...offset })
    }
    return found.sort(byPlace)
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

  private async joinNow(request: JoinRequest, listener: MemberListener): Promise<Membership> {
    // The topics are known when the groups are.
    await this.registry.open()
    const checked = checkJoin(request, this.limits, this.registry.topics.nameCharacters)
    const { group: name, memberId, memberEpoch, owned, ...traits } = checked
    // A group that nobody can join is not made.
    if (this.isFull && !this.registry.has(name)) throw this.full()
    const { group, store } = await (memberEpoch === 0
      ? this.registry.findOrMake(name)
      : this.findMember(name, { memberId, memberEpoch: 0 }))
    this.checkRoom(group, checked)
    const connection = new MemberConnection(memberId, listener, this.registry.topics)
    try {
      await group.join({ memberId, memberEpoch, owned: this.idsOf(owned), ...traits }, connection)
    } catch (error) {
      group.disconnected(connection)
      throw error
    }
    const idsOf = (partitions: readonly TopicPartitions[]) => this.idsOf(partitions)
    return new MemberSession({ group, store, connection, commits: this.commits, idsOf })
  }

  /** @throws MillraceError LIMIT_REACHED */
  private checkRoom({ name, machine: { members } }: LiveGroup, { memberId, instanceId }: JoinRequest): void {
    const { membersPerGroup } = this.limits
    const isGroupFull = members.size >= membersPerGroup
    if ((!isGroupFull && !this.isFull) || members.has(memberId)) return
    const isSuccessor = instanceId !== undefined && [...members.values()].some((one) => one.instanceId === instanceId)
    if (isSuccessor) return
    if (!isGroupFull) throw this.full()
    throw new MillraceError('LIMIT_REACHED', `group ${name} has ${membersPerGroup} members already`)
  }

  /** Whether the groups have as many members as all of them may have. */
  private get isFull(): boolean {
    return this.registry.memberCount >= this.limits.members
  }

  private full(): MillraceError {
    return new MillraceError('LIMIT_REACHED', `the groups have ${this.limits.members} members already`)
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
  return resets.map(({ topic, partition, before, after }) => ({ topic, partition, before, after })).sort(byPlace)
}
