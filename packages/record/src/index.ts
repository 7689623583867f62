export { AbortedFilter, type AbortedTransaction } from './aborted-filter.ts'
export { BatchBuilder, type BuildOptions } from './batch-builder.ts'
export { type Breathe, emptiedBatch, type FilterOptions, filterBatch, gapBatch, Scratch } from './batch-filter.ts'
export { type BatchRules, checkKeys, keyMissing, validateClientBatch } from './batch-validation.ts'
export { checksum } from './checksum.ts'
export { type Clock, foregroundClock, systemClock, type Timer } from './clock.ts'
export { COMPRESSION_CODECS, type CompressionCodec } from './compression.ts'
export { controlBatch, type TransactionMarker, transactionMarkerOf } from './control-batch.ts'
export {
  asMillraceError,
  ERRORS,
  type ErrorCode,
  type ErrorDetails,
  type ErrorKind,
  isErrorCode,
  MillraceError,
} from './errors.ts'
export { DURATION_BOUNDS_MS, Histogram, type HistogramView } from './histogram.ts'
export { readInt64, writeInt64 } from './int64.ts'
export {
  DEFAULT_LIMITS,
  DEFAULT_MAX_MESSAGE_BYTES,
  type Limits,
  MAX_BATCH_BYTES,
  MAX_HEADERS_PER_RECORD,
  MAX_IDEMPOTENCY_KEY_LENGTH,
  MAX_NAME_BYTES,
  MAX_OFFSET_METADATA_BYTES,
  MAX_TOPIC_NAME_LENGTH,
  REMEMBERED_BATCHES,
} from './limits.ts'
export { Lines } from './lines.ts'
export { type Logger, silentLogger } from './logger.ts'
export { murmur2, partitionOfKey } from './murmur2.ts'
export { nextTurn, Pauses } from './next-turn.ts'
export type {
  CommittedOffset,
  DurableOffset,
  HighWatermark,
  LastStableOffset,
  LogEndOffset,
  LogStartOffset,
} from './offsets.ts'
export { PacedTurns, type PacedTurnsOptions } from './paced-turns.ts'
export type { RecordHeader, RecordInput, StoredRecord } from './record.ts'
export {
  BATCH_HEADER_BYTES,
  batchSizeAt,
  MAGIC,
  measureBatches,
  type ProducerStamp,
  RecordBatch,
  readBatches,
  sequenceAfter,
} from './record-batch.ts'
export { type CursorBase, RecordCursor } from './record-cursor.ts'
export { checkTopicName, INTERNAL_TOPIC_PREFIX, isInternalTopic } from './topic-name.ts'
