import { asMillraceError, MillraceError, type Timer } from '@millrace/record'
import type { UnaryMethod } from '@millrace/wire'
import type { Call } from './call.ts'
import { Inbound, type MessageSink } from './inbound.ts'

/**
 * Answers one request message with the frames of one response. `signal` says that the answer is wanted at once, or by
 * nobody any more; a wait for data ends then.
 */
export type UnaryHandler = (request: Buffer, signal: AbortSignal, call: Call) => Promise<readonly Buffer[]>

/** Adds a call with small messages, which `run` answers. */
export type AddRoute = <Request, Response>(
  method: UnaryMethod<Request, never, unknown, Response>,
  run: (request: Request) => Promise<Response>,
) => void

/** A call with one request and one response. */
export class UnaryCall implements MessageSink {
  private readonly call: Call
  private readonly handler: UnaryHandler
  private readonly inbound: Inbound
  private readonly waiting = new AbortController()
  private readonly deadline: Timer | undefined
  private request: Buffer | undefined
  private isAnswered = false

  /** @param timeoutMs what the client allows for the whole call; undefined when it did not say */
  constructor(call: Call, handler: UnaryHandler, o: { maxRequestBytes: number; timeoutMs: number | undefined }) {
    this.call = call
    this.handler = handler
    call.onClose = () => this.close()
    this.inbound = new Inbound(call, this, o.maxRequestBytes)
    if (o.timeoutMs !== undefined) {
      this.deadline = call.context.clock.setTimer(o.timeoutMs, () => this.expire())
    }
    this.inbound.start()
  }

  onMessage(message: Buffer): void {
    if (this.request !== undefined) throw new MillraceError('INVALID_REQUEST', 'this call takes one message, not more')
    this.request = message
  }

  onEnd(): void {
    if (this.request === undefined) this.onBroken(new MillraceError('INVALID_REQUEST', 'the call has no message'))
    else void this.answer(this.request)
  }

  onBroken(error: MillraceError): void {
    this.call.end(error)
  }

  /** The server shuts down: a wait for data ends, everything else is finished. */
  shutDown(): void {
    this.waiting.abort()
  }

  private async answer(request: Buffer): Promise<void> {
    const { call } = this
    call.budget.take(request.length)
    try {
      const run = () => this.handler(request, this.waiting.signal, call)
      call.write(await (call.traced === undefined ? run() : call.traced.run(run)))
      call.end()
    } catch (error) {
      call.end(asMillraceError(error))
    } finally {
      this.isAnswered = true
      call.budget.giveBack(request.length)
    }
  }

  private expire(): void {
    this.inbound.stop()
    this.call.end(new MillraceError('TIMED_OUT', "the call took longer than its client's deadline"))
    this.waiting.abort()
  }

  private close(): void {
    this.deadline?.cancel()
    // To abort makes an error with a stack, which costs what a small call does.
    if (!this.isAnswered) this.waiting.abort()
  }
}
