import { asMillraceError, type MillraceError } from '@millrace/record'
import { decodeProduceAcks, frameProduceStreamRequest, PRODUCE_STREAM_PATH, type ProduceAck } from '@millrace/wire'
import type { ClientBatch } from './client-batch.ts'
import { connectionFailed } from './connection.ts'
import type { GrpcStream } from './grpc-stream.ts'
import type { Transport } from './transport.ts'

/** Hears of a producer's stream. */
export interface LinkEvents {
  /** Batches may be sent. */
  ready(): void
  acknowledged(batch: ClientBatch, ack: ProduceAck): void
  /** The stream is gone; batches without an answer get none. */
  lost(error: MillraceError): void
  /** The stream, if there is none, should be opened: something waits. */
  wanted(): boolean
}

/** The produce stream of one producer. It is opened anew, with growing waits, as long as it is wanted. */
export class ProduceLink {
  private readonly transport: Transport
  private readonly acks: 'committed' | 'none'
  private readonly events: LinkEvents
  private stream: GrpcStream | undefined
  private state: 'closed' | 'opening' | 'open' = 'closed'
  private full = false
  private lastId = 0
  private readonly unanswered = new Map<number, ClientBatch>()
  private attempts = 0
  private ended = false

  constructor(transport: Transport, acks: 'committed' | 'none', events: LinkEvents) {
    this.transport = transport
    this.acks = acks
    this.events = events
  }

  /** Whether a batch may be sent at once. */
  get isReady(): boolean {
    return this.state === 'open' && !this.full
  }

  /** Opens the stream unless it is open or being opened. */
  open(): void {
    if (this.state !== 'closed' || this.ended) return
    this.state = 'opening'
    this.start().catch((reason) => this.ending(asMillraceError(reason)))
  }

  send(batch: ClientBatch): void {
    const id = ++this.lastId
    batch.requestId = id
    this.unanswered.set(id, batch)
    const { topic, partition } = batch
    const { acks } = this
    const frame = frameProduceStreamRequest({ id, topic, partition, acks, batch: batch.bytes, records: [] })
    this.full = this.stream?.write(frame) === false
  }

  /** The batch is settled: an answer that still comes means nothing. */
  forget(batch: ClientBatch): void {
    this.unanswered.delete(batch.requestId)
  }

  /** Ends the stream for good. */
  close(): void {
    this.ended = true
    this.stream?.end()
  }

  private async start(): Promise<void> {
    if (this.attempts > 0) await this.transport.sleep(this.transport.backoff(this.attempts), undefined)
    if (this.ended) return
    const stream = await this.transport.stream(PRODUCE_STREAM_PATH, {
      message: (bytes) => this.received(bytes),
      drained: () => {
        this.full = false
        this.events.ready()
      },
      ended: (error) => this.ending(error),
    })
    if (this.ended) return stream.cancel()
    this.stream = stream
    this.state = 'open'
    this.events.ready()
  }

  private received(bytes: Buffer): void {
    for (const ack of decodeProduceAcks(bytes)) {
      const batch = this.unanswered.get(ack.id)
      if (batch === undefined) continue
      this.attempts = 0
      this.unanswered.delete(ack.id)
      this.events.acknowledged(batch, ack)
    }
  }

  private ending(error: MillraceError | undefined): void {
    const lost = error ?? connectionFailed('the server ended the stream')
    this.stream = undefined
    this.state = 'closed'
    this.full = false
    this.attempts++
    if (lost.code === 'REQUEST_TOO_LARGE') this.refuseLargest(lost)
    this.unanswered.clear()
    this.events.lost(lost)
    if (this.events.wanted()) this.open()
  }

  /**
   * The server would not read a message, and does not say which. Only the largest can be meant: where any is too large,
   * it is.
   */
  private refuseLargest(error: MillraceError): void {
    let largest: ClientBatch | undefined
    for (const batch of this.unanswered.values()) {
      if (largest === undefined || batch.sizeBytes > largest.sizeBytes) largest = batch
    }
    if (largest === undefined) return
    const id = largest.requestId
    this.events.acknowledged(largest, { id, baseOffset: -1, timestamp: 0, duplicate: false, error })
  }
}
