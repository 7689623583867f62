import { asMillraceError, type Clock, MillraceError, type Timer } from '@millrace/record'
import { fromInt64, type ProduceAck, UNARY } from '@millrace/wire'
import type { ClientBatch } from './client-batch.ts'
import { closedError } from './connection.ts'
import { failureOf, isTooLarge, withoutDoubt } from './failure.ts'
import { Lane } from './lane.ts'
import type { CheckedProducerOptions } from './options.ts'
import { PartitionQueue, type ProducerIdentity, type QueueHost } from './partition-queue.ts'
import { ProduceLink } from './produce-link.ts'
import { TopicLanes } from './topic-lanes.ts'
import type { Transport } from './transport.ts'

/** The largest encoded batch that is sent: with what is around it, it stays below a server's default message limit. */
const MAX_BATCH_BYTES = 8 * 1_048_576 - 1_024
/** The longest time between two looks for deliveries that have run out of time. */
const MAX_TICK_MS = 1_000

/** Hears of batches that have left the dispatcher. */
export interface DispatchEvents {
  settled(batch: ClientBatch, error: MillraceError | undefined): void
}

/** Brings the batches of all lanes of one producer to the server, through one stream, and hands out their results. */
export class Dispatcher implements QueueHost {
  private readonly transport: Transport
  private readonly clock: Clock
  private readonly options: CheckedProducerOptions
  private readonly events: DispatchEvents
  private readonly link: ProduceLink
  /** Batches that are not settled. */
  private readonly live = new Set<ClientBatch>()
  private readonly waiters = new Set<{ readonly batches: Set<ClientBatch>; readonly done: () => void }>()
  private readonly topics = new Map<string, TopicLanes>()
  /** Lanes that have, or may soon have, something to send. */
  private readonly active = new Set<Lane>()
  private readonly held = new Map<Lane, Timer>()
  /** Lanes that an identity is on its way for, and those that have had one. */
  private readonly unidentified = new Set<Lane>()
  private readonly identified = new Set<Lane>()
  private shared: Promise<ProducerIdentity> | undefined
  private tick: Timer | undefined
  /** What the batches of the present transaction bear. */
  private transaction: ProducerIdentity | undefined
  /** How often the stream has broken off. */
  private lossCount = 0

  constructor(transport: Transport, options: CheckedProducerOptions, events: DispatchEvents) {
    this.transport = transport
    this.clock = transport.clock
    this.options = options
    this.events = events
    this.link = new ProduceLink(transport, options.acks, {
      ready: () => this.pumpAll(),
      acknowledged: (batch, ack) => this.acknowledged(batch, ack),
      lost: (error) => this.lost(error),
      wanted: () => this.live.size > 0,
    })
  }

  get losses(): number {
    return this.lossCount
  }

  /** From now on batches belong to the transaction of this identity. There must be none that is not settled. */
  beginTransaction(identity: ProducerIdentity): void {
    for (const lane of this.identified) lane.queue.forgetIdentity()
    this.identified.clear()
    this.transaction = identity
  }

  lanes(topic: string): TopicLanes {
    let lanes = this.topics.get(topic)
    if (lanes === undefined) {
      lanes = new TopicLanes((partition) => this.createLane(topic, partition))
      this.topics.set(topic, lanes)
    }
    return lanes
  }

  /** Sends what the lane may send now. */
  pump(lane: Lane): void {
    while (this.sendOne(lane));
    this.prepare(lane)
  }

  /** Lets open batches wait for no more records: room is needed. */
  hurry(): void {
    for (const lane of this.active) {
      lane.hurry()
      this.pump(lane)
    }
  }

  /** Resolves once all batches that hold records now are settled; nothing waits for more records. */
  drain(): Promise<void> {
    for (const lane of this.active) lane.seal()
    this.pumpAll()
    if (this.live.size === 0) return Promise.resolve()
    return new Promise((done) => this.waiters.add({ batches: new Set(this.live), done }))
  }

  /** Ends the stream. What is not settled fails with CLOSED. */
  close(): void {
    this.rejectAll(closedError())
    this.link.close()
    this.tick?.cancel()
    for (const timer of this.held.values()) timer.cancel()
  }

  stored(batch: ClientBatch, baseOffset: number, timestamp: number): void {
    batch.settleStored(baseOffset, timestamp)
    this.leave(batch)
    this.events.settled(batch, undefined)
  }

  rejected(batch: ClientBatch, error: MillraceError): void {
    this.link.forget(batch)
    batch.settleFailed(this.isTransactional ? withoutDoubt(error) : error)
    this.leave(batch)
    this.events.settled(batch, error)
  }

  divided(batch: ClientBatch, parts: readonly ClientBatch[]): void {
    for (const part of parts) this.live.add(part)
    for (const { batches } of this.waiters) if (batches.has(batch)) for (const part of parts) batches.add(part)
    this.leave(batch)
  }

  /** Gives up all that is not settled. */
  rejectAll(error: MillraceError): void {
    for (const lane of [...this.active]) {
      lane.seal()
      lane.queue.rejectAll(error)
    }
  }

  private get isTransactional(): boolean {
    return this.options.transactionalId !== undefined
  }

  private createLane(topic: string, partition: number): Lane {
    const { idempotent, resendUnknown, maxInFlight, lingerMs, deliveryTimeoutMs, compression } = this.options
    const queue = new PartitionQueue({
      idempotent,
      resendUnknown,
      maxInFlight,
      maxBytes: MAX_BATCH_BYTES,
      backoff: this.transport.backoff,
      host: this,
    })
    const lane: Lane = new Lane({
      topic,
      partition,
      clock: this.clock,
      lingerMs,
      deliveryTimeoutMs,
      compression,
      transactional: this.isTransactional,
      queue,
      due: () => this.pump(lane),
      begun: (batch) => {
        this.live.add(batch)
        this.active.add(lane)
        this.tick ??= this.startTick()
      },
    })
    return lane
  }

  private sendOne(lane: Lane): boolean {
    if (!this.link.isReady) return false
    let batch = lane.queue.take(this.clock.monotonicMs())
    if (batch === undefined && lane.isDue) {
      lane.seal()
      batch = lane.queue.take(this.clock.monotonicMs())
    }
    if (batch === undefined) return false
    this.link.send(batch)
    return true
  }

  /** Gets the lane what it still lacks to send on. */
  private prepare(lane: Lane): void {
    const { queue } = lane
    if (queue.size === 0) {
      if (lane.openBatch === undefined) this.active.delete(lane)
      else this.link.open()
      return
    }
    this.link.open()
    if (queue.needsIdentity) this.identify(lane)
    const waitMs = queue.heldUntilMs - this.clock.monotonicMs()
    if (waitMs <= 0 || this.held.has(lane)) return
    const timer = this.clock.setTimer(waitMs, () => {
      this.held.delete(lane)
      this.pump(lane)
    })
    this.held.set(lane, timer)
  }

  /** One batch of each lane after the other, so that none waits for another to run dry. */
  private pumpAll(): void {
    for (let sent = true; sent; ) {
      sent = false
      for (const lane of this.active) sent = this.sendOne(lane) || sent
    }
    for (const lane of this.active) this.prepare(lane)
  }

  private identify(lane: Lane): void {
    if (this.isTransactional) {
      this.enlist(lane)
      return
    }
    if (this.unidentified.has(lane)) return
    this.unidentified.add(lane)
    const first = !this.identified.has(lane)
    this.identified.add(lane)
    if (first) this.shared ??= this.initProducer()
    const identity = first && this.shared !== undefined ? this.shared : this.initProducer()
    identity.then(
      (given) => {
        this.unidentified.delete(lane)
        lane.queue.adopt(given)
        this.pump(lane)
      },
      (reason) => {
        this.unidentified.delete(lane)
        if (first) this.shared = undefined
        const error = asMillraceError(reason)
        if (!error.retriable) lane.queue.rejectAll(error)
        this.pump(lane)
      },
    )
  }

  /**
   * Gives the lane the transaction's identity, once: a lane that gave it up has lost a batch, and with it the
   * transaction.
   */
  private enlist(lane: Lane): void {
    const { transaction, identified } = this
    if (transaction === undefined || identified.has(lane)) {
      lane.queue.rejectAll(new MillraceError('TRANSACTION_ABORTED', 'a batch before this one could not be stored'))
    } else {
      identified.add(lane)
      lane.queue.adopt(transaction)
    }
    this.pump(lane)
  }

  private async initProducer(): Promise<ProducerIdentity> {
    const { deliveryTimeoutMs } = this.options
    const limits = { timeoutMs: deliveryTimeoutMs, connectTimeoutMs: deliveryTimeoutMs }
    const { producerId, producerEpoch } = await this.transport.call(UNARY.initProducer, {}, limits)
    return { producerId: fromInt64(producerId), producerEpoch }
  }

  private acknowledged(batch: ClientBatch, ack: ProduceAck): void {
    const lane = this.lanes(batch.topic).at(batch.partition)
    const nowMs = this.clock.monotonicMs()
    if (ack.error === undefined) lane.queue.acknowledged(batch, ack.baseOffset, ack.timestamp, nowMs)
    else lane.queue.failed(batch, ack.error, nowMs)
    this.pump(lane)
  }

  private lost(error: MillraceError): void {
    this.lossCount++
    if (error.code === 'CLOSED' || (failureOf(error) === 'refused' && !isTooLarge(error))) {
      this.rejectAll(error)
      return
    }
    const nowMs = this.clock.monotonicMs()
    for (const lane of this.active) lane.queue.disconnected(error, nowMs)
  }

  private leave(batch: ClientBatch): void {
    this.live.delete(batch)
    for (const waiter of this.waiters) {
      if (!waiter.batches.delete(batch) || waiter.batches.size > 0) continue
      this.waiters.delete(waiter)
      waiter.done()
    }
  }

  private startTick(): Timer {
    const tickMs = Math.max(1, Math.min(MAX_TICK_MS, Math.ceil(this.options.deliveryTimeoutMs / 4)))
    return this.clock.setTimer(tickMs, () => {
      const nowMs = this.clock.monotonicMs()
      for (const lane of [...this.active]) {
        lane.queue.expire(nowMs)
        if ((lane.openBatch?.deadlineMs ?? nowMs + 1) <= nowMs) lane.seal()
        this.pump(lane)
      }
      this.tick = this.live.size > 0 ? this.startTick() : undefined
    })
  }
}
