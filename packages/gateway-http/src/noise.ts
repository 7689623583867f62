import type { Http2Session } from 'node:http2'
import type { Clock, Limits } from '@millrace/record'

/** What a piece of a message that ends none costs beside its bytes, when it is smaller than `SMALL_PIECE_BYTES`. */
const PIECE_COST_BYTES = 240
const SMALL_PIECE_BYTES = 64
/** So many pieces before its last one a message may have for nothing: its length by itself, and what goes with it. */
const FREE_PIECES = 2
/** What a stream's headers may take without being noise. */
const HEADERS_BYTES = 1_024
/** One in so many bytes that are sent comes back as news about windows. */
const SENT_PER_NEWS = 32

/** A connection from an address that had one ended for its behaviour may make so much less noise. */
const WARY_SHARE = 1 / 8

/** A connection as far as its noise goes. */
export interface NoisySocket {
  /** What came in, and went out, on the whole connection. */
  readonly bytesRead: number
  readonly bytesWritten: number
}

export interface NoiseOptions {
  readonly limits: Pick<Limits, 'noiseBytesPerConnection' | 'noiseBytesPerSecond'>
  readonly clock: Clock
  readonly socket: NoisySocket
  /** Whether another connection of its peer was ended for its behaviour. */
  readonly isWary: boolean
  /** What was received for streams that have not read it yet. */
  readonly unreadBytes: () => number
  /** It was too much. Called once. */
  readonly onTooMuch: () => void
}

/**
 * What an HTTP/2 connection sends that brings nothing: pings, settings, windows opened a byte at a time, frames that are
 * empty or of no known type, messages in many small pieces. Node.js tells of few of these, so that noise is what came in
 * less what was of use. Past its limit the connection is ended.
 */
export class Noise {
  private readonly options: NoiseOptions
  private usefulBytes = 0
  private pieceBytes = 0
  /** Noise that was there when it was last looked at, and what time has taken off it since. */
  private forgiven = 0
  private lookedMs: number
  private isOver = false

  constructor(options: NoiseOptions) {
    this.options = options
    this.lookedMs = options.clock.monotonicMs()
  }

  /** Part of a message or a body was read; `ends`: so much that a message is whole, or the like. */
  received(bytes: number, ends: boolean): void {
    if (ends || bytes >= SMALL_PIECE_BYTES) {
      // The frames around it are not noise either.
      this.usefulBytes += bytes * 1.5
      if (ends) this.pieceBytes -= Math.min(this.pieceBytes, FREE_PIECES * PIECE_COST_BYTES)
      return
    }
    this.pieceBytes += PIECE_COST_BYTES
    // One chunk from the network can hold thousands of these: nobody else gets a turn before it is through.
    if (this.pieceBytes > this.mostBytes()) this.look()
  }

  /** A stream was opened. */
  opened(): void {
    this.usefulBytes += HEADERS_BYTES
  }

  /** Ends the connection if there was too much. */
  look(): void {
    if (this.isOver) return
    const { limits, clock, socket, unreadBytes, onTooMuch } = this.options
    const mostBytes = this.mostBytes()
    const nowMs = clock.monotonicMs()
    const total = socket.bytesRead + this.pieceBytes - this.usefulBytes - socket.bytesWritten / SENT_PER_NEWS
    const allowed = ((nowMs - this.lookedMs) * limits.noiseBytesPerSecond) / 1_000
    this.lookedMs = nowMs
    this.forgiven = Math.min(total, this.forgiven + allowed)
    if (total - this.forgiven <= mostBytes) return
    if (total - this.forgiven - unreadBytes() * 1.5 <= mostBytes) return
    this.isOver = true
    onTooMuch()
  }

  private mostBytes(): number {
    const { limits, isWary } = this.options
    return limits.noiseBytesPerConnection * (isWary ? WARY_SHARE : 1)
  }
}

const noises = new WeakMap<Http2Session, Noise>()

/** Where a session's noise is counted; undefined for one that is not watched. */
export function noiseOf(session: Http2Session | undefined): Noise | undefined {
  return session && noises.get(session)
}

export function watchNoise(session: Http2Session, noise: Noise): void {
  noises.set(session, noise)
}
