/** A transaction that is open in a partition. */
export interface OpenTransaction {
  readonly producerId: number
  readonly producerEpoch: number
  /** Of its first batch in the partition. */
  readonly firstOffset: number
}

/** A transaction whose marker is committed. */
export interface EndedTransaction extends OpenTransaction {
  /** Of the marker. */
  readonly lastOffset: number
  /** The first offset of those that were open behind the marker, or the offset after it. */
  readonly lastStableOffset: number
}

interface Entry extends OpenTransaction {
  /** The offset of the marker, once that has its place. */
  endedAt: number
}

/**
 * The transactions of one partition whose marker is not committed, by first offset. They are entered, and ended, when
 * batches get their offsets; `forgetFrom` takes that back for those whose append failed.
 */
export class OpenTransactions {
  private readonly entries = new Set<Entry>()
  private readonly current = new Map<number, Entry>()
  /** Those whose marker has its place. */
  private ending = 0
  private first = Number.POSITIVE_INFINITY

  /** The first offset of the oldest; infinite when there is none. What lies below it is decided, once it is committed. */
  get firstOffset(): number {
    return this.first
  }

  /** Those without a marker, be that committed or not, by first offset. */
  all(): OpenTransaction[] {
    return [...this.entries].filter(({ endedAt }) => !Number.isFinite(endedAt)).map(described)
  }

  /** Those that were open at `end`. */
  at(end: number): Map<number, OpenTransaction> {
    const open = new Map<number, OpenTransaction>()
    for (const entry of this.entries) {
      if (entry.firstOffset < end && entry.endedAt >= end) open.set(entry.producerId, described(entry))
    }
    return open
  }

  /** The producer's transaction that has no marker yet. */
  of(producerId: number): OpenTransaction | undefined {
    return this.current.get(producerId)
  }

  /** The offset of the producer's marker that has its place and is not committed. */
  endOf(producerId: number): number | undefined {
    let end: number | undefined
    for (const entry of this.entries) {
      if (entry.producerId === producerId && Number.isFinite(entry.endedAt)) end = entry.endedAt
    }
    return end
  }

  /** Takes note of a batch in a transaction, which may be its first. */
  open(producerId: number, producerEpoch: number, firstOffset: number): void {
    if (this.current.has(producerId)) return
    const entry = { producerId, producerEpoch, firstOffset, endedAt: Number.POSITIVE_INFINITY }
    this.current.set(producerId, entry)
    this.entries.add(entry)
    this.first = Math.min(this.first, firstOffset)
  }

  /** Takes note of a marker. */
  end(producerId: number, markerOffset: number): void {
    const entry = this.current.get(producerId)
    if (entry === undefined) return
    this.current.delete(producerId)
    entry.endedAt = markerOffset
    this.ending++
  }

  /** Lets go of those whose marker lies before `end`, the end of what is committed; by the offsets of the markers. */
  committed(end: number): EndedTransaction[] {
    if (this.ending === 0) return []
    const ended = [...this.entries].filter(({ endedAt }) => endedAt < end).sort((a, b) => a.endedAt - b.endedAt)
    return ended.map((entry) => {
      this.remove(entry)
      this.ending--
      const { endedAt: lastOffset } = entry
      return { ...described(entry), lastOffset, lastStableOffset: Math.min(this.first, lastOffset + 1) }
    })
  }

  /** Takes back what was entered for batches at or after `offset`. */
  forgetFrom(offset: number): void {
    for (const entry of this.entries) {
      const { producerId, firstOffset, endedAt } = entry
      if (endedAt >= offset && Number.isFinite(endedAt)) {
        entry.endedAt = Number.POSITIVE_INFINITY
        this.ending--
        this.current.set(producerId, entry)
      }
      if (firstOffset < offset) continue
      if (this.current.get(producerId) === entry) this.current.delete(producerId)
      this.remove(entry)
    }
  }

  private remove(entry: Entry): void {
    this.entries.delete(entry)
    if (entry.firstOffset > this.first) return
    const [oldest] = this.entries
    this.first = oldest?.firstOffset ?? Number.POSITIVE_INFINITY
  }
}

function described({ producerId, producerEpoch, firstOffset }: Entry): OpenTransaction {
  return { producerId, producerEpoch, firstOffset }
}
