import type { Broker } from '@millrace/broker'
import { MillraceError } from '@millrace/record'
import { decodeFetchStreamRequest, frameFetchStreamError, fromInt64, type Int64, type millrace } from '@millrace/wire'
import type { Call } from './call.ts'
import { logFailure } from './failures.ts'
import { Inbound, type MessageSink } from './inbound.ts'
import { isolationOf, positionOf } from './positions.ts'
import { Subscription, type SubscriptionContext } from './subscription.ts'
import { WriteTurns } from './write-turns.ts'

/** Requests of a fetch stream are small. */
const MAX_REQUEST_BYTES = 65_536
/** Partitions of one stream that read at the same time when none is at its end. */
const READS_AT_ONCE = 4

/**
 * A stream that follows partitions. Each is a subscription of its own that sends as the client grants it bytes. When
 * the client has ended its side, the call ends as soon as no subscription can send any more.
 */
export class FetchStream implements MessageSink {
  private readonly call: Call
  private readonly context: SubscriptionContext
  private readonly inbound: Inbound
  private readonly subscriptions = new Map<number, Subscription>()
  private inputEnded = false

  constructor(call: Call, broker: Broker) {
    this.call = call
    const turns = new WriteTurns({ maxHolders: READS_AT_ONCE, canWrite: () => call.canWrite })
    this.context = { call, broker, turns, onRest: (subscription) => this.noteRest(subscription) }
    call.onDrain = () => turns.pass()
    call.onClose = () => this.endAll()
    this.inbound = new Inbound(call, this, MAX_REQUEST_BYTES)
    this.inbound.start()
    call.begin()
  }

  onMessage(message: Buffer): void {
    const { action, add, seek, remove, grant } = decodeFetchStreamRequest(message)
    if (action === 'add' && add !== null) this.add(add)
    else if (action === 'seek' && seek !== null) this.seek(seek)
    else if (action === 'remove' && remove !== null) this.remove(remove.subscription)
    else if (action === 'grant' && grant !== null) this.grant(grant)
    // An action that this version does not know cannot be obeyed, and must not pass in silence.
    else throw new MillraceError('INVALID_REQUEST', 'a request without an action that is known')
  }

  onEnd(): void {
    this.inputEnded = true
    this.endIfAtRest()
  }

  onBroken(error: MillraceError): void {
    this.end(error)
  }

  shutDown(): void {
    this.inbound.stop()
    this.end(new MillraceError('SHUTTING_DOWN', 'the server is shutting down'))
  }

  private add(request: millrace.v1.AddPartition): void {
    const { subscription: number, topic, partition } = request
    if (this.subscriptions.has(number)) {
      throw new MillraceError('INVALID_REQUEST', `there is a subscription ${number} already`)
    }
    const position = positionOf(request.from)
    const isolation = isolationOf(request.isolation)
    const bytes = grantOf(request.bytes)
    const { partitionsPerFetchStream, followedPartitions } = this.call.context.limits
    if (this.subscriptions.size >= partitionsPerFetchStream) {
      this.refuse(number, `a stream may follow ${partitionsPerFetchStream} partitions`)
      return
    }
    if (!this.call.context.followed.take()) {
      this.refuse(number, `fetch streams follow ${followedPartitions} partitions; that is all there may be`)
      return
    }
    const subscription = new Subscription(this.context, { number, topic, partition, isolation, bytes }, position)
    this.subscriptions.set(number, subscription)
    void subscription.run().finally(() => this.call.context.followed.giveBack())
  }

  private refuse(number: number, message: string): void {
    const error = new MillraceError('LIMIT_REACHED', message)
    logFailure(this.call.context, error, { call: this.call.path })
    this.call.write([frameFetchStreamError(number, 0, error)])
  }

  /** A subscription that the client still asks for may have ended here meanwhile: that is no mistake. */
  private seek({ subscription: number, from, generation }: millrace.v1.SeekPartition): void {
    const position = positionOf(from)
    const subscription = this.subscriptions.get(number)
    if (subscription === undefined) return
    if (generation <= subscription.wantedGeneration) {
      throw new MillraceError(
        'INVALID_REQUEST',
        `generation ${generation} of subscription ${number} is not after ${subscription.wantedGeneration}`,
      )
    }
    subscription.seek(position, generation)
  }

  private remove(number: number): void {
    const subscription = this.subscriptions.get(number)
    this.subscriptions.delete(number)
    subscription?.end()
  }

  private grant({ subscription, bytes }: millrace.v1.GrantBytes): void {
    const granted = grantOf(bytes)
    this.subscriptions.get(subscription)?.grant(granted)
  }

  private noteRest(subscription: Subscription): void {
    if (subscription.isEnded && this.subscriptions.get(subscription.number) === subscription) {
      this.subscriptions.delete(subscription.number)
    }
    if (this.inputEnded) this.endIfAtRest()
  }

  private endIfAtRest(): void {
    for (const subscription of this.subscriptions.values()) if (!subscription.isResting) return
    this.end()
  }

  private end(error?: MillraceError): void {
    this.call.end(error)
    this.endAll()
  }

  private endAll(): void {
    for (const subscription of this.subscriptions.values()) subscription.end()
    this.subscriptions.clear()
    this.context.turns.close()
  }
}

/** @throws MillraceError INVALID_REQUEST for less than nothing, NUMBER_NOT_EXACT */
function grantOf(bytes: Int64): number {
  const granted = fromInt64(bytes)
  if (granted < 0) throw new MillraceError('INVALID_REQUEST', `a grant of ${granted} bytes`)
  return granted
}
