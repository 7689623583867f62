/** Has committed batches that are in the journal and in memory, but not in its file. */
export interface Backlogged {
  readonly backlogBytes: number
}

/** Those that have a backlog, the one that has waited longest first. The bytes of all are bounded. */
export class Backlogs<Target extends Backlogged> {
  private readonly maxBytes: number
  private readonly bytesOf = new Map<Target, number>()
  private bytes = 0

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }

  get totalBytes(): number {
    return this.bytes
  }

  get areInExcess(): boolean {
    return this.bytes > this.maxBytes
  }

  /** Whether so much has come that more must wait. */
  get areOverfull(): boolean {
    return this.bytes > 2 * this.maxBytes
  }

  /** Takes note of what the backlog of `target` has become. */
  update(target: Target): void {
    const { backlogBytes } = target
    this.bytes += backlogBytes - (this.bytesOf.get(target) ?? 0)
    if (backlogBytes > 0) this.bytesOf.set(target, backlogBytes)
    else this.bytesOf.delete(target)
  }

  /** Those that must catch up for the rest to be within the bound. */
  excess(): Target[] {
    const targets: Target[] = []
    let over = this.bytes - this.maxBytes
    for (const [target, bytes] of this.bytesOf) {
      if (over <= 0) break
      targets.push(target)
      over -= bytes
    }
    return targets
  }
}
