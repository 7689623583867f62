/*
 * A gRPC frame:
 *
 *   at  size  field
 *    0     1  flag: 0, or 1 for a compressed message, which Millrace does not take
 *    1     4  length of the message, big-endian
 *    5     …  the message
 */

/** Bytes before a message. */
export const FRAME_HEADER_BYTES = 5

/** Writes the frame header of a message of `length` bytes into the first bytes of `bytes`. */
export function writeFrameHeader(bytes: Buffer, length: number): void {
  bytes[0] = 0
  bytes.writeUInt32BE(length, 1)
}

/** A message of one piece in its frame. */
export function frameMessage(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(FRAME_HEADER_BYTES + message.length)
  writeFrameHeader(frame, message.length)
  frame.set(message, FRAME_HEADER_BYTES)
  return frame
}
