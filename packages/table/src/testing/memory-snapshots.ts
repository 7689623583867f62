import type { SnapshotStore } from '../snapshots.ts'

/** Keeps a snapshot in memory, and refuses to save two at a time. `bytes` may be damaged; with `error`, saving fails. */
export class MemorySnapshots implements SnapshotStore {
  bytes: Buffer | undefined
  saves = 0
  error: Error | undefined
  /** Saving waits for it. */
  gate: Promise<void> | undefined
  private busy = false

  async load(): Promise<Buffer | undefined> {
    return this.bytes
  }

  async save(parts: readonly Buffer[]): Promise<void> {
    if (this.busy) throw new Error('another one is being saved')
    this.busy = true
    await this.gate
    this.busy = false
    if (this.error !== undefined) throw this.error
    this.saves++
    this.bytes = Buffer.concat(parts)
  }
}
