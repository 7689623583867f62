import { asMillraceError, MillraceError, type Timer } from '@millrace/record'
import { FrameReader } from '@millrace/wire'
import type { Reservation } from '../in-flight.ts'
import { type Noise, noiseOf } from '../noise.ts'
import type { Call } from './call.ts'
import type { Pausable } from './connection-budget.ts'
import { IdleTimer } from './idle-timer.ts'

/** Who gets a call's messages. */
export interface MessageSink {
  /** A throw ends the call's input: it goes to `onBroken`. */
  onMessage(message: Buffer): void
  /** The client has sent everything. */
  onEnd(): void
  /** What the client sends makes no sense, is too large, or stopped in the middle. Nothing comes after it. */
  onBroken(error: MillraceError): void
}

/** Longer messages than this are not gathered before there is room for them. */
const SMALL_BYTES = 65_536

/**
 * The receiving half of one gRPC call: cuts what comes into messages and passes them on, one after another. Does not
 * read while the connection's budget is spent, while a larger message waits for room, or while it is held.
 */
export class Inbound implements Pausable, Reservation {
  private readonly call: Call
  private readonly sink: MessageSink
  private readonly reader: FrameReader
  private readonly stalled: IdleTimer
  private readonly noise: Noise | undefined
  private partialBytes = 0
  /** Room for the message that is gathered: its length, or 0 when it needs none. */
  bytes = 0
  private room: 'none' | 'awaited' | 'granted' = 'none'
  private slow: Timer | undefined
  private isHeld = false
  private hasStopped = false
  /** What its window counts for while it is not read from. */
  private unreadBytes: number | undefined

  constructor(call: Call, sink: MessageSink, maxMessageBytes: number) {
    this.call = call
    this.sink = sink
    this.reader = new FrameReader({ maxMessageBytes })
    const { clock, limits } = call.context
    this.stalled = new IdleTimer(clock, limits.requestTimeoutMs, () => this.break(stalledError(limits)))
    this.noise = noiseOf(call.stream.session)
  }

  /** Begins to read. The sink may be told at once that nothing will come, so that it must be complete by now. */
  start(): void {
    const { stream } = this.call
    stream.on('data', (chunk: Buffer) => this.receive(chunk))
    stream.on('end', () => this.end())
    stream.once('close', () => this.stop())
    // A connection that is over its budget opens streams in vain.
    this.pauseIfNeeded()
  }

  /** Stops reading until `release`. What is read after `stop` is thrown away; that goes on. */
  hold(): void {
    if (this.hasStopped) return
    this.isHeld = true
    this.pauseIfNeeded()
  }

  release(): void {
    this.isHeld = false
    this.resume()
  }

  /** The budget has room again. */
  resume(): void {
    if (this.hasStopped || this.pauseIfNeeded()) return
    if (this.reader.isPartial) this.stalled.touch()
    this.countRead()
    this.call.stream.resume()
  }

  /** There is room for the message that has begun. */
  onGranted(): void {
    this.setRoom('granted')
    this.countPartial(0)
    this.resume()
  }

  /** No more messages are wanted. */
  stop(): void {
    if (this.hasStopped) return
    this.hasStopped = true
    this.stalled.dispose()
    // The stream may stay for a while, until its client knows.
    this.reader.discard()
    this.countPartial(0)
    this.countRead()
    this.giveRoomBack()
    this.call.budget.leave(this)
  }

  private receive(chunk: Buffer): void {
    if (this.hasStopped) return
    const { reader } = this
    reader.push(chunk)
    let endsMessage = false
    try {
      for (let message = reader.read(); message !== undefined; message = reader.read()) {
        endsMessage = true
        this.sink.onMessage(message)
        if (this.hasStopped) return
        this.giveRoomBack()
      }
    } catch (error) {
      this.break(asMillraceError(error))
      return
    }
    this.noise?.received(chunk.length, endsMessage)
    if (this.room === 'none' && reader.expectedBytes > SMALL_BYTES) this.askForRoom(reader.expectedBytes)
    // What has room for its whole length is counted there.
    if (!this.countPartial(this.room === 'granted' ? 0 : reader.partialBytes)) {
      this.break(new MillraceError('LIMIT_REACHED', 'too many messages were begun and have not ended'))
      return
    }
    if (this.pauseIfNeeded() || !reader.isPartial) this.stalled.stop()
    else this.stalled.touch()
  }

  private end(): void {
    if (this.hasStopped) return
    try {
      this.reader.end()
    } catch (error) {
      this.break(asMillraceError(error))
      return
    }
    this.stop()
    this.sink.onEnd()
  }

  private break(error: MillraceError): void {
    if (this.hasStopped) return
    this.stop()
    this.sink.onBroken(error)
  }

  private pauseIfNeeded(): boolean {
    const { budget, stream } = this.call
    if (budget.isSpent) budget.waitForRoom(this)
    else if (!this.isHeld && this.room !== 'awaited') return false
    stream.pause()
    this.stalled.stop()
    this.unreadBytes ??= budget.addUnread()
    if (this.unreadBytes === undefined) {
      this.break(new MillraceError('LIMIT_REACHED', 'too many calls wait to be read'))
    }
    return true
  }

  private askForRoom(bytes: number): void {
    this.bytes = bytes
    this.setRoom(this.call.budget.reserve(this) ? 'granted' : 'awaited')
  }

  private setRoom(room: Inbound['room']): void {
    this.room = room
    this.slow?.cancel()
    this.slow = undefined
    if (room === 'granted') this.watchPace()
  }

  /** A message that trickles in must not keep others from their room. */
  private watchPace(): void {
    const { clock, limits } = this.call.context
    this.slow = clock.setTimer(limits.requestTimeoutMs, () => {
      if (this.call.budget.isAwaited) this.break(stalledError(limits))
      else this.watchPace()
    })
  }

  private giveRoomBack(): void {
    const { room } = this
    if (room === 'none') return
    this.setRoom('none')
    if (room === 'granted') this.call.budget.release(this)
    else this.call.budget.cancel(this)
  }

  private countRead(): void {
    if (this.unreadBytes !== undefined) this.call.budget.removeUnread(this.unreadBytes)
    this.unreadBytes = undefined
  }

  /** @returns false: too much of the kind is in memory */
  private countPartial(bytes: number): boolean {
    if (bytes === this.partialBytes) return true
    const more = bytes - this.partialBytes
    this.partialBytes = bytes
    return this.call.budget.addPartial(more)
  }
}

function stalledError({ requestTimeoutMs }: { requestTimeoutMs: number }): MillraceError {
  return new MillraceError('TIMED_OUT', `a message was begun, then nothing came for ${requestTimeoutMs} ms`)
}
