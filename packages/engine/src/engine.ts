import type { HighWatermark, LastStableOffset, LogStartOffset } from '@millrace/record'
import type { EngineStats } from './engine-stats.ts'
import type { TopicSettings } from './topic-config.ts'

/**
 * The port between the broker and whatever keeps the logs. Every call is asynchronous and takes and gives plain data
 * and Buffers that nobody else writes to, so that an engine may live in another thread or on another machine. A Buffer
 * passed to `append` belongs to the engine from then on.
 *
 * Calls never throw; they fail with a MillraceError. After `close` every call fails with SHUTTING_DOWN.
 */
export interface Engine {
  readonly topics: TopicCatalog
  readonly producers: ProducerIds
  readonly transactions: Transactions

  /**
   * A handle for one partition of one topic, by the topic's id. Cheap; it opens nothing. Calls on it fail with
   * TOPIC_NOT_FOUND once the topic is deleted, PARTITION_NOT_FOUND when there is no such partition.
   */
  partition(topicId: string, partition: number): EnginePartition

  /** Undefined where what the engine keeps is not this process's to copy. */
  readonly backups?: Backups | undefined

  /** What keeps this engine from doing its work, in words; empty when all is well. Also answers after `close`. */
  problems(): Promise<readonly string[]>

  /**
   * What it holds, and has done since its start. Takes a while where there is much, and lets others have their turn.
   * @throws MillraceError SHUTTING_DOWN
   */
  stats(): Promise<EngineStats>

  /**
   * Ends waiting reads with SHUTTING_DOWN, waits until what was appended is committed, and lets go of everything. May be
   * called twice.
   */
  close(): Promise<void>
}

export interface TopicDescription {
  /** UUID, the topic's for life: a topic deleted and made again has another. */
  readonly id: string
  readonly name: string
  readonly partitions: number
  /** The settings that were given; see `parseTopicConfig` for the rest. */
  readonly settings: TopicSettings
  /** Milliseconds since 1970. */
  readonly createdAtMs: number
}

/** What is to become different of a topic. */
export interface TopicChange {
  /** New values of settings; others stay. */
  readonly set?: TopicSettings | undefined
  /** Settings that get their defaults back. One that has it already is no error, one that there is not is. */
  readonly unset?: readonly string[] | undefined
  /** How many partitions there are to be. */
  readonly partitions?: number | undefined
}

export interface TopicCatalog {
  /**
   * Makes a topic; when it returns, the topic outlives a crash.
   * @throws MillraceError TOPIC_EXISTS, TOPIC_NAME_CONFLICT (another name differs only in case), LIMIT_REACHED (topics,
   *   or partitions in all), INVALID_CONFIG, INVALID_PARTITIONS (not 1 to `partitionsPerTopic`), DISK_FULL,
   *   STORAGE_FAILED
   */
  create(topic: { name: string; partitions: number; settings: TopicSettings }): Promise<TopicDescription>
  /** Undefined when there is no such topic. Names are compared exactly. */
  find(name: string): Promise<TopicDescription | undefined>
  /** All topics, by name, Millrace's own included. */
  list(): Promise<readonly TopicDescription[]>
  /**
   * Changes a topic; all or nothing. When it returns, the change outlives a crash and holds for every call that begins
   * then.
   * @throws MillraceError TOPIC_NOT_FOUND, INVALID_CONFIG, INVALID_PARTITIONS (fewer than there are, or more than
   *   `partitionsPerTopic`), LIMIT_REACHED (partitions in all), DISK_FULL, STORAGE_FAILED, COMMIT_UNKNOWN (the topic is
   *   as before, and after a crash perhaps as it was to be)
   */
  alter(id: string, change: TopicChange): Promise<TopicDescription>
  /**
   * Deletes a topic and its records; waiting reads, and appends that wait to be committed, end with TOPIC_NOT_FOUND.
   * When it returns, the topic stays gone after a crash; its disk space is freed in the background.
   * @throws MillraceError TOPIC_NOT_FOUND
   */
  delete(id: string): Promise<void>
}

/** A copy of all that an engine keeps. */
export interface Backup {
  readonly name: string
  /** Where it is, on the machine of the engine. */
  readonly path: string
  readonly partitions: number
  /** Bytes of log in it. Those of closed segments share the disk with the engine's own, as long as it has them. */
  readonly sizeBytes: number
  /** Bytes of log that were copied. */
  readonly copiedBytes: number
  /** How long nothing was committed. */
  readonly pausedMs: number
}

export interface Backups {
  /**
   * Copies all that is committed at one moment, of all topics and of Millrace's own: what opens the copy finds what it
   * would find here after a crash at that moment. When it returns, the copy is on disk.
   * @param name of 1 to 100 of letters, digits, `.`, `_` and `-`, and no `.` at its start
   * @throws MillraceError INVALID_REQUEST (the name), BACKUP_EXISTS, STORAGE_FAILED (also when a partition could not be
   *   opened, and where backups lie on another file system), DISK_FULL, SHUTTING_DOWN
   */
  create(name: string): Promise<Backup>
}

export interface ProducerIds {
  /** An id that no producer had before, at epoch 0. */
  allocate(): Promise<{ producerId: number; producerEpoch: number }>
}

/** A producer id with an epoch: what its batches bear. */
export interface ProducerIdentity {
  readonly producerId: number
  readonly producerEpoch: number
}

export type TransactionOutcome = 'commit' | 'abort'

export interface TransactionDescription extends ProducerIdentity {
  readonly transactionalId: string
  /** `open` from the first append on; `ending` while markers are written. */
  readonly state: 'empty' | 'open' | 'ending'
  readonly timeoutMs: number
  /** When the open transaction began, in ms since 1970. */
  readonly startedAtMs: number | undefined
  /** Partitions that the open transaction has written to. */
  readonly partitions: readonly { readonly topicId: string; readonly partition: number }[]
}

/**
 * Transactions over partitions. A transactional id has one live instance, known by producer id and epoch, and one
 * transaction at a time. The first transactional append with that identity opens the transaction, and every append takes
 * its partition in; an epoch serves for one transaction, so that a late batch of an ended one cannot fall into the next
 * (KIP-890): after a commit it is PRODUCER_FENCED, after an abort TRANSACTION_ABORTED.
 *
 * When `end` returns, the outcome outlives a crash and holds in all partitions. A transaction whose `end` was not decided
 * is aborted: when its time is up, when a newer instance comes, and by every start of the engine. After a start, every
 * instance is refused with TRANSACTION_ABORTED until it calls `init`, `end` with `abort`, or repeats an `end` whose answer
 * it missed.
 */
export interface Transactions {
  /**
   * Makes the caller the id's only live instance: the transaction of an older one is aborted, and that one is fenced from
   * then on.
   * @param timeoutMs how long a transaction may stay open; 1 to `Limits.transactionTimeoutMs`
   * @throws MillraceError INVALID_TRANSACTIONAL_ID (empty, or more than `MAX_NAME_BYTES` in UTF-8), INVALID_REQUEST (the
   *   timeout), LIMIT_REACHED (transactional ids), DISK_FULL, STORAGE_FAILED, COMMIT_UNKNOWN
   */
  init(transactionalId: string, options: { timeoutMs: number }): Promise<ProducerIdentity>
  /**
   * Ends the open transaction, after the appends that were called before; to end one that wrote nothing is allowed, and
   * so is to abort one that was aborted. A repeat with the same outcome is answered as the first, but that after a start
   * the epoch is a higher one.
   * @returns what the next transaction's batches bear
   * @throws MillraceError PRODUCER_FENCED (there is a newer instance), TRANSACTION_ABORTED (`commit` where it was aborted:
   *   its time was up, an append of it had failed, or the engine was started anew), INVALID_TRANSACTION_STATE (the
   *   transactional id or the producer id is not known; or `abort` where it was committed), DISK_FULL, STORAGE_FAILED,
   *   COMMIT_UNKNOWN (the outcome is not known; a repeat tells it)
   */
  end(
    transaction: ProducerIdentity & { readonly transactionalId: string },
    outcome: TransactionOutcome,
  ): Promise<ProducerIdentity>
  /** By transactional id. */
  list(): Promise<readonly TransactionDescription[]>
}

/** `committed`: answer when the batch is committed; `none`: answer when it has its place. */
export type Acks = 'committed' | 'none'

export interface AppendResult {
  /** Offset of the batch's first record; -1 for a duplicate that is too old for its place to be known. */
  readonly baseOffset: number
  /** The largest timestamp of the batch as it is stored, in ms since 1970. */
  readonly timestamp: number
  /** True when the batch was there already (a repeat by an idempotent producer); `baseOffset` is the first one's. */
  readonly duplicate: boolean
}

/** Offsets are exclusive ends, but for the log start. */
export interface PartitionOffsets {
  readonly logStartOffset: LogStartOffset
  readonly highWatermark: HighWatermark
  readonly lastStableOffset: LastStableOffset
}

export interface PartitionStatus extends PartitionOffsets {
  readonly sizeBytes: number
  readonly leaderEpoch: number
}

/** `committed` leaves out what open and aborted transactions wrote. */
export type Isolation = 'committed' | 'uncommitted'

export interface ReadOptions {
  /** Bytes to return at most; one batch is returned whole even when it is larger. */
  readonly maxBytes: number
  readonly isolation?: Isolation | undefined
  /** How long to wait when there is nothing at `offset` yet. Default 0. */
  readonly waitMs?: number | undefined
  /** Ends the waiting: the read then returns nothing. */
  readonly signal?: AbortSignal | undefined
}

/** A transaction that was aborted, among the offsets that a read returned. */
export interface AbortedTransaction {
  readonly producerId: number
  readonly firstOffset: number
}

export interface ReadResult extends PartitionOffsets {
  /**
   * Whole batches, back to back, in offset order; a Buffer may hold several. The first may begin before the offset
   * that was asked for, when that lies inside a batch. Readers share these Buffers: nobody writes to them.
   */
  readonly batches: readonly Buffer[]
  /** Where to read on: the offset after the last batch, or the one asked for when there was nothing. */
  readonly nextOffset: number
  readonly abortedTransactions: readonly AbortedTransaction[]
}

export interface EnginePartition {
  /**
   * Appends one batch. Batches get their offsets in the order of the calls. The batch must have passed
   * `validateClientBatch`; base offset and leader epoch are written into it.
   *
   * A batch with a producer id is checked against what that producer wrote to the partition before, of which at least
   * the last `REMEMBERED_BATCHES` batches are known (of `producersPerPartition` producers, past which those are
   * forgotten that wrote nothing for `producerIdExpirationMs`, and else a new one is refused):
   * - a producer that is not known begins at sequence 0, and so does a newer epoch, which forgets the older one's
   *   batches; otherwise a batch that overtook a failed one would make that one look like a repeat;
   * - an older epoch is PRODUCER_FENCED;
   * - the sequence after the last one is appended; sequences wrap from 2^31-1 to 0;
   * - a repeat of a known batch is a duplicate, and so is a batch that lies wholly before the next sequence, with
   *   baseOffset -1; with acks `committed` it is answered only when what it repeats is committed;
   * - any other sequence is OUT_OF_ORDER_SEQUENCE, with `expectedSequence` as a detail.
   * An append that fails leaves no trace in this.
   *
   * A transactional batch must be of its producer's current transaction, which it opens or takes this partition into;
   * see `Transactions`. One without a sequence (-1), which only the broker itself writes, is not checked for order and
   * repeats. An append that fails after it was taken in leaves a transaction that can only be aborted.
   * @throws MillraceError OUT_OF_ORDER_SEQUENCE, PRODUCER_FENCED, TRANSACTION_ABORTED, INVALID_TRANSACTION_STATE (a
   *   transactional batch of a producer without a transactional id, or one that is not transactional of a producer with
   *   one) (nothing was stored); LIMIT_REACHED (too much is waiting to be committed, or a producer is new and there is no
   *   room for it; nothing was stored), DISK_FULL (nothing was stored), STORAGE_FAILED, COMMIT_UNKNOWN (whether it was
   *   stored is not known)
   */
  append(batch: Buffer, options: { acks: Acks }): Promise<AppendResult>

  /**
   * Reads committed batches from `offset` on, with isolation `committed`, the default, up to the last stable offset, and
   * with what tells the batches of aborted transactions: those of a producer from its `firstOffset` on, up to its abort
   * marker. Control batches, the markers, are among the batches. Where nothing is to be read yet (at the high watermark
   * or last stable offset, or beyond it up to the end of the log) it waits, as long as `waitMs` says, until something is,
   * and answers with nothing when the time is up.
   * @throws MillraceError OFFSET_OUT_OF_RANGE before the log start or past the end of the log, with `logStartOffset`
   *   and `highWatermark` as details; CORRUPT_BATCH
   */
  read(offset: number, options: ReadOptions): Promise<ReadResult>

  status(): Promise<PartitionStatus>

  /**
   * The first committed record, by offset and not before the log start, whose timestamp is `timestampMs` or later;
   * undefined when there is none. Timestamps need not be in order. A packed batch whose header promises a time that no
   * record of it has, or that cannot be opened, stands for its header: its first offset and largest timestamp.
   * @throws MillraceError CORRUPT_BATCH
   */
  offsetForTimestamp(timestampMs: number): Promise<{ offset: number; timestamp: number } | undefined>

  /**
   * Makes the records before `offset` unreadable; their space is freed by and by. An offset below the log start
   * changes nothing.
   * @returns the log start offset that holds now
   * @throws MillraceError OFFSET_OUT_OF_RANGE past the high watermark
   */
  truncateBefore(offset: number): Promise<LogStartOffset>
}
