import { MillraceError, type Timer } from '@millrace/record'
import { frameMessage, HEALTH_CHECK } from '@millrace/wire'
import type { Call } from './call.ts'
import { startDeadline } from './deadline.ts'
import type { Health } from './health.ts'
import { Inbound, type MessageSink } from './inbound.ts'

/** Requests carry the name of a service. */
const MAX_REQUEST_BYTES = 4_096

/**
 * A stream that tells its client whether a service works, now and at each change. One that does not read is told
 * nothing more until it does, and is cut off as on every stream.
 */
export class HealthWatch implements MessageSink {
  private readonly call: Call
  private readonly health: Health
  private readonly inbound: Inbound
  private readonly deadline: Timer | undefined
  private service: string | undefined
  private owed: Buffer | undefined

  constructor(call: Call, health: Health, timeoutMs: number | undefined) {
    this.call = call
    this.health = health
    call.onClose = () => this.close()
    call.onDrain = () => this.pay()
    this.inbound = new Inbound(call, this, MAX_REQUEST_BYTES)
    this.deadline = startDeadline(call, timeoutMs, () => this.inbound.stop())
    this.inbound.start()
    call.begin()
  }

  onMessage(message: Buffer): void {
    if (this.service !== undefined) throw new MillraceError('INVALID_REQUEST', 'this call takes one message, not more')
    this.service = HEALTH_CHECK.decodeRequest(message).service
  }

  onEnd(): void {
    if (this.service === undefined) {
      this.onBroken(new MillraceError('INVALID_REQUEST', 'the call has no message'))
      return
    }
    this.health.watch(this, this.service, (status) => {
      this.owed = frameMessage(HEALTH_CHECK.encodeResponse({ status }))
      if (this.call.canWrite) this.pay()
    })
  }

  onBroken(error: MillraceError): void {
    this.call.end(error)
  }

  shutDown(): void {
    this.inbound.stop()
    this.call.end(new MillraceError('SHUTTING_DOWN', 'the server is shutting down'))
  }

  private pay(): void {
    if (this.owed !== undefined) this.call.write([this.owed])
    this.owed = undefined
  }

  private close(): void {
    this.deadline?.cancel()
    this.health.unwatch(this)
  }
}
