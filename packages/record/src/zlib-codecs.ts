import { promisify } from 'node:util'
import {
  gunzip,
  gunzipSync,
  gzip,
  gzipSync,
  zstdCompress,
  zstdCompressSync,
  zstdDecompress,
  zstdDecompressSync,
} from 'node:zlib'
import type { BlockCodec } from './block-codec.ts'
import { expandsTooFar } from './compression-errors.ts'

const MIN_CHUNK_BYTES = 1024
/** For each chunk that is made in the thread pool, somebody waits for a thread. */
const MIN_BACKGROUND_CHUNK_BYTES = 256 * 1024
const MAX_CHUNK_BYTES = 1024 * 1024

interface Bounds {
  readonly maxOutputLength: number
  readonly chunkSize: number
}

const inBackground = {
  gzip: promisify<Buffer, Buffer>(gzip),
  gunzip: promisify<Buffer, Bounds, Buffer>(gunzip),
  zstdCompress: promisify<Buffer, Buffer>(zstdCompress),
  zstdDecompress: promisify<Buffer, Bounds, Buffer>(zstdDecompress),
}

export const gzipCodec: BlockCodec = {
  compress: (bytes) => gzipSync(bytes),
  compressAsync: (bytes) => inBackground.gzip(bytes),
  decompress: (bytes, maxBytes) => bounded('gzip', maxBytes, () => gunzipSync(bytes, bounds(bytes, maxBytes))),
  decompressAsync: (bytes, maxBytes) =>
    boundedAsync('gzip', maxBytes, () =>
      inBackground.gunzip(bytes, bounds(bytes, maxBytes, MIN_BACKGROUND_CHUNK_BYTES)),
    ),
}

/** A frame's window is memory too: zstd itself refuses one over 128 MiB, and touches only as much as the content has. */
export const zstdCodec: BlockCodec = {
  compress: (bytes) => zstdCompressSync(bytes),
  compressAsync: (bytes) => inBackground.zstdCompress(bytes),
  decompress: (bytes, maxBytes) => bounded('zstd', maxBytes, () => zstdDecompressSync(bytes, bounds(bytes, maxBytes))),
  decompressAsync: (bytes, maxBytes) =>
    boundedAsync('zstd', maxBytes, () =>
      inBackground.zstdDecompress(bytes, bounds(bytes, maxBytes, MIN_BACKGROUND_CHUNK_BYTES)),
    ),
}

/** Output comes in chunks of about the likely size: small batches hold on to little, large ones need few. */
function bounds(bytes: Buffer, maxBytes: number, leastBytes = MIN_CHUNK_BYTES): Bounds {
  const likely = Math.min(Math.max(bytes.length * 4, leastBytes), maxBytes, MAX_CHUNK_BYTES)
  return { maxOutputLength: maxBytes, chunkSize: Math.max(likely, MIN_CHUNK_BYTES) }
}

function bounded(codec: string, maxBytes: number, decompress: () => Buffer): Buffer {
  try {
    return decompress()
  } catch (error) {
    throw explained(error, codec, maxBytes)
  }
}

async function boundedAsync(codec: string, maxBytes: number, decompress: () => Promise<Buffer>): Promise<Buffer> {
  try {
    return await decompress()
  } catch (error) {
    throw explained(error, codec, maxBytes)
  }
}

function explained(error: unknown, codec: string, maxBytes: number): unknown {
  const isPastBound = error instanceof RangeError && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE'
  return isPastBound ? expandsTooFar(codec, maxBytes) : error
}
