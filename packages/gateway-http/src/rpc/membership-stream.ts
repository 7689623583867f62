import type { GroupCalls, MemberListener, Membership, TopicPartitions } from '@millrace/broker'
import { asMillraceError, MAX_NAME_BYTES, MillraceError } from '@millrace/record'
import {
  decodeMemberRequest,
  encodeMemberResponse,
  errorToMessage,
  frameMessage,
  type Int64,
  type millrace,
} from '@millrace/wire'
import type { Call } from './call.ts'
import { logFailure, publicError } from './failures.ts'
import { joinOf, offsetCommitsOf, partitionMessages, partitionsOf } from './group-messages.ts'
import { Inbound, type MessageSink } from './inbound.ts'

/** What a member sends is small: what it owns, or a few offsets. */
const MAX_REQUEST_BYTES = 262_144
/** Commits that a member may have waiting for their answers; past it, it is not read from. */
const MAX_COMMITS = 32
/** What a commit costs its connection's budget beside its bytes: the objects that stand for it and for each offset. */
const COMMIT_OVERHEAD_BYTES = 512
const OFFSET_OVERHEAD_BYTES = 128

type Answer = millrace.v1.MemberResponse.$Properties

/**
 * The membership of one consumer. It begins with Join; then the member's messages go to its group, and assignments go to
 * the member. Answers of one turn of the event loop share a write. A member that does not read is not read from, and of
 * the assignments that it has not been sent only the newest is kept.
 *
 * A stream that ends without Leave only breaks the connection: the member may come back on another.
 */
export class MembershipStream implements MessageSink, MemberListener {
  private readonly call: Call
  private readonly groups: GroupCalls
  private readonly inbound: Inbound
  private state: 'new' | 'joining' | 'member' | 'over' = 'new'
  /** A call goes on until its group has answered its join: who joins and goes, over and over, waits as others do. */
  private isAnswerDue = false
  /** As long as its group counts on this stream. */
  private membership: Membership | undefined
  /** Set when the member has said that it leaves, which it may do before its group has answered its join. */
  private leaving: { readonly forGood: boolean } | undefined
  private group = ''
  /** Commits that are not answered yet. */
  private unanswered = 0
  private answers: Answer[] = []
  private assignment: { readonly memberEpoch: number; readonly partitions: readonly TopicPartitions[] } | undefined
  private isFlushing = false
  private isHeld = false
  /** What the call ends with when it is over and all commits are answered. */
  private error: MillraceError | undefined

  constructor(call: Call, groups: GroupCalls) {
    this.call = call
    this.groups = groups
    call.onDrain = () => this.flush()
    call.onClose = () => this.end(undefined)
    this.inbound = new Inbound(call, this, MAX_REQUEST_BYTES)
    this.inbound.start()
    call.begin()
  }

  onMessage(message: Buffer): void {
    const request = decodeMemberRequest(message)
    const { membership } = this
    if (request.action === 'join' && request.join !== null) this.join(request.join, message.length)
    else if (this.state === 'new') throw invalid('the first message of a member is its join')
    else if (request.action === 'heartbeat') membership?.heartbeat()
    else if (request.action === 'leave' && request.leave !== null) this.leave(request.leave.forGood)
    else if (membership === undefined) throw invalid('until it has joined, a member sends heartbeats or leaves')
    else if (request.action === 'commit' && request.commit !== null) {
      this.commit(membership, request.commit, message.length)
    } else if (request.action === 'owned' && request.owned !== null) {
      const { memberEpoch, partitions } = request.owned
      membership.owns(memberEpoch, partitionsOf(partitions, this.maxPartitions))
    }
    // An action that this version does not know cannot be obeyed, and must not pass in silence.
    else throw invalid('a request without an action that is known')
  }

  onEnd(): void {
    this.end(undefined)
  }

  onBroken(error: MillraceError): void {
    this.end(error)
  }

  /** One that leaves gets to do so. */
  shutDown(): void {
    if (this.leaving !== undefined) return
    const error = new MillraceError('SHUTTING_DOWN', 'the server is shutting down')
    // The group of one that joins would say the same, later.
    if (this.isAnswerDue) this.refused(error)
    else this.end(error)
  }

  assigned(memberEpoch: number, partitions: readonly TopicPartitions[]): void {
    this.assignment = { memberEpoch, partitions }
    this.flushSoon()
  }

  ended(error: MillraceError): void {
    if (this.leaving === undefined) this.end(error)
  }

  private join(message: millrace.v1.Join, bytes: number): void {
    if (this.state !== 'new') throw invalid('a member joins once on each stream')
    const request = joinOf(message, this.maxPartitions)
    this.state = 'joining'
    this.isAnswerDue = true
    this.group = request.group
    const { budget } = this.call
    budget.take(bytes)
    this.groups
      .join(request, this, addressOf(this.call))
      .then(
        (membership) => this.joined(request.memberId, membership),
        (error: unknown) => this.refused(asMillraceError(error)),
      )
      .finally(() => budget.giveBack(bytes))
  }

  private joined(memberId: string, membership: Membership): void {
    this.isAnswerDue = false
    if (this.leaving !== undefined) this.sendOff(membership, this.leaving.forGood)
    else if (this.state === 'over') {
      membership.disconnected()
      this.endIfAnswered()
    } else {
      this.state = 'member'
      this.membership = membership
      const { memberEpoch, heartbeatIntervalMs, sessionTimeoutMs } = membership
      this.answer({ joined: { memberId, memberEpoch, heartbeatIntervalMs, sessionTimeoutMs } })
    }
  }

  /** Also told to one that has ended its side. */
  private refused(error: MillraceError): void {
    this.isAnswerDue = false
    this.error ??= error
    this.end(error)
    this.endIfAnswered()
  }

  private leave(forGood: boolean): void {
    const { membership } = this
    this.inbound.stop()
    this.leaving = { forGood }
    this.membership = undefined
    if (membership !== undefined) this.sendOff(membership, forGood)
  }

  private sendOff(membership: Membership, forGood: boolean): void {
    membership.leave(forGood).then(
      () => this.end(undefined),
      (error: unknown) => this.end(asMillraceError(error)),
    )
  }

  private commit(membership: Membership, { id, offsets }: millrace.v1.MemberCommit, bytes: number): void {
    const costBytes = bytes + COMMIT_OVERHEAD_BYTES + offsets.length * OFFSET_OVERHEAD_BYTES
    this.unanswered++
    this.call.budget.take(costBytes)
    this.setHeld()
    this.store(membership, offsets).then(
      () => this.answerCommit({ id }, costBytes),
      (cause: unknown) => this.answerCommit({ id, error: this.failed(cause, id) }, costBytes),
    )
  }

  private async store(membership: Membership, offsets: readonly millrace.v1.OffsetCommit[]): Promise<void> {
    await membership.commit(offsetCommitsOf(offsets, this.maxPartitions))
  }

  private failed(cause: unknown, id: Int64): millrace.v1.Error {
    const error = asMillraceError(cause)
    logFailure(this.call.context, error, {
      call: this.call.path,
      group: this.group.slice(0, MAX_NAME_BYTES),
      id: String(id),
    })
    return errorToMessage(publicError(error))
  }

  private answerCommit(committed: millrace.v1.MemberCommitted.$Properties, costBytes: number): void {
    this.unanswered--
    this.answer({ committed })
    this.call.budget.giveBack(costBytes)
  }

  private answer(answer: Answer): void {
    this.answers.push(answer)
    this.flushSoon()
  }

  /** After the microtasks that run now: they are the other answers of the same commit. */
  private flushSoon(): void {
    if (this.isFlushing) return
    this.isFlushing = true
    process.nextTick(() => {
      this.isFlushing = false
      this.flush()
    })
  }

  private flush(): void {
    if (this.call.canWrite || this.state === 'over') {
      const told = this.answers
      this.answers = []
      // What is assigned before the member has joined is told after that.
      if (this.assignment !== undefined && this.membership !== undefined) {
        const { memberEpoch, partitions } = this.assignment
        told.push({ assignment: { memberEpoch, partitions: partitionMessages(partitions) } })
        this.assignment = undefined
      }
      if (told.length > 0) this.call.write([frames(told)])
    }
    this.setHeld()
    this.endIfAnswered()
  }

  /** A member that has many commits under way, or does not read, gets to send no more. */
  private setHeld(): void {
    const isHeld = this.unanswered >= MAX_COMMITS || !this.call.canWrite
    if (isHeld === this.isHeld) return
    this.isHeld = isHeld
    if (isHeld) this.inbound.hold()
    else this.inbound.release()
  }

  private end(error: MillraceError | undefined): void {
    if (this.state === 'over') return
    this.state = 'over'
    this.error = error
    this.inbound.stop()
    this.membership?.disconnected()
    this.membership = undefined
    this.endIfAnswered()
  }

  private endIfAnswered(): void {
    if (this.state !== 'over' || this.isAnswerDue || this.unanswered > 0 || this.answers.length > 0) return
    this.call.end(this.error)
  }

  private get maxPartitions(): number {
    return this.call.context.limits.partitions
  }
}

function addressOf({ stream }: Call): string {
  return stream.session?.socket.remoteAddress ?? ''
}

function frames(answers: readonly Answer[]): Buffer {
  const parts = answers.map((answer) => frameMessage(encodeMemberResponse(answer)))
  return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts)
}

function invalid(message: string): MillraceError {
  return new MillraceError('INVALID_REQUEST', message)
}
