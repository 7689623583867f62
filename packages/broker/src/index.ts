export { Broker, type BrokerOptions } from './broker.ts'
export {
  Fetch,
  type FetchedRecords,
  type FetchRecordsOptions,
} from './fetch/fetch.ts'
export { FetchSource, type FoundOffset, type SourceReadOptions } from './fetch/fetch-source.ts'
export type { Position } from './fetch/position.ts'
export type { PlainRecord, ProduceResult } from './produce/plain-record.ts'
export { Produce } from './produce/produce.ts'
export { ProduceTarget } from './produce/produce-target.ts'
export { type NewTopic, type TopicDetails, Topics } from './topics/topics.ts'
export { Transactions } from './transactions/transactions.ts'
