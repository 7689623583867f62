export type {
  AbortedTransaction,
  Acks,
  AppendResult,
  Engine,
  EnginePartition,
  Isolation,
  PartitionOffsets,
  PartitionStatus,
  ProducerIds,
  ReadOptions,
  ReadResult,
  TopicCatalog,
  TopicDescription,
} from './engine.ts'
export {
  describeTopicConfig,
  FLUSH_POLICIES,
  type FlushPolicy,
  parseTopicConfig,
  TOPIC_SETTINGS,
  type TopicConfig,
  type TopicSettings,
} from './topic-config.ts'
