import {
  BatchBuilder,
  type CompressionCodec,
  DEFAULT_LIMITS,
  MillraceError,
  type ProducerStamp,
  type RecordBatch,
  type RecordInput,
} from '@millrace/record'
import type { Failure } from './failure.ts'

/** Where the results of records go. */
export interface ResultSink {
  /** The records of `run` are stored with this timestamp, the first of their batch at `baseOffset`. */
  stored(batch: ClientBatch, run: Run, baseOffset: number, timestamp: number): void
  failed(batch: ClientBatch, run: Run, error: MillraceError): void
}

/**
 * Neighbouring records of a batch that are neighbours in the call that sent them, too, and have the same timestamp. A
 * call without keys is one run in each of its batches, so that nothing is kept for a single record.
 */
export interface Run {
  readonly sink: ResultSink
  /** The records' positions in the batch: from `from` up to, but not including, `to`. */
  readonly from: number
  readonly to: number
  /** Place of the first in the call. */
  readonly place: number
  readonly timestamp: number
}

type OpenRun = { -readonly [Member in keyof Run]: Run[Member] }

export interface ClientBatchOptions {
  readonly topic: string
  readonly partition: number
  readonly compression: CompressionCodec
  /** Its records belong to the producer's transaction. Default false. */
  readonly transactional?: boolean
  /** When to give up, by the steady clock. */
  readonly deadlineMs: number
  /** Room for the encoded batch to start with. */
  readonly expectedBytes: number
}

const UNNUMBERED = -1

/**
 * Records of one partition that are sent together, from the first that is put in until all are settled. It is encoded
 * when it is sent first, and later only stamped anew.
 */
export class ClientBatch {
  readonly topic: string
  readonly partition: number
  readonly deadlineMs: number
  /** Bytes that its records hold of the producer's buffer. */
  bufferedBytes = 0

  /** The request that carries it at the moment; 0: none. */
  requestId = 0
  /** Its first sequence; -1 before it has any. Kept by the PartitionQueue, as what follows. */
  sequence: number = UNNUMBERED
  /** It was sent and may be stored, whatever its last answer says. */
  inDoubt = false
  /** How its last attempt failed; undefined while it has no answer. */
  answer: Failure | undefined
  lastError: MillraceError | undefined

  private readonly options: ClientBatchOptions
  private builder: BatchBuilder | undefined
  private encoded: RecordBatch | undefined
  private readonly allRuns: OpenRun[] = []
  private lastRun: OpenRun | undefined
  private records = 0

  constructor(options: ClientBatchOptions) {
    this.options = options
    this.topic = options.topic
    this.partition = options.partition
    this.deadlineMs = options.deadlineMs
    this.builder = new BatchBuilder(options.expectedBytes)
  }

  get recordCount(): number {
    return this.records
  }

  /** All its records. */
  get runs(): readonly Run[] {
    return this.allRuns
  }

  /** Size so far, before compression; once it is encoded, its size. */
  get sizeBytes(): number {
    return this.encoded?.sizeBytes ?? this.builder?.sizeBytes ?? 0
  }

  get isNumbered(): boolean {
    return this.sequence !== UNNUMBERED
  }

  /** Takes the sequence away, so that the batch gets another when it is sent again. */
  unnumber(): void {
    this.sequence = UNNUMBERED
    this.inDoubt = false
  }

  /**
   * Adds a record whose result goes to `sink`, unless the batch would then be larger than `maxBytes`.
   * @param place of the record in the call that sent it
   */
  tryAppend(record: RecordInput, maxBytes: number, bufferedBytes: number, sink: ResultSink, place: number): boolean {
    if (this.builder?.tryAppend(record, maxBytes) !== true) return false
    const position = this.records++
    const { timestamp } = record
    const run = this.lastRun
    if (run?.sink === sink && run.place + position - run.from === place && run.timestamp === timestamp) {
      run.to++
    } else {
      this.lastRun = { sink, from: position, to: position + 1, place, timestamp }
      this.allRuns.push(this.lastRun)
    }
    this.bufferedBytes += bufferedBytes
    return true
  }

  /**
   * The batch as it is sent, with the stamp of an idempotent producer if there is one.
   * @throws MillraceError when the records cannot be encoded
   */
  encode(producer: ProducerStamp | undefined): RecordBatch {
    if (this.encoded !== undefined) {
      if (producer !== undefined) this.encoded.stampProducer(producer)
      return this.encoded
    }
    if (this.builder === undefined) throw new MillraceError('INTERNAL', 'a batch without records')
    const { compression, transactional = false } = this.options
    const options = { compression, transactional }
    this.encoded = this.builder.build(producer === undefined ? options : { ...options, producer })
    this.builder = undefined
    return this.encoded
  }

  /** The encoded batch. */
  get bytes(): Buffer {
    return this.encoded?.buffer ?? Buffer.alloc(0)
  }

  /** Two batches with the records of this one, which is then no longer used. For a batch of two records or more. */
  split(): [ClientBatch, ClientBatch] {
    const batch = this.encode(undefined)
    const half = this.recordCount >>> 1
    const expectedBytes = this.bytes.length
    const parts: [ClientBatch, ClientBatch] = [
      new ClientBatch({ ...this.options, expectedBytes }),
      new ClientBatch({ ...this.options, expectedBytes }),
    ]
    let position = 0
    const runs = this.runs.values()
    let run = runs.next().value as Run
    for (const record of batch.records(DEFAULT_LIMITS.decompressedBytes)) {
      if (position === run.to) run = runs.next().value as Run
      const part = parts[position < half ? 0 : 1]
      part.tryAppend(record, Number.POSITIVE_INFINITY, 0, run.sink, run.place + position - run.from)
      position++
    }
    const first = Math.floor(this.bufferedBytes / 2)
    parts[0].bufferedBytes = first
    parts[1].bufferedBytes = this.bufferedBytes - first
    return parts
  }

  /**
   * Hands out the results. The records' own timestamps hold, unless the topic replaced them with the time of the
   * append, which shows in the largest one.
   */
  settleStored(baseOffset: number, timestamp: number): void {
    const isOwn = timestamp === this.encoded?.maxTimestamp || timestamp <= 0
    for (const run of this.allRuns) run.sink.stored(this, run, baseOffset, isOwn ? run.timestamp : timestamp)
  }

  settleFailed(error: MillraceError): void {
    for (const run of this.allRuns) run.sink.failed(this, run, error)
  }
}
