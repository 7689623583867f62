import type { Readable } from 'node:stream'

/** What a small chunk costs beside its bytes: the Buffer that stands for it, and its place in the stream's list. */
const CHUNK_COST_BYTES = 160
/** Larger ones cost little beside their bytes. */
const SMALL_BYTES = 1_024
/** Small chunks that are counted together. */
const PORTION = 256
/** A chunk is a view of all that came with it, of up to 64 KiB, and keeps that in memory; smaller ones are copied. */
const COPIED_BYTES = 4_096

/** Where bytes are counted that wait to be read. */
export interface ChunkAccount {
  /** They have grown by `bytes`, or shrunk. @returns false: that is too much */
  addPartial(bytes: number): boolean
}

/**
 * Counts the small chunks that a stream has received and not been asked for. Its window bounds their bytes alone, and
 * Node.js keeps a Buffer for each frame: 64 KiB that come byte by byte would take more than a hundred times as much.
 */
export class WaitingChunks {
  private readonly stream: Readable
  private readonly account: ChunkAccount
  private receivedBytes = 0
  private small = 0
  /** Where each portion of small chunks ends, in bytes received. */
  private readonly portions: number[] = []
  private counted = 0

  /** @param onTooMany all together are too many. May be called more than once */
  constructor(stream: Readable, account: ChunkAccount, onTooMany: () => void) {
    this.stream = stream
    this.account = account
    // Node.js puts everything that comes in with this, and tells of nothing that was not asked for. To look at
    // the stream from time to time would be too late: one piece from the network holds thousands of frames.
    const push = stream.push
    stream.push = (chunk: Buffer | null) => {
      if (chunk === null) return push.call(stream, null)
      const isRead = stream.readableFlowing === true
      const more = push.call(stream, isRead || chunk.length >= COPIED_BYTES ? chunk : Buffer.from(chunk))
      if (!this.received(chunk.length)) onTooMany()
      return more
    }
    stream.once('close', () => this.count(0))
  }

  /** Forgets those that have been read. To be called from time to time. */
  look(): void {
    if (this.counted === 0) return
    this.dropRead()
    this.count(this.portions.length)
  }

  private received(bytes: number): boolean {
    this.receivedBytes += bytes
    if (bytes >= SMALL_BYTES || ++this.small < PORTION) return true
    this.small = 0
    this.portions.push(this.receivedBytes)
    this.dropRead()
    return this.count(this.portions.length)
  }

  private dropRead(): void {
    const readBytes = this.receivedBytes - this.stream.readableLength
    const waiting = this.portions.findIndex((end) => end > readBytes)
    this.portions.splice(0, waiting === -1 ? this.portions.length : waiting)
  }

  private count(portions: number): boolean {
    const more = portions - this.counted
    this.counted = portions
    return more === 0 || this.account.addPartial(more * PORTION * CHUNK_COST_BYTES)
  }
}
