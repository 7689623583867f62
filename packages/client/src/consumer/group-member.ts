import { asMillraceError, MillraceError } from '@millrace/record'
import { fromInt64, UNARY } from '@millrace/wire'
import { aborted, onAbort } from '../abort.ts'
import type { Serializer } from '../serializer.ts'
import type { Transport } from '../transport.ts'
import type { AssignedPartition } from './assigned-partition.ts'
import { Assignment, type Step } from './assignment.ts'
import type { CheckedConsumerOptions, StartingPartition } from './consumer-options.ts'
import { Intake } from './intake.ts'
import { isOver, Membership } from './membership.ts'
import { OffsetCommitter } from './offset-committer.ts'
import { keyOf, type TopicPartition, toTopicPartitions } from './topic-partition.ts'

/** Of the time that a member has to give partitions back, what it uses: the group's ends no later than its own. */
const OWN_SHARE = 0.9

export interface MemberParts {
  readonly transport: Transport
  readonly serializer: Serializer
  readonly options: CheckedConsumerOptions
  /** There may be something to take, or something taken is no longer current. */
  readonly changed: () => void
  /** The consumer cannot go on. */
  readonly failed: (error: unknown) => void
}

/** Takes up and gives back partitions as the group asks for it, with the hooks, the offsets and the reading. */
export class GroupMember {
  readonly intake: Intake
  readonly membership: Membership
  readonly committer: OffsetCommitter
  private readonly parts: MemberParts
  private readonly assignment = new Assignment()
  /** Aborts when the member is to begin nothing new. */
  private readonly ending = new AbortController()
  /** Aborts when nothing more is to be waited for. */
  private readonly hurry = new AbortController()
  /** Aborts when the present membership is over. */
  private era = new AbortController()
  private hooks: Promise<void> = Promise.resolve()
  /** What is on its way back to the group. */
  private readonly returns = new Set<Promise<void>>()

  constructor(parts: MemberParts) {
    const { transport, serializer, options, changed, failed } = parts
    this.parts = parts
    this.intake = new Intake(transport, serializer, options, this.ending.signal, { changed, failed })
    this.membership = new Membership(transport, options, {
      assigned: (partitions) => this.perform(this.assignment.assign(partitions)),
      owned: () => this.assignment.owned(),
      lost: (error) => this.lost(error),
      failed: (error) => {
        this.giveUp(this.abandon()).then(() => failed(error), failed)
      },
    })
    this.committer = new OffsetCommitter({
      transport,
      membership: this.membership,
      options,
      partitions: () => this.intake.all(),
      failed,
    })
  }

  start(): void {
    this.membership.join()
    this.committer.start()
  }

  /**
   * Leaves the group: waits for handlers, commits, gives everything back. When the signal aborts it waits no longer.
   * @throws what a hook fails with
   */
  async leave(forGood: boolean, signal: AbortSignal | undefined): Promise<void> {
    const { transport, options } = this.parts
    this.ending.abort()
    this.committer.stop()
    if (signal?.aborted) this.hurry.abort()
    const forget = onAbort(signal, () => this.hurry.abort())
    const partitions = this.intake.all().filter(({ isClosed }) => !isClosed)
    this.intake.end()
    const limitMs = this.membership.isJoined ? options.rebalanceTimeoutMs : transport.connectTimeoutMs
    try {
      await Promise.all([this.handBack(partitions, limitMs, this.era.signal), ...this.returns])
    } finally {
      forget()
      this.era.abort()
      this.intake.drop(partitions)
      await this.membership.leave(forGood || options.instanceId === undefined)
    }
  }

  /** Begins what the group asks for, and tells it what the member owns. */
  private perform({ takeUp, giveBack }: Step): void {
    if (this.ending.signal.aborted) return
    const era = this.era.signal
    const end = (reason: unknown): void => {
      if (!era.aborted) this.parts.failed(reason)
    }
    if (giveBack.length > 0) this.giveBack(giveBack, era).catch(end)
    if (takeUp.length > 0) this.takeUp(takeUp, era).catch(end)
    this.membership.tellOwned()
  }

  private async takeUp(wanted: readonly TopicPartition[], era: AbortSignal): Promise<void> {
    const offsets = await this.committedOffsets(wanted, era)
    if (era.aborted || this.ending.signal.aborted) return
    if (offsets === undefined) {
      await Promise.all(wanted.map((partition) => this.takeUp([partition], era)))
      return
    }
    const unwanted = wanted.filter((partition) => !this.assignment.wants(partition))
    if (unwanted.length > 0) this.perform(this.assignment.givenBack(unwanted))
    const taken = wanted.filter((partition) => !unwanted.includes(partition))
    if (taken.length === 0) return
    this.assignment.admitted(taken)
    const admitted = taken.map((partition) => this.intake.admit(partition, offsets.get(keyOf(partition))))
    const { onAssigned } = this.parts.options
    if (onAssigned !== undefined) await this.hook(() => onAssigned(admitted.map(startOf)))
    if (era.aborted || this.ending.signal.aborted) return
    this.intake.open(admitted)
    this.perform(this.assignment.takenUp(taken))
  }

  private async giveBack(unwanted: readonly TopicPartition[], era: AbortSignal): Promise<void> {
    const partitions = unwanted.flatMap((partition) => this.intake.find(partition) ?? [])
    this.intake.close(partitions)
    const back = this.handBack(partitions, this.parts.options.rebalanceTimeoutMs * OWN_SHARE, era)
    this.returns.add(back)
    await back.finally(() => this.returns.delete(back))
    if (era.aborted) return
    this.intake.drop(partitions)
    this.perform(this.assignment.givenBack(unwanted))
  }

  /** Waits for the handlers of closed partitions, commits, and tells the hooks: within the time, or they are lost. */
  private async handBack(partitions: readonly AssignedPartition[], limitMs: number, era: AbortSignal): Promise<void> {
    const { transport, options } = this.parts
    const { onRevoked } = options
    const limit = new AbortController()
    const timer = transport.clock.setTimer(limitMs, () => limit.abort())
    const over = AbortSignal.any([limit.signal, era, this.hurry.signal])
    const overrun = aborted(over)
    try {
      await Promise.race([this.finish(partitions, over), overrun])
      if (era.aborted) return
      if (over.aborted) {
        // The hook has no time left: the group must not wait for it.
        this.giveUp(partitions).catch((reason) => this.parts.failed(reason))
        return
      }
      if (onRevoked === undefined || partitions.length === 0) return
      await Promise.race([this.hook(() => onRevoked(partitions.map(nameOf))), overrun])
      if (over.aborted && !era.aborted)
        options.onWarning(new MillraceError('TIMED_OUT', 'onRevoked took longer than there was time'))
    } finally {
      timer.cancel()
    }
  }

  private async finish(partitions: readonly AssignedPartition[], over: AbortSignal): Promise<void> {
    await Promise.all(partitions.map((partition) => partition.idle()))
    if (!over.aborted) await this.committer.commitHandled(partitions, over)
  }

  /** The membership is over: everything is others' already. */
  private lost(error: MillraceError): void {
    const partitions = this.abandon()
    this.parts.options.onWarning(error)
    const told = this.ending.signal.aborted ? this.giveUp(partitions) : this.rejoin(partitions)
    told.catch((reason) => this.parts.failed(reason))
  }

  private async rejoin(partitions: readonly AssignedPartition[]): Promise<void> {
    const { transport, options } = this.parts
    await this.giveUp(partitions)
    // Who still works on one of them would do so beside the handler that gets it anew.
    const idle = new AbortController()
    const limit = transport.sleep(options.rebalanceTimeoutMs, AbortSignal.any([this.ending.signal, idle.signal]))
    await Promise.race([Promise.all(partitions.map((partition) => partition.idle())), limit]).catch(() => {})
    idle.abort()
    if (!this.ending.signal.aborted) this.membership.join()
  }

  /** Lets go of everything without a word to the group. */
  private abandon(): AssignedPartition[] {
    this.era.abort()
    this.era = new AbortController()
    this.assignment.clear()
    const partitions = this.intake.all()
    for (const partition of partitions) partition.lose()
    this.intake.close(partitions)
    this.intake.drop(partitions)
    return partitions
  }

  private async giveUp(partitions: readonly AssignedPartition[]): Promise<void> {
    const { onLost } = this.parts.options
    for (const partition of partitions) partition.lose()
    if (onLost !== undefined && partitions.length > 0) await this.hook(() => onLost(partitions.map(nameOf)))
  }

  /** Hooks are called one after the other. */
  private hook(call: () => unknown): Promise<void> {
    const turn = this.hooks.then(async () => {
      await call()
    })
    this.hooks = turn.catch(() => {})
    return turn
  }

  /** Undefined: some have no answer, or none yet, so that they are better asked for one by one. */
  private async committedOffsets(
    partitions: readonly TopicPartition[],
    era: AbortSignal,
  ): Promise<Map<string, number> | undefined> {
    const { transport, options } = this.parts
    const { membership } = this
    const signal = AbortSignal.any([era, this.ending.signal])
    for (let attempt = 1; ; attempt++) {
      const { memberId, memberEpoch } = membership
      const request = { group: options.group, partitions: toTopicPartitions(partitions), memberId, memberEpoch }
      try {
        const { offsets } = await transport.call(UNARY.fetchOffsets, request, { once: true, signal })
        return new Map(offsets.map((it) => [keyOf(it), fromInt64(it.offset)]))
      } catch (reason) {
        if (signal.aborted) return new Map()
        const error = asMillraceError(reason)
        // What is deleted goes from the assignment too.
        const isGone = error.kind === 'not-found'
        if ((error.code === 'OFFSETS_PENDING' || isGone) && partitions.length > 1) return undefined
        if (isOver(error) && membership.memberEpoch === memberEpoch) membership.lose(error)
        else if (!error.retriable && !isOver(error) && !isGone) throw error
        if (signal.aborted) return new Map()
        await transport.sleep(transport.backoff(attempt), signal).catch(() => {})
        if (partitions.every((partition) => !this.assignment.wants(partition))) return new Map()
      }
    }
  }
}

function nameOf({ topic, partition }: AssignedPartition): TopicPartition {
  return { topic, partition }
}

function startOf({ topic, partition, committedOffset }: AssignedPartition): StartingPartition {
  return { topic, partition, committedOffset }
}
