/*
 * LZ4 frame (lz4/lz4, doc/lz4_Frame_format.md), with blocks that do not depend on each other, as Kafka clients write
 * it and its Java client requires. Little-endian.
 *
 *   magic             4   0x184D2204
 *   FLG               1   bits 7-6 version = 1, 5 independent blocks, 4 block checksums, 3 content size,
 *                         2 content checksum, 0 dictionary id
 *   BD                1   bits 6-4 the largest block: 4 = 64 KiB, 5 = 256 KiB, 6 = 1 MiB, 7 = 4 MiB
 *   content size      8   if FLG says so
 *   header checksum   1
 *   then blocks: length 4 (bit 31: stored as it is), data, checksum 4 if FLG says so
 *   end mark          4   0
 *   content checksum  4   if FLG says so
 *
 * The checksums (xxHash32) are written where the format demands one and not checked when read: the batch's CRC-32C
 * covers every byte of the frame.
 */
import { createRequire } from 'node:module'
import type { BlockCodec } from './block-codec.ts'
import { checkPartCount, corruptBlock, expandsTooFar, libraryMissing } from './compression-errors.ts'
import { MillraceError } from './errors.ts'

const MAGIC = 0x184d2204
const FLAG = { independent: 0x20, blockChecksums: 0x10, contentSize: 0x08, contentChecksum: 0x04, dictionary: 0x01 }
const WORD_BYTES = 4
const SMALLEST_FRAME_BYTES = 11

interface Block {
  readonly start: number
  readonly end: number
  readonly isStored: boolean
  readonly expandedBytes: number
}

let library: typeof import('lz4-napi') | undefined

/** The native library takes milliseconds to load, so it is loaded when first needed. */
function lz4(): typeof import('lz4-napi') {
  try {
    library ??= createRequire(import.meta.url)('lz4-napi') as typeof import('lz4-napi')
  } catch (error) {
    throw libraryMissing('lz4', error)
  }
  return library
}

/**
 * The library's own frame reader has no bound, so the frame is walked here: the size of every block is known from its
 * sequences before any memory is taken, and the library then expands one block at a time into exactly that size.
 * What does not decompress: MillraceError CORRUPT_BATCH, BATCH_TOO_LARGE, UNSUPPORTED_COMPRESSION.
 */
export const lz4Codec: BlockCodec = {
  compress: (bytes) => lz4().compressFrameSync(bytes),
  compressAsync: (bytes) => lz4().compressFrame(bytes),

  decompress(bytes, maxBytes) {
    const blocks = frameBlocks(bytes, maxBytes)
    const [first] = blocks
    if (first !== undefined && blocks.length === 1) return expand(bytes, first)
    const output = Buffer.allocUnsafeSlow(totalBytes(blocks))
    let at = 0
    for (const block of blocks) at += expand(bytes, block).copy(output, at)
    return output
  },

  async decompressAsync(bytes, maxBytes) {
    const blocks = frameBlocks(bytes, maxBytes)
    const output = Buffer.allocUnsafeSlow(totalBytes(blocks))
    let at = 0
    for (const block of blocks) {
      if (block.isStored) at += bytes.copy(output, at, block.start, block.end)
      else at += checked(block, await lz4().uncompress(withSize(bytes, block))).copy(output, at)
    }
    return output
  },
}

function totalBytes(blocks: readonly Block[]): number {
  return blocks.reduce((sum, block) => sum + block.expandedBytes, 0)
}

/** Reads the frame's structure; the sum of the blocks' sizes is within `maxBytes`. */
function frameBlocks(bytes: Buffer, maxBytes: number): Block[] {
  if (bytes.length < SMALLEST_FRAME_BYTES || bytes.readUInt32LE(0) !== MAGIC)
    throw corruptBlock('lz4', 'it is no LZ4 frame')
  const flags = bytes.readUInt8(4)
  const largestBlock = largestBlockBytes(bytes.readUInt8(5))
  checkFlags(flags)
  const contentSizeAt = 6
  let at = contentSizeAt + (flags & FLAG.contentSize ? 8 : 0) + 1
  const blocks: Block[] = []
  let totalBytes = 0
  for (;;) {
    const word = wordAt(bytes, at)
    at += WORD_BYTES
    if (word === 0) break
    const isStored = word >= 0x8000_0000
    const end = at + (isStored ? word - 0x8000_0000 : word)
    if (end > bytes.length) throw cutOff()
    const expandedBytes = isStored ? end - at : expandedBytesOf(bytes, at, end)
    if (expandedBytes > largestBlock)
      throw corruptBlock('lz4', `a part of ${expandedBytes} bytes in a frame that allows ${largestBlock}`)
    totalBytes += expandedBytes
    if (totalBytes > maxBytes) throw expandsTooFar('lz4', maxBytes)
    blocks.push({ start: at, end, isStored, expandedBytes })
    checkPartCount('lz4', blocks.length)
    at = end + (flags & FLAG.blockChecksums ? WORD_BYTES : 0)
  }
  if (flags & FLAG.contentChecksum) at += WORD_BYTES
  if (at > bytes.length) throw cutOff()
  if (at < bytes.length) throw corruptBlock('lz4', `${bytes.length - at} bytes follow the frame`)
  if (flags & FLAG.contentSize && bytes.readBigUInt64LE(contentSizeAt) !== BigInt(totalBytes))
    throw corruptBlock('lz4', `a content size that differs from the ${totalBytes} bytes of the content`)
  return blocks
}

function checkFlags(flags: number): void {
  if (flags >>> 6 !== 1) throw corruptBlock('lz4', `version ${flags >>> 6} of the frame format`)
  if (!(flags & FLAG.independent) || flags & FLAG.dictionary)
    throw new MillraceError('UNSUPPORTED_COMPRESSION', 'an LZ4 frame with linked blocks or a dictionary')
}

function largestBlockBytes(descriptor: number): number {
  const size = (descriptor >>> 4) & 7
  if (size < 4) throw corruptBlock('lz4', `block size ${size}`)
  return 1 << (2 * size + 8)
}

function wordAt(bytes: Buffer, at: number): number {
  if (at + WORD_BYTES > bytes.length) throw cutOff()
  return bytes.readUInt32LE(at)
}

/**
 * What the block between `start` and `end` expands to. A block is a row of sequences: a token, whose halves are the
 * number of literals and of bytes to copy less 4 (15: more bytes of it follow, as long as they are 255); the literals;
 * the distance to copy from, 2 bytes. The last sequence ends after its literals.
 */
function expandedBytesOf(bytes: Buffer, start: number, end: number): number {
  let at = start
  let expandedBytes = 0
  const lengthFrom = (half: number): number => {
    let length = half
    if (half === 15) {
      let more = 255
      while (more === 255 && at < end) {
        more = bytes[at++] as number
        length += more
      }
    }
    return length
  }
  while (at < end) {
    const token = bytes[at++] as number
    const literals = lengthFrom(token >>> 4)
    at += literals
    expandedBytes += literals
    if (at >= end) break
    at += 2
    expandedBytes += lengthFrom(token & 0x0f) + 4
  }
  if (at !== end) throw corruptBlock('lz4', 'a sequence is cut off')
  return expandedBytes
}

function expand(bytes: Buffer, block: Block): Buffer {
  if (block.isStored) return bytes.subarray(block.start, block.end)
  return checked(block, lz4().uncompressSync(withSize(bytes, block)))
}

/** The library takes a block with its expanded size in front. */
function withSize(bytes: Buffer, { start, end, expandedBytes }: Block): Buffer {
  const sized = Buffer.allocUnsafe(WORD_BYTES + end - start)
  sized.writeUInt32LE(expandedBytes)
  bytes.copy(sized, WORD_BYTES, start, end)
  return sized
}

function checked({ expandedBytes }: Block, expanded: Buffer): Buffer {
  if (expanded.length !== expandedBytes) throw corruptBlock('lz4', 'it is shorter than its sequences say')
  return expanded
}

function cutOff(): MillraceError {
  return corruptBlock('lz4', 'the frame is cut off')
}
