import { getDefaultHighWaterMark } from 'node:stream'
import type { Limits } from '@millrace/record'
import type { InFlight, Reservation, RoomWaiter } from '../in-flight.ts'

/** What stops reading when its connection has too much in flight. */
export interface Pausable {
  resume(): void
}

/** What Node.js reads ahead of a stream that is not read from, and gives its window back for. */
const READ_AHEAD_BYTES = getDefaultHighWaterMark(false)
/** What a connection may always have in flight, however much others have. */
const OWN_SHARE_BYTES = 65_536

/**
 * Counts what one connection has sent to produce and not yet been answered, over all its streams. When that reaches the
 * limit, its streams are not read from until answers have brought it below; and so when all connections together have
 * reached theirs, unless this one has very little.
 */
export class ConnectionBudget implements RoomWaiter {
  private readonly limits: Pick<Limits, 'inFlightBytesPerConnection'>
  private readonly inFlight: InFlight
  /** What a peer may send on one stream that is not read from. */
  private readonly window: { readonly bytes: number }
  private unansweredBytes = 0
  private partialBytes = 0
  private readonly paused = new Set<Pausable>()

  constructor(
    limits: Pick<Limits, 'inFlightBytesPerConnection'>,
    inFlight: InFlight,
    window: { readonly bytes: number },
  ) {
    this.limits = limits
    this.inFlight = inFlight
    this.window = window
  }

  get isSpent(): boolean {
    if (this.unansweredBytes >= this.limits.inFlightBytesPerConnection) return true
    return this.unansweredBytes >= OWN_SHARE_BYTES && this.inFlight.isSpent
  }

  /** Whether messages of other connections wait for what unfinished ones take. */
  get isAwaited(): boolean {
    return this.inFlight.isAwaited
  }

  /** A message of `bytes` waits for its answer. */
  take(bytes: number): void {
    this.unansweredBytes += bytes
    this.inFlight.take(bytes)
  }

  /** It was answered, or nobody wants the answer. */
  giveBack(bytes: number): void {
    const wasSpent = this.isSpent
    this.unansweredBytes -= bytes
    this.inFlight.giveBack(bytes)
    if (wasSpent) this.onRoom()
  }

  onRoom(): void {
    if (this.isSpent || this.paused.size === 0) return
    const resumed = [...this.paused]
    this.paused.clear()
    this.inFlight.leave(this)
    for (const pausable of resumed) pausable.resume()
  }

  /**
   * Messages that have begun, not ended, and have no room of their own have grown by `bytes`, or shrunk.
   * @returns false: all connections together have too many of them. Waiting does not help then
   */
  addPartial(bytes: number): boolean {
    const before = this.partialBytes
    this.partialBytes += bytes
    return this.inFlight.addPartial(beyondOwnShare(this.partialBytes) - beyondOwnShare(before))
  }

  /** As `InFlight.reserve`, `release` and `cancel`. */
  reserve(reservation: Reservation): boolean {
    return this.inFlight.reserve(this, reservation)
  }

  release(reservation: Reservation): void {
    this.inFlight.release(reservation)
  }

  cancel(reservation: Reservation): void {
    this.inFlight.cancel(this, reservation)
  }

  /** A stream is not read from. @returns what to give `removeUnread` later; undefined: too many streams are not */
  addUnread(): number | undefined {
    const bytes = this.window.bytes + READ_AHEAD_BYTES
    return this.inFlight.addUnread(bytes) ? bytes : undefined
  }

  removeUnread(bytes: number): void {
    this.inFlight.removeUnread(bytes)
  }

  /** `pausable` is resumed, once, when there is room again. */
  waitForRoom(pausable: Pausable): void {
    this.paused.add(pausable)
    this.inFlight.waitForRoom(this)
  }

  leave(pausable: Pausable): void {
    this.paused.delete(pausable)
    if (this.paused.size === 0) this.inFlight.leave(this)
  }
}

function beyondOwnShare(bytes: number): number {
  return Math.max(0, bytes - OWN_SHARE_BYTES)
}
