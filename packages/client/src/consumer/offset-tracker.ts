import { Line } from '../line.ts'

/** Records that were given out together: from `offset` up to but not including `nextOffset`. */
export interface Share {
  readonly offset: number
  readonly nextOffset: number
  isHandled: boolean
}

/** Which records of one partition have been given out, and up to where all of them are handled. */
export class OffsetTracker {
  private readonly open = new Line<Share>()
  private end: number | undefined
  /** Offsets up to here are not due: the user has said where the group goes on. */
  private held = -1

  /** @param start the first offset that is wanted; undefined: not known yet */
  constructor(start: number | undefined) {
    this.end = start
  }

  /** All records before it were given out. Undefined: it is not known yet where reading begins. */
  get given(): number | undefined {
    return this.end
  }

  /** All records before it are handled: what may be committed. */
  get handled(): number | undefined {
    return this.open.first?.offset ?? this.end
  }

  /** What may be committed without being asked for: what is handled, unless `hold` forbids. */
  get due(): number | undefined {
    const { handled = -1 } = this
    return handled > this.held ? handled : undefined
  }

  /**
   * The user commits `offset`: nothing is due before more than that, and more than now, is handled. Returns what undoes
   * it.
   */
  hold(offset: number): () => void {
    const before = this.held
    const held = Math.max(offset, this.handled ?? -1)
    this.held = held
    return () => {
      if (this.held === held) this.held = before
    }
  }

  /** Records are given out. Offsets rise from call to call. */
  give(offset: number, nextOffset: number): Share {
    const share = { offset, nextOffset, isHandled: false }
    this.open.push(share)
    this.end = nextOffset
    return share
  }

  /** There are no records up to here that were not given out. */
  pass(offset: number): void {
    this.end = Math.max(this.end ?? 0, offset)
  }

  /** The share's records are handled. */
  handle(share: Share): void {
    share.isHandled = true
    while (this.open.first?.isHandled === true) this.open.shift()
  }
}
