import type { TopicPartitions } from './group-types.ts'

/** A partition of one topic for the topic's life: `UUID:number`. */
export type PartitionId = `${string}:${number}`

export function partitionId(topicId: string, partition: number): PartitionId {
  return `${topicId}:${partition}`
}

export function topicOf(id: PartitionId): string {
  return id.slice(0, id.lastIndexOf(':'))
}

export function numberOf(id: PartitionId): number {
  return Number(id.slice(id.lastIndexOf(':') + 1))
}

/** Partitions by topic id, the numbers ascending. */
export function byTopic(ids: Iterable<PartitionId>): Map<string, number[]> {
  const topics = new Map<string, number[]>()
  for (const id of ids) {
    const topicId = topicOf(id)
    const partitions = topics.get(topicId)
    if (partitions === undefined) topics.set(topicId, [numberOf(id)])
    else partitions.push(numberOf(id))
  }
  for (const partitions of topics.values()) partitions.sort((a, b) => a - b)
  return topics
}

/** Partitions by topic name, in order; those of a topic without a name are left out. */
export function namedPartitions(
  ids: Iterable<PartitionId>,
  nameOf: (topicId: string) => string | undefined,
): TopicPartitions[] {
  const named: TopicPartitions[] = []
  for (const [topicId, partitions] of byTopic(ids)) {
    const topic = nameOf(topicId)
    if (topic !== undefined) named.push({ topic, partitions })
  }
  return named.sort((a, b) => (a.topic < b.topic ? -1 : 1))
}
