import { asMillraceError, MillraceError, type Timer } from '@millrace/record'
import { decodeReflectionRequest, encodeReflectionResponse, frameMessage } from '@millrace/wire'
import type { Call } from './call.ts'
import { startDeadline } from './deadline.ts'
import { Inbound, type MessageSink } from './inbound.ts'
import { ProtoIndex } from './proto-index.ts'

/** Requests carry a name. */
const MAX_REQUEST_BYTES = 4_096

/** One for all servers of the process: what it has is always the same. */
let index: Promise<ProtoIndex> | undefined

/**
 * Tells what services and messages there are, request by request. An answer is made when the one before it is on its
 * way: a client that asks and does not read makes nothing grow.
 */
export class ReflectionStream implements MessageSink {
  private readonly call: Call
  private readonly inbound: Inbound
  private readonly deadline: Timer | undefined
  private waiting: Buffer[] = []
  private isAnswering = false
  private inputEnded = false
  private wake: (() => void) | undefined

  constructor(call: Call, timeoutMs: number | undefined) {
    this.call = call
    call.onClose = () => this.close()
    call.onDrain = () => this.wake?.()
    this.inbound = new Inbound(call, this, MAX_REQUEST_BYTES)
    this.deadline = startDeadline(call, timeoutMs, () => this.inbound.stop())
    this.inbound.start()
    call.begin()
  }

  onMessage(message: Buffer): void {
    this.waiting.push(message)
    this.inbound.hold()
    if (!this.isAnswering) void this.answerAll()
  }

  onEnd(): void {
    this.inputEnded = true
    if (!this.isAnswering) this.call.end()
  }

  onBroken(error: MillraceError): void {
    this.call.end(error)
  }

  shutDown(): void {
    this.inbound.stop()
    this.call.end(new MillraceError('SHUTTING_DOWN', 'the server is shutting down'))
  }

  private async answerAll(): Promise<void> {
    this.isAnswering = true
    try {
      index ??= ProtoIndex.load()
      const files = await index
      while (this.waiting.length > 0 && this.call.isOpen) {
        const requests = this.waiting
        this.waiting = []
        for (const request of requests) {
          if (!this.call.canWrite) await this.drained()
          if (!this.call.isOpen) return
          const answer = encodeReflectionResponse(files.answer(decodeReflectionRequest(request)))
          this.call.write([frameMessage(answer)])
        }
        this.inbound.release()
      }
      if (this.inputEnded) this.call.end()
    } catch (error) {
      this.inbound.stop()
      this.call.end(asMillraceError(error))
    } finally {
      this.isAnswering = false
    }
  }

  private drained(): Promise<void> {
    return new Promise((resolve) => {
      this.wake = resolve
    })
  }

  private close(): void {
    this.deadline?.cancel()
    this.waiting = []
    this.wake?.()
  }
}
