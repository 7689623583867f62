import type { Limits } from '@millrace/record'

/** What stops reading when its connection has too much in flight. */
export interface Pausable {
  resume(): void
}

/**
 * Counts what one connection has sent to produce and not yet been answered, over all its streams. When that reaches the
 * limit, its streams are not read from until answers have brought it below.
 */
export class ConnectionBudget {
  private readonly limitBytes: number
  private readonly partialLimitBytes: number
  private unansweredBytes = 0
  private partialBytes = 0
  private readonly paused = new Set<Pausable>()

  constructor(limits: Pick<Limits, 'inFlightBytesPerConnection' | 'requestBytes'>) {
    this.limitBytes = limits.inFlightBytesPerConnection
    // One message of the largest size always finds room.
    this.partialLimitBytes = Math.max(limits.inFlightBytesPerConnection, limits.requestBytes)
  }

  get isSpent(): boolean {
    return this.unansweredBytes >= this.limitBytes
  }

  /** Whether messages that have begun and not ended take more than they may. Waiting does not help then. */
  get isOverrun(): boolean {
    return this.partialBytes > this.partialLimitBytes
  }

  /** A message of `bytes` waits for its answer. */
  take(bytes: number): void {
    this.unansweredBytes += bytes
  }

  /** It was answered, or nobody wants the answer. */
  giveBack(bytes: number): void {
    const wasSpent = this.isSpent
    this.unansweredBytes -= bytes
    if (!wasSpent || this.isSpent || this.paused.size === 0) return
    const resumed = [...this.paused]
    this.paused.clear()
    for (const pausable of resumed) pausable.resume()
  }

  /** Messages that have begun and not ended have grown by `bytes`, or shrunk. */
  addPartial(bytes: number): void {
    this.partialBytes += bytes
  }

  /** `pausable` is resumed, once, when there is room again. */
  waitForRoom(pausable: Pausable): void {
    this.paused.add(pausable)
  }

  leave(pausable: Pausable): void {
    this.paused.delete(pausable)
  }
}
