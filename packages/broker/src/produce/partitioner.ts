import { partitionOfKey } from '@millrace/record'
import type { TopicHandle } from '../topics/topic-handle.ts'
import type { PlainRecord } from './plain-record.ts'

/**
 * Chooses partitions: the one that the record names, else by the murmur2 hash of its key as Kafka's clients do, else
 * one for all keyless records of a request, which moves on from request to request.
 */
export class Partitioner {
  /** The partition of the next request's keyless records. */
  private readonly turns = new WeakMap<TopicHandle, number>()

  /** The partition of each record, in order. A partition that a record names need not exist. */
  choose(handle: TopicHandle, records: readonly PlainRecord[]): number[] {
    const { partitions } = handle.description
    let keyless: number | undefined
    return records.map(({ partition, key }) => {
      if (partition !== undefined) return partition
      if (key !== null) return partitionOfKey(key, partitions)
      keyless ??= this.takeTurn(handle)
      return keyless
    })
  }

  private takeTurn(handle: TopicHandle): number {
    const partition = this.turns.get(handle) ?? 0
    this.turns.set(handle, (partition + 1) % handle.description.partitions)
    return partition
  }
}
