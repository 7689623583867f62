import type { MillraceError } from '@millrace/record'
import type { GroupCalls, JoinRequest, MemberListener, Membership, TopicPartitions } from '../group-types.ts'

/** `{ orders: [0, 1] }` for partitions of topics. */
export type Owned = Readonly<Record<string, readonly number[]>>

let members = 0

/** A consumer as the coordinator sees one: by default it does at once what it is told. */
export class TestMember implements MemberListener {
  readonly memberId: string
  epoch = 0
  /** What it was told last that it should own. */
  assignment: readonly TopicPartitions[] = []
  /** What it works on. */
  owned: readonly TopicPartitions[] = []
  readonly heard: { readonly epoch: number; readonly partitions: Owned }[] = []
  ended_: MillraceError | undefined
  membership!: Membership
  /** Whether it confirms what it is told without being asked. */
  obeys = true
  private readonly groups: GroupCalls
  private readonly request: Partial<JoinRequest>

  constructor(groups: GroupCalls, request: Partial<JoinRequest> = {}) {
    this.groups = groups
    this.request = request
    this.memberId = request.memberId ?? `member-${++members}`
  }

  /** Joins, or joins again with the epoch that it heard last. */
  async join(more: Partial<JoinRequest> = {}): Promise<this> {
    this.ended_ = undefined
    this.membership = await this.groups.join(
      {
        group: 'workers',
        memberId: this.memberId,
        memberEpoch: this.epoch,
        instanceId: undefined,
        subscription: { topics: ['orders'] },
        assignor: 'uniform',
        sessionTimeoutMs: 10_000,
        rebalanceTimeoutMs: 5_000,
        owned: this.owned,
        clientId: 'test',
        ...this.request,
        ...more,
      },
      this,
    )
    this.epoch = this.membership.memberEpoch
    return this
  }

  assigned(epoch: number, partitions: readonly TopicPartitions[]): void {
    this.epoch = epoch
    this.assignment = partitions
    this.heard.push({ epoch, partitions: plain(partitions) })
    if (this.obeys) this.obey()
  }

  ended(error: MillraceError): void {
    this.ended_ = error
  }

  /** Gives back and takes up what it was told to. */
  obey(): void {
    this.owned = this.assignment
    this.membership.owns(this.epoch, this.owned)
  }

  /** What it works on. */
  get has(): Owned {
    return plain(this.owned)
  }

  /** Forgets all, as after it was removed. */
  reset(): this {
    this.epoch = 0
    this.owned = []
    return this
  }
}

export function plain(partitions: readonly TopicPartitions[]): Owned {
  return Object.fromEntries(partitions.map(({ topic, partitions: numbers }) => [topic, numbers]))
}

/** Lets everything that is under way come to an end. */
export async function quiet(turns = 40): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
}
