import { asMillraceError, type MillraceError, type Timer } from '@millrace/record'
import type { Transport } from '../transport.ts'
import type { AssignedPartition } from './assigned-partition.ts'
import type { CheckedConsumerOptions } from './consumer-options.ts'
import { isOver, type Membership, type OffsetToCommit } from './membership.ts'

export interface CommitterParts {
  readonly transport: Transport
  readonly membership: Membership
  readonly options: CheckedConsumerOptions
  /** All that are the member's. */
  readonly partitions: () => readonly AssignedPartition[]
  /** A commit failed for good. */
  readonly failed: (error: MillraceError) => void
}

/** Commits what is handled, by itself where that is asked for. */
export class OffsetCommitter {
  private readonly parts: CommitterParts
  private timer: Timer | undefined
  private running: Promise<void> | undefined
  private isLeftToTransactions = false

  constructor(parts: CommitterParts) {
    this.parts = parts
  }

  /** Commits at intervals from now on, unless `autoCommit` is false. */
  start(): void {
    const { transport, options, partitions } = this.parts
    if (!options.autoCommit) return
    this.timer = transport.clock.setTimer(options.autoCommitIntervalMs, () => {
      this.commitHandled(partitions(), undefined).finally(() => {
        if (this.timer !== undefined) this.start()
      })
    })
  }

  stop(): void {
    this.timer?.cancel()
    this.timer = undefined
  }

  /** From now on transactions commit, and nothing else by itself. */
  leaveToTransactions(): void {
    this.isLeftToTransactions = true
  }

  /**
   * Commits what is handled of these and not committed, unless transactions do. Never throws. A failure that may pass is
   * tried again until the signal aborts; without a signal, at the next interval.
   */
  async commitHandled(partitions: readonly AssignedPartition[], signal: AbortSignal | undefined): Promise<void> {
    if (!this.parts.options.autoCommit || this.isLeftToTransactions) return
    // One after the other, so that none overtakes another.
    const turn = (this.running ?? Promise.resolve()).then(() => this.commitOnce(partitions, signal))
    this.running = turn
    await turn
  }

  /**
   * Commits these because the user says so; by itself, it commits only what is handled later.
   * @throws MillraceError as `Membership.commit`
   */
  async commit(offsets: readonly OffsetToCommit[], partitions: readonly AssignedPartition[]): Promise<void> {
    const releases = partitions.map(({ tracker }, index) => tracker.hold(offsets[index]?.offset ?? -1))
    try {
      await this.send(offsets, partitions)
    } catch (error) {
      for (const release of releases) release()
      throw error
    }
  }

  private async commitOnce(partitions: readonly AssignedPartition[], signal: AbortSignal | undefined): Promise<void> {
    const { membership, transport, options, failed } = this.parts
    for (let attempt = 1; signal?.aborted !== true; attempt++) {
      const due = partitions.filter(({ tracker, committedOffset, lostSignal }) => {
        return !lostSignal.aborted && tracker.due !== undefined && tracker.due !== committedOffset
      })
      const offsets = due.map(({ topic, partition, tracker }) => ({ topic, partition, offset: tracker.due ?? 0 }))
      try {
        return await this.send(offsets, due)
      } catch (reason) {
        const error = asMillraceError(reason)
        if (isOver(error) || error.code === 'CLOSED') return
        if (isOfOne(error)) return await this.leaveOut(due, offsets, error, signal)
        if (error.code === 'PARTITION_NOT_OWNED') {
          if (due.some(({ lostSignal }) => lostSignal.aborted)) continue
          // The group thinks otherwise of what the member owns: it is no use to go on with it.
          return membership.lose(error)
        }
        if (!error.retriable) return failed(error)
        options.onWarning(error)
        if (signal === undefined) return
        await transport.sleep(transport.backoff(attempt), signal).catch(() => {})
      }
    }
  }

  /** @throws MillraceError as `Membership.commit` */
  private async send(offsets: readonly OffsetToCommit[], partitions: readonly AssignedPartition[]): Promise<void> {
    if (offsets.length === 0) return
    const trackers = partitions.map(({ tracker }) => tracker)
    await this.parts.membership.commit(offsets)
    offsets.forEach(({ offset }, index) => {
      const partition = partitions[index]
      if (partition !== undefined && partition.tracker === trackers[index]) partition.committedOffset = offset
    })
  }

  /** A partition that is no longer there, or has not got so far, must not keep the others' offsets from being kept. */
  private async leaveOut(
    due: readonly AssignedPartition[],
    offsets: readonly OffsetToCommit[],
    error: MillraceError,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    if (due.length > 1) {
      for (const one of due) await this.commitOnce([one], signal)
      return
    }
    const [partition] = due
    const [refused] = offsets
    if (partition === undefined || refused === undefined) return
    partition.committedOffset = refused.offset
    if (error.kind !== 'not-found') this.parts.options.onWarning(error)
  }
}

/** Whether the error may be about one of several offsets. */
function isOfOne({ kind, code }: MillraceError): boolean {
  return kind === 'not-found' || code === 'OFFSET_OUT_OF_RANGE'
}
