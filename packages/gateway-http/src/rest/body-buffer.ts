/** Pieces of less than this are put together as they come. */
const SMALL_BYTES = 4_096
const ROOM_BYTES = 65_536

/** Gathers a body. A Buffer for each piece would cost many times a body that comes byte by byte. */
export class BodyBuffer {
  private pieces: Buffer[] = []
  private room: Buffer | undefined
  private used = 0
  private bytes = 0

  /** Bytes so far. */
  get length(): number {
    return this.bytes
  }

  /** Takes the next piece, which belongs to the body from now on. */
  push(piece: Buffer): void {
    // The only piece of a body mostly.
    if (this.bytes === 0 || piece.length >= SMALL_BYTES) {
      this.closeRoom()
      this.pieces.push(piece)
    } else {
      if (this.room !== undefined && this.used + piece.length > ROOM_BYTES) this.closeRoom()
      this.room ??= Buffer.allocUnsafe(ROOM_BYTES)
      this.used += piece.copy(this.room, this.used)
    }
    this.bytes += piece.length
  }

  /** All of it. */
  whole(): Buffer {
    this.closeRoom()
    const [only] = this.pieces
    return only !== undefined && this.pieces.length === 1 ? only : Buffer.concat(this.pieces, this.bytes)
  }

  clear(): void {
    this.pieces = []
    this.room = undefined
    this.used = 0
    this.bytes = 0
  }

  private closeRoom(): void {
    if (this.room !== undefined) this.pieces.push(this.room.subarray(0, this.used))
    this.room = undefined
    this.used = 0
  }
}
