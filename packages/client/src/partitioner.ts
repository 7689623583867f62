import { partitionOfKey } from '@millrace/record'

/** What a partitioner sees of a record: the bytes that will be sent. */
export interface PartitionedRecord {
  readonly topic: string
  readonly key: Buffer | null
  readonly value: Buffer | null
}

/**
 * Chooses the partition of a record: a whole number from 0 up to but not including `partitions`, or undefined to leave
 * it to the default. It must not keep `record`, which is used again for the next one.
 */
export type Partitioner = (record: PartitionedRecord, partitions: number) => number | undefined

/**
 * The default: records with a key go where Kafka's clients would put them (murmur2), so that equal keys share a
 * partition; those without one are left to the producer, which fills a batch of one partition and then goes on to the
 * next.
 */
export const keyPartitioner: Partitioner = ({ key }, partitions) =>
  key === null ? undefined : partitionOfKey(key, partitions)
