import type { Broker, ProduceTarget } from '@millrace/broker'
import { asMillraceError, MillraceError } from '@millrace/record'
import {
  decodeProduceStreamRequest,
  frameProduceAcks,
  type ProduceAck,
  type ProduceStreamRequest,
} from '@millrace/wire'
import type { Call } from './call.ts'
import { logFailure, publicError } from './failures.ts'
import { Inbound, type MessageSink } from './inbound.ts'

/** What a request costs its connection's budget beside its bytes: the objects that stand for it. */
const REQUEST_OVERHEAD_BYTES = 512
/** Acknowledgements in one message. */
const MAX_ACKS = 4_096

/** One partition of a stream. While its target is looked up, its requests wait in their order. */
interface Lane {
  readonly topic: string
  readonly partition: number
  target: ProduceTarget | undefined
  readonly waiting: Received[]
}

interface Received {
  readonly request: ProduceStreamRequest
  readonly costBytes: number
}

/**
 * A stream of batches. They reach the broker in the order in which they came, partition by partition, and each is
 * answered once; answers that come about in one turn of the event loop share a message. A batch that is refused is
 * answered with its error and harms no other. When the client has ended its side, the call ends after the last answer.
 */
export class ProduceStream implements MessageSink {
  private readonly call: Call
  private readonly broker: Broker
  private readonly inbound: Inbound
  private readonly lanes = new Map<string, Lane>()
  private lastLane: Lane | undefined
  private unanswered = 0
  private acks: ProduceAck[] = []
  /** Set when no more requests are taken: the call ends, with this error or well, when all is answered. */
  private ending: { readonly error: MillraceError | undefined } | undefined

  constructor(call: Call, broker: Broker) {
    this.call = call
    this.broker = broker
    call.onDrain = () => this.inbound.release()
    this.inbound = new Inbound(call, this, call.context.limits.requestBytes)
    this.inbound.start()
    call.begin()
  }

  onMessage(message: Buffer): void {
    const request = decodeProduceStreamRequest(message)
    const costBytes = message.length + REQUEST_OVERHEAD_BYTES
    this.unanswered++
    this.call.budget.take(costBytes)
    const lane = this.laneOf(request.topic, request.partition)
    if (lane.target === undefined) lane.waiting.push({ request, costBytes })
    else this.append(lane, lane.target, request, costBytes)
  }

  onEnd(): void {
    this.endWhenAnswered(undefined)
  }

  onBroken(error: MillraceError): void {
    this.endWhenAnswered(error)
  }

  /** The server shuts down: what came is answered, nothing more is taken. */
  shutDown(): void {
    this.inbound.stop()
    this.endWhenAnswered(new MillraceError('SHUTTING_DOWN', 'the server is shutting down'))
  }

  private laneOf(topic: string, partition: number): Lane {
    const last = this.lastLane
    if (last !== undefined && last.partition === partition && last.topic === topic) return last
    const key = `${partition}/${topic}`
    let lane = this.lanes.get(key)
    if (lane === undefined) {
      lane = { topic, partition, target: undefined, waiting: [] }
      this.forgetLanes()
      this.lanes.set(key, lane)
      void this.open(lane)
    }
    this.lastLane = lane
    return lane
  }

  private async open(lane: Lane): Promise<void> {
    try {
      const target = await this.broker.produce.target(lane.topic, lane.partition)
      for (const { request, costBytes } of lane.waiting) this.append(lane, target, request, costBytes)
      lane.waiting.length = 0
      lane.target = target
    } catch (error) {
      this.drop(lane)
      for (const { request, costBytes } of lane.waiting) this.fail(request, costBytes, error)
    }
  }

  private append(lane: Lane, target: ProduceTarget, request: ProduceStreamRequest, costBytes: number): void {
    const { batch, acks, records } = request
    let appended: ReturnType<ProduceTarget['append']>
    if (batch === undefined) {
      const refusal = checkRecords(request, this.call.context.limits.recordsPerRequest)
      appended = refusal === undefined ? target.appendRecords(records, acks) : Promise.reject(refusal)
    } else if (records.length > 0) {
      appended = Promise.reject(new MillraceError('INVALID_REQUEST', 'a request has a batch or records, not both'))
    } else {
      appended = target.append(batch, acks)
    }
    appended.then(
      ({ baseOffset, timestamp, duplicate }) => {
        this.answer({ id: request.id, baseOffset, timestamp, duplicate, error: undefined }, costBytes)
      },
      (error: unknown) => {
        // The topic may have been made anew: the next request looks for it.
        if (error instanceof MillraceError && error.code === 'TOPIC_NOT_FOUND') this.drop(lane)
        this.fail(request, costBytes, error)
      },
    )
  }

  private drop(lane: Lane): void {
    const key = `${lane.partition}/${lane.topic}`
    if (this.lanes.get(key) === lane) this.lanes.delete(key)
    if (this.lastLane === lane) this.lastLane = undefined
  }

  /** Lanes of topics that were deleted since must not pile up. Those in use come back with their next request. */
  private forgetLanes(): void {
    if (this.lanes.size < this.call.context.limits.partitions) return
    for (const lane of this.lanes.values()) if (lane.target?.isWaiting === false) this.drop(lane)
  }

  private fail({ id, topic, partition }: ProduceStreamRequest, costBytes: number, cause: unknown): void {
    const error = asMillraceError(cause)
    logFailure(this.call.context, error, { call: this.call.path, topic: topic.slice(0, 249), partition, id })
    this.answer({ id, baseOffset: -1, timestamp: -1, duplicate: false, error: publicError(error) }, costBytes)
  }

  private answer(ack: ProduceAck, costBytes: number): void {
    this.unanswered--
    this.acks.push(ack)
    // After the microtasks that run now: they are the other answers of the same commit.
    if (this.acks.length === 1) process.nextTick(() => this.flush())
    this.call.budget.giveBack(costBytes)
  }

  private flush(): void {
    const { acks, call } = this
    this.acks = []
    for (let at = 0; at < acks.length; at += MAX_ACKS) {
      call.write([frameProduceAcks(acks.length <= MAX_ACKS ? acks : acks.slice(at, at + MAX_ACKS))])
    }
    // A client that does not read its answers gets to send no more.
    if (!call.canWrite) this.inbound.hold()
    this.endIfAnswered()
  }

  private endWhenAnswered(error: MillraceError | undefined): void {
    this.ending ??= { error }
    this.endIfAnswered()
  }

  private endIfAnswered(): void {
    if (this.ending === undefined || this.unanswered > 0 || this.acks.length > 0) return
    this.call.end(this.ending.error)
  }
}

function checkRecords({ records, partition }: ProduceStreamRequest, maxRecords: number): MillraceError | undefined {
  if (records.length > maxRecords) {
    return new MillraceError('REQUEST_TOO_LARGE', `${records.length} records; a request may have ${maxRecords}`, {
      details: { recordsPerRequest: maxRecords },
    })
  }
  const stray = records.find((record) => record.partition !== undefined && record.partition !== partition)
  if (stray === undefined) return undefined
  return new MillraceError(
    'INVALID_REQUEST',
    `a record for partition ${stray.partition} in a request for partition ${partition}`,
  )
}
