/*
 * Snappy as Kafka clients write it: either one raw block, or the framing of xerial's snappy-java, which Java writes:
 *
 *   magic        8   82 'S' 'N' 'A' 'P' 'P' 'Y' 00
 *   version      4   1, big-endian, as all of these
 *   compatible   4   1
 *   then chunks: length 4, raw block
 *
 * A raw block starts with its uncompressed length, a little-endian varint of up to 32 bits.
 */
import { createRequire } from 'node:module'
import type { BlockCodec } from './block-codec.ts'
import { checkPartCount, corruptBlock, expandsTooFar, libraryMissing } from './compression-errors.ts'

const MAGIC = Buffer.from('\x82SNAPPY\x00', 'latin1')
const HEADER_BYTES = 16
const VERSION = 1
const LENGTH_BYTES = 4
/** What snappy-java puts into one chunk. */
const CHUNK_BYTES = 32 * 1024
/** No raw block expands further than this: three bytes copy at most 64. */
const MAX_EXPANSION = 64 / 3

/** One raw block inside `bytes`, and the length that it announces. */
interface RawBlock {
  readonly start: number
  readonly end: number
  readonly announcedBytes: number
}

let library: typeof import('snappy') | undefined

/** The native library takes milliseconds to load, so it is loaded when first needed. */
function snappy(): typeof import('snappy') {
  try {
    library ??= createRequire(import.meta.url)('snappy') as typeof import('snappy')
  } catch (error) {
    throw libraryMissing('snappy', error)
  }
  return library
}

/** What does not decompress: MillraceError CORRUPT_BATCH, BATCH_TOO_LARGE. */
export const snappyCodec: BlockCodec = {
  compress: (bytes) => framed(chunksOf(bytes).map((chunk) => snappy().compressSync(chunk))),

  async compressAsync(bytes) {
    const blocks: Buffer[] = []
    for (const chunk of chunksOf(bytes)) blocks.push(await snappy().compress(chunk))
    return framed(blocks)
  },

  decompress(bytes, maxBytes) {
    const blocks = blocksWithin(bytes, maxBytes)
    const [first] = blocks
    if (first !== undefined && blocks.length === 1) return uncompress(bytes, first)
    const output = Buffer.allocUnsafeSlow(expandedBytes(blocks))
    let at = 0
    for (const block of blocks) at += uncompress(bytes, block).copy(output, at)
    return output
  },

  async decompressAsync(bytes, maxBytes) {
    const blocks = blocksWithin(bytes, maxBytes)
    const output = Buffer.allocUnsafeSlow(expandedBytes(blocks))
    let at = 0
    for (const { start, end } of blocks) {
      const expanded = (await snappy().uncompress(bytes.subarray(start, end), { asBuffer: true })) as Buffer
      at += expanded.copy(output, at)
    }
    return output
  },
}

function chunksOf(bytes: Buffer): Buffer[] {
  const chunks: Buffer[] = []
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) chunks.push(bytes.subarray(at, at + CHUNK_BYTES))
  return chunks
}

function framed(blocks: readonly Buffer[]): Buffer {
  const header = Buffer.alloc(HEADER_BYTES)
  MAGIC.copy(header)
  header.writeInt32BE(VERSION, 8)
  header.writeInt32BE(VERSION, 12)
  const parts: Buffer[] = [header]
  for (const block of blocks) {
    const length = Buffer.alloc(LENGTH_BYTES)
    length.writeInt32BE(block.length)
    parts.push(length, block)
  }
  return Buffer.concat(parts)
}

function blocksWithin(bytes: Buffer, maxBytes: number): RawBlock[] {
  const blocks = isXerial(bytes) ? xerialBlocks(bytes) : [rawBlock(bytes, 0, bytes.length)]
  if (expandedBytes(blocks) > maxBytes) throw expandsTooFar('snappy', maxBytes)
  return blocks
}

function expandedBytes(blocks: readonly RawBlock[]): number {
  return blocks.reduce((sum, block) => sum + block.announcedBytes, 0)
}

/** No raw block starts with the magic: after the length it would copy from before its own start. */
function isXerial(bytes: Buffer): boolean {
  return bytes.length >= HEADER_BYTES && bytes.subarray(0, MAGIC.length).equals(MAGIC)
}

function xerialBlocks(bytes: Buffer): RawBlock[] {
  const blocks: RawBlock[] = []
  for (let at = HEADER_BYTES; at < bytes.length; ) {
    const start = at + LENGTH_BYTES
    if (start > bytes.length) throw corruptBlock('snappy', 'a chunk is cut off')
    const length = bytes.readInt32BE(at)
    const end = start + length
    if (length < 1 || end > bytes.length) throw corruptBlock('snappy', `a chunk length of ${length}`)
    blocks.push(rawBlock(bytes, start, end))
    checkPartCount('snappy', blocks.length)
    at = end
  }
  return blocks
}

function rawBlock(bytes: Buffer, start: number, end: number): RawBlock {
  let announcedBytes = 0
  for (let at = start, scale = 1; at < end && at < start + 5; at++, scale *= 0x80) {
    const byte = bytes[at] as number
    announcedBytes += (byte & 0x7f) * scale
    if (byte < 0x80) {
      if (announcedBytes > (end - start) * MAX_EXPANSION)
        throw corruptBlock('snappy', `${end - start} bytes cannot expand to ${announcedBytes}`)
      return { start, end, announcedBytes }
    }
  }
  throw corruptBlock('snappy', 'the uncompressed length is cut off or too long')
}

/** The library itself checks that the block has exactly the announced length. */
function uncompress(bytes: Buffer, { start, end }: RawBlock): Buffer {
  return snappy().uncompressSync(bytes.subarray(start, end), { asBuffer: true }) as Buffer
}
