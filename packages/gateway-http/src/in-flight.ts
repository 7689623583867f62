import type { Limits } from '@millrace/record'

/** What waits for room that all connections share. */
export interface RoomWaiter {
  /** There may be room: look again. */
  onRoom(): void
}

/** A larger message that has begun, or a body. */
export interface Reservation {
  readonly bytes: number
  /** It has its room. */
  onGranted(): void
}

/**
 * What requests of all connections have in memory: those that have not been answered, larger ones that are still
 * coming, and what peers may send into windows that are not read from.
 *
 * A larger message gets room for its whole length before it is gathered, so that a message that was begun can always be
 * finished. Those that wait get theirs in turn: connection by connection, and in their order within each.
 */
export class InFlight {
  private readonly limits: Pick<Limits, 'inFlightBytes' | 'unreadBytes'>
  private unanswered = 0
  private reserved = 0
  private unread = 0
  private bodies = 0
  private waiters = new Set<RoomWaiter>()
  private readonly queues = new Map<object, Reservation[]>()

  constructor(limits: Pick<Limits, 'inFlightBytes' | 'unreadBytes'>) {
    this.limits = limits
  }

  /** Bytes that wait for their answer. */
  get unansweredBytes(): number {
    return this.unanswered
  }

  /** Bytes that larger messages take while they come. */
  get reservedBytes(): number {
    return this.reserved
  }

  /** Windows of streams that are not read from, their small chunks, and messages that began and have no room of their own. */
  get unreadBytes(): number {
    return this.unread
  }

  /** Bodies of REST requests. */
  get bodyBytes(): number {
    return this.bodies
  }

  get isSpent(): boolean {
    return this.unanswered >= this.limits.inFlightBytes
  }

  /** Whether a message waits for the room of others. */
  get isAwaited(): boolean {
    return this.queues.size > 0
  }

  take(bytes: number): void {
    this.unanswered += bytes
  }

  giveBack(bytes: number): void {
    this.unanswered -= bytes
    // Not at once: who waits would be woken for every single answer.
    if (this.waiters.size > 0 && this.unanswered < this.limits.inFlightBytes * RESUMED_AT) {
      const { waiters } = this
      this.waiters = new Set()
      for (const waiter of waiters) waiter.onRoom()
    }
    this.grant()
  }

  waitForRoom(waiter: RoomWaiter): void {
    this.waiters.add(waiter)
  }

  leave(waiter: RoomWaiter): void {
    this.waiters.delete(waiter)
  }

  /** @returns whether it has its room now; else `onGranted` tells, unless `cancel` comes before */
  reserve(owner: object, reservation: Reservation): boolean {
    if (this.queues.size === 0 && this.fits(reservation)) {
      this.reserved += reservation.bytes
      return true
    }
    const queue = this.queues.get(owner)
    if (queue === undefined) this.queues.set(owner, [reservation])
    else queue.push(reservation)
    return false
  }

  /** Gives a granted reservation back. */
  release({ bytes }: Reservation): void {
    this.reserved -= bytes
    this.grant()
  }

  /** Takes back one that was not granted. */
  cancel(owner: object, reservation: Reservation): void {
    const queue = this.queues.get(owner)?.filter((waiting) => waiting !== reservation)
    if (queue === undefined) return
    if (queue.length > 0) this.queues.set(owner, queue)
    else this.queues.delete(owner)
    this.grant()
  }

  /** A stream with this window is not read from. @returns false: there are too many of them already */
  addUnread(windowBytes: number): boolean {
    return this.addWithin(windowBytes, this.limits.unreadBytes)
  }

  /** The same for one that has not begun; these leave half of the room to those that have. */
  addNotBegun(windowBytes: number): boolean {
    return this.addWithin(windowBytes, this.limits.unreadBytes / 2)
  }

  removeUnread(windowBytes: number): void {
    this.unread -= windowBytes
  }

  /**
   * Unfinished messages without room of their own, or the small chunks that wait in streams, have grown by `bytes`, or
   * shrunk.
   * @returns false: that is too much; it is counted all the same
   */
  addPartial(bytes: number): boolean {
    this.unread += bytes
    return bytes <= 0 || this.unread <= this.limits.unreadBytes
  }

  /** The body of a REST request is in memory, or has grown. @returns false: there are too many already */
  addBody(bytes: number): boolean {
    if (this.bodies + bytes > this.limits.inFlightBytes) return false
    this.bodies += bytes
    return true
  }

  removeBody(bytes: number): void {
    this.bodies -= bytes
  }

  private addWithin(bytes: number, mostBytes: number): boolean {
    if (this.unread + bytes > mostBytes) return false
    this.unread += bytes
    return true
  }

  private grant(): void {
    for (const [owner, queue] of this.queues) {
      const next = queue[0] as Reservation
      if (!this.fits(next)) return
      this.reserved += next.bytes
      queue.shift()
      // To the end of the line.
      this.queues.delete(owner)
      if (queue.length > 0) this.queues.set(owner, queue)
      next.onGranted()
    }
  }

  /** One always does. */
  private fits({ bytes }: Reservation): boolean {
    if (this.isSpent) return false
    return this.reserved === 0 || this.reserved + bytes <= this.limits.inFlightBytes / 2
  }
}

/** Share of the limit below which reading goes on. */
const RESUMED_AT = 0.75
