/** What a client is given at a time, however much others have not taken. */
export const LEAST_BYTES = 65_536
/** A read may take this part of what is left. */
const PART = 1 / 8

/**
 * Counts what was read for clients and not yet taken by them, over all connections, and says how much to read for the
 * next: large pieces are faster, but each client that stops reading keeps one. The more is held up, the smaller they
 * get; a client that reads is never held up by those that do not.
 */
export class Unsent {
  private readonly limitBytes: number
  private held = 0

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes
  }

  get bytes(): number {
    return this.held
  }

  /** What to read where `wantedBytes` are wanted. */
  portion(wantedBytes: number): number {
    return Math.min(wantedBytes, Math.max(LEAST_BYTES, Math.floor((this.limitBytes - this.held) * PART)))
  }

  /** What waits for a client has grown by `bytes`, or shrunk. */
  add(bytes: number): void {
    this.held += bytes
  }

  /** Counts a portion while it is read. */
  async whileReading<T>(wantedBytes: number, read: (maxBytes: number) => Promise<T>): Promise<T> {
    const bytes = this.portion(wantedBytes)
    this.held += bytes
    try {
      return await read(bytes)
    } finally {
      this.held -= bytes
    }
  }
}
