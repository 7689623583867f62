import { randomUUID } from 'node:crypto'
import { asMillraceError, MillraceError, type Timer } from '@millrace/record'
import {
  decodeMemberResponse,
  encodeMemberRequest,
  errorFromMessage,
  frameMessage,
  fromInt64,
  MEMBERSHIP_PATH,
  type millrace,
  toInt64,
} from '@millrace/wire'
import { connectionFailed } from '../connection.ts'
import type { GrpcStream } from '../grpc-stream.ts'
import type { Transport } from '../transport.ts'
import type { CheckedConsumerOptions } from './consumer-options.ts'
import { fromTopicPartitions, type TopicPartition, toTopicPartitions } from './topic-partition.ts'

type Request = millrace.v1.MemberRequest.$Properties

/** How long a member that leaves waits for the server to have heard it. */
const LEAVE_MS = 5_000

/** An offset to commit, with what is to be kept beside it. */
export interface OffsetToCommit extends TopicPartition {
  readonly offset: number
  readonly metadata?: string | undefined
}

/** Hears of a membership. */
export interface MembershipEvents {
  /** All that the member should own. */
  assigned(partitions: TopicPartition[]): void
  /** What the group is to count as the member's. */
  owned(): readonly TopicPartition[]
  /** What the member owned is others' now. It is no member until it joins again. */
  lost(error: MillraceError): void
  /** It cannot be a member. */
  failed(error: MillraceError): void
}

interface Commit {
  readonly offsets: readonly OffsetToCommit[]
  readonly resolve: () => void
  readonly reject: (error: MillraceError) => void
}

/**
 * The membership of one consumer, over one stream at a time. A stream that breaks is replaced within the session
 * time-out, and the member goes on with its id and epoch; commits without an answer are sent again.
 */
export class Membership {
  readonly memberId = randomUUID()
  private readonly transport: Transport
  private readonly options: CheckedConsumerOptions
  private readonly events: MembershipEvents
  private state: 'apart' | 'joining' | 'joined' | 'ended' = 'apart'
  private epoch = 0
  private wasMember = false
  private stream: GrpcStream | undefined
  /** Aborts when the attempt to open a stream that was begun last is no longer wanted. */
  private opening = new AbortController()
  private attempts = 0
  /** When trying to join began. */
  private triedMs = 0
  private sessionTimeoutMs: number
  private session: Timer | undefined
  private heartbeat: Timer | undefined
  private readonly commits = new Map<number, Commit>()
  private lastCommit = 0
  private left: (() => void) | undefined

  constructor(transport: Transport, options: CheckedConsumerOptions, events: MembershipEvents) {
    this.transport = transport
    this.options = options
    this.events = events
    this.sessionTimeoutMs = options.sessionTimeoutMs
  }

  /** The last that the server has told; 0: none. */
  get memberEpoch(): number {
    return this.epoch
  }

  get isJoined(): boolean {
    return this.state === 'joined'
  }

  /** Becomes a member, for the first time or anew. */
  join(): void {
    if (this.state !== 'apart') return
    this.state = 'joining'
    this.triedMs = this.transport.clock.monotonicMs()
    this.open()
  }

  /** Tells the group what the member owns now. */
  tellOwned(): void {
    if (this.isJoined) {
      this.send({ owned: { memberEpoch: this.epoch, partitions: toTopicPartitions(this.events.owned()) } })
    }
  }

  /**
   * Resolves once the offsets are on disk.
   * @throws MillraceError as `Groups.CommitOffsets` in groups.proto says; CLOSED
   */
  commit(offsets: readonly OffsetToCommit[]): Promise<void> {
    if (this.state === 'ended' || this.epoch === 0) return Promise.reject(noMember())
    return new Promise((resolve, reject) => {
      const id = ++this.lastCommit
      this.commits.set(id, { offsets, resolve, reject })
      if (this.isJoined) this.sendCommit(id, offsets)
    })
  }

  /** The group no longer knows the member as what it takes itself for. */
  lose(error: MillraceError): void {
    if (this.state === 'ended' || this.state === 'apart') return
    this.drop('apart', error)
    this.epoch = 0
    this.events.lost(error)
  }

  /** Ends the membership. Resolves when the server has heard it, or cannot. */
  async leave(forGood: boolean): Promise<void> {
    const { stream } = this
    // One whose join is on its way leaves too: it may be a member already.
    if (stream === undefined) {
      this.drop('ended', noMember())
      return
    }
    this.state = 'ended'
    this.clearTimers()
    await new Promise<void>((resolve) => {
      this.left = resolve
      const timer = this.transport.clock.setTimer(LEAVE_MS, resolve)
      this.session = timer
      this.send({ leave: { forGood } })
      stream.end()
    })
    this.drop('ended', noMember())
  }

  private drop(state: 'apart' | 'ended', error: MillraceError): void {
    this.state = state
    this.opening.abort()
    this.clearTimers()
    const { stream } = this
    this.stream = undefined
    stream?.cancel()
    for (const commit of this.commits.values()) commit.reject(error)
    this.commits.clear()
  }

  private clearTimers(): void {
    this.session?.cancel()
    this.session = undefined
    this.heartbeat?.cancel()
    this.heartbeat = undefined
  }

  private open(): void {
    const opening = new AbortController()
    this.opening = opening
    this.start(opening.signal).catch((reason) => {
      if (!opening.signal.aborted) this.broken(asMillraceError(reason))
    })
  }

  private async start(signal: AbortSignal): Promise<void> {
    if (this.attempts > 0) await this.transport.sleep(this.transport.backoff(this.attempts), signal)
    if (signal.aborted) return
    const stream: GrpcStream = await this.transport.stream(MEMBERSHIP_PATH, {
      message: (bytes) => {
        if (this.stream === stream) this.received(decodeMemberResponse(bytes))
      },
      ended: (error) => {
        if (this.stream === stream) this.broken(error ?? connectionFailed('the server ended the stream'))
      },
    })
    if (signal.aborted) return stream.cancel()
    this.stream = stream
    const { group, subscription, instanceId, assignor, sessionTimeoutMs, rebalanceTimeoutMs, clientId } = this.options
    this.send({
      join: {
        group,
        ...subscription,
        memberId: this.memberId,
        memberEpoch: this.epoch,
        instanceId: instanceId ?? '',
        assignor,
        sessionTimeoutMs,
        rebalanceTimeoutMs,
        clientId,
        owned: this.epoch === 0 ? [] : toTopicPartitions(this.events.owned()),
      },
    })
  }

  private received({ joined, assignment, committed }: millrace.v1.MemberResponse): void {
    if (joined && this.state === 'joining') this.joined(joined)
    if (assignment && this.isJoined) {
      this.epoch = assignment.memberEpoch ?? this.epoch
      this.events.assigned(fromTopicPartitions(assignment.partitions))
    }
    if (committed) this.committed(committed)
  }

  private joined({ memberEpoch, heartbeatIntervalMs, sessionTimeoutMs }: millrace.v1.Joined.$Properties): void {
    this.state = 'joined'
    this.attempts = 0
    this.wasMember = true
    this.epoch = memberEpoch ?? this.epoch
    this.sessionTimeoutMs = sessionTimeoutMs ?? this.sessionTimeoutMs
    this.clearTimers()
    this.beat(heartbeatIntervalMs || Math.ceil(this.sessionTimeoutMs / 3))
    // What was given back while there was no stream.
    this.tellOwned()
    for (const [id, { offsets }] of this.commits) this.sendCommit(id, offsets)
  }

  private beat(intervalMs: number): void {
    this.heartbeat = this.transport.clock.setTimer(intervalMs, () => {
      this.send({ heartbeat: {} })
      this.beat(intervalMs)
    })
  }

  private committed({ id, error: message }: millrace.v1.MemberCommitted.$Properties): void {
    const number = fromInt64(id ?? toInt64(0))
    const commit = this.commits.get(number)
    this.commits.delete(number)
    if (commit === undefined) return
    if (!message) {
      commit.resolve()
      return
    }
    const error = errorFromMessage(message)
    commit.reject(error)
    if (isOver(error)) this.lose(error)
  }

  /** The stream is gone, or did not come about. */
  private broken(error: MillraceError): void {
    this.stream = undefined
    if (this.state === 'ended') this.left?.()
    if (this.state === 'ended' || this.state === 'apart') return
    const { clock, connectTimeoutMs } = this.transport
    if (isOver(error) && this.epoch > 0) {
      this.lose(error)
      return
    }
    const nowMs = clock.monotonicMs()
    if (this.state === 'joined') this.triedMs = nowMs
    const isHopeless = !this.wasMember && nowMs - this.triedMs >= connectTimeoutMs
    if ((!error.retriable && !isOver(error)) || isHopeless) {
      this.drop('ended', error)
      this.events.failed(error)
      return
    }
    this.state = 'joining'
    this.attempts++
    this.heartbeat?.cancel()
    if (this.epoch > 0) this.session ??= clock.setTimer(this.sessionTimeoutMs, () => this.lose(sessionOver(error)))
    this.open()
  }

  private sendCommit(id: number, offsets: readonly OffsetToCommit[]): void {
    const messages = offsets.map(({ topic, partition, offset, metadata = '' }) => {
      return { topic, partition, offset: toInt64(offset), metadata }
    })
    this.send({ commit: { id: toInt64(id), offsets: messages } })
  }

  private send(request: Request): void {
    this.stream?.write([frameMessage(encodeMemberRequest(request))])
  }
}

/** Whether the error says that a membership is over, and that the member may begin another. */
export function isOver({ code }: MillraceError): boolean {
  return code === 'UNKNOWN_MEMBER' || code === 'STALE_MEMBER_EPOCH'
}

function noMember(): MillraceError {
  return new MillraceError('UNKNOWN_MEMBER', 'the consumer is not a member of its group')
}

function sessionOver(cause: MillraceError): MillraceError {
  const message = `the group was out of reach for longer than the session time-out: ${cause.message}`
  return new MillraceError('UNKNOWN_MEMBER', message, { cause })
}
