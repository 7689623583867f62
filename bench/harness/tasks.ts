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

export type Task = ProduceTask | LatencyTask | ReadTask

/** Numbers by the name of their column; times in ms, memory in bytes, rates per second. */
export type Figures = Readonly<Record<string, number>>

/** Told how many of the task's records are done. */
export type Progress = (done: number) => void

/** A contender's client. */
export type Tasks = {
  readonly [Kind in Task['kind']]: (
    url: string,
    task: Extract<Task, { kind: Kind }>,
    progress: Progress,
  ) => Promise<Figures>
}

/** To the client program. */
export interface TaskMessage {
  readonly url: string
  readonly task: Task
}
/** From the client program. */
export type TaskAnswer =
  | { readonly done: number }
  | { readonly figures: Figures; readonly cpuMs: number }
  | { readonly error: string }
