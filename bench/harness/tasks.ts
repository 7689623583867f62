/**
 * What a client program can be asked to do. Each contender has one such program, which runs as a process of its own;
 * the bench sends it one task and gets figures back.
 */

/** Send batches of records, many in flight, until all are acknowledged. */
export interface ProduceTask {
  readonly kind: 'produce'
  /** Records that are counted, after `warmupRecords` that are not. */
  readonly records: number
  readonly warmupRecords: number
  readonly valueBytes: number
  readonly batchRecords: number
  /** Batches in flight. */
  readonly inFlight: number
  /** Leave the client's own batching as it is: `inFlight` calls with `batchRecords` each, whatever it makes of them. */
  readonly clientDefaults: boolean
}

/** Send one record, wait for its acknowledgement, send the next. */
export interface LatencyTask {
  readonly kind: 'latency'
  readonly count: number
  readonly warmupCount: number
  readonly valueBytes: number
}

/** Read back all that was produced, from the beginning. */
export interface ReadTask {
  readonly kind: 'read'
  /** `record`: every record is looked at on its own; `batch`: what arrives is taken as it is. */
  readonly by: 'record' | 'batch'
  /** Records that are known to be there. */
  readonly records: number
  /** Read everything once before the time that counts. */
  readonly warmup: boolean
}

/** Make topics, and send one record to each of their partitions. */
export interface TopicsTask {
  readonly kind: 'topics'
  readonly topics: number
  readonly partitionsEach: number
}

export type Task = ProduceTask | LatencyTask | ReadTask | TopicsTask

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

/** Told how many of the task's records, or bytes, are done. */
export type Progress = (done: number) => void

/** A contender's client. */
export type Tasks = {
  readonly [Kind in Task['kind']]: (
    url: string,
    task: Extract<Task, { kind: Kind }>,
    progress: Progress,
  ) => Promise<Figures>
}

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
