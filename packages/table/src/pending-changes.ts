import type { TransactionMarker } from '@millrace/record'
import type { TableKey } from './codec.ts'
import type { SizedChange } from './entries.ts'

/** A change with its place in the log. */
export interface LoggedChange<K extends TableKey, V> extends SizedChange<K, V> {
  readonly offset: number
}

/** What the log has at a place, as far as it changes a table. */
export interface Logged<K extends TableKey, V> {
  readonly changes: readonly LoggedChange<K, V>[]
  /** Whose transaction the changes wait for the end of; undefined: they hold at once. */
  readonly producerId?: number | undefined
  /** The end of a transaction. */
  readonly marker?: TransactionMarker | undefined
}

/**
 * The changes of transactions that have not ended, by their producers: one has one transaction at a time.
 *
 * Of all changes of a key that hold, the one counts that comes last in the log, not the one whose transaction ended last:
 * compaction keeps that one. So a change that takes effect puts an end to what is pending for its key before it.
 */
export class PendingChanges<K extends TableKey, V> {
  private readonly byProducer = new Map<number, LoggedChange<K, V>[]>()
  /** How many changes of a key are pending. */
  private readonly counts = new Map<K, number>()
  private bytes = 0

  /** Transactions. */
  get size(): number {
    return this.byProducer.size
  }
  /** Bytes of all keys and values, encoded. */
  get sizeBytes(): number {
    return this.bytes
  }

  /** Whether the key has a change that takes effect if its transaction is committed. */
  has(key: K): boolean {
    return this.counts.has(key)
  }

  [Symbol.iterator](): IterableIterator<[producerId: number, changes: readonly LoggedChange<K, V>[]]> {
    return this.byProducer.entries()
  }

  /**
   * Takes up what the log has next: holds it back, or gives what takes effect.
   * @returns the changes that do, in their order
   */
  take({ changes, producerId, marker }: Logged<K, V>): readonly LoggedChange<K, V>[] {
    if (marker === undefined && producerId !== undefined) {
      this.hold(producerId, changes)
      return []
    }
    const ended = marker === undefined ? changes : this.release(marker.producerId)
    if (marker?.outcome === 'abort') return []
    for (const change of ended) if (this.counts.has(change.key)) this.supersede(change)
    return ended
  }

  private hold(producerId: number, changes: readonly LoggedChange<K, V>[]): void {
    const held = this.byProducer.get(producerId) ?? []
    this.byProducer.set(producerId, held)
    for (const change of changes) {
      held.push(change)
      this.counts.set(change.key, (this.counts.get(change.key) ?? 0) + 1)
      this.bytes += change.sizeBytes
    }
  }

  private release(producerId: number): readonly LoggedChange<K, V>[] {
    const held = this.byProducer.get(producerId) ?? []
    this.byProducer.delete(producerId)
    for (const change of held) this.uncount(change)
    return held
  }

  private supersede({ key, offset }: LoggedChange<K, V>): void {
    for (const [producerId, held] of this.byProducer) {
      const left = held.filter((change) => change.key !== key || change.offset > offset)
      if (left.length === held.length) continue
      for (const change of held) if (change.key === key && change.offset <= offset) this.uncount(change)
      this.byProducer.set(producerId, left)
    }
  }

  private uncount({ key, sizeBytes }: LoggedChange<K, V>): void {
    const left = (this.counts.get(key) as number) - 1
    if (left === 0) this.counts.delete(key)
    else this.counts.set(key, left)
    this.bytes -= sizeBytes
  }
}
