export { type ErrorCode, MillraceError } from '@millrace/record'
export {
  Admin,
  type NewTopic,
  type OffsetQuery,
  type PartitionInfo,
  type PartitionOffset,
  type RecordsToDelete,
  type TopicAlteration,
  type TopicDetails,
  type TopicInfo,
  type TransactionInfo,
} from './admin.ts'
export type { AdminCallOptions } from './admin-options.ts'
export { type HeadersInput, type ProducerRecord, SendBatchError, type SendFailure, type SendResult } from './call.ts'
export {
  type BatchesOptions,
  type CloseOptions,
  Consumer,
  type RunOptions,
} from './consumer/consumer.ts'
export type { ConsumerOptions, StartingPartition } from './consumer/consumer-options.ts'
export type { FailureOptions } from './consumer/failure-options.ts'
export type { HandlerContext } from './consumer/failure-policy.ts'
export type { OffsetToCommit } from './consumer/membership.ts'
export type { TopicPartition, TopicPartitionOffset } from './consumer/topic-partition.ts'
export type {
  CommitQuery,
  CommittedOffset,
  CommittedQuery,
  GroupDetails,
  GroupInfo,
  GroupMemberInfo,
  GroupOffset,
  GroupPartitionInfo,
  OffsetReset,
  ResetQuery,
  TopicPartitions,
} from './group-admin.ts'
export { Millrace, type MillraceOptions, type Surroundings } from './millrace.ts'
export type { ProducerOptions } from './options.ts'
export { keyPartitioner, type PartitionedRecord, type Partitioner } from './partitioner.ts'
export type { Position } from './position.ts'
export { Producer, type SendOptions } from './producer.ts'
export type { ReadEnd, ReadOptions } from './read-options.ts'
export { ReadRecord } from './read-record.ts'
export { BatchReader, type ReadBatch, RecordReader } from './reader.ts'
export { defaultSerializer, type Serializer } from './serializer.ts'
export type { GroupOffsets, Transaction, TransactionalOffset, TransactionalOffsets } from './transaction.ts'
export { TransactionalProducer, type TransactionOptions, type TransactionWork } from './transactional-producer.ts'
