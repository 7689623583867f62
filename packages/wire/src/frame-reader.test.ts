import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { MillraceError } from '@millrace/record'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FRAME_HEADER_BYTES, frameMessage } from './frame.ts'
import { FrameReader } from './frame-reader.ts'

function readAll(reader: FrameReader, chunks: Iterable<Buffer>): Buffer[] {
  const messages: Buffer[] = []
  for (const chunk of chunks) {
    reader.push(chunk)
    for (let message = reader.read(); message !== undefined; message = reader.read()) messages.push(message)
  }
  return messages
}

/** `bytes` cut at the given places, each chunk in memory of its own. */
function split(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [0, ...[...cuts].sort((a, b) => a - b), bytes.length]
  return places.slice(1).map((end, index) => Buffer.from(bytes.subarray(places[index], end)))
}

function codeOf(work: () => unknown): string | undefined {
  try {
    work()
  } catch (error) {
    return error instanceof MillraceError ? error.code : String(error)
  }
  return undefined
}

const LIMIT = { maxMessageBytes: 1 << 20 }

describe('FrameReader', () => {
  test('gives the messages that were framed, however the bytes are cut', () => {
    const message = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes))
    fc.assert(
      fc.property(fc.array(message, { maxLength: 8 }), fc.array(fc.nat(3_000), { maxLength: 30 }), (messages, at) => {
        const bytes = Buffer.concat(messages.map((m) => frameMessage(m)))
        const cuts = at.filter((cut) => cut <= bytes.length)
        const reader = new FrameReader(LIMIT)
        expect(readAll(reader, split(bytes, cuts))).toEqual(messages)
        expect(reader.isPartial).toBe(false)
        expect(reader.partialBytes).toBe(0)
        reader.end()
      }),
    )
  })

  test('gives two messages cut in two at every place', () => {
    const messages = [Buffer.from('first message'), Buffer.alloc(0), Buffer.from('second')]
    const bytes = Buffer.concat(messages.map((m) => frameMessage(m)))
    for (let cut = 0; cut <= bytes.length; cut++) {
      expect(readAll(new FrameReader(LIMIT), split(bytes, [cut]))).toEqual(messages)
    }
  })

  test.each([1, 7, 1_000, 16_384, 65_536])('puts large messages together from chunks of %i bytes', (chunkBytes) => {
    const messages = [70_000, 1 << 20, 3, 300_000].map((length, seed) =>
      pattern(chunkBytes < 1_000 ? length >> 4 : length, seed),
    )
    const bytes = Buffer.concat(messages.map((m) => frameMessage(m)))
    const cuts = Array.from({ length: Math.floor(bytes.length / chunkBytes) }, (_, index) => (index + 1) * chunkBytes)
    const read = readAll(new FrameReader(LIMIT), split(bytes, cuts))
    expect(read.map((m) => m.length)).toEqual(messages.map((m) => m.length))
    for (const [index, message] of messages.entries()) expect(message.equals(read[index]!)).toBe(true)
  })

  test('gives a message that lies in one chunk as a view of it', () => {
    const chunk = Buffer.concat([frameMessage(Buffer.from('one')), frameMessage(Buffer.from('two'))])
    const messages = readAll(new FrameReader(LIMIT), [chunk])
    for (const message of messages) expect(message.buffer).toBe(chunk.buffer)
    chunk.fill('x', FRAME_HEADER_BYTES)
    expect(String(messages[0])).toBe('xxx')
  })

  test('gives a message of several chunks in memory of its own', () => {
    const chunks = split(frameMessage(Buffer.alloc(100_000, 'a')), [10, 50_000])
    const [message] = readAll(new FrameReader(LIMIT), chunks)
    for (const chunk of chunks) chunk.fill('x')
    expect(message!.equals(Buffer.alloc(100_000, 'a'))).toBe(true)
    expect(message!.buffer.byteLength).toBe(100_000)
  })

  test('does not allocate what a frame announces before it comes', () => {
    const huge = 0xffff_ffff
    const header = Buffer.from([0, 0xff, 0xff, 0xff, 0xff])
    const reader = new FrameReader({ maxMessageBytes: huge })
    const before = process.memoryUsage().arrayBuffers
    const chunks = [header, ...Array.from({ length: 200 }, () => Buffer.alloc(10, 'a'))]
    expect(readAll(reader, chunks)).toEqual([])
    expect(reader.partialBytes).toBe(2_000)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1 << 20)
  })

  test('keeps nothing of a message that it was told to discard', () => {
    const header = Buffer.from([0, 0, 0x10, 0, 0])
    const begun = Buffer.alloc(200_000)
    const readers = Array.from({ length: 20 }, () => {
      const reader = new FrameReader(LIMIT)
      readAll(reader, [header, begun.subarray()])
      return reader
    })
    const before = liveBytes()
    for (const reader of readers) reader.discard()
    expect(before - liveBytes()).toBeGreaterThan(10 << 20)
    expect(readers).toHaveLength(20)
  })

  test('refuses a message over its limit, before any of it has come', () => {
    const reader = new FrameReader({ maxMessageBytes: 10 })
    expect(readAll(reader, [frameMessage(Buffer.alloc(10))])).toHaveLength(1)
    expect(codeOf(() => readAll(reader, [frameMessage(Buffer.alloc(11)).subarray(0, FRAME_HEADER_BYTES)]))).toBe(
      'REQUEST_TOO_LARGE',
    )
  })

  test.each([1, 2, 255])('refuses the flag %i', (flag) => {
    expect(codeOf(() => readAll(new FrameReader(LIMIT), [Buffer.from([flag, 0, 0, 0, 0])]))).toBe('INVALID_REQUEST')
  })

  test('says that a stream ended inside a message, at every place', () => {
    const frame = frameMessage(Buffer.from('message'))
    for (let length = 1; length < frame.length; length++) {
      const reader = new FrameReader(LIMIT)
      readAll(reader, [frame.subarray(0, length)])
      expect(reader.isPartial).toBe(true)
      expect(codeOf(() => reader.end())).toBe('INVALID_REQUEST')
    }
  })
})

function pattern(length: number, seed: number): Buffer {
  const bytes = Buffer.alloc(length)
  for (let at = 0; at < length; at++) bytes[at] = (at * 31 + (at >> 8) + seed) & 0xff
  return bytes
}

/** Memory of Buffers, without garbage. */
function liveBytes(): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  // What one collection found is given back in the background, and at the latest when the next begins.
  collect()
  collect()
  return process.memoryUsage().arrayBuffers
}
