import { fromInt64, type Int64, type millrace, toInt64, UNARY } from '@millrace/wire'
import type { AdminCallOptions } from './admin-options.ts'
import { checkNames, invalid } from './options.ts'
import { checkPartition, checkPosition, type Position, positionToMessage } from './position.ts'
import type { Transport } from './transport.ts'

/** Partitions of one topic. */
export interface TopicPartitions {
  readonly topic: string
  readonly partitions: readonly number[]
}

export interface GroupInfo {
  readonly name: string
  /** `reconciling`: members do not own what they should yet. */
  readonly state: 'empty' | 'reconciling' | 'stable'
  readonly members: number
  /** Rises with each change of members, subscriptions or topics. */
  readonly epoch: number
}

export interface GroupDetails extends Omit<GroupInfo, 'members'> {
  /** How partitions are shared out. */
  readonly assignor: string
  readonly members: readonly GroupMemberInfo[]
  readonly partitions: readonly GroupPartitionInfo[]
}

export interface GroupMemberInfo {
  readonly memberId: string
  /** Of a static member. */
  readonly instanceId: string | undefined
  readonly clientId: string
  /** The epoch of the last assignment that it has taken up. */
  readonly epoch: number
  /** What it asks for: names, or a pattern. */
  readonly topics: readonly string[] | { readonly pattern: string }
  readonly owned: readonly TopicPartitions[]
  /** What it should own when all is settled. */
  readonly target: readonly TopicPartitions[]
}

export interface GroupPartitionInfo {
  readonly topic: string
  readonly partition: number
  /** Whose it is; undefined: nobody's. */
  readonly memberId: string | undefined
  /** Offset of the next record that is wanted; undefined: none was committed. */
  readonly committedOffset: number | undefined
  readonly metadata: string
  readonly logStartOffset: number
  readonly highWatermark: number
  /** Records that are not committed yet; undefined without a committed offset. */
  readonly lag: number | undefined
}

export interface GroupOffset {
  readonly topic: string
  readonly partition: number
  /** Of the next record that is wanted. */
  readonly offset: number
  /** What is kept beside it, up to 4,096 bytes. Default: none. */
  readonly metadata?: string | undefined
}

export interface CommittedOffset extends Required<GroupOffset> {
  readonly metadata: string
  /** Milliseconds since 1970. */
  readonly committedAtMs: number
}

export interface CommitQuery {
  readonly group: string
  readonly offsets: readonly GroupOffset[]
}

export interface CommittedQuery {
  readonly group: string
  /** Default: all that were committed. */
  readonly partitions?: readonly TopicPartitions[] | undefined
  /** While a transaction that commits offsets is open: tell those before it, instead of waiting for it. */
  readonly allowPending?: boolean | undefined
}

export interface ResetQuery {
  readonly group: string
  /** A position, or so many records forward (negative: back), kept within what the partition has. */
  readonly to: Position | { readonly shift: number }
  /** Default: all for which the group has an offset. */
  readonly partitions?: readonly TopicPartitions[] | undefined
  /** True: change nothing, only tell. */
  readonly dryRun?: boolean | undefined
  /** True: also while the group has members; they lose their partitions and get them anew. */
  readonly force?: boolean | undefined
}

export interface OffsetReset {
  readonly topic: string
  readonly partition: number
  /** Undefined: none was committed. */
  readonly before: number | undefined
  readonly after: number
}

/** Consumer groups, as somebody who is not a member of them sees and changes them. */
export class GroupAdmin {
  protected readonly transport: Transport

  constructor(transport: Transport) {
    this.transport = transport
  }

  /** All groups, by name. */
  async listGroups(options: AdminCallOptions = {}): Promise<GroupInfo[]> {
    const { groups } = await this.transport.call(UNARY.listGroups, {}, options)
    return groups.map(groupInfo)
  }

  /** @throws MillraceError GROUP_NOT_FOUND */
  async describeGroup(name: string, options: AdminCallOptions = {}): Promise<GroupDetails> {
    const response = await this.transport.call(UNARY.describeGroup, { name }, options)
    return {
      ...groupInfo(response.summary),
      assignor: response.assignor,
      members: response.members.map(memberInfo),
      partitions: response.partitions.map(partitionInfo),
    }
  }

  /** Deletes a group without members, and its offsets. @throws MillraceError GROUP_NOT_FOUND, GROUP_NOT_EMPTY */
  async deleteGroup(name: string, options: AdminCallOptions = {}): Promise<void> {
    await this.transport.call(UNARY.deleteGroup, { name }, { ...options, once: true })
  }

  /**
   * Commits offsets from outside, all or none, into a group without members, which is made if need be.
   * @throws MillraceError GROUP_NOT_EMPTY, OFFSET_OUT_OF_RANGE, METADATA_TOO_LARGE, TOPIC_NOT_FOUND, PARTITION_NOT_FOUND,
   *   INVALID_GROUP_NAME, NUMBER_NOT_EXACT, INVALID_CONFIG
   */
  async commitOffsets(query: CommitQuery, options: AdminCallOptions = {}): Promise<void> {
    checkNames('commitOffsets', query, { group: true, offsets: true })
    const { group, offsets } = query
    const commits = offsets.map(({ topic, partition, offset, metadata = '' }) => ({
      topic,
      partition: checkPartition(partition),
      offset: toInt64(offset),
      metadata,
    }))
    await this.transport.call(UNARY.commitOffsets, { group, offsets: commits }, { ...options, once: true })
  }

  /**
   * Committed offsets; partitions without one are left out. An open transaction that commits some is waited for.
   * @throws MillraceError GROUP_NOT_FOUND, TOPIC_NOT_FOUND, PARTITION_NOT_FOUND, OFFSETS_PENDING when the time is up,
   *   INVALID_CONFIG
   */
  async fetchOffsets(query: CommittedQuery, options: AdminCallOptions = {}): Promise<CommittedOffset[]> {
    checkNames('fetchOffsets', query, { group: true, partitions: true, allowPending: true })
    const { group, partitions = [], allowPending = false } = query
    const request = { group, partitions: partitions.map(partitionsMessage), allowPending }
    const { offsets } = await this.transport.call(UNARY.fetchOffsets, request, options)
    return offsets.map(({ topic, partition, offset, metadata, committedAtMs }) => ({
      topic,
      partition,
      offset: fromInt64(offset),
      metadata,
      committedAtMs: fromInt64(committedAtMs),
    }))
  }

  /**
   * Sets offsets anew, or, as a dry run, tells what they would be.
   * @throws MillraceError GROUP_NOT_EMPTY unless forced, GROUP_NOT_FOUND when no partitions are named, TOPIC_NOT_FOUND,
   *   PARTITION_NOT_FOUND, OFFSET_OUT_OF_RANGE, INVALID_CONFIG
   */
  async resetOffsets(query: ResetQuery, options: AdminCallOptions = {}): Promise<OffsetReset[]> {
    checkNames('resetOffsets', query, { group: true, to: true, partitions: true, dryRun: true, force: true })
    const { group, to, partitions = [], dryRun = false, force = false } = query
    const request = { group, ...targetToMessage(to), partitions: partitions.map(partitionsMessage), dryRun, force }
    const { offsets } = await this.transport.call(UNARY.resetOffsets, request, { ...options, once: true })
    return offsets.map(({ topic, partition, before, after }) => ({
      topic,
      partition,
      before: optionalNumber(before),
      after: fromInt64(after),
    }))
  }
}

function targetToMessage(
  to: ResetQuery['to'],
): Pick<millrace.v1.ResetOffsetsRequest.$Properties, 'position' | 'shift'> {
  if (typeof to !== 'object' || !('shift' in to)) return { position: positionToMessage(checkPosition('to', to)) }
  if (Number.isSafeInteger(to.shift)) return { shift: toInt64(to.shift) }
  throw invalid('to', to, '{ shift } with a whole number')
}

function groupInfo(group: millrace.v1.GroupSummary.$Properties | null | undefined): GroupInfo {
  const { name = '', state = 'empty', members = 0, epoch = 0 } = group ?? {}
  return { name, state: state as GroupInfo['state'], members, epoch }
}

function memberInfo(member: millrace.v1.GroupMember): GroupMemberInfo {
  const { memberId, instanceId, clientId, epoch, topics, topicPattern } = member
  return {
    memberId,
    instanceId: instanceId === '' ? undefined : instanceId,
    clientId,
    epoch,
    topics: topicPattern === '' ? topics : { pattern: topicPattern },
    owned: member.owned.map(topicPartitions),
    target: member.target.map(topicPartitions),
  }
}

function partitionInfo(status: millrace.v1.GroupPartition): GroupPartitionInfo {
  return {
    topic: status.topic,
    partition: status.partition,
    memberId: status.memberId === '' ? undefined : status.memberId,
    committedOffset: optionalNumber(status.committedOffset),
    metadata: status.metadata,
    logStartOffset: fromInt64(status.logStartOffset),
    highWatermark: fromInt64(status.highWatermark),
    lag: optionalNumber(status.lag),
  }
}

function topicPartitions({ topic, partitions }: millrace.v1.TopicPartitions): TopicPartitions {
  return { topic, partitions }
}

function partitionsMessage({ topic, partitions }: TopicPartitions): millrace.v1.TopicPartitions.$Properties {
  return { topic, partitions: partitions.map(checkPartition) }
}

function optionalNumber(value: Int64 | null): number | undefined {
  return value === null ? undefined : fromInt64(value)
}
