/*
 * A frame: one flag byte (0), the payload's length as uint32 big-endian, the payload. As gRPC has it, so that the floor
 * carries the same bytes as the product.
 */

export const FRAME_PREFIX_BYTES = 5

/** Writes the prefix of a frame whose payload of `payloadBytes` follows it. */
export function writePrefix(out: Buffer, payloadBytes: number): void {
  out[0] = 0
  out.writeUInt32BE(payloadBytes, 1)
}

/**
 * Puts frames together from chunks. A payload that lies in one chunk is handed on as a view; one that spans chunks is
 * copied once, into a Buffer of its size.
 */
export class FrameReader {
  private readonly take: (payload: Buffer) => void
  private readonly prefix = Buffer.alloc(FRAME_PREFIX_BYTES)
  private prefixFilled = 0
  private payload: Buffer | undefined
  private filled = 0

  constructor(take: (payload: Buffer) => void) {
    this.take = take
  }

  push(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length) {
      if (this.payload !== undefined) {
        const bytes = Math.min(this.payload.length - this.filled, chunk.length - at)
        chunk.copy(this.payload, this.filled, at, at + bytes)
        this.filled += bytes
        at += bytes
        if (this.filled < this.payload.length) return
        const { payload } = this
        this.payload = undefined
        this.take(payload)
        continue
      }
      const bytes = Math.min(FRAME_PREFIX_BYTES - this.prefixFilled, chunk.length - at)
      chunk.copy(this.prefix, this.prefixFilled, at, at + bytes)
      this.prefixFilled += bytes
      at += bytes
      if (this.prefixFilled < FRAME_PREFIX_BYTES) return
      this.prefixFilled = 0
      const length = this.prefix.readUInt32BE(1)
      if (at + length <= chunk.length) {
        this.take(chunk.subarray(at, at + length))
        at += length
      } else {
        this.payload = Buffer.allocUnsafeSlow(length)
        this.filled = 0
      }
    }
  }
}
