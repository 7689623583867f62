import type { CommitTarget } from './committer.ts'

/**
 * The targets that have a backlog: committed batches that are in the journal and in memory, but not in their file. The
 * one that has waited longest comes first. Their bytes are bounded.
 */
export class Backlogs {
  private readonly maxBytes: number
  private readonly bytesOf = new Map<CommitTarget, number>()
  private bytes = 0

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }

  get areInExcess(): boolean {
    return this.bytes > this.maxBytes
  }

  /** Whether so much has come that more must wait. */
  get areOverfull(): boolean {
    return this.bytes > 2 * this.maxBytes
  }

  /** Takes note of what the backlog of `target` has become. */
  update(target: CommitTarget): void {
    const { backlogBytes } = target
    this.bytes += backlogBytes - (this.bytesOf.get(target) ?? 0)
    if (backlogBytes > 0) this.bytesOf.set(target, backlogBytes)
    else this.bytesOf.delete(target)
  }

  /** Those that must catch up for the rest to be within the bound. */
  excess(): CommitTarget[] {
    const targets: CommitTarget[] = []
    let over = this.bytes - this.maxBytes
    for (const [target, bytes] of this.bytesOf) {
      if (over <= 0) break
      targets.push(target)
      over -= bytes
    }
    return targets
  }
}
