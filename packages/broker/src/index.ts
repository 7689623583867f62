export { Broker, type BrokerOptions } from './broker.ts'
export { Fetch } from './fetch/fetch.ts'
export { FetchSource, type FoundOffset, type SourceReadOptions } from './fetch/fetch-source.ts'
export type { FetchedRecords, FetchRecordsOptions } from './fetch/fetched-records.ts'
export type { Position } from './fetch/position.ts'
export type {
  AssignorName,
  CommitRequest,
  CommittedOffset,
  GroupCalls,
  GroupDescription,
  GroupPartition,
  GroupState,
  GroupSummary,
  JoinRequest,
  MemberDescription,
  MemberIdentity,
  MemberListener,
  Membership,
  OffsetCommit,
  OffsetReset,
  ResetRequest,
  TopicPartitions,
} from './groups/group-types.ts'
export type { GroupStats } from './groups/group-views.ts'
export { Groups } from './groups/groups.ts'
export type { OnceAnswer } from './idempotency/requests-once.ts'
export type { PlainRecord, ProduceResult } from './produce/plain-record.ts'
export { Produce } from './produce/produce.ts'
export { ProduceTarget } from './produce/produce-target.ts'
export type { BrokerStats, GroupFigures, TopicFigures } from './stats/broker-stats.ts'
export type { LiveReader } from './stats/live-readers.ts'
export type { TopicTraffic } from './stats/traffic.ts'
export { type NewTopic, type TopicDetails, Topics } from './topics/topics.ts'
export { Transactions } from './transactions/transactions.ts'
export { LARGE_BYTES, LongWork, type Pace } from './work/long-work.ts'
