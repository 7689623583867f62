import { execFileSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { constants, gzipSync, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import {
  COMPRESSION_CODECS,
  type CompressionCodec,
  codecNumber,
  codecOf,
  compress,
  compressAsync,
  decompress,
  decompressAsync,
} from './compression.ts'
import { MillraceError } from './errors.ts'

const require = createRequire(import.meta.url)
const lz4 = require('lz4-napi') as typeof import('lz4-napi')
const snappy = require('snappy') as typeof import('snappy')

const MiB = 1024 * 1024
const CODECS = COMPRESSION_CODECS.filter((codec) => codec !== 'none')

/** Bytes that no codec makes smaller. */
function noise(length: number): Buffer {
  const bytes = Buffer.alloc(length)
  let state = 1
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    bytes[at] = state >>> 24
  }
  return bytes
}

const text = (length: number): Buffer => Buffer.alloc(length, 'a mill race carries water to the wheel; ')
const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}
const word = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
const repeat = (times: number, ...parts: Buffer[]): Buffer =>
  Buffer.concat(Array.from({ length: times }, () => parts).flat())
const XERIAL_HEADER = Buffer.concat([Buffer.from('82534e4150505900', 'hex'), int32(1), int32(1)])
const failsWith = (code: string) => expect.objectContaining({ name: 'MillraceError', code })

afterEach(() => {
  vi.restoreAllMocks()
})

/** Blocks of a few bytes each that expand to 256 MiB, made without holding that much. */
const BOMBS: Record<(typeof CODECS)[number], () => Buffer> = {
  gzip: () => repeat(256, gzipSync(Buffer.alloc(MiB))),
  snappy: () => {
    const chunk = snappy.compressSync(Buffer.alloc(MiB))
    return Buffer.concat([XERIAL_HEADER, repeat(256, int32(chunk.length), chunk)])
  },
  lz4: () => {
    const block = lz4.compressSync(Buffer.alloc(4 * MiB)).subarray(4)
    return Buffer.concat([Buffer.from('04224d18607000', 'hex'), repeat(64, word(block.length), block), word(0)])
  },
  // RLE blocks of 128 KiB; the last one is marked.
  zstd: () =>
    Buffer.concat([
      Buffer.from('28b52ffd0038', 'hex'),
      repeat(2047, Buffer.from('02001000', 'hex')),
      Buffer.from('03001000', 'hex'),
    ]),
}

describe.each(CODECS)('a bomb of %s', (codec) => {
  it('takes no memory, and opens where the bound allows it', () => {
    const bomb = BOMBS[codec]()
    const peakKiB = process.resourceUsage().maxRSS
    for (const maxBytes of [1, 1000, MiB, 16 * MiB - 1])
      expect(() => decompress(codec, bomb, maxBytes)).toThrow(failsWith('BATCH_TOO_LARGE'))
    expect(process.resourceUsage().maxRSS - peakKiB).toBeLessThan(64 * 1024)
    expect(decompress(codec, bomb, 256 * MiB)).toHaveLength(256 * MiB)
  })
})

describe.each(CODECS)('%s', (codec) => {
  it('gives back what went in, at every size around the edges of chunks and blocks', () => {
    for (const length of [1, 2, 15, 16, 32767, 32768, 32769, 65535, 65536, 65537, 300_000, 4 * MiB + 1]) {
      for (const bytes of [text(length), noise(length), Buffer.concat([noise(length), text(length)])]) {
        const expanded = decompress(codec, compress(codec, bytes), bytes.length)
        expect(expanded.equals(bytes)).toBe(true)
      }
    }
  })

  it('gives back any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 5000, size: 'max' }), (array) => {
        const bytes = Buffer.from(array)
        expect(decompress(codec, compress(codec, bytes), bytes.length)).toEqual(bytes)
      }),
    )
  })

  it('stops one byte past the bound', () => {
    for (const bytes of [text(100_000), noise(100_000)]) {
      const block = compress(codec, bytes)
      expect(decompress(codec, block, 100_000)).toHaveLength(100_000)
      expect(() => decompress(codec, block, 99_999)).toThrow(failsWith('BATCH_TOO_LARGE'))
      expect(() => decompress(codec, block, 1)).toThrow(failsWith('BATCH_TOO_LARGE'))
    }
  })

  it('refuses every truncation', () => {
    const bytes = Buffer.concat([text(600), noise(40)])
    const block = compress(codec, bytes)
    for (let length = 0; length < block.length; length++) {
      // A snappy stream has no end mark: without its only chunk it is an empty one.
      const isEmptyStream = codec === 'snappy' && length === 16
      const read = outcome(() => decompress(codec, block.subarray(0, length), MiB))
      if (isEmptyStream) expect(read).toEqual(Buffer.alloc(0))
      else expect(read).toMatchObject({ code: 'CORRUPT_BATCH' })
    }
  })

  it('answers garbage with an error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (array) => {
        outcome(() => decompress(codec, Buffer.from(array), MiB))
      }),
    )
    expect(() => decompress(codec, Buffer.from('not compressed at all'), MiB)).toThrow(failsWith('CORRUPT_BATCH'))
    expect(() => decompress(codec, Buffer.alloc(0), MiB)).toThrow(failsWith('CORRUPT_BATCH'))
  })
})

describe.each(CODECS)('%s in the thread pool', (codec) => {
  it('gives back what went in, and opens what was made without it', async () => {
    for (const length of [1, 4095, 4096, 32769, 300_000, 4 * MiB + 1]) {
      for (const bytes of [text(length), noise(length), Buffer.concat([noise(length), text(length)])]) {
        const block = await compressAsync(codec, bytes)
        expect(decompress(codec, block, bytes.length).equals(bytes)).toBe(true)
        for (const made of [block, compress(codec, bytes)]) {
          expect((await decompressAsync(codec, made, bytes.length)).equals(bytes)).toBe(true)
        }
      }
    }
  })

  it('gives the same errors', async () => {
    const block = compress(codec, noise(100_000))
    const flipped = (at: number): Buffer => {
      const bytes = Buffer.from(block)
      bytes[at] = (bytes[at] as number) ^ 0xff
      return bytes
    }
    const blocks = [0, 3, 5, 20, 50_000].map(flipped)
    for (const bytes of [...blocks, block.subarray(0, 50_000), Buffer.concat([block, noise(5_000)]), noise(9_000)]) {
      const expected = outcome(() => decompress(codec, bytes, 100_000))
      const found = await decompressAsync(codec, bytes, 100_000).catch((error: unknown) => error)
      if (expected instanceof MillraceError) expect(found).toMatchObject({ code: expected.code })
      else expect(found).toEqual(expected)
    }
    await expect(decompressAsync(codec, block, 99_999)).rejects.toThrow(failsWith('BATCH_TOO_LARGE'))
  })
})

/** What `read` returns, or the MillraceError that it throws; another error fails the test. */
function outcome(read: () => Buffer): Buffer | MillraceError {
  try {
    return read()
  } catch (error) {
    expect(error).toBeInstanceOf(MillraceError)
    expect(['CORRUPT_BATCH', 'BATCH_TOO_LARGE', 'UNSUPPORTED_COMPRESSION']).toContain((error as MillraceError).code)
    return error as MillraceError
  }
}

describe('snappy framing', () => {
  it('is written in chunks of at most 32 KiB', () => {
    const block = compress('snappy', text(70_000))
    expect(block.subarray(0, 16)).toEqual(XERIAL_HEADER)
    const sizes: number[] = []
    for (let at = 16; at < block.length; at += 4 + block.readInt32BE(at)) {
      const chunk = block.subarray(at + 4, at + 4 + block.readInt32BE(at))
      sizes.push((snappy.uncompressSync(chunk) as Buffer).length)
    }
    expect(sizes).toEqual([32768, 32768, 70_000 - 65536])
  })

  it('is read in chunks of any size, and raw blocks too', () => {
    const bytes = text(200_000)
    const raw = snappy.compressSync(bytes)
    expect(decompress('snappy', raw, bytes.length)).toEqual(bytes)
    expect(decompress('snappy', Buffer.concat([XERIAL_HEADER, int32(raw.length), raw]), bytes.length)).toEqual(bytes)
  })

  it('cannot be mistaken for a raw block, whatever the content', () => {
    const bytes = Buffer.concat([Buffer.from('82534e4150505900', 'hex'), noise(10626 - 8)])
    expect(decompress('snappy', snappy.compressSync(bytes), bytes.length)).toEqual(bytes)
  })

  it.each([
    ['a negative chunk length', Buffer.concat([XERIAL_HEADER, int32(-1), noise(20)])],
    ['a chunk length of 0', Buffer.concat([XERIAL_HEADER, int32(0)])],
    ['a chunk length past the end', Buffer.concat([XERIAL_HEADER, int32(2 ** 31 - 1), noise(20)])],
    ['half a chunk length', Buffer.concat([XERIAL_HEADER, Buffer.alloc(3)])],
    ['a length of more than 32 bits', Buffer.from('ffffffffff01', 'hex')],
    ['a length that its bytes cannot expand to', Buffer.from('808080080061', 'hex')],
  ])('refuses %s before it takes memory', (_, block) => {
    const allocate = vi.spyOn(Buffer, 'allocUnsafeSlow')
    const uncompress = vi.spyOn(snappy, 'uncompressSync')
    expect(() => decompress('snappy', block, 2 ** 32)).toThrow(failsWith('CORRUPT_BATCH'))
    expect(allocate).not.toHaveBeenCalled()
    expect(uncompress).not.toHaveBeenCalled()
  })

  it('is refused in more chunks than are worth their cost', () => {
    const chunk = snappy.compressSync(text(1))
    const inChunks = (count: number) => Buffer.concat([XERIAL_HEADER, repeat(count, int32(chunk.length), chunk)])
    expect(decompress('snappy', inChunks(16_384), MiB)).toHaveLength(16_384)
    expect(() => decompress('snappy', inChunks(16_385), MiB)).toThrow(failsWith('UNSUPPORTED_COMPRESSION'))
  })

  it('adds up the chunks before it takes memory', () => {
    const chunk = snappy.compressSync(Buffer.alloc(MiB))
    const parts = Array.from({ length: 50 }, () => [int32(chunk.length), chunk]).flat()
    const allocate = vi.spyOn(Buffer, 'allocUnsafeSlow')
    expect(() => decompress('snappy', Buffer.concat([XERIAL_HEADER, ...parts]), 50 * MiB - 1)).toThrow(
      failsWith('BATCH_TOO_LARGE'),
    )
    expect(allocate).not.toHaveBeenCalled()
  })
})

describe('lz4 frame', () => {
  const MAGIC = Buffer.from('04224d18', 'hex')
  const END = word(0)
  /** An LZ4 block of `bytes`, as it stands in a frame. */
  const packed = (bytes: Buffer): Buffer => lz4.compressSync(bytes).subarray(4)
  const block = (bytes: Buffer): Buffer => Buffer.concat([word(packed(bytes).length), packed(bytes)])
  const stored = (bytes: Buffer): Buffer => Buffer.concat([word(2 ** 31 + bytes.length), bytes])
  const frame = (flags: number, descriptor: number, ...rest: Buffer[]): Buffer =>
    Buffer.concat([MAGIC, Buffer.from([flags, descriptor]), ...rest])
  const headerChecksum = Buffer.from([0])

  it('is written with independent blocks', () => {
    const bytes = compress('lz4', text(300_000))
    expect(bytes.subarray(0, 4)).toEqual(MAGIC)
    expect(bytes.readUInt8(4) & 0xe0).toBe(0x60)
    expect(lz4.decompressFrameSync(bytes)).toEqual(text(300_000))
  })

  it('is read with checksums of blocks and content', () => {
    for (const bytes of [text(200_000), noise(200_000)]) {
      for (const contentChecksum of [false, true]) {
        for (const blockChecksums of [false, true]) {
          const compressed = lz4.compressFrameSync(bytes, { contentChecksum, blockChecksums })
          expect(decompress('lz4', compressed, bytes.length)).toEqual(bytes)
        }
      }
    }
  })

  it('is read with blocks of every kind and the content size', () => {
    const size = Buffer.alloc(8)
    size.writeBigUInt64LE(60_000n + 500n)
    const compressed = frame(0x68, 0x40, size, headerChecksum, block(text(60_000)), stored(noise(500)), END)
    expect(decompress('lz4', compressed, 70_000)).toEqual(Buffer.concat([text(60_000), noise(500)]))
    size.writeBigUInt64LE(60_001n)
    const lying = frame(0x68, 0x40, size, headerChecksum, block(text(60_000)), stored(noise(500)), END)
    expect(() => decompress('lz4', lying, 70_000)).toThrow(failsWith('CORRUPT_BATCH'))
  })

  it.each([
    ['linked blocks', 0x40],
    ['a dictionary', 0x61],
  ])('with %s is not supported', (_, flags) => {
    const compressed = frame(flags, 0x40, headerChecksum, block(text(100)), END)
    expect(() => decompress('lz4', compressed, MiB)).toThrow(failsWith('UNSUPPORTED_COMPRESSION'))
  })

  it.each([
    ['another version', frame(0xa0, 0x40, headerChecksum, block(text(100)), END)],
    ['an unknown block size', frame(0x60, 0x30, headerChecksum, block(text(100)), END)],
    ['a block larger than it allows', frame(0x60, 0x40, headerChecksum, block(text(65537)), END)],
    ['a stored block larger than it allows', frame(0x60, 0x40, headerChecksum, stored(noise(65537)), END)],
    ['no end mark', frame(0x60, 0x40, headerChecksum, block(text(100)))],
    ['bytes after the end', frame(0x60, 0x40, headerChecksum, block(text(100)), END, Buffer.from([0]))],
    ['a missing content checksum', frame(0x64, 0x40, headerChecksum, block(text(100)), END)],
    ['a block that is cut off', frame(0x60, 0x40, headerChecksum, word(1000), text(100), END)],
    ['a copy from before its start', frame(0x60, 0x40, headerChecksum, word(4), Buffer.from([0x10, 1, 9, 0]), END)],
    ['a copy from nowhere', frame(0x60, 0x40, headerChecksum, word(4), Buffer.from([0x10, 1, 0, 0]), END)],
  ])('is refused with %s', (_, compressed) => {
    expect(() => decompress('lz4', compressed, MiB)).toThrow(failsWith('CORRUPT_BATCH'))
  })

  it.each([
    ['literals past the block', frame(0x60, 0x40, headerChecksum, word(2), Buffer.from([0xe0, 1]), END)],
    ['a length without its end', frame(0x60, 0x40, headerChecksum, word(3), Buffer.from([0xf0, 255, 255]), END)],
  ])('with %s is refused before it takes memory', (_, compressed) => {
    const uncompress = vi.spyOn(lz4, 'uncompressSync')
    expect(() => decompress('lz4', compressed, MiB)).toThrow(failsWith('CORRUPT_BATCH'))
    expect(uncompress).not.toHaveBeenCalled()
  })

  it('is refused in more parts than are worth their cost', () => {
    const inParts = (count: number) => frame(0x60, 0x40, headerChecksum, repeat(count, stored(text(1))), END)
    expect(decompress('lz4', inParts(16_384), MiB)).toHaveLength(16_384)
    expect(() => decompress('lz4', inParts(16_385), MiB)).toThrow(failsWith('UNSUPPORTED_COMPRESSION'))
  })

  it('takes only the memory that its blocks will fill', () => {
    const blocks = Array.from({ length: 100 }, () => block(text(1000)))
    const compressed = frame(0x60, 0x70, headerChecksum, ...blocks, END)
    const allocate = vi.spyOn(Buffer, 'allocUnsafeSlow')
    expect(decompress('lz4', compressed, MiB)).toHaveLength(100_000)
    expect(allocate.mock.calls).toEqual([[100_000]])
  })
})

describe('zlib codecs', () => {
  it('read what other levels and windows write', () => {
    const bytes = Buffer.concat([text(100_000), noise(1000)])
    for (const level of [1, 9]) expect(decompress('gzip', gzipSync(bytes, { level }), bytes.length)).toEqual(bytes)
    for (const level of [-5, 1, 19, 22]) {
      const params = { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_checksumFlag]: 1 }
      expect(decompress('zstd', zstdCompressSync(bytes, { params }), bytes.length)).toEqual(bytes)
    }
  })

  it('refuse a zstd window of 2 GiB', () => {
    const frame = Buffer.from('28b52ffd00a8290000', 'hex')
    expect(() => decompress('zstd', Buffer.concat([frame, Buffer.from('hello')]), MiB)).toThrow(
      failsWith('CORRUPT_BATCH'),
    )
  })
})

describe('codec numbers', () => {
  it('are those of Kafka', () => {
    const numbers: Record<CompressionCodec, number> = { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 }
    for (const codec of COMPRESSION_CODECS) {
      expect(codecNumber(codec)).toBe(numbers[codec])
      expect(codecOf(numbers[codec])).toBe(codec)
    }
    for (const number of [5, 6, 7, -1]) expect(() => codecOf(number)).toThrow(failsWith('UNSUPPORTED_COMPRESSION'))
  })
})

describe('native codecs', () => {
  it('are loaded only when a batch needs them', () => {
    const script = `
      import { createRequire } from 'node:module'
      const { BatchBuilder } = await import(process.argv[1])
      const loaded = () => Object.keys(createRequire(process.argv[1]).cache).filter((file) => /(lz4|snappy)[^/]*[.]node$/.test(file)).length
      const counts = [loaded()]
      for (const compression of ['none', 'gzip', 'zstd', 'snappy', 'lz4']) {
        new BatchBuilder().append({ key: null, value: null, timestamp: 0 }).build({ compression })
        counts.push(loaded())
      }
      process.stdout.write(JSON.stringify(counts))`
    const index = new URL('./index.ts', import.meta.url).href
    const out = execFileSync(process.execPath, ['--input-type=module', '-e', script, index], { encoding: 'utf8' })
    expect(JSON.parse(out)).toEqual([0, 0, 0, 0, 1, 2])
  })
})
