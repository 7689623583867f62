import { offsetKey } from './group-records.ts'
import type { PartitionId } from './partition-id.ts'

export interface PendingOffsetsOptions {
  /** Whether the table knows an open transaction that has changed the key. */
  readonly isOpen: (key: string) => boolean
  /** Looks for ends of transactions that the table has not seen yet. */
  readonly refresh: () => Promise<void>
}

/**
 * Offsets that hang on open transactions: from the moment that their commit is sent, which the table only knows when it is
 * in the log. A start of the engine ends all transactions, so that what this process has sent is all there is.
 */
export class PendingOffsets {
  private readonly options: PendingOffsetsOptions
  /** By group: how many commits of an offset are on their way to the log; 0 when the table knows of them. */
  private readonly sent = new Map<string, Map<PartitionId, number>>()

  constructor(options: PendingOffsetsOptions) {
    this.options = options
  }

  /** Commits of these offsets are sent by `send`. */
  async during(group: string, ids: readonly PartitionId[], send: () => Promise<void>): Promise<void> {
    const ofGroup = this.sent.get(group) ?? new Map<PartitionId, number>()
    this.sent.set(group, ofGroup)
    for (const id of ids) ofGroup.set(id, (ofGroup.get(id) ?? 0) + 1)
    try {
      await send()
    } finally {
      for (const id of ids) ofGroup.set(id, ofGroup.get(id)! - 1)
    }
  }

  /** Whether one of these offsets, or of all of the group, hangs on a transaction that is open by what can be known. */
  async has(group: string, ids?: Iterable<PartitionId>): Promise<boolean> {
    if (!this.hasNow(group, ids)) return false
    await this.options.refresh()
    return this.hasNow(group, ids)
  }

  private hasNow(group: string, ids: Iterable<PartitionId> | undefined): boolean {
    const ofGroup = this.sent.get(group)
    if (ofGroup === undefined) return false
    for (const [id, sending] of ofGroup) {
      if (sending === 0 && !this.options.isOpen(offsetKey(group, id))) ofGroup.delete(id)
    }
    if (ofGroup.size === 0) this.sent.delete(group)
    if (ids === undefined) return ofGroup.size > 0
    for (const id of ids) if (ofGroup.has(id)) return true
    return false
  }
}
