import type {
  CommitRequest,
  CommittedOffset,
  GroupCalls,
  GroupDescription,
  JoinRequest,
  MemberListener,
  Membership,
  OffsetCommit,
  OffsetReset,
  ResetRequest,
  TopicPartitions,
} from '@millrace/broker'
import { MillraceError } from '@millrace/record'

/** A member of the fake, with what its stream has told of it. */
export interface FakeMember {
  readonly request: JoinRequest
  readonly listener: MemberListener
  /** What came, in order: `heartbeat`, `owned …`, `commit …`, `leave`, `leave for good`, `disconnected`. */
  readonly calls: string[]
}

const DESCRIPTION: GroupDescription = {
  name: 'g',
  state: 'stable',
  members: 1,
  epoch: 7,
  assignor: 'uniform',
  memberList: [
    {
      memberId: 'm1',
      memberEpoch: 7,
      instanceId: undefined,
      clientId: 'host-1',
      subscription: { topics: ['t'] },
      owned: [{ topic: 't', partitions: [0] }],
      target: [{ topic: 't', partitions: [0, 1] }],
    },
    {
      memberId: 'm2',
      memberEpoch: 6,
      instanceId: 'i2',
      clientId: '',
      subscription: { pattern: 't.*' },
      owned: [],
      target: [],
    },
  ],
  partitions: [
    {
      topic: 't',
      partition: 0,
      memberId: 'm1',
      committedOffset: 5,
      metadata: 'note',
      logStartOffset: 1,
      highWatermark: 9,
      lag: 4,
    },
    {
      topic: 't',
      partition: 1,
      memberId: undefined,
      committedOffset: undefined,
      metadata: '',
      logStartOffset: 0,
      highWatermark: 3,
      lag: undefined,
    },
  ],
}

/** Groups without rules: it keeps what it was asked and answers what the test sets. */
export class FakeGroups implements GroupCalls {
  readonly members: FakeMember[] = []
  readonly deleted: string[] = []
  readonly commits: CommitRequest[] = []
  readonly asked: unknown[] = []
  readonly resets: ResetRequest[] = []
  /** What each of these fails with. */
  failure: MillraceError | undefined
  joins: Promise<void> = Promise.resolve()
  leaves: Promise<void> = Promise.resolve()
  /** What becomes of a commit of a member. */
  commitOf: (offsets: readonly OffsetCommit[]) => Promise<void> = async () => {}

  async join(request: JoinRequest, listener: MemberListener): Promise<Membership> {
    const calls: string[] = []
    this.members.push({ request, listener, calls })
    await this.joins
    if (this.failure !== undefined) throw this.failure
    return {
      memberEpoch: request.memberEpoch + 1,
      heartbeatIntervalMs: Math.floor(request.sessionTimeoutMs / 3),
      sessionTimeoutMs: request.sessionTimeoutMs,
      heartbeat: () => void calls.push('heartbeat'),
      owns: (epoch, partitions) => void calls.push(`owned ${epoch} ${shown(partitions)}`),
      commit: (offsets) => {
        calls.push(`commit ${offsets.map(({ topic, partition, offset }) => `${topic}/${partition}@${offset}`)}`)
        return this.commitOf(offsets)
      },
      leave: (forGood) => {
        calls.push(forGood ? 'leave for good' : 'leave')
        return this.leaves
      },
      disconnected: () => void calls.push('disconnected'),
    }
  }

  async list(): Promise<readonly GroupDescription[]> {
    return [DESCRIPTION]
  }

  async describe(group: string): Promise<GroupDescription> {
    this.check(group)
    return { ...DESCRIPTION, name: group }
  }

  async delete(group: string): Promise<void> {
    this.check(group)
    this.deleted.push(group)
  }

  async commit(request: CommitRequest): Promise<void> {
    this.check(request.group)
    this.commits.push(request)
  }

  async offsets(group: string, options: object): Promise<readonly CommittedOffset[]> {
    this.check(group)
    this.asked.push(options)
    return [{ topic: 't', partition: 0, offset: 5, metadata: 'note', committedAtMs: 1_000 }]
  }

  async reset(request: ResetRequest): Promise<readonly OffsetReset[]> {
    this.check(request.group)
    this.resets.push(request)
    return [
      { topic: 't', partition: 0, before: 5, after: 0 },
      { topic: 't', partition: 1, before: undefined, after: 3 },
    ]
  }

  private check(group: string): void {
    if (this.failure !== undefined) throw this.failure
    if (group === 'none') throw new MillraceError('GROUP_NOT_FOUND', 'there is no group none')
  }
}

function shown(partitions: readonly TopicPartitions[]): string {
  return partitions.map((one) => `${one.topic}/${one.partitions}`).join(' ')
}
