import type { ProducerIdentity } from '@millrace/engine'
import type { MillraceError } from '@millrace/record'
import type { Position } from '../fetch/position.ts'

/** Partitions of one topic, by its name. */
export interface TopicPartitions {
  readonly topic: string
  readonly partitions: readonly number[]
}

/** How the partitions of a topic are shared out: in stretches, topic by topic, or balanced and moving as few as can be. */
export type AssignorName = 'range' | 'uniform'

/** What a consumer asks for when it becomes a member; the fields are those of `Join` in groups.proto. */
export interface JoinRequest {
  readonly group: string
  readonly memberId: string
  /** 0 for a new member. */
  readonly memberEpoch: number
  readonly instanceId: string | undefined
  /** Names, or a pattern in RE2 syntax that a whole name must match. */
  readonly subscription: { readonly topics: readonly string[] } | { readonly pattern: string }
  readonly assignor: AssignorName
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly owned: readonly TopicPartitions[]
  readonly clientId: string
}

/** What the coordinator tells a member; it must not throw. */
export interface MemberListener {
  /** All that the member should own from now on. */
  assigned(memberEpoch: number, partitions: readonly TopicPartitions[]): void
  /** The membership is over: UNKNOWN_MEMBER, STALE_MEMBER_EPOCH, INSTANCE_ID_IN_USE, SHUTTING_DOWN, … */
  ended(error: MillraceError): void
}

/** A member's connection to its group. After `ended` no call does anything. */
export interface Membership {
  readonly memberEpoch: number
  readonly heartbeatIntervalMs: number
  readonly sessionTimeoutMs: number
  heartbeat(): void
  /** What the member owns now, as of the assignment with this epoch. */
  owns(memberEpoch: number, partitions: readonly TopicPartitions[]): void
  /**
   * When it returns, the offsets are on disk.
   * @throws MillraceError as `Groups.commit`
   */
  commit(offsets: readonly OffsetCommit[]): Promise<void>
  /** Ends the membership; a static member keeps its partitions until its session time-out unless it leaves for good. */
  leave(forGood: boolean): Promise<void>
  /** The connection broke: the member may come back within its session time-out. */
  disconnected(): void
}

export interface OffsetCommit {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly metadata: string
}

export interface CommittedOffset extends OffsetCommit {
  /** Milliseconds since 1970. */
  readonly committedAtMs: number
}

export interface CommitRequest {
  readonly group: string
  readonly offsets: readonly OffsetCommit[]
  /** Undefined: from outside, into a group without members. */
  readonly member: MemberIdentity | undefined
  /** Makes the commit a part of this producer's open transaction. */
  readonly transaction?: (ProducerIdentity & { readonly transactionalId: string }) | undefined
}

export interface MemberIdentity {
  readonly memberId: string
  readonly memberEpoch: number
}

export interface ResetRequest {
  readonly group: string
  /** Undefined: all for which the group has an offset. */
  readonly partitions: readonly TopicPartitions[] | undefined
  /** A position as readers know it, or so many records forward (negative: back), kept within what there is. */
  readonly to: Position | { readonly shift: number }
  readonly dryRun: boolean
  /** Also while the group has members, which lose their partitions and get them anew. */
  readonly force: boolean
}

export interface OffsetReset {
  readonly topic: string
  readonly partition: number
  /** Undefined: none was committed. */
  readonly before: number | undefined
  readonly after: number
}

export type GroupState = 'empty' | 'reconciling' | 'stable'

export interface GroupSummary {
  readonly name: string
  readonly state: GroupState
  readonly members: number
  readonly epoch: number
}

export interface GroupDescription extends GroupSummary {
  readonly assignor: AssignorName
  readonly memberList: readonly MemberDescription[]
  readonly partitions: readonly GroupPartition[]
}

export interface MemberDescription extends MemberIdentity {
  readonly instanceId: string | undefined
  readonly clientId: string
  readonly subscription: JoinRequest['subscription']
  readonly owned: readonly TopicPartitions[]
  /** What it should own when all is settled. */
  readonly target: readonly TopicPartitions[]
}

export interface GroupPartition {
  readonly topic: string
  readonly partition: number
  /** Undefined: nobody's. */
  readonly memberId: string | undefined
  readonly committedOffset: number | undefined
  readonly metadata: string
  readonly logStartOffset: number
  readonly highWatermark: number
  /** Records up to the last stable offset that are not committed; undefined without a committed offset. */
  readonly lag: number | undefined
}

/** What `Groups` (groups.ts) offers the gateways. Errors are those that groups.proto names for each call. */
export interface GroupCalls {
  join(request: JoinRequest, listener: MemberListener, line?: string): Promise<Membership>
  list(): Promise<readonly GroupSummary[]>
  describe(group: string): Promise<GroupDescription>
  delete(group: string): Promise<void>
  commit(request: CommitRequest): Promise<void>
  offsets(
    group: string,
    options: {
      readonly partitions?: readonly TopicPartitions[] | undefined
      readonly member?: MemberIdentity | undefined
      readonly allowPending?: boolean | undefined
    },
  ): Promise<readonly CommittedOffset[]>
  reset(request: ResetRequest): Promise<readonly OffsetReset[]>
}
