import type { TableKey } from './codec.ts'

/** One key set, or deleted: then `value` is undefined. */
export interface SizedChange<K extends TableKey, V> {
  readonly key: K
  readonly value: V | undefined
  /** Bytes of the key and the value, encoded. */
  readonly sizeBytes: number
}

interface Entry<V> {
  readonly value: V
  readonly sizeBytes: number
}

/** The entries of a table, and how many bytes they are when encoded. Applying changes is idempotent. */
export class Entries<K extends TableKey, V> {
  private readonly byKey = new Map<K, Entry<V>>()
  private bytes = 0

  get size(): number {
    return this.byKey.size
  }
  /** Bytes of all keys and values, encoded. */
  get sizeBytes(): number {
    return this.bytes
  }

  get(key: K): V | undefined {
    return this.byKey.get(key)?.value
  }

  has(key: K): boolean {
    return this.byKey.has(key)
  }

  /** In the order of the keys' first appearance, as a Map has them; changes on the way show as in a Map. */
  *[Symbol.iterator](): Generator<[K, V], void, undefined> {
    for (const [key, { value }] of this.byKey) yield [key, value]
  }

  /** @returns the value that the key had */
  apply({ key, value, sizeBytes }: SizedChange<K, V>): V | undefined {
    const previous = this.byKey.get(key)
    this.bytes -= previous?.sizeBytes ?? 0
    if (value === undefined) {
      this.byKey.delete(key)
    } else {
      this.byKey.set(key, { value, sizeBytes })
      this.bytes += sizeBytes
    }
    return previous?.value
  }

  /** By how many bytes `change` would make the entries grow; negative when they would shrink. */
  growthBy({ key, value, sizeBytes }: SizedChange<K, V>): number {
    const now = this.byKey.get(key)?.sizeBytes ?? 0
    return (value === undefined ? 0 : sizeBytes) - now
  }
}
