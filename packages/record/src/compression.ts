import type { BlockCodec } from './block-codec.ts'
import { corruptBlock } from './compression-errors.ts'
import { MillraceError } from './errors.ts'
import { lz4Codec } from './lz4-frame.ts'
import { snappyCodec } from './snappy-framing.ts'
import { gzipCodec, zstdCodec } from './zlib-codecs.ts'

/** How the records of a batch are compressed; the number is the codec's in the batch's attributes. */
export const COMPRESSION_CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const
export type CompressionCodec = (typeof COMPRESSION_CODECS)[number]

/** A smaller block is done sooner than a thread of the pool has taken it up. */
const SMALL_BYTES = 4 * 1024
/** To expand a block to as much as this takes less than half a millisecond. */
const SMALL_CONTENT_BYTES = 256 * 1024

const BLOCK_CODECS: Readonly<Record<Exclude<CompressionCodec, 'none'>, BlockCodec>> = {
  gzip: gzipCodec,
  snappy: snappyCodec,
  lz4: lz4Codec,
  zstd: zstdCodec,
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

/** As `compress`, without holding up the event loop: all but small blocks are compressed in the thread pool. */
export async function compressAsync(codec: Exclude<CompressionCodec, 'none'>, bytes: Buffer): Promise<Buffer> {
  return bytes.length < SMALL_BYTES ? compress(codec, bytes) : BLOCK_CODECS[codec].compressAsync(bytes)
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
    throw explained(codec, error)
  }
}

/**
 * The content of a compressed block where it is small enough to be expanded at once; else undefined.
 * @throws MillraceError as `decompress` does; BATCH_TOO_LARGE where already this is past `maxBytes`
 */
export function decompressSmall(
  codec: Exclude<CompressionCodec, 'none'>,
  bytes: Buffer,
  maxBytes: number,
): Buffer | undefined {
  if (bytes.length > SMALL_CONTENT_BYTES) return undefined
  try {
    return decompress(codec, bytes, Math.min(maxBytes, SMALL_CONTENT_BYTES))
  } catch (error) {
    const isLarger = error instanceof MillraceError && error.code === 'BATCH_TOO_LARGE'
    if (isLarger && maxBytes > SMALL_CONTENT_BYTES) return undefined
    throw error
  }
}

/**
 * As `decompress`, with the least done in the event loop: all but small blocks that stay small are expanded in the thread
 * pool.
 */
export async function decompressAsync(
  codec: Exclude<CompressionCodec, 'none'>,
  bytes: Buffer,
  maxBytes: number,
): Promise<Buffer> {
  const small = bytes.length < SMALL_BYTES ? decompressSmall(codec, bytes, maxBytes) : undefined
  if (small !== undefined) return small
  try {
    return await BLOCK_CODECS[codec].decompressAsync(bytes, maxBytes)
  } catch (error) {
    throw explained(codec, error)
  }
}

function explained(codec: CompressionCodec, error: unknown): MillraceError {
  return error instanceof MillraceError ? error : corruptBlock(codec, 'it does not decompress', error)
}
