import { type Clock, type Logger, MillraceError, type Timer } from '@millrace/record'
import { type AssignmentMessage, GroupMachine, type JoinEvent, type Settled } from './group-machine.ts'
import { groupKey, memberKey, memberRecord } from './group-records.ts'
import type { GroupStore, GroupsChange, SavedGroup } from './group-store.ts'
import type { MemberIdentity } from './group-types.ts'
import { isGivingBack } from './member.ts'
import type { MemberConnection } from './member-connection.ts'
import type { PartitionId } from './partition-id.ts'
import type { TopicIndex } from './topic-index.ts'

export interface LiveGroupOptions {
  readonly name: string
  readonly saved: SavedGroup
  readonly topics: TopicIndex
  readonly store: GroupStore
  readonly clock: Clock
  readonly logger: Logger
  /** Told by how many its members became more, or fewer. */
  readonly onMembers: (more: number) => void
}

/** What the time tells of a member. */
interface Session {
  lastSeenMs: number
  /** When it must have given back what it is asked for. */
  giveBackByMs: number | undefined
  connection: MemberConnection | undefined
}

interface WaitingJoin {
  readonly connection: MemberConnection
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** After a failure to write, and before the next try. */
const RETRY_MS = 1_000
/** A timer that is so late tells of a process that stood still: members cannot have been heard meanwhile. */
const STOOD_STILL_MS = 1_000

/**
 * One group: its machine, with storage, time and connections. Events change the machine at once; what came of those of one
 * turn of the event loop is written together, and only then heard by members.
 */
export class LiveGroup {
  readonly name: string
  readonly machine: GroupMachine
  /** Epochs that were made since this process has the group. */
  rebalances = 0
  /** Commits that are on their way to the disk. */
  readonly commits = new Set<Promise<void>>()
  private readonly options: LiveGroupOptions
  private readonly sessions = new Map<string, Session>()
  private counted = 0
  private emptySinceMs: number | undefined
  private waiting: WaitingJoin[] = []
  private watchers: (() => void)[] = []
  private settling: Promise<void> | undefined
  private timer: { readonly dueMs: number; readonly timer: Timer } | undefined
  private retry: Timer | undefined
  private ended: MillraceError | undefined

  constructor(options: LiveGroupOptions) {
    const { name, saved, topics, clock } = options
    this.options = options
    this.name = name
    this.machine = new GroupMachine(topics, { epoch: saved.record?.epoch ?? 0, members: saved.members })
    for (const [memberId] of this.machine.members) this.sessions.set(memberId, this.newSession(undefined))
    // A group without a record has never had members: its offsets tell its age.
    if (this.isEmpty) this.emptySinceMs = saved.record === undefined ? 0 : (saved.record.emptySinceMs ?? clock.nowMs())
    for (const [memberId, member] of this.machine.members) {
      if (isGivingBack(member)) this.startGivingBack(memberId)
    }
    this.watch()
    this.changed()
  }

  get isEmpty(): boolean {
    return this.machine.members.size === 0
  }

  /** Since when it has no members, in ms since 1970. */
  get emptySince(): number | undefined {
    return this.isEmpty ? this.emptySinceMs : undefined
  }

  /**
   * Makes `connection` that of its member. When it returns, the membership is on disk.
   * @throws MillraceError as `GroupMachine.join`; what writing failed with
   */
  async join(event: JoinEvent, connection: MemberConnection): Promise<void> {
    if (this.ended !== undefined) throw this.ended
    const former = this.sessions.get(event.memberId)?.connection
    this.machine.join(event)
    former?.end(new MillraceError('CANCELLED', 'the member has another connection now'))
    for (const memberId of this.sessions.keys()) if (!this.machine.members.has(memberId)) this.sessions.delete(memberId)
    const session = this.newSession(connection)
    this.sessions.set(event.memberId, session)
    if (isGivingBack(this.machine.member(event.memberId))) this.startGivingBack(event.memberId)
    this.emptySinceMs = undefined
    const { memberId, memberEpoch, instanceId, clientId } = event
    this.options.logger.info({ group: this.name, memberId, memberEpoch, instanceId, clientId }, 'a member joined')
    this.watch()
    const joined = new Promise<void>((resolve, reject) => this.waiting.push({ connection, resolve, reject }))
    this.changed()
    await joined
  }

  /** A sign of life. */
  seen(memberId: string): void {
    const session = this.sessions.get(memberId)
    if (session !== undefined) session.lastSeenMs = this.options.clock.monotonicMs()
  }

  /** @throws MillraceError as `GroupMachine.owns` */
  owns(memberId: string, epoch: number, partitions: readonly PartitionId[]): void {
    const hasGivenBack = this.machine.owns(memberId, epoch, partitions)
    const session = this.sessions.get(memberId)
    if (session !== undefined && hasGivenBack) {
      session.giveBackByMs = undefined
      if (isGivingBack(this.machine.member(memberId))) this.startGivingBack(memberId)
    }
    this.changed()
  }

  /**
   * Whether the member, known by its epoch, may commit for these partitions now.
   * @throws MillraceError as `GroupMachine.checkCommit`; why the group ended for this process
   */
  checkCommit({ memberId, memberEpoch }: MemberIdentity, partitions: Iterable<PartitionId>): void {
    if (this.ended !== undefined) throw this.ended
    this.machine.checkCommit(memberId, memberEpoch, partitions)
  }

  async leave(memberId: string, forGood: boolean): Promise<void> {
    this.options.logger.info({ group: this.name, memberId, forGood }, 'a member left')
    this.seen(memberId)
    const session = this.sessions.get(memberId)
    if (session !== undefined) session.connection = undefined
    this.machine.leave(memberId, forGood)
    this.forgetSession(memberId)
    this.changed()
    await this.settled()
  }

  disconnected(connection: MemberConnection): void {
    const session = this.sessions.get(connection.memberId)
    if (session?.connection !== connection) return
    session.connection = undefined
    this.machine.disconnected(connection.memberId)
    this.options.logger.info({ group: this.name, memberId: connection.memberId }, 'a member lost its connection')
  }

  /** Whether some member wants the topic of this name. */
  isAbout(topic: string): boolean {
    for (const { subscription } of this.machine.members.values())
      if (this.options.topics.isIn(topic, subscription)) return true
    return false
  }

  /** Topics that the group may be about came, went or grew. */
  topicsChanged(): void {
    this.machine.topicsChanged()
    this.changed()
  }

  /** Takes partitions from all members; when it returns, nobody holds one. `giveOut` ends it. */
  async withhold(partitions: readonly PartitionId[]): Promise<void> {
    this.machine.withhold(partitions)
    this.changed()
    await this.until(() => partitions.every((id) => this.machine.holderOf(id) === undefined))
  }

  giveOut(partitions: readonly PartitionId[]): void {
    this.machine.giveOut(partitions)
    this.changed()
  }

  /** Ends all memberships for this process; members stay members. */
  end(error: MillraceError): void {
    if (this.ended !== undefined) return
    this.ended = error
    this.timer?.timer.cancel()
    this.retry?.cancel()
    for (const { reject } of this.waiting.splice(0)) reject(error)
    for (const { connection } of this.sessions.values()) connection?.end(error)
    for (const watcher of this.watchers.splice(0)) watcher()
  }

  /** Waits until what happened so far is on disk; not for a disk that fails. */
  async settled(): Promise<void> {
    await this.settling
  }

  private get isDue(): boolean {
    return this.machine.isUnsettled || this.waiting.length > 0
  }

  private changed(): void {
    const { size } = this.machine.members
    if (size !== this.counted) this.options.onMembers(size - this.counted)
    this.counted = size
    if (this.ended !== undefined || this.retry !== undefined || !this.isDue) return
    this.settling ??= this.settle().finally(() => {
      this.settling = undefined
      this.changed()
    })
  }

  private async settle(): Promise<void> {
    // What else this turn of the event loop brings shares the epoch and the write.
    await turn()
    while (this.isDue && this.ended === undefined) {
      const settled = this.machine.settle()
      const joins = this.waiting.splice(0)
      if (settled.isEpochNew) this.rebalances++
      try {
        await this.options.store.write(this.unitsOf(settled))
      } catch (error) {
        this.machine.unsettle(settled)
        for (const { reject } of joins) reject(error)
        this.retryLater(error)
        return
      }
      if (this.ended !== undefined) for (const { reject } of joins) reject(this.ended)
      for (const { resolve } of joins) resolve()
      // Whoever waited for a join must have answered it before the member hears more.
      await turn()
      for (const message of settled.messages) this.tell(message)
      for (const watcher of this.watchers.splice(0)) watcher()
    }
  }

  private unitsOf(settled: Settled): GroupsChange[][] {
    const { name, emptySinceMs } = this
    const { epoch, isEpochNew, changed, removed } = settled
    const units: GroupsChange[][] = removed.map((id) => [{ key: memberKey(name, id), value: undefined }])
    if (isEpochNew) units.push([{ key: groupKey(name), value: { epoch, emptySinceMs } }])
    for (const member of changed) units.push([{ key: memberKey(name, member.id), value: memberRecord(member) }])
    return units
  }

  private retryLater(error: unknown): void {
    const { logger, clock, name } = this.options
    logger.error({ err: error, group: name }, 'what came of a group cannot be written; it is tried again')
    this.retry = clock.setTimer(RETRY_MS, () => {
      this.retry = undefined
      this.changed()
    })
  }

  private tell({ memberId, epoch, partitions }: AssignmentMessage): void {
    const member = this.machine.members.get(memberId)
    const session = this.sessions.get(memberId)
    if (member === undefined || session === undefined) return
    if (session.giveBackByMs === undefined && isGivingBack(member)) this.startGivingBack(memberId)
    session.connection?.tell(epoch, partitions)
  }

  private newSession(connection: MemberConnection | undefined): Session {
    return { lastSeenMs: this.options.clock.monotonicMs(), giveBackByMs: undefined, connection }
  }

  private startGivingBack(memberId: string): void {
    const { rebalanceTimeoutMs } = this.machine.member(memberId)
    this.sessions.get(memberId)!.giveBackByMs = this.options.clock.monotonicMs() + rebalanceTimeoutMs
    this.watch()
  }

  private forgetSession(memberId: string): void {
    if (this.machine.members.has(memberId)) return
    this.sessions.delete(memberId)
    if (this.isEmpty) this.emptySinceMs = this.options.clock.nowMs()
  }

  private deadlineOf(memberId: string, { lastSeenMs, giveBackByMs }: Session): number {
    const silentAtMs = lastSeenMs + this.machine.member(memberId).sessionTimeoutMs
    return giveBackByMs === undefined ? silentAtMs : Math.min(silentAtMs, giveBackByMs)
  }

  /** One timer for all members, for the earliest moment at which one could be late; heartbeats do not move it. */
  private watch(): void {
    if (this.ended !== undefined) return
    const { clock } = this.options
    let dueMs = Number.POSITIVE_INFINITY
    for (const [memberId, session] of this.sessions) dueMs = Math.min(dueMs, this.deadlineOf(memberId, session))
    if (this.timer !== undefined && this.timer.dueMs <= dueMs) return
    this.timer?.timer.cancel()
    this.timer = undefined
    if (dueMs === Number.POSITIVE_INFINITY) return
    const timer = clock.setTimer(Math.max(dueMs - clock.monotonicMs(), 1), () => this.checkTimes(dueMs))
    this.timer = { dueMs, timer }
  }

  private checkTimes(dueMs: number): void {
    const { clock, logger } = this.options
    this.timer = undefined
    const nowMs = clock.monotonicMs()
    const lateMs = nowMs - dueMs
    for (const [memberId, session] of [...this.sessions]) {
      if (lateMs >= STOOD_STILL_MS) {
        session.lastSeenMs += lateMs
        if (session.giveBackByMs !== undefined) session.giveBackByMs += lateMs
        continue
      }
      if (this.deadlineOf(memberId, session) > nowMs) continue
      const isSilent = session.giveBackByMs === undefined || session.giveBackByMs > nowMs
      const reason = isSilent ? 'it was silent for its session time-out' : 'it did not give partitions back in time'
      logger.info({ group: this.name, memberId, reason }, 'a member was removed')
      this.machine.remove(memberId)
      this.forgetSession(memberId)
      session.connection?.end(new MillraceError('UNKNOWN_MEMBER', `the member was removed: ${reason}`))
    }
    this.watch()
    this.changed()
  }

  private async until(isSo: () => boolean): Promise<void> {
    while (this.ended === undefined && !isSo()) {
      await new Promise<void>((resolve) => this.watchers.push(resolve))
    }
    if (this.ended !== undefined) throw this.ended
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
