const KiB = 1024
const MiB = 1024 * KiB

/**
 * Every limit of the server, with its unit in its name. Past a limit the answer is a clear error or back-pressure,
 * never growth. A server may be started with lower or higher ones.
 */
export interface Limits {
  /** One REST body or one gRPC message. */
  readonly requestBytes: number
  /** What one compressed batch may expand to when the broker or a reader opens it. */
  readonly decompressedBytes: number
  /** Headers of one request. */
  readonly headerBytes: number
  /** Records in one REST produce request. */
  readonly recordsPerRequest: number
  /** What one fetch may return; a single larger batch is still returned whole. */
  readonly fetchBytes: number
  /** Records in one REST fetch response. */
  readonly fetchRecords: number
  /** The longest that a fetch may wait for data. */
  readonly fetchWaitMs: number
  /** Appended but not yet committed bytes in one partition; further appends are refused with LIMIT_REACHED. */
  readonly pendingBytesPerPartition: number
  /** Bytes that one connection may have sent to produce and not yet been answered; past it, it is not read from. */
  readonly inFlightBytesPerConnection: number
  /**
   * The same over all connections; past it, those that have more than a little are not read from. Messages that are
   * still coming may take half of it besides.
   */
  readonly inFlightBytes: number
  /**
   * What peers may send to streams that are not read from, and messages that were begun and have no room of their own,
   * over all connections; past it, calls that would add more are refused.
   */
  readonly unreadBytes: number
  /**
   * What was read for clients that have not taken it yet, over all connections. The closer to it, the less is read for
   * one at a time.
   */
  readonly unsentBytes: number
  /**
   * What a client may send on one HTTP/2 stream before it is read, while connections are few; a stream cannot be faster
   * than this per round trip.
   */
  readonly streamWindowBytes: number
  /** What the windows of a connection's streams share while connections are few, and what may be on its way at once. */
  readonly connectionWindowBytes: number
  /** Open HTTP/2 streams of one connection. */
  readonly streamsPerConnection: number
  /** Open HTTP/2 streams over all connections; more are refused. */
  readonly streams: number
  /** Open connections. */
  readonly connections: number
  /** Requests that an HTTP/1.1 connection may send before their answers; past it, it is ended. */
  readonly pipelinedRequests: number
  /**
   * What an HTTP/2 connection may send at once that brings nothing: pings, settings, empty frames, messages in tiny
   * pieces. Past it, it is ended.
   */
  readonly noiseBytesPerConnection: number
  /** How much of it is forgiven with time. */
  readonly noiseBytesPerSecond: number
  /** HTTP/2 streams that a client may open and reset at once; past it, its connection is ended. */
  readonly resetsAtOnce: number
  /** How many of them are forgiven with time. */
  readonly resetsPerSecond: number
  /** Live tails of REST that are open, over all connections. */
  readonly liveTails: number
  /** Time after which a live tail that has nothing to tell says so; at most `fetchWaitMs`. */
  readonly liveTailHeartbeatMs: number
  /** Partitions that one fetch stream may follow. */
  readonly partitionsPerFetchStream: number
  /** The same over all fetch streams. */
  readonly followedPartitions: number
  /** Fetches, of REST and unary gRPC, that wait for data at the same time. */
  readonly waitingFetches: number
  readonly topics: number
  readonly partitionsPerTopic: number
  readonly partitions: number
  /** Files kept open, over all partitions. */
  readonly openFiles: number
  /** Size at which a journal file is full and a checkpoint is made. */
  readonly journalBytes: number
  /** Batches that are in the journal and in memory but not in their segments yet, over all partitions. */
  readonly journalBacklogBytes: number
  /** Memory behind the batches that are kept for readers at the tail, over all partitions. */
  readonly tailCacheBytes: number
  /** Memory for index files of closed segments, over all partitions. */
  readonly indexCacheBytes: number
  /** Time between two rounds of retention and compaction over all partitions. */
  readonly housekeepingIntervalMs: number
  /** What compaction reads and writes, over all partitions. New data is read twice. */
  readonly compactionBytesPerSecond: number
  /** Memory for the keys of the one partition that is being compacted; what they do not hold waits for the next round. */
  readonly compactionMapBytes: number
  /** Keys and values of one of the tables that are kept in a log, encoded; changes that add more are refused. */
  readonly tableBytes: number
  /** Records of a table's log after which a snapshot is saved, where there is a place for one. */
  readonly tableSnapshotRecords: number
  /** Idempotent producers remembered per partition; new ones are refused with LIMIT_REACHED. */
  readonly producersPerPartition: number
  /** The same over all partitions, each producer counted once for each. */
  readonly producers: number
  /**
   * When either is reached, those are forgotten that wrote nothing to a partition for so long. Longer than anybody repeats
   * a batch whose outcome is not known to it.
   */
  readonly producerIdExpirationMs: number
  /** Producers with a transactional id, over all topics. */
  readonly transactionalIds: number
  /** The longest time that a transaction may ask to stay open. */
  readonly transactionTimeoutMs: number
  /** A transactional id that nobody used for so long is forgotten. */
  readonly transactionalIdExpirationMs: number
  /** For so long, a repeat of a request with an idempotency key is answered as the first was. */
  readonly idempotencyWindowMs: number
  /** Idempotency keys that are remembered, over all topics; a request with one more is refused with LIMIT_REACHED. */
  readonly idempotencyKeys: number
  /** Requests with an idempotency key that are under way at once; past it, LIMIT_REACHED. */
  readonly idempotentRequests: number
  readonly groups: number
  readonly membersPerGroup: number
  /** Members of all groups, connected or within their session time-out. */
  readonly members: number
  /** Bounds of what a member may ask for. */
  readonly minSessionTimeoutMs: number
  readonly maxSessionTimeoutMs: number
  /** The longest time that a member may ask for to give partitions back. */
  readonly maxRebalanceTimeoutMs: number
  /** Committed offsets go when their group has been without members and commits for so long. */
  readonly offsetsRetentionMs: number
  /** Free space of the data's file system below which the server says that it is not ready; 0: never. */
  readonly minFreeBytes: number
  /** Topics that have metrics of their own; the rest share theirs. */
  readonly metricsTopics: number
  /** Consumer groups that have metrics of their own; the rest share theirs. */
  readonly metricsGroups: number
  /** Time for the first bytes of a connection, and for the headers of a request. */
  readonly headersTimeoutMs: number
  /** Time for a whole REST request, and between two chunks of a gRPC message that has begun. */
  readonly requestTimeoutMs: number
  /** Time that a reader may leave its flow-control window shut while data waits for it. */
  readonly stalledReaderTimeoutMs: number
  /** Time that open requests get to end at shutdown. */
  readonly shutdownGraceMs: number
}

export const DEFAULT_LIMITS: Limits = {
  requestBytes: 8 * MiB,
  decompressedBytes: 64 * MiB,
  headerBytes: 16 * KiB,
  recordsPerRequest: 10_000,
  fetchBytes: 8 * MiB,
  fetchRecords: 10_000,
  fetchWaitMs: 60_000,
  pendingBytesPerPartition: 64 * MiB,
  inFlightBytesPerConnection: 8 * MiB,
  inFlightBytes: 32 * MiB,
  unreadBytes: 192 * MiB,
  unsentBytes: 64 * MiB,
  streamWindowBytes: 1 * MiB,
  connectionWindowBytes: 8 * MiB,
  streamsPerConnection: 256,
  streams: 20_000,
  connections: 10_000,
  pipelinedRequests: 64,
  noiseBytesPerConnection: 1 * MiB,
  noiseBytesPerSecond: 512 * KiB,
  resetsAtOnce: 200,
  resetsPerSecond: 33,
  liveTails: 1_000,
  liveTailHeartbeatMs: 15_000,
  partitionsPerFetchStream: 1_000,
  followedPartitions: 100_000,
  waitingFetches: 2_000,
  topics: 10_000,
  partitionsPerTopic: 1_000,
  partitions: 20_000,
  openFiles: 2_000,
  journalBytes: 128 * MiB,
  journalBacklogBytes: 32 * MiB,
  tailCacheBytes: 16 * MiB,
  indexCacheBytes: 64 * MiB,
  housekeepingIntervalMs: 300_000,
  compactionBytesPerSecond: 512 * MiB,
  compactionMapBytes: 64 * MiB,
  tableBytes: 128 * MiB,
  tableSnapshotRecords: 10_000,
  producersPerPartition: 10_000,
  producers: 100_000,
  producerIdExpirationMs: 900_000,
  transactionalIds: 10_000,
  transactionTimeoutMs: 900_000,
  transactionalIdExpirationMs: 7 * 86_400_000,
  idempotencyWindowMs: 600_000,
  idempotencyKeys: 200_000,
  idempotentRequests: 1_000,
  groups: 10_000,
  membersPerGroup: 1_000,
  members: 20_000,
  minSessionTimeoutMs: 1_000,
  maxSessionTimeoutMs: 1_800_000,
  maxRebalanceTimeoutMs: 3_600_000,
  offsetsRetentionMs: 7 * 86_400_000,
  minFreeBytes: 256 * MiB,
  metricsTopics: 100,
  metricsGroups: 100,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  stalledReaderTimeoutMs: 60_000,
  shutdownGraceMs: 10_000,
}

/** The longest topic name, in characters, as in Kafka. */
export const MAX_TOPIC_NAME_LENGTH = 249
/** The longest name of a consumer group, member, instance or transactional id, in bytes of UTF-8. */
export const MAX_NAME_BYTES = 255
/** The longest idempotency key, in characters, which are visible ASCII. */
export const MAX_IDEMPOTENCY_KEY_LENGTH = 255
/** What a committed offset may carry beside it, in bytes of UTF-8, as in Kafka. */
export const MAX_OFFSET_METADATA_BYTES = 4_096
/** Headers of one record. */
export const MAX_HEADERS_PER_RECORD = 10_000
/** Batches per producer and partition by which a repeated one is recognised; a client keeps fewer in flight. */
export const REMEMBERED_BATCHES = 32
/** No batch is larger than this, whatever a topic or a damaged length field says. */
export const MAX_BATCH_BYTES = 64 * MiB
/** Kafka's default of `max.message.bytes`: the largest batch, its header included. */
export const DEFAULT_MAX_MESSAGE_BYTES = 1_048_588
