import { asMillraceError, MillraceError } from '@millrace/record'
import type { GroupStore } from './group-store.ts'
import type { Membership, OffsetCommit, TopicPartitions } from './group-types.ts'
import { heartbeatIntervalOf } from './join-request.ts'
import type { LiveGroup } from './live-group.ts'
import type { MemberConnection } from './member-connection.ts'
import type { OffsetCommits } from './offset-commits.ts'
import type { PartitionId } from './partition-id.ts'

export interface MemberSessionOptions {
  readonly group: LiveGroup
  readonly store: GroupStore
  readonly connection: MemberConnection
  readonly commits: OffsetCommits
  readonly idsOf: (partitions: readonly TopicPartitions[]) => PartitionId[]
}

/** A member's side of its membership. What it says takes effect in the order in which it says it. */
export class MemberSession implements Membership {
  readonly heartbeatIntervalMs: number
  readonly sessionTimeoutMs: number
  private readonly options: MemberSessionOptions
  /** The commit that is being checked; what is said meanwhile comes after it. */
  private before: Promise<unknown> | undefined

  constructor(options: MemberSessionOptions) {
    this.options = options
    const { group, connection } = options
    this.sessionTimeoutMs = group.machine.member(connection.memberId).sessionTimeoutMs
    this.heartbeatIntervalMs = heartbeatIntervalOf(this.sessionTimeoutMs)
  }

  get memberEpoch(): number {
    const { group, connection } = this.options
    return group.machine.members.get(connection.memberId)?.epoch ?? 0
  }

  heartbeat(): void {
    const { group, connection } = this.options
    if (connection.ended === undefined) group.seen(connection.memberId)
  }

  owns(memberEpoch: number, partitions: readonly TopicPartitions[]): void {
    this.heartbeat()
    this.inOrder(() => {
      const { group, connection, idsOf } = this.options
      if (connection.ended !== undefined) return
      try {
        group.owns(connection.memberId, memberEpoch, idsOf(partitions))
      } catch (error) {
        connection.end(asMillraceError(error))
        group.disconnected(connection)
      }
    })
  }

  async commit(offsets: readonly OffsetCommit[]): Promise<void> {
    this.heartbeat()
    this.checkOpen()
    const { group, store, connection, commits } = this.options
    const checked = Promise.all([commits.check(offsets), this.before]).then(([checked_]) => {
      this.checkOpen()
      group.machine.checkCommit(
        connection.memberId,
        undefined,
        checked_.map(({ id }) => id),
      )
      return { written: commits.write(group, store, checked_) }
    })
    const over = checked.then(
      () => {},
      () => {},
    )
    this.before = over
    try {
      await (await checked).written
    } finally {
      if (this.before === over) this.before = undefined
    }
  }

  async leave(forGood: boolean): Promise<void> {
    await this.before
    const { group, connection } = this.options
    if (connection.ended !== undefined) return
    connection.close(new MillraceError('UNKNOWN_MEMBER', 'the member left'))
    await group.leave(connection.memberId, forGood)
  }

  disconnected(): void {
    const { group, connection } = this.options
    if (connection.ended !== undefined) return
    connection.close(new MillraceError('CANCELLED', 'the connection of the member broke'))
    group.disconnected(connection)
  }

  private checkOpen(): void {
    const { ended } = this.options.connection
    if (ended !== undefined) throw ended
  }

  private inOrder(action: () => void): void {
    if (this.before === undefined) action()
    else this.before = this.before.then(action)
  }
}
