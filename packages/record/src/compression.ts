import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { MillraceError } from './errors.ts'

/** How the records of a batch are compressed; the number is the codec's in the batch's attributes. */
export const COMPRESSION_CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const
export type CompressionCodec = (typeof COMPRESSION_CODECS)[number]

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

export function compress(codec: Exclude<CompressionCodec, 'none'>, bytes: Buffer): Buffer {
  if (codec === 'gzip') return gzipSync(bytes)
  return zstdCompressSync(bytes)
}

export function decompress(codec: Exclude<CompressionCodec, 'none'>, bytes: Buffer, maxBytes: number): Buffer {
  if (codec === 'gzip') return gunzipSync(bytes, { maxOutputLength: maxBytes })
  return zstdDecompressSync(bytes, { maxOutputLength: maxBytes })
}
