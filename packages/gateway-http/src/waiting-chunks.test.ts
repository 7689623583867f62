import { Readable } from 'node:stream'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { liveMemory } from '../test/live-memory.ts'
import { WaitingChunks } from './waiting-chunks.ts'

function made(limitBytes = Number.POSITIVE_INFINITY) {
  const stream = new Readable({ read() {} })
  const account = {
    bytes: 0,
    addPartial(more: number) {
      account.bytes += more
      return account.bytes <= limitBytes
    },
  }
  const told = { times: 0 }
  const chunks = new WaitingChunks(stream, account, () => told.times++)
  return { stream, account, chunks, told }
}

describe('chunks that wait to be read', () => {
  test('are counted for what their Buffers take, and for nothing when they were read', async () => {
    const { stream, account, chunks, told } = made()
    const before = liveMemory()
    for (let count = 0; count < 40_000; count++) stream.push(Buffer.from('x'))
    const { heapBytes, externalBytes } = liveMemory()
    const tookBytes = heapBytes - before.heapBytes + externalBytes - before.externalBytes
    expect(account.bytes).toBeGreaterThan(tookBytes * 0.8)
    expect(account.bytes).toBeLessThan(tookBytes * 2)
    stream.resume()
    await new Promise((resolve) => setImmediate(resolve))
    chunks.look()
    expect(account.bytes).toBe(0)
    expect(told.times).toBe(0)
  })

  test('are counted for nothing when they are large, or as long as they are read at once', async () => {
    const { stream, account } = made()
    for (let count = 0; count < 2_000; count++) stream.push(Buffer.alloc(2_000))
    expect(account.bytes).toBe(0)
    const read = made()
    read.stream.on('data', () => {})
    await new Promise((resolve) => setImmediate(resolve))
    for (let count = 0; count < 2_000; count++) read.stream.push(Buffer.from('x'))
    expect(read.account.bytes).toBe(0)
  })

  test('are told of when they are too many, and given back when their stream is gone', async () => {
    const { stream, account, told } = made(100_000)
    while (told.times === 0) stream.push(Buffer.from('x'))
    expect(account.bytes).toBeGreaterThan(100_000)
    stream.destroy()
    await new Promise((resolve) => setImmediate(resolve))
    expect(account.bytes).toBe(0)
  })

  test('do not keep the memory that they came in', () => {
    const { stream } = made()
    const before = liveMemory()
    for (let count = 0; count < 100; count++) stream.push(Buffer.alloc(65_536).subarray(100, 200))
    expect(liveMemory().externalBytes - before.externalBytes).toBeLessThan(1 << 20)
    expect(stream.readableLength).toBe(10_000)
  })

  test('come out as they went in, and no reading in between makes them count for more than there are', () => {
    const step = fc.oneof(
      fc.record({ bytes: fc.integer({ min: 1, max: 3 }), times: fc.integer({ min: 1, max: 2_000 }) }),
      fc.record({ read: fc.integer({ min: 1, max: 2_000 }) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        const { stream, account, chunks } = made()
        let [pushed, taken] = [0, 0]
        const expectNext = (bytes: Buffer): void => {
          for (const byte of bytes) expect(byte).toBe(taken++ % 251)
        }
        for (const step of steps) {
          if ('read' in step) {
            const bytes = Math.min(step.read, stream.readableLength)
            if (bytes > 0) expectNext(stream.read(bytes))
          } else {
            for (let count = 0; count < step.times; count++) {
              stream.push(Buffer.from(Array.from({ length: step.bytes }, () => pushed++ % 251)))
            }
          }
          chunks.look()
          // The last portion may be read in part.
          expect(account.bytes).toBeLessThanOrEqual((stream.readableLength + 256) * 160)
        }
        if (stream.readableLength > 0) expectNext(stream.read())
        expect(taken).toBe(pushed)
      }),
    )
  })
})
