import { RecordBatch } from '@millrace/record'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { sizedBatch, valuesBatch } from '../test/log-harness.ts'
import { ENTRY_BYTES, MEMORY_BYTES, type PartitionTail, SLAB_BYTES, SMALL_BYTES, TailCache } from './tail-cache.ts'

/** Batches that lie side by side in one piece of memory of `memoryBytes`, as the network delivers them. */
function viewsOf(memoryBytes: number, batches: readonly RecordBatch[]): RecordBatch[] {
  const memory = Buffer.from(new ArrayBuffer(memoryBytes))
  let at = 0
  return batches.map(({ buffer }) => {
    buffer.copy(memory, at)
    at += buffer.length
    return RecordBatch.at(memory, at - buffer.length)
  })
}

/** A batch alone in memory of exactly its own size. */
function exact(batch: RecordBatch): RecordBatch {
  return viewsOf(batch.sizeBytes, [batch])[0] as RecordBatch
}

/** What the cache counts for a batch of so many bytes that is alone in its memory. */
function counted(bytes: number): number {
  return bytes + ENTRY_BYTES + MEMORY_BYTES
}

/** A tail together with the offset of what comes next. */
class Writer {
  readonly tail: PartitionTail
  end: number

  constructor(cache: TailCache, start = 0) {
    this.tail = cache.tail()
    this.end = start
  }

  add(batch: RecordBatch): void {
    const next = this.end + batch.lastOffsetDelta + 1
    this.tail.append(batch, this.end, next)
    this.end = next
  }

  /** The first offset that the cache still has; undefined when it has none. */
  get start(): number | undefined {
    for (let offset = 0; offset < this.end; offset++) if (this.has(offset)) return offset
    return undefined
  }

  has(offset: number): boolean {
    return this.tail.read(offset, this.end, 1) !== undefined
  }
}

describe('the tail cache', () => {
  test('gives out the very Buffers that were appended', () => {
    const writer = new Writer(new TailCache(1 << 20))
    const batches = [valuesBatch(['a', 'b']), valuesBatch(['c'])]
    for (const batch of batches) writer.add(batch)
    const read = writer.tail.read(1, 3, 1 << 20)
    expect(read?.nextOffset).toBe(3)
    expect(read?.batches).toHaveLength(2)
    for (const [index, batch] of batches.entries()) expect(read?.batches[index]).toBe(batch.buffer)
  })

  test('counts the memory behind a view, once for all views of it', () => {
    const cache = new TailCache(1 << 20)
    const writer = new Writer(cache)
    for (const batch of viewsOf(64_000, [valuesBatch(['a']), valuesBatch(['b'])])) writer.add(batch)
    expect(cache.memoryBytes).toBe(counted(64_000) + ENTRY_BYTES)
    writer.tail.cutFrom(1)
    expect(cache.memoryBytes).toBe(counted(64_000))
    writer.tail.cutFrom(0)
    expect(cache.memoryBytes).toBe(0)
  })

  test('copies small batches side by side, so that they do not keep what the network delivered', () => {
    const maxBytes = 64 * SLAB_BYTES
    const cache = new TailCache(maxBytes)
    const writer = new Writer(cache)
    const appended: Buffer[] = []
    const add = (sizeBytes: number, label: string): void => {
      const [batch] = viewsOf(64_000, [sizedBatch(sizeBytes, label)]) as [RecordBatch]
      writer.add(batch)
      appended.push(batch.buffer)
    }
    for (let index = 0; index < 60; index++) add(SMALL_BYTES - 1, `${index}`)
    expect(cache.memoryBytes).toBe(SLAB_BYTES + MEMORY_BYTES + 60 * ENTRY_BYTES)
    add(SMALL_BYTES, 'not small')
    expect(cache.memoryBytes).toBe(SLAB_BYTES + MEMORY_BYTES + 60 * ENTRY_BYTES + counted(64_000))
    expect(writer.tail.read(60, 61, 1 << 20)?.batches[0]).toBe(appended[60])
    for (let index = 61; index < 6_000; index++) {
      add(300 + (index % 700), `${index}`)
      expect(cache.memoryBytes).toBeLessThanOrEqual(maxBytes)
    }
    const start = writer.start as number
    expect(start).toBeGreaterThan(0)
    const read = writer.tail.read(start, writer.end, 1 << 26)
    expect(Buffer.concat(read?.batches ?? []).equals(Buffer.concat(appended.slice(start)))).toBe(true)
    // All readers get the same.
    const again = writer.tail.read(start, writer.end, 1 << 26)
    for (const [index, batch] of (read?.batches ?? []).entries()) expect(again?.batches[index]).toBe(batch)
    writer.tail.clear()
    expect(cache.memoryBytes).toBe(0)
  })

  test('frees shared memory only when the last of its batches is gone', () => {
    const cache = new TailCache(11_000)
    const writers = [new Writer(cache), new Writer(cache)] as const
    const [first, second] = viewsOf(8_000, [valuesBatch(['a']), valuesBatch(['b'])]) as [RecordBatch, RecordBatch]
    writers[0].add(first)
    writers[1].add(second)
    writers[1].add(exact(sizedBatch(3_000)))
    // Letting go of the first view frees nothing, so that the second goes too.
    expect(writers.map((writer) => writer.start)).toEqual([undefined, 1])
    expect(cache.memoryBytes).toBe(counted(3_000))
  })

  test('lets go of the oldest batch of all partitions first', () => {
    const cache = new TailCache(4 * counted(250))
    const [a, b] = [new Writer(cache), new Writer(cache)]
    for (const writer of [a, b, a, b]) writer.add(exact(sizedBatch(250)))
    expect([a.start, b.start]).toEqual([0, 0])
    b.add(exact(sizedBatch(250)))
    expect([a.start, b.start]).toEqual([1, 0])
    b.add(exact(sizedBatch(250)))
    expect([a.start, b.start]).toEqual([1, 1])
    expect(cache.memoryBytes).toBe(4 * counted(250))
  })

  test('does not keep a batch that is larger than all of it, nor anything before it', () => {
    const cache = new TailCache(4 * counted(250))
    const writer = new Writer(cache)
    writer.add(exact(sizedBatch(250)))
    writer.add(exact(sizedBatch(4_001)))
    expect(cache.memoryBytes).toBe(0)
    expect(writer.start).toBeUndefined()
    writer.add(exact(sizedBatch(250)))
    expect(writer.start).toBe(2)
    expect(cache.memoryBytes).toBe(counted(250))
  })

  test('takes nothing of a partition that let go of everything for its oldest', () => {
    const cache = new TailCache(4 * counted(250))
    const [gone, stays] = [new Writer(cache), new Writer(cache)]
    for (const writer of [gone, stays, gone]) writer.add(exact(sizedBatch(250)))
    gone.tail.clear()
    expect(cache.memoryBytes).toBe(counted(250))
    for (let count = 0; count < 3; count++) stays.add(exact(sizedBatch(250)))
    expect(stays.start).toBe(0)
    stays.add(exact(sizedBatch(250)))
    expect(stays.start).toBe(1)
  })

  test('does not grow by appends that fail', () => {
    const cache = new TailCache(1 << 20)
    const writer = new Writer(cache)
    writer.add(exact(sizedBatch(100)))
    for (let round = 0; round < 20_000; round++) {
      writer.add(valuesBatch(['x']))
      writer.tail.cutFrom(1)
      writer.end = 1
    }
    expect(cache.memoryBytes).toBe(counted(100))
    expect(cache.queuedEntries).toBeLessThan(5_000)
    expect(writer.start).toBe(0)
  })

  test('reads at every offset what a plain list has, whatever was appended, cut and dropped', () => {
    const step = fc.record({
      partition: fc.nat({ max: 1 }),
      what: fc.constantFrom('append', 'append', 'append', 'append', 'cut', 'clear'),
      records: fc.integer({ min: 1, max: 3 }),
      size: fc.nat({ max: 300 }),
      back: fc.nat({ max: 4 }),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 50 }), fc.nat({ max: 900 }), (steps, maxBytes) => {
        const cache = new TailCache(6_000)
        const writers = [new Writer(cache), new Writer(cache, 5)]
        let model: { partition: number; from: number; to: number; buffer: Buffer }[] = []
        const held = () => model.reduce((sum, { buffer }) => sum + counted(buffer.length), 0)
        for (const { partition, what, records, size, back } of steps) {
          const writer = writers[partition] as Writer
          if (what === 'append') {
            const batch = exact(valuesBatch(Array.from({ length: records }, () => 'x'.repeat(size))))
            model.push({ partition, from: writer.end, to: writer.end + records, buffer: batch.buffer })
            writer.add(batch)
            while (held() > 6_000) model.shift()
          } else if (what === 'clear') {
            writer.tail.clear()
            model = model.filter((entry) => entry.partition !== partition)
          } else {
            const own = model.filter((entry) => entry.partition === partition)
            const end = own.at(-1 - back)?.from ?? writer.end
            writer.tail.cutFrom(end)
            writer.end = end
            model = model.filter((entry) => entry.partition !== partition || entry.to <= end)
          }
          expect(cache.memoryBytes).toBe(held())
        }
        for (const [partition, { tail, end: last }] of writers.entries()) {
          const own = model.filter((entry) => entry.partition === partition)
          for (let offset = 0; offset <= last; offset++) {
            for (const end of [last, last - 1]) {
              const wanted = own.filter(({ from, to }) => to > offset && from <= Math.max(offset, last) && to <= end)
              const reached = own[0] !== undefined && own[0].from <= offset && wanted.length > 0
              let left = maxBytes
              const fitting = wanted.filter(({ buffer }, index) => {
                const fits = index === 0 || buffer.length <= left
                left = fits ? left - buffer.length : Number.NEGATIVE_INFINITY
                return fits
              })
              const expected = reached
                ? { batches: fitting.map(({ buffer }) => buffer), nextOffset: fitting.at(-1)?.to }
                : undefined
              expect(tail.read(offset, end, maxBytes)).toEqual(expected)
            }
          }
        }
      }),
      { numRuns: 200 },
    )
  })
})
