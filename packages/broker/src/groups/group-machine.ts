import { MillraceError } from '@millrace/record'
import type { Target } from './assignors/assignor.ts'
import { range } from './assignors/range.ts'
import { uniform } from './assignors/uniform.ts'
import type { AssignorName } from './group-types.ts'
import { assignmentOf, isGivingBack, type Member, type MemberTraits, type SavedMember } from './member.ts'
import { type PartitionId, topicOf } from './partition-id.ts'
import type { TopicIndex } from './topic-index.ts'

const ASSIGNORS = { range, uniform } as const

export interface JoinEvent extends MemberTraits {
  readonly memberId: string
  /** 0: new, and without a partition. */
  readonly memberEpoch: number
  readonly owned: readonly PartitionId[]
}

/** What a member is to hear: all that it should own from now on. */
export interface AssignmentMessage {
  readonly memberId: string
  readonly epoch: number
  readonly partitions: readonly PartitionId[]
}

/** What came of the events since the last time. What is to be kept must be, before anybody hears of it. */
export interface Settled {
  readonly epoch: number
  readonly isEpochNew: boolean
  /** Members to keep, as they are now. */
  readonly changed: readonly Member[]
  /** Ids of members to forget. */
  readonly removed: readonly string[]
  readonly messages: readonly AssignmentMessage[]
}

/**
 * The rules of one group, without time, storage or connections: events come in by calls, and `settle` tells what is to be
 * kept and who is to be told what. In the manner of KIP-848:
 *
 * - The group's epoch rises with each change of members, subscriptions or topics that matters. A target is made for it:
 *   who should own what. Members move to it one by one.
 * - A partition is in one member's hands at a time. Who holds more than its target is asked for the rest, and holds it
 *   until it confirms with `owns`, leaves or is removed; only then it goes to somebody else. Nobody else is held up.
 * - Within one epoch assignments only grow. So an `owns` speaks of all that was asked for up to its epoch, and of nothing
 *   that was asked for later.
 *
 * The target is not kept: after a crash it is made again from what members hold, and a settled group stays as it is.
 */
export class GroupMachine {
  private readonly topics: TopicIndex
  private readonly members_ = new Map<string, Member>()
  private readonly instances = new Map<string, string>()
  private readonly holders = new Map<PartitionId, string>()
  private target: Target = new Map()
  private readonly withheld = new Set<PartitionId>()
  private epoch_: number
  /** Somebody came, went or wants something else: a new epoch, also when the target stays. */
  private isEpochDue = false
  private isTargetDue = false
  private isReconcileDue = false
  private isEpochNew = false
  private readonly changed = new Set<string>()
  private readonly removed = new Set<string>()
  private readonly untold = new Set<string>()
  /** Members whose assignment gets the new epoch, whatever is in it. */
  private readonly renewed = new Set<string>()

  /** @param saved what was kept; some of what was to be kept at one time may be missing */
  constructor(topics: TopicIndex, saved: { readonly epoch: number; readonly members: Iterable<SavedMember> }) {
    this.topics = topics
    this.epoch_ = saved.epoch
    for (const member of saved.members) this.restore(member)
    this.isTargetDue = this.members_.size > 0
  }

  get epoch(): number {
    return this.epoch_
  }

  get members(): ReadonlyMap<string, Member> {
    return this.members_
  }

  /** The one that most members ask for. */
  get assignor(): AssignorName {
    let votes = 0
    for (const { assignor } of this.members_.values()) votes += assignor === 'range' ? 1 : -1
    return votes > 0 ? 'range' : 'uniform'
  }

  /** Whether `settle` has something to do. */
  get isUnsettled(): boolean {
    return (
      this.isEpochDue ||
      this.isTargetDue ||
      this.isReconcileDue ||
      this.isEpochNew ||
      this.changed.size + this.removed.size + this.untold.size > 0
    )
  }

  /** Whether each member has what it should, and nobody is asked for anything. */
  get isStable(): boolean {
    if (this.isEpochDue || this.isTargetDue || this.isReconcileDue || this.withheld.size > 0) return false
    for (const member of this.members_.values()) {
      if (isGivingBack(member) || member.holdings.size !== this.targetOf(member.id).size) return false
    }
    return true
  }

  /** What a member should own when all is settled. */
  targetOf(memberId: string): ReadonlySet<PartitionId> {
    return this.target.get(memberId) ?? new Set()
  }

  holderOf(id: PartitionId): string | undefined {
    return this.holders.get(id)
  }

  /**
   * A member comes, or comes back. With epoch 0 it has nothing in its hands, whatever a member of its id had before. It
   * hears its assignment in any case.
   * @throws MillraceError INSTANCE_ID_IN_USE, UNKNOWN_MEMBER, STALE_MEMBER_EPOCH
   */
  join(event: JoinEvent): void {
    if (event.memberEpoch === 0) this.joinAnew(event)
    else this.rejoin(event)
    this.untold.add(event.memberId)
  }

  /**
   * A member says what it has in its hands, after the assignment with this epoch.
   * @returns whether it gave something back
   * @throws MillraceError UNKNOWN_MEMBER; STALE_MEMBER_EPOCH for an epoch that is yet to come
   */
  owns(memberId: string, epoch: number, partitions: readonly PartitionId[]): boolean {
    const member = this.member(memberId)
    checkEpoch(member, epoch)
    return this.confirm(member, epoch, partitions)
  }

  /** A member goes. A static one that is to come back leaves what it has to itself, until it is removed. */
  leave(memberId: string, forGood: boolean): void {
    const member = this.members_.get(memberId)
    if (member === undefined) return
    if (forGood || member.instanceId === undefined) {
      this.remove(memberId)
      return
    }
    member.isConnected = false
    member.hasLeft = true
    for (const [id, { revokedAt }] of member.holdings) if (revokedAt !== undefined) this.release(member, id)
    this.changed.add(memberId)
  }

  /** Nobody speaks for the member for the time being. */
  disconnected(memberId: string): void {
    const member = this.members_.get(memberId)
    if (member !== undefined) member.isConnected = false
  }

  /** A member was silent for too long, or did not give back in time; what it held is free. */
  remove(memberId: string): void {
    const member = this.members_.get(memberId)
    if (member === undefined) return
    this.forget(member)
    this.target.delete(memberId)
    this.isEpochDue = true
  }

  /** Topics came, went or grew. */
  topicsChanged(): void {
    this.isTargetDue = this.members_.size > 0
  }

  /** Takes partitions from everybody until `giveOut`. */
  withhold(partitions: readonly PartitionId[]): void {
    for (const id of partitions) this.withheld.add(id)
    this.isEpochDue = true
  }

  /** Ends `withhold`. */
  giveOut(partitions: readonly PartitionId[]): void {
    for (const id of partitions) this.withheld.delete(id)
    this.isEpochDue = true
  }

  /**
   * Whether a member may commit for partitions. An epoch is good from the one with which a partition came to the member up
   * to the member's own (KIP-1251), so that an assignment on its way makes no commit fail. Without an epoch the caller
   * is known to speak for the member as it is now.
   * @throws MillraceError UNKNOWN_MEMBER, STALE_MEMBER_EPOCH, PARTITION_NOT_OWNED
   */
  checkCommit(memberId: string, epoch: number | undefined, partitions: Iterable<PartitionId>): void {
    const member = this.member(memberId)
    if (epoch !== undefined) checkEpoch(member, epoch)
    for (const id of partitions) {
      const holding = member.holdings.get(id)
      if (holding === undefined) {
        throw new MillraceError('PARTITION_NOT_OWNED', `partition ${id} is not assigned to member ${memberId}`)
      }
      if (epoch !== undefined && epoch < holding.since) throw staleEpoch(memberId, epoch, holding.since)
    }
  }

  /** @throws MillraceError UNKNOWN_MEMBER */
  member(memberId: string): Member {
    const member = this.members_.get(memberId)
    if (member === undefined) throw new MillraceError('UNKNOWN_MEMBER', `the group has no member ${memberId}`)
    return member
  }

  /** Makes a new target when there is cause, hands out and asks for partitions, and tells what came of it. */
  settle(): Settled {
    this.dropDeletedTopics()
    if (this.isEpochDue || this.isTargetDue) this.retarget()
    if (this.isReconcileDue) this.reconcile()
    const settled: Settled = {
      epoch: this.epoch_,
      isEpochNew: this.isEpochNew,
      changed: [...this.changed].map((id) => this.members_.get(id)!),
      removed: [...this.removed],
      messages: [...this.untold].map((memberId) => this.messageTo(memberId)),
    }
    this.isEpochNew = false
    for (const set of [this.changed, this.removed, this.untold]) set.clear()
    return settled
  }

  /** What `settle` told could not be kept: it comes again with the next. */
  unsettle({ isEpochNew, changed, removed, messages }: Settled): void {
    this.isEpochNew ||= isEpochNew
    for (const { id } of changed) if (this.members_.has(id)) this.changed.add(id)
    for (const id of removed) if (!this.members_.has(id)) this.removed.add(id)
    for (const { memberId } of messages) if (this.members_.has(memberId)) this.untold.add(memberId)
  }

  private restore(saved: SavedMember): void {
    const member: Member = { ...saved, holdings: new Map(), isConnected: false }
    this.members_.set(member.id, member)
    this.epoch_ = Math.max(this.epoch_, member.epoch)
    if (!this.restoreInstance(member)) return
    for (const [id, holding] of saved.holdings) {
      // Two can only be on record when the later one's was kept and what took the partition from the other was not.
      const rival = this.members_.get(this.holders.get(id) ?? '')
      const rivalSince = rival?.holdings.get(id)?.since ?? -1
      if (rivalSince >= holding.since) {
        this.changed.add(member.id)
        continue
      }
      if (rival !== undefined) {
        rival.holdings.delete(id)
        this.changed.add(rival.id)
      }
      this.hold(member, id, holding.since, holding.revokedAt)
    }
    this.target.set(member.id, new Set(assignmentOf(member)))
  }

  /**
   * Of two with one instance id the later one counts: what tells of the other's end was not kept.
   * @returns whether the member stays
   */
  private restoreInstance(member: Member): boolean {
    if (member.instanceId === undefined) return true
    const twin = this.members_.get(this.instances.get(member.instanceId) ?? '')
    if (twin !== undefined && twin.epoch > member.epoch) {
      this.members_.delete(member.id)
      this.removed.add(member.id)
      return false
    }
    if (twin !== undefined) {
      this.forget(twin)
      this.target.delete(twin.id)
    }
    this.instances.set(member.instanceId, member.id)
    return true
  }

  private joinAnew(event: JoinEvent): void {
    const { memberId, instanceId } = event
    const holderId = instanceId === undefined ? undefined : this.instances.get(instanceId)
    const predecessor = holderId === undefined ? undefined : this.members_.get(holderId)
    if (predecessor !== undefined && predecessor.id !== memberId && predecessor.isConnected) {
      throw new MillraceError(
        'INSTANCE_ID_IN_USE',
        `member ${predecessor.id} has the instance id ${instanceId} and is connected`,
      )
    }
    const former = this.members_.get(memberId)
    if (former !== undefined) this.forget(former)
    if (predecessor !== undefined && predecessor !== former) {
      this.forget(predecessor)
      this.target.set(memberId, this.target.get(predecessor.id) ?? new Set())
      this.target.delete(predecessor.id)
    }
    const { memberEpoch: _, owned: __, memberId: id, ...traits } = event
    this.members_.set(id, { id, ...traits, epoch: this.epoch_, holdings: new Map(), hasLeft: false, isConnected: true })
    if (instanceId !== undefined) this.instances.set(instanceId, id)
    this.removed.delete(id)
    this.changed.add(id)
    this.renewed.add(id)
    this.isEpochDue = true
  }

  private rejoin(event: JoinEvent): void {
    const { memberId, memberEpoch, owned } = event
    const member = this.member(memberId)
    checkEpoch(member, memberEpoch)
    for (const id of owned) {
      const since = member.holdings.get(id)?.since
      if (since !== undefined ? memberEpoch < since : this.topics.has(topicOf(id))) {
        throw new MillraceError('STALE_MEMBER_EPOCH', `partition ${id} is no longer that of member ${memberId}`)
      }
    }
    const { instanceId, clientId, subscription, assignor, sessionTimeoutMs, rebalanceTimeoutMs } = event
    if (instanceId !== member.instanceId) {
      throw new MillraceError('INVALID_REQUEST', `member ${memberId} joined with another instance id before`)
    }
    const traits = { clientId, subscription, assignor, sessionTimeoutMs, rebalanceTimeoutMs }
    const isSame = JSON.stringify(traits) === JSON.stringify(traitsOf(member))
    if (!isSame) {
      Object.assign(member, traits)
      this.isEpochDue = true
    }
    if (!isSame || member.hasLeft) this.changed.add(memberId)
    member.hasLeft = false
    member.isConnected = true
    this.confirm(member, memberEpoch, owned)
  }

  /** Lets go of what the member was asked for, up to this epoch, and no longer has. */
  private confirm(member: Member, epoch: number, partitions: readonly PartitionId[]): boolean {
    const owned = new Set(partitions)
    let hasReleased = false
    for (const [id, { revokedAt }] of member.holdings) {
      if (revokedAt === undefined || epoch < revokedAt || owned.has(id)) continue
      this.release(member, id)
      hasReleased = true
    }
    return hasReleased
  }

  private release(member: Member, id: PartitionId): void {
    member.holdings.delete(id)
    this.holders.delete(id)
    this.changed.add(member.id)
    this.isReconcileDue = true
  }

  private hold(member: Member, id: PartitionId, since: number, revokedAt?: number): void {
    member.holdings.set(id, { since, revokedAt })
    this.holders.set(id, member.id)
  }

  private forget(member: Member): void {
    for (const id of [...member.holdings.keys()]) this.release(member, id)
    this.members_.delete(member.id)
    if (member.instanceId !== undefined) this.instances.delete(member.instanceId)
    this.changed.delete(member.id)
    this.untold.delete(member.id)
    this.renewed.delete(member.id)
    this.removed.add(member.id)
  }

  /** There is nobody to whom a partition of a deleted topic could go: nobody needs to give it back. */
  private dropDeletedTopics(): void {
    if (!this.isTargetDue) return
    for (const member of this.members_.values()) {
      for (const id of [...member.holdings.keys()]) {
        if (this.topics.has(topicOf(id))) continue
        if (member.holdings.get(id)?.revokedAt === undefined) this.renewed.add(member.id)
        this.release(member, id)
      }
    }
  }

  private retarget(): void {
    const members = Array.from(this.members_.values(), ({ id, instanceId, subscription }) => ({
      id,
      sortKey: instanceId ?? id,
      topics: this.topics.resolve(subscription),
      previous: this.targetOf(id),
    }))
    const target = ASSIGNORS[this.assignor](members, this.topics.partitionsOf)
    if (this.isEpochDue || !isSameTarget(target, this.target)) {
      this.epoch_++
      this.isEpochNew = true
    }
    this.target = target
    this.isEpochDue = false
    this.isTargetDue = false
    this.isReconcileDue = true
  }

  private reconcile(): void {
    this.isReconcileDue = false
    for (const member of this.members_.values()) if (this.askBack(member)) this.renewed.add(member.id)
    for (const member of this.members_.values()) if (this.handOut(member)) this.renewed.add(member.id)
    for (const id of this.renewed) {
      const member = this.members_.get(id)!
      member.epoch = this.epoch_
      this.changed.add(member.id)
      this.untold.add(member.id)
    }
    this.renewed.clear()
  }

  private askBack(member: Member): boolean {
    let isNew = false
    for (const [id, { since, revokedAt }] of [...member.holdings]) {
      const isWanted = this.mayHave(member, id)
      if (isWanted === (revokedAt === undefined)) continue
      isNew = true
      if (isWanted) this.hold(member, id, since)
      else if (member.hasLeft) this.release(member, id)
      else this.hold(member, id, since, this.epoch_)
    }
    return isNew
  }

  private handOut(member: Member): boolean {
    let isNew = false
    for (const id of this.targetOf(member.id)) {
      if (this.holders.has(id) || !this.mayHave(member, id)) continue
      this.hold(member, id, this.epoch_)
      isNew = true
    }
    return isNew
  }

  private mayHave(member: Member, id: PartitionId): boolean {
    return this.targetOf(member.id).has(id) && !this.withheld.has(id)
  }

  private messageTo(memberId: string): AssignmentMessage {
    const member = this.members_.get(memberId)!
    return { memberId, epoch: member.epoch, partitions: [...assignmentOf(member)] }
  }
}

function traitsOf(member: Member) {
  const { clientId, subscription, assignor, sessionTimeoutMs, rebalanceTimeoutMs } = member
  return { clientId, subscription, assignor, sessionTimeoutMs, rebalanceTimeoutMs }
}

function checkEpoch({ id, epoch: current }: Member, epoch: number): void {
  if (epoch > current) throw staleEpoch(id, epoch, current)
}

function staleEpoch(memberId: string, epoch: number, wanted: number): MillraceError {
  return new MillraceError('STALE_MEMBER_EPOCH', `epoch ${epoch} of member ${memberId} is over; ${wanted} counts`, {
    details: { memberEpoch: wanted },
  })
}

function isSameTarget(a: Target, b: Target): boolean {
  if (a.size !== b.size) return false
  for (const [memberId, ids] of a) {
    const others = b.get(memberId)
    if (others === undefined || others.size !== ids.size) return false
    for (const id of ids) if (!others.has(id)) return false
  }
  return true
}
