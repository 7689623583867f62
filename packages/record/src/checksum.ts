import crc32c from 'crc-32/crc32c.js'

/**
 * CRC-32C (Castagnoli, RFC 3720 appendix B.4) of `bytes`, as an unsigned 32-bit integer. With the sum of what came
 * before as `previous`, the sum of both together.
 */
export function checksum(bytes: Uint8Array, previous = 0): number {
  return crc32c.buf(bytes, previous) >>> 0
}
