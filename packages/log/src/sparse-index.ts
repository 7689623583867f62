const FIRST_ENTRIES = 16

/** Sorted entries of a fixed size in one Buffer that is, byte for byte, the index file. */
export abstract class SparseIndex {
  protected bytes: Buffer
  protected count: number
  private readonly entryBytes: number

  protected constructor(entryBytes: number, bytes: Buffer = Buffer.alloc(0)) {
    this.entryBytes = entryBytes
    this.bytes = bytes
    this.count = Math.floor(bytes.length / entryBytes)
  }

  get entries(): number {
    return this.count
  }

  /** Memory that the index holds, in bytes. */
  get memoryBytes(): number {
    return this.bytes.length
  }

  /** The content of the index file. */
  get fileBytes(): Buffer {
    return this.bytes.subarray(0, this.count * this.entryBytes)
  }

  protected abstract keyAt(entry: number): number

  /** The last entry whose key is at most `key`; -1 when there is none. */
  protected lastAtMost(key: number): number {
    let low = 0
    let high = this.count
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.keyAt(middle) <= key) low = middle + 1
      else high = middle
    }
    return low - 1
  }

  /** Makes room for one more entry and returns its position in `bytes`. */
  protected grow(): number {
    const at = this.count * this.entryBytes
    if (at + this.entryBytes > this.bytes.length) {
      const larger = Buffer.alloc(Math.max(this.bytes.length * 2, FIRST_ENTRIES * this.entryBytes))
      this.bytes.copy(larger, 0, 0, at)
      this.bytes = larger
    }
    this.count++
    return at
  }
}
