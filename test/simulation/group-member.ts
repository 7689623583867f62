import type { Groups, MemberListener, Membership, TopicPartitions } from '@millrace/broker'
import type { MillraceError } from '@millrace/record'

const HOUR_MS = 3_600_000

/** A consumer of the topic `orders` in the group `workers`, who does what it is told when `obey` is called. */
export class GroupMember implements MemberListener {
  readonly memberId: string
  epoch = 0
  assignment: readonly TopicPartitions[] = []
  /** What it works on. */
  owned: readonly TopicPartitions[] = []
  error: MillraceError | undefined
  membership!: Membership
  groups: Groups

  constructor(groups: Groups, memberId: string) {
    this.groups = groups
    this.memberId = memberId
  }

  /** Joins, or joins again as the one that it was. */
  async join(): Promise<void> {
    this.membership = await this.groups.join(
      {
        group: 'workers',
        memberId: this.memberId,
        memberEpoch: this.epoch,
        instanceId: undefined,
        subscription: { topics: ['orders'] },
        assignor: 'uniform',
        sessionTimeoutMs: HOUR_MS / 2,
        rebalanceTimeoutMs: HOUR_MS,
        owned: this.owned,
        clientId: '',
      },
      this,
    )
    this.epoch = this.membership.memberEpoch
  }

  assigned(epoch: number, partitions: readonly TopicPartitions[]): void {
    this.epoch = epoch
    this.assignment = partitions
  }

  ended(error: MillraceError): void {
    this.error = error
  }

  obey(): void {
    this.owned = this.assignment
    this.membership.owns(this.epoch, this.owned)
  }

  /** Gives all back and goes. */
  leave(): Promise<void> {
    this.owned = []
    return this.membership.leave(true)
  }

  get partitions(): readonly number[] {
    return this.owned[0]?.partitions ?? []
  }
}
