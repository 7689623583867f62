import type { Clock, CompressionCodec, RecordInput, Timer } from '@millrace/record'
import type { SendResult } from './call.ts'
import { ClientBatch, type ResultSink } from './client-batch.ts'
import type { PartitionQueue } from './partition-queue.ts'
import { SendGroup } from './send-group.ts'

export interface LaneOptions {
  readonly topic: string
  readonly partition: number
  readonly clock: Clock
  readonly lingerMs: number
  readonly deliveryTimeoutMs: number
  readonly compression: CompressionCodec
  /** Its batches belong to the producer's transaction. */
  readonly transactional: boolean
  readonly queue: PartitionQueue
  /** The lane's open batch may now be sent. Called when it has lingered; a batch that is full is queued at once. */
  readonly due: (lane: Lane) => void
  /** A batch was begun. */
  readonly begun: (batch: ClientBatch) => void
}

/** Batches on their way that let an open one that is not full go on gathering. */
const BUSY_BATCHES = 2
/** Room for a batch whose size cannot be guessed. */
const FIRST_BATCH_BYTES = 512

/** One partition of a producer: the batch that gathers records, and behind it the queue of those that are sealed. */
export class Lane {
  readonly topic: string
  readonly partition: number
  readonly queue: PartitionQueue
  private readonly options: LaneOptions
  private gathering: ClientBatch | undefined
  /** The open batch's records that were sent one by one. */
  private sends: SendGroup | undefined
  private lingered = false
  private linger: Timer | NodeJS.Immediate | undefined
  /** What a batch came to lately, so that the next one need not grow to it. */
  private usualBytes = FIRST_BATCH_BYTES

  constructor(options: LaneOptions) {
    this.options = options
    this.topic = options.topic
    this.partition = options.partition
    this.queue = options.queue
  }

  /** The batch that gathers records, if there is one. */
  get openBatch(): ClientBatch | undefined {
    return this.gathering
  }

  /**
   * Puts a record into the open batch, or into a new one where there is none.
   * @returns false when the open batch was full: it is sealed then, and the record in no batch
   * @throws MillraceError INVALID_TIMESTAMP; the record is then in no batch
   */
  append(record: RecordInput, maxBytes: number, bufferedBytes: number, sink: ResultSink, place: number): boolean {
    const open = this.gathering
    if (open !== undefined) {
      if (open.tryAppend(record, maxBytes, bufferedBytes, sink, place)) return true
      this.seal()
      return false
    }
    const batch = this.begin(maxBytes)
    batch.tryAppend(record, maxBytes, bufferedBytes, sink, place)
    this.gathering = batch
    this.options.begun(batch)
    this.startLinger()
    return true
  }

  /** As `append`, for a record that was sent alone. Undefined: the open batch was full. */
  send(record: RecordInput, maxBytes: number, bufferedBytes: number): Promise<SendResult> | undefined {
    const sends = this.sends ?? new SendGroup()
    if (!this.append(record, maxBytes, bufferedBytes, sends, sends.size)) return undefined
    this.sends = sends
    return sends.add()
  }

  /** Ends the open batch's wait for more. */
  hurry(): void {
    this.lingered = true
  }

  /** Whether the open batch should be sealed now: it has lingered, and little is on its way. */
  get isDue(): boolean {
    return this.lingered && this.gathering !== undefined && this.queue.size < BUSY_BATCHES
  }

  /** Moves the open batch into the queue. */
  seal(): void {
    const batch = this.gathering
    if (batch === undefined) return
    this.usualBytes = Math.max(FIRST_BATCH_BYTES, (this.usualBytes + batch.sizeBytes) >>> 1)
    this.gathering = undefined
    this.sends = undefined
    this.stopLinger()
    this.queue.push(batch)
  }

  private begin(maxBytes: number): ClientBatch {
    const { topic, partition, compression, transactional, clock, deliveryTimeoutMs } = this.options
    const deadlineMs = clock.monotonicMs() + deliveryTimeoutMs
    const expectedBytes = Math.min(maxBytes, Math.ceil(this.usualBytes * 1.25))
    return new ClientBatch({ topic, partition, compression, transactional, deadlineMs, expectedBytes })
  }

  private startLinger(): void {
    const { clock, lingerMs, due } = this.options
    const done = (): void => {
      this.linger = undefined
      this.lingered = true
      due(this)
    }
    this.linger = lingerMs === 0 ? setImmediate(done) : clock.setTimer(lingerMs, done)
  }

  private stopLinger(): void {
    this.lingered = false
    const { linger } = this
    this.linger = undefined
    if (linger === undefined) return
    if ('cancel' in linger) linger.cancel()
    else clearImmediate(linger)
  }
}
