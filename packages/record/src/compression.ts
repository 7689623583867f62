import { corruptBlock } from './compression-errors.ts'
import { MillraceError } from './errors.ts'
import { compressLz4, decompressLz4 } from './lz4-frame.ts'
import { compressSnappy, decompressSnappy } from './snappy-framing.ts'
import { compressGzip, compressZstd, decompressGzip, decompressZstd } from './zlib-codecs.ts'

/** How the records of a batch are compressed; the number is the codec's in the batch's attributes. */
export const COMPRESSION_CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const
export type CompressionCodec = (typeof COMPRESSION_CODECS)[number]

interface BlockCodec {
  compress(bytes: Buffer): Buffer
  decompress(bytes: Buffer, maxBytes: number): Buffer
}

const BLOCK_CODECS: Readonly<Record<Exclude<CompressionCodec, 'none'>, BlockCodec>> = {
  gzip: { compress: compressGzip, decompress: decompressGzip },
  snappy: { compress: compressSnappy, decompress: decompressSnappy },
  lz4: { compress: compressLz4, decompress: decompressLz4 },
  zstd: { compress: compressZstd, decompress: decompressZstd },
}

export function codecNumber(codec: CompressionCodec): number {
  return COMPRESSION_CODECS.indexOf(codec)
}

/** @throws MillraceError UNSUPPORTED_COMPRESSION */
export function codecOf(number: number): CompressionCodec {
  const codec = COMPRESSION_CODECS[number]
  if (codec === undefined)
    throw new MillraceError('UNSUPPORTED_COMPRESSION', `compression codec ${number} is not known`)
  return codec
}

/** @throws MillraceError UNSUPPORTED_COMPRESSION when this machine lacks the codec's library */
export function compress(codec: Exclude<CompressionCodec, 'none'>, bytes: Buffer): Buffer {
  return BLOCK_CODECS[codec].compress(bytes)
}

/**
 * The content of a compressed block. Nothing beyond `maxBytes` is allocated for it, whatever the block claims.
 * @throws MillraceError BATCH_TOO_LARGE past `maxBytes`; CORRUPT_BATCH when the bytes are no such block;
 *   UNSUPPORTED_COMPRESSION for a variant that is not read, or when this machine lacks the codec's library
 */
export function decompress(codec: Exclude<CompressionCodec, 'none'>, bytes: Buffer, maxBytes: number): Buffer {
  try {
    return BLOCK_CODECS[codec].decompress(bytes, maxBytes)
  } catch (error) {
    if (error instanceof MillraceError) throw error
    throw corruptBlock(codec, 'it does not decompress', error)
  }
}
