import { type Limits, MillraceError } from '@millrace/record'
import { LEAST_BYTES, type Unsent } from './unsent.ts'

/** What a connection may always have waiting to be taken by its client, however much others have. */
const OWN_SHARE_BYTES = 131_072

/** An answer, and what tells that it was taken or that nobody wants it any more. May be called twice. */
export interface HeldAnswer<T> {
  readonly answer: T
  readonly release: () => void
}

interface AnswerOptions {
  readonly wantedBytes: number
  /** The read may wait for data. */
  readonly waits: boolean
  readonly isQueued?: boolean
}

/**
 * What is answered whole, over all connections: fetches that wait for data, and the answers that clients have not taken. A
 * connection that asks for one after another and takes none is refused once all together hold half of `unsentBytes`.
 */
export class Answers {
  private readonly limits: Pick<Limits, 'unsentBytes' | 'waitingFetches'>
  private readonly unsent: Unsent
  private readonly held = new WeakMap<object, number>()
  private waits = 0

  constructor(limits: Pick<Limits, 'unsentBytes' | 'waitingFetches'>, unsent: Unsent) {
    this.limits = limits
    this.unsent = unsent
  }

  /** Fetches that may wait for data right now. */
  get waiting(): number {
    return this.waits
  }

  /**
   * Reads an answer for a client of the connection `owner`, of at most `wantedBytes`, or less when much is held up.
   * @param isQueued a large answer has to wait for its turn; until then it holds nothing, and then `read` asks for room:
   *   how much it may be now. That throws LIMIT_REACHED, too
   * @throws MillraceError LIMIT_REACHED; what `read` throws
   */
  async make<T extends { readonly length: number }>(
    owner: object,
    { wantedBytes, waits, isQueued = false }: AnswerOptions,
    read: (maxBytes: number, room: () => number) => Promise<T>,
  ): Promise<HeldAnswer<T>> {
    const { waitingFetches } = this.limits
    if (waits && this.waits >= waitingFetches) {
      throw new MillraceError('LIMIT_REACHED', `${waitingFetches} fetches wait for data; that is all there may be`, {
        details: { waitingFetches },
      })
    }
    this.checkTaken(owner)
    const bytes = this.unsent.portion(wantedBytes)
    // What waits holds nothing.
    const hold = this.holder(owner)
    const release = (): void => hold(0)
    if (waits) this.waits++
    else if (!isQueued) hold(bytes)
    const room = (): number => {
      this.checkTaken(owner)
      const most = this.unsent.portion(wantedBytes)
      hold(most)
      return most
    }
    try {
      const answer = await read(bytes, room)
      hold(answer.length)
      return { answer, release }
    } catch (error) {
      release()
      throw error
    } finally {
      if (waits) this.waits--
    }
  }

  /**
   * Counts an answer that `make` has not made. @returns what tells that it was taken or that nobody wants it any more
   */
  hold(owner: object, bytes: number): () => void {
    const hold = this.holder(owner)
    hold(bytes)
    return () => hold(0)
  }

  /** @throws MillraceError LIMIT_REACHED when `owner` does not take its answers and much is held up */
  checkTaken(owner: object): void {
    const { unsentBytes } = this.limits
    if (this.unsent.bytes < unsentBytes / 2 || (this.held.get(owner) ?? 0) < OWN_SHARE_BYTES) return
    throw new MillraceError('LIMIT_REACHED', 'this connection does not take the answers that it has asked for', {
      details: { unsentBytes },
    })
  }

  /** @throws MillraceError LIMIT_REACHED for an answer of that length when as much is held up as may be */
  checkRoom(bytes: number): void {
    const { unsentBytes } = this.limits
    if (bytes <= LEAST_BYTES || this.unsent.bytes < unsentBytes) return
    throw new MillraceError('LIMIT_REACHED', 'too many answers wait to be taken by clients', {
      details: { unsentBytes },
    })
  }

  /** @returns what sets how much of one answer is held */
  private holder(owner: object): (bytes: number) => void {
    let heldBytes = 0
    return (bytes) => {
      this.unsent.add(bytes - heldBytes)
      this.held.set(owner, (this.held.get(owner) ?? 0) + bytes - heldBytes)
      heldBytes = bytes
    }
  }
}
