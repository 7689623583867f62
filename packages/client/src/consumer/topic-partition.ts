import type { millrace } from '@millrace/wire'

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

/** A place in a partition: for a commit, the next record that is wanted. */
export interface TopicPartitionOffset extends TopicPartition {
  readonly offset: number
}

/** What tells partitions apart in a Map. */
export function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`
}

/** Partitions as a message has them: by topic. */
export function toTopicPartitions(partitions: Iterable<TopicPartition>): { topic: string; partitions: number[] }[] {
  const byTopic = new Map<string, number[]>()
  for (const { topic, partition } of partitions) {
    const numbers = byTopic.get(topic)
    if (numbers === undefined) byTopic.set(topic, [partition])
    else numbers.push(partition)
  }
  return [...byTopic].map(([topic, numbers]) => ({ topic, partitions: numbers }))
}

export function fromTopicPartitions(
  message: readonly millrace.v1.TopicPartitions.$Properties[] | null | undefined,
): TopicPartition[] {
  return (message ?? []).flatMap(({ topic, partitions }) =>
    (partitions ?? []).map((partition) => ({ topic: topic ?? '', partition })),
  )
}
