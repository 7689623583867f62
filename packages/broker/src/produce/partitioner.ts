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
    return partitionsOf(records, handle.description.partitions, () => this.takeTurn(handle))
  }

  /** The partition of one request's keyless records. */
  takeTurn(handle: TopicHandle): number {
    const partition = this.turns.get(handle) ?? 0
    this.turns.set(handle, (partition + 1) % handle.description.partitions)
    return partition
  }
}

/**
 * The partition of each record of a request, in order.
 * @param partitions how many the topic has
 * @param keyless gives the partition of all keyless records; asked for once, if there are any
 */
export function partitionsOf(records: readonly PlainRecord[], partitions: number, keyless: () => number): number[] {
  let ofKeyless: number | undefined
  return records.map(({ partition, key }) => {
    if (partition !== undefined) return partition
    if (key !== null) return partitionOfKey(key, partitions)
    ofKeyless ??= keyless()
    return ofKeyless
  })
}

/** The places of each partition's records among all. */
export function groupByPartition(partitions: readonly number[]): Map<number, number[]> {
  const places = new Map<number, number[]>()
  for (const [index, partition] of partitions.entries()) {
    const group = places.get(partition)
    if (group === undefined) places.set(partition, [index])
    else group.push(index)
  }
  return places
}
