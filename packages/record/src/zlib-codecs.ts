import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { expandsTooFar } from './compression-errors.ts'

const MIN_CHUNK_BYTES = 1024
const MAX_CHUNK_BYTES = 1024 * 1024

export function compressGzip(bytes: Buffer): Buffer {
  return gzipSync(bytes)
}

export function decompressGzip(bytes: Buffer, maxBytes: number): Buffer {
  return bounded('gzip', maxBytes, () => gunzipSync(bytes, bounds(bytes, maxBytes)))
}

export function compressZstd(bytes: Buffer): Buffer {
  return zstdCompressSync(bytes)
}

/** A frame's window is memory too: zstd itself refuses one over 128 MiB, and touches only as much as the content has. */
export function decompressZstd(bytes: Buffer, maxBytes: number): Buffer {
  return bounded('zstd', maxBytes, () => zstdDecompressSync(bytes, bounds(bytes, maxBytes)))
}

/** Output comes in chunks of about the likely size: small batches hold on to little, large ones need few. */
function bounds(bytes: Buffer, maxBytes: number): { maxOutputLength: number; chunkSize: number } {
  const likely = Math.min(bytes.length * 4, maxBytes, MAX_CHUNK_BYTES)
  return { maxOutputLength: maxBytes, chunkSize: Math.max(likely, MIN_CHUNK_BYTES) }
}

function bounded(codec: string, maxBytes: number, decompress: () => Buffer): Buffer {
  try {
    return decompress()
  } catch (error) {
    if (error instanceof RangeError && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE')
      throw expandsTooFar(codec, maxBytes)
    throw error
  }
}
