import type { RecordBatch } from '@millrace/record'

interface CachedBatch {
  readonly tail: PartitionTail
  /** Emptied when the batch is released: the queue may pass over the entry much later. */
  buffer: Buffer
  readonly baseOffset: number
  readonly nextOffset: number
}

const RELEASED = Buffer.alloc(0)
/** What a batch takes beside its bytes, and memory that no other batch is in; both measured on Node.js 24. */
export const ENTRY_BYTES = 256
export const MEMORY_BYTES = 256
/** Entries that may be wasted before the queue is made anew. */
const WASTE = 1024
/** Batches below this size are copied into memory that they share. */
export const SMALL_BYTES = 1_024
/** How much of it there is in a piece. */
export const SLAB_BYTES = 65_536
/** In a cache of fewer pieces, one that is hardly begun would push too much out. */
const LEAST_SLABS = 64

/**
 * Keeps the batches that were appended last, so that readers at the tail touch no file and share one copy. One for a
 * data directory: the oldest batch of all partitions goes first.
 *
 * A batch is kept in the very Buffer that was appended. What counts is the memory behind it, not its length: a batch is
 * mostly a view into what the network delivered, and keeping 100 bytes of a megabyte keeps the megabyte. Views into the
 * same memory count once. What the runtime needs to keep a batch counts too: for small ones it is more than they are.
 * So small ones are copied, side by side, into memory that they share: with many clients each would keep a piece of its
 * own, which takes far more than its bytes.
 */
export class TailCache {
  private readonly maxBytes: number
  private readonly smallBytes: number
  private slab: Buffer = RELEASED
  private slabEnd = 0
  private bytes = 0
  private readonly views = new Map<ArrayBufferLike, number>()
  private queue: CachedBatch[] = []
  private first = 0
  /** Entries of the queue, from `first` on, that are released already. */
  private released = 0

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
    this.smallBytes = maxBytes < LEAST_SLABS * SLAB_BYTES ? 0 : SMALL_BYTES
  }

  /** Entries that are held, released ones that were not cleared away yet included. */
  get queuedEntries(): number {
    return this.queue.length
  }

  /** Memory that is held, in bytes. */
  get memoryBytes(): number {
    return this.bytes
  }

  /** The tail of one partition. */
  tail(): PartitionTail {
    return new PartitionTail(this)
  }

  add(tail: PartitionTail, batch: RecordBatch, baseOffset: number, nextOffset: number): CachedBatch {
    const buffer = batch.sizeBytes < this.smallBytes ? this.copyOf(batch.buffer) : batch.buffer
    const entry = { tail, buffer, baseOffset, nextOffset }
    this.queue.push(entry)
    const views = this.views.get(buffer.buffer) ?? 0
    this.bytes += ENTRY_BYTES
    if (views === 0) this.bytes += buffer.buffer.byteLength + MEMORY_BYTES
    this.views.set(buffer.buffer, views + 1)
    return entry
  }

  /** Drops the oldest batches until the rest fits. */
  shrink(): void {
    while (this.bytes > this.maxBytes && this.first < this.queue.length) {
      const oldest = this.queue[this.first] as CachedBatch
      if (oldest.buffer !== RELEASED) {
        oldest.tail.dropOldest()
        this.release(oldest)
      }
      this.released--
      this.first++
    }
    const wasted = this.first + this.released
    if (wasted > WASTE && wasted * 2 > this.queue.length) {
      this.queue = this.queue.slice(this.first).filter((entry) => entry.buffer !== RELEASED)
      this.first = 0
      this.released = 0
    }
  }

  release(entry: CachedBatch): void {
    const memory = entry.buffer.buffer
    entry.buffer = RELEASED
    this.released++
    this.bytes -= ENTRY_BYTES
    const views = (this.views.get(memory) as number) - 1
    if (views > 0) {
      this.views.set(memory, views)
    } else {
      this.views.delete(memory)
      this.bytes -= memory.byteLength + MEMORY_BYTES
    }
  }

  private copyOf(batch: Buffer): Buffer {
    if (this.slabEnd + batch.length > this.slab.length) {
      this.slab = Buffer.allocUnsafeSlow(SLAB_BYTES)
      this.slabEnd = 0
    }
    const copy = this.slab.subarray(this.slabEnd, this.slabEnd + batch.length)
    copy.set(batch)
    this.slabEnd += batch.length
    return copy
  }
}

/** The cached batches of one partition: consecutive, up to the last one appended. */
export class PartitionTail {
  private readonly cache: TailCache
  private batches: CachedBatch[] = []
  private first = 0

  constructor(cache: TailCache) {
    this.cache = cache
  }

  /** Adds the batch that was appended last. */
  append(batch: RecordBatch, baseOffset: number, nextOffset: number): void {
    this.batches.push(this.cache.add(this, batch, baseOffset, nextOffset))
    this.cache.shrink()
  }

  /**
   * The batches from the one that holds `offset` on, which end at or before `end`, up to `maxBytes` but at least one;
   * undefined when the cache does not reach back to `offset`.
   */
  read(offset: number, end: number, maxBytes: number): { batches: Buffer[]; nextOffset: number } | undefined {
    const start = this.batches[this.first]
    if (start === undefined || offset < start.baseOffset) return undefined
    const batches: Buffer[] = []
    let nextOffset = offset
    let left = maxBytes
    for (let index = this.indexOf(offset); index < this.batches.length; index++) {
      const batch = this.batches[index] as CachedBatch
      if (batch.nextOffset > end || (batches.length > 0 && batch.buffer.length > left)) break
      batches.push(batch.buffer)
      left -= batch.buffer.length
      nextOffset = batch.nextOffset
    }
    return batches.length > 0 ? { batches, nextOffset } : undefined
  }

  /** Takes back the batches at or after `offset`. */
  cutFrom(offset: number): void {
    while (this.batches.length > this.first && (this.batches.at(-1) as CachedBatch).baseOffset >= offset) {
      this.cache.release(this.batches.pop() as CachedBatch)
    }
  }

  /** Lets go of the batches before `offset`. */
  dropBefore(offset: number): void {
    const kept = this.indexOf(offset)
    for (const batch of this.batches.slice(this.first, kept)) this.cache.release(batch)
    this.batches = this.batches.slice(kept)
    this.first = 0
  }

  /** Lets go of everything. */
  clear(): void {
    this.cutFrom(0)
    this.batches = []
    this.first = 0
  }

  /** For the cache: the oldest batch is gone. */
  dropOldest(): void {
    this.first++
    if (this.first > 256 && this.first * 2 > this.batches.length) {
      this.batches = this.batches.slice(this.first)
      this.first = 0
    }
  }

  private indexOf(offset: number): number {
    let low = this.first
    let high = this.batches.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.batches[middle] as CachedBatch).nextOffset <= offset) low = middle + 1
      else high = middle
    }
    return low
  }
}
