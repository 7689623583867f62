/**
 * What a contender's programs can be asked to do: its client program, which talks to its server, and its storage
 * program, which has none. Each runs as a process of its own; the bench sends it one task and gets figures back.
 */

/** Send batches of records, many in flight. */
export interface ProduceTask {
  readonly kind: 'produce'
  /** A new one. */
  readonly topic: string
  /** Each of the batches in flight has its share of them, and sends to all of its share as much. */
  readonly partitions: number
  readonly warmupMs: number
  readonly ms: number
  /** Stop here when it is reached before the time is over. */
  readonly maxRecords: number
  readonly valueBytes: number
  readonly batchRecords: number
  /** Batches in flight. */
  readonly inFlight: number
  /** Leave the client's own batching as it is: `inFlight` calls with `batchRecords` each, whatever it makes of them. */
  readonly clientDefaults: boolean
  /** False: a producer that may store a batch twice. Default: as the client has it. */
  readonly idempotent?: boolean
}

/** Send records one by one, each with an acknowledgement of its own. */
export interface SendTask {
  readonly kind: 'send'
  readonly topic: string
  readonly connections: number
  /** Groups in flight on each connection; the next is sent when all of one are acknowledged. */
  readonly groups: number
  /** Records in a group, sent at once. */
  readonly groupRecords: number
  readonly warmupMs: number
  readonly ms: number
  readonly valueBytes: number
  /** Each record in a transaction of its own, one after the other on each connection. */
  readonly transactions?: boolean
}

/** Read back a topic from the beginning, over and over until the time is over; the first pass does not count. */
export interface ReadTask {
  readonly kind: 'read'
  readonly topic: string
  /** `record`: every record is looked at on its own; `batch`: what arrives is taken as it is. */
  readonly by: 'record' | 'batch'
  /** How many there are, in batches of `batchRecords`. */
  readonly records: number
  readonly batchRecords: number
  readonly valueBytes: number
  /** Whether to read all of it once before, with a look at every byte. */
  readonly warmup: boolean
  readonly ms: number
}

/** Send records at a stated rate, whatever becomes of them, and read them at the same time. */
export interface EndToEndTask {
  readonly kind: 'endToEnd'
  readonly topic: string
  readonly recordsPerSecond: number
  readonly warmupMs: number
  readonly ms: number
  readonly valueBytes: number
}

/** Produce, and have many read the tail, each over a connection of its own. */
export interface FanOutTask {
  readonly kind: 'fanOut'
  readonly topic: string
  readonly readers: number
  /** Further readers that take one batch and then no more. */
  readonly stalledReaders: number
  readonly warmupMs: number
  readonly ms: number
  readonly valueBytes: number
  readonly batchRecords: number
  /** Batches that the slowest reader, stalled ones aside, may be behind. */
  readonly window: number
}

/** Make topics, and send one record to each of their partitions. */
export interface TopicsTask {
  readonly kind: 'topics'
  readonly topics: number
  readonly partitionsEach: number
}

/** Join consumer groups that share nothing but the topic, and commit offsets as fast as they are acknowledged. */
export interface GroupsTask {
  readonly kind: 'groups'
  readonly topic: string
  readonly connections: number
  readonly groups: number
  /** Each has a partition of its own. */
  readonly membersEach: number
  /** Or only say, over and over, that the member is there. */
  readonly action: 'commit' | 'heartbeat'
  /** Commits in flight of each member. */
  readonly inFlight: number
  readonly warmupMs: number
  readonly ms: number
}

/** Have the members of one group join at once, until each has its share of the partitions and the group is stable. */
export interface SettleTask {
  readonly kind: 'settle'
  readonly topic: string
  /** `member`: those of GroupsTask; `consumer`: the client's own consumers, which begin to read. */
  readonly by: 'member' | 'consumer'
  readonly members: number
  /** A multiple of `members`. */
  readonly partitions: number
}

/** Send steadily to all partitions while members, each a process of its own, handle them, and one is killed or comes. */
export interface RebalanceTask {
  readonly kind: 'rebalance'
  readonly topic: string
  readonly change: 'none' | 'kill' | 'join'
  /** Before the change. */
  readonly members: number
  readonly partitions: number
  /** To each partition. */
  readonly recordsPerSecond: number
  readonly sessionTimeoutMs: number
  readonly warmupMs: number
  /** How long pauses are looked for after the change. */
  readonly ms: number
}

/** Copy a topic to another in batches, each with the offset that it leaves off at, until the time is over. */
export interface PipeTask {
  readonly kind: 'pipe'
  readonly topic: string
  /** In the topic; the task ends early when all are copied. */
  readonly records: number
  readonly batchRecords: number
  readonly valueBytes: number
  readonly transactions: boolean
  readonly warmupMs: number
  readonly ms: number
}

export type Task =
  | ProduceTask
  | SendTask
  | ReadTask
  | EndToEndTask
  | FanOutTask
  | TopicsTask
  | GroupsTask
  | SettleTask
  | RebalanceTask
  | PipeTask

/** Append batches to files, over and over until `bytes` are there; the figure is bytes per second. */
export interface AppendTask {
  readonly kind: 'append'
  /** In all, of batches with their headers. */
  readonly bytes: number
  readonly valueBytes: number
  readonly batchRecords: number
  readonly partitions: number
  /** Whether an append counts when it is on disk, or when it is written. */
  readonly synced: boolean
  /** Bytes that are not yet acknowledged at most; or, with `inRounds`, in a round that all partitions share equally. */
  readonly inFlightBytes: number
  /** Begin the next round when all of the last one is acknowledged. */
  readonly inRounds: boolean
}

/** Read back what was appended for it before, from the beginning, and check each CRC. */
export interface ReadLogTask {
  readonly kind: 'readLog'
  readonly bytes: number
  readonly valueBytes: number
  readonly batchRecords: number
}

/** Start on one segment of `bytes` after a process that did not end in order. */
export interface RecoverTask {
  readonly kind: 'recover'
  readonly bytes: number
  readonly valueBytes: number
  readonly batchRecords: number
}

/** Start when only the journal has what was written to partitions, in rounds of one batch for each of them. */
export interface RefillTask {
  readonly kind: 'refill'
  readonly bytes: number
  readonly valueBytes: number
  readonly batchRecords: number
  readonly partitions: number
}

/** Look up random offsets or times in a partition of `bytes`. */
export interface LookupTask {
  readonly kind: 'lookup'
  readonly by: 'offset' | 'time'
  readonly bytes: number
  readonly valueBytes: number
  readonly batchRecords: number
  readonly lookups: number
}

/** Compact a partition of `bytes` with records of random keys. */
export interface CompactTask {
  readonly kind: 'compact'
  readonly bytes: number
  readonly valueBytes: number
  readonly batchRecords: number
  /** Different keys among which chance picks. */
  readonly keys: number
}

/**
 * Append to one partition, synced, at half of the best rate of a producer, for a while without and for a while with the compaction of
 * another one beside it; a few times.
 */
export interface ProduceBesideCompactionTask extends Omit<CompactTask, 'kind'> {
  readonly kind: 'produceBesideCompaction'
  /** How often. Each time `bytes` are compacted. */
  readonly times: number
}

/** What a program without a server can be asked to do, in a directory of its own. */
export type StorageTask =
  | AppendTask
  | ReadLogTask
  | RecoverTask
  | RefillTask
  | LookupTask
  | CompactTask
  | ProduceBesideCompactionTask

/** Numbers by the name of their column; times in ms, memory in bytes, rates per second. */
export type Figures = Readonly<Record<string, number>>

/** Told how much is done: of a client program's task the share from 0 to 1, of a storage program's the bytes. */
export type Progress = (done: number) => void

/** What a contender's client program does; `workloads/serve-client.ts` makes it of a client. */
export type Tasks = {
  readonly [Kind in Task['kind']]: (
    url: string,
    task: Extract<Task, { kind: Kind }>,
    progress: Progress,
  ) => Promise<TaskFigures>
}

/** Figures of a task, with the number of records that it handled in all, those of the warm-up included. */
export type TaskFigures = Figures & { readonly records: number }

/** A contender's storage program; those that a contender lacks are not measured with it. */
export type StorageTasks = {
  readonly [Kind in StorageTask['kind']]?: (
    directory: string,
    task: Extract<StorageTask, { kind: Kind }>,
    progress: Progress,
  ) => Promise<Figures>
}

/** To the program. */
export interface TaskMessage {
  /** URL of the server, or the directory to work in. */
  readonly where: string
  readonly task: Task | StorageTask
}
/** From the program. */
export type TaskAnswer =
  | { readonly done: number }
  | { readonly figures: Figures; readonly cpuMs: number }
  | { readonly error: string }
