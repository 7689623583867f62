import crc32c from 'crc-32/crc32c.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checksum } from './checksum.ts'

/** RFC 3720, appendix B.4 (its sums are printed least significant byte first), and the usual check value. */
const KNOWN: [string, Buffer, number][] = [
  ['nothing', Buffer.alloc(0), 0],
  ['123456789', Buffer.from('123456789'), 0xe3069283],
  ['32 bytes of 0', Buffer.alloc(32), 0x8a9136aa],
  ['32 bytes of ff', Buffer.alloc(32, 0xff), 0x62a8ab43],
  ['0 to 31', Buffer.from(Array.from({ length: 32 }, (_, index) => index)), 0x46dd794e],
  ['31 to 0', Buffer.from(Array.from({ length: 32 }, (_, index) => 31 - index)), 0x113fdb5c],
]

describe('checksum', () => {
  it.each(KNOWN)('is CRC-32C of %s', (_, bytes, sum) => {
    expect(checksum(bytes)).toBe(sum)
  })

  it('is the same for few bytes and for many, wherever they begin', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2_000, size: 'max' }), fc.nat(15), (bytes, from) => {
        const view = Buffer.concat([Buffer.alloc(from), bytes]).subarray(from)
        expect(checksum(view)).toBe(crc32c.buf(bytes) >>> 0)
      }),
    )
  })

  it('of two parts goes on from the sum of the first', () => {
    fc.assert(
      fc.property(fc.uint8Array({ size: 'large' }), fc.uint8Array({ size: 'large' }), (left, right) => {
        expect(checksum(right, checksum(left))).toBe(checksum(Buffer.concat([left, right])))
      }),
    )
  })
})
