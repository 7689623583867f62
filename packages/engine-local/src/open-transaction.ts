import type { TransactionOutcome } from '@millrace/engine'
import type { PartitionIdentity, PartitionLog } from '@millrace/log'
import { asMillraceError } from '@millrace/record'

/** A transaction that has written something and is not ended in all its partitions yet. */
export class OpenTransaction {
  /** In ms since 1970. */
  readonly startedAtMs: number
  /** What is asked for, or decided: no append joins any more. */
  ending: TransactionOutcome | undefined
  /** Whether an append failed, so that it can only be aborted. */
  hasFailed = false
  private readonly members = new Map<PartitionLog, PartitionIdentity>()
  private underWay = 0
  private allSettled: (() => void) | undefined

  constructor(startedAtMs: number) {
    this.startedAtMs = startedAtMs
  }

  /** Partitions that it has written to. */
  get partitions(): PartitionIdentity[] {
    return [...this.members.values()]
  }
  get logs(): PartitionLog[] {
    return [...this.members.keys()]
  }

  /** Takes in an append that got its place. */
  join(log: PartitionLog, partition: PartitionIdentity, committed: Promise<unknown>): void {
    if (!this.members.has(log)) this.members.set(log, partition)
    this.underWay++
    committed.then(
      () => this.settled(),
      (error: unknown) => {
        if (asMillraceError(error).code === 'TOPIC_NOT_FOUND') this.members.delete(log)
        else this.hasFailed = true
        this.settled()
      },
    )
  }

  /**
   * Lets no more appends join, waits for those that have, and, for a commit, until what they wrote is on disk: else a
   * power cut could take it from one partition and leave the others committed.
   * @returns the outcome that it can have: abort where an append failed
   */
  async seal(asked: TransactionOutcome): Promise<TransactionOutcome> {
    this.ending = asked
    if (this.underWay > 0) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.allSettled = resolve
      await promise
    }
    if (asked === 'commit' && !this.hasFailed) await Promise.all(this.logs.map((log) => this.makeDurable(log)))
    this.ending = this.hasFailed ? 'abort' : asked
    return this.ending
  }

  private async makeDurable(log: PartitionLog): Promise<void> {
    try {
      await log.flush()
    } catch (error) {
      if (asMillraceError(error).code === 'TOPIC_NOT_FOUND') this.members.delete(log)
      else this.hasFailed = true
    }
  }

  private settled(): void {
    if (--this.underWay === 0) this.allSettled?.()
  }
}
