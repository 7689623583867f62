import { MillraceError } from '@millrace/record'
import { FRAME_HEADER_BYTES } from './frame.ts'

/** A message's Buffer is at most this many times as large as what has come of the message. */
const GROWTH = 8
/** But a Buffer of this size is never too large. */
const SMALL_BYTES = 65_536
/** Chunks that are kept as they are before a Buffer is allocated for them, large enough or not. */
const MAX_PIECES = 128

/**
 * Takes the chunks of one gRPC stream and gives its messages. A message that lies in one chunk comes out as a view of
 * it, so that it keeps the chunk's memory alive; any other is put together once, in a Buffer of its own. Work is
 * proportional to the bytes pushed, and memory to the bytes received, whatever length a frame announces.
 *
 * Call `push` with a chunk, then `read` until it gives undefined, then `push` the next.
 */
export class FrameReader {
  private readonly maxMessageBytes: number
  private readonly header = Buffer.allocUnsafeSlow(FRAME_HEADER_BYTES)
  private headerBytes = 0
  private chunk: Buffer | undefined
  private position = 0
  /** Length of the message whose chunks are being gathered; -1 between messages. */
  private length = -1
  private received = 0
  /** What came of the message before `message` was allocated. */
  private readonly pieces: Buffer[] = []
  private message: Buffer | undefined

  constructor(options: { readonly maxMessageBytes: number }) {
    this.maxMessageBytes = options.maxMessageBytes
  }

  /** Bytes of a message that has begun and not ended; 0 between messages. */
  get partialBytes(): number {
    return this.headerBytes + this.received
  }

  /** Length of the message that has begun and not ended; 0 when there is none, or its length has not come yet. */
  get expectedBytes(): number {
    return Math.max(0, this.length)
  }

  /** Whether a message has begun and not ended. */
  get isPartial(): boolean {
    return this.headerBytes > 0 || this.length >= 0
  }

  /** The chunk belongs to the reader from now on. Everything that came before must have been read. */
  push(chunk: Buffer): void {
    this.chunk = chunk
    this.position = 0
  }

  /**
   * The next message, or undefined when it has not come yet.
   * @throws MillraceError REQUEST_TOO_LARGE for a message over the limit, INVALID_REQUEST for one that is compressed;
   *   the reader is of no use after it
   */
  read(): Buffer | undefined {
    const chunk = this.chunk
    if (chunk === undefined) return undefined
    if (this.length >= 0) return this.gather(chunk)
    if (this.headerBytes > 0 || chunk.length - this.position < FRAME_HEADER_BYTES) {
      if (!this.gatherHeader(chunk)) return undefined
      this.length = this.checkHeader(this.header, 0)
      this.headerBytes = 0
    } else {
      const length = this.checkHeader(chunk, this.position)
      this.position += FRAME_HEADER_BYTES
      const end = this.position + length
      if (end <= chunk.length) {
        const message = chunk.subarray(this.position, end)
        this.position = end
        return message
      }
      this.length = length
    }
    return this.gather(chunk)
  }

  /** The stream has ended. @throws MillraceError INVALID_REQUEST when it ended inside a message */
  end(): void {
    if (this.isPartial) throw new MillraceError('INVALID_REQUEST', 'the stream ended inside a message')
  }

  /** Lets go of the message that has begun. The reader is of no use after it. */
  discard(): void {
    this.chunk = undefined
    this.message = undefined
    this.pieces.length = 0
  }

  private gatherHeader(chunk: Buffer): boolean {
    const taken = chunk.copy(this.header, this.headerBytes, this.position)
    this.position += taken
    this.headerBytes += taken
    if (this.headerBytes === FRAME_HEADER_BYTES) return true
    this.chunk = undefined
    return false
  }

  private checkHeader(bytes: Buffer, at: number): number {
    const flag = bytes[at]
    if (flag === 1) throw new MillraceError('INVALID_REQUEST', 'compressed messages are not supported')
    if (flag !== 0) throw new MillraceError('INVALID_REQUEST', `a frame begins with ${flag} instead of 0`)
    const length = bytes.readUInt32BE(at + 1)
    if (length > this.maxMessageBytes) {
      throw new MillraceError(
        'REQUEST_TOO_LARGE',
        `a message of ${length} bytes is larger than the ${this.maxMessageBytes} allowed`,
        { details: { bytes: length, maxBytes: this.maxMessageBytes } },
      )
    }
    return length
  }

  private gather(chunk: Buffer): Buffer | undefined {
    const end = Math.min(chunk.length, this.position + this.length - this.received)
    const piece = chunk.subarray(this.position, end)
    this.position = end
    if (piece.length === this.length) return this.finish(piece)
    const received = this.received + piece.length
    if (this.message === undefined && received < this.length / GROWTH && this.pieces.length < MAX_PIECES) {
      if (piece.length > 0) this.pieces.push(piece)
    } else {
      const message = this.roomFor(received)
      message.set(piece, this.received)
      if (received === this.length) return this.finish(message)
    }
    this.received = received
    this.chunk = undefined
    return undefined
  }

  /** The message's Buffer with room for `bytes`, and in it what came so far. Mostly allocated once, at full length. */
  private roomFor(bytes: number): Buffer {
    if (this.message !== undefined && bytes <= this.message.length) return this.message
    const larger = Buffer.allocUnsafeSlow(Math.min(this.length, Math.max(bytes * GROWTH, SMALL_BYTES)))
    let at = 0
    for (const piece of this.message === undefined ? this.pieces : [this.message]) {
      larger.set(piece, at)
      at += piece.length
    }
    this.pieces.length = 0
    this.message = larger
    return larger
  }

  private finish(message: Buffer): Buffer {
    this.length = -1
    this.received = 0
    this.message = undefined
    return message
  }
}
