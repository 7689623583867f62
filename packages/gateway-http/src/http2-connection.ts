import { constants, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import type { Clock, Limits } from '@millrace/record'
import type { InFlight } from './in-flight.ts'
import { Noise, type NoisySocket, watchNoise } from './noise.ts'
import type { RequestOwner } from './request-turns.ts'
import { isStranded } from './stream-end.ts'
import { StreamWindow } from './stream-window.ts'
import { WaitingChunks } from './waiting-chunks.ts'

/**
 * What a peer may send on each stream before it is read, at least, which a stream that is not read costs; and what the
 * streams of all connections share beyond that.
 */
export const STREAM_WINDOW_BYTES = { least: 65_536, shared: 16 * 1024 * 1024 }

export interface Http2ConnectionOptions {
  readonly session: ServerHttp2Session
  readonly socket: NoisySocket
  readonly address: string
  readonly limits: Limits
  readonly clock: Clock
  readonly inFlight: InFlight
  /** Connections that are open, with this one: the more there are, the less its streams get to share. */
  readonly connections: number
  /** Whether another connection of its peer was ended for its behaviour. */
  readonly isWary: boolean
  /** It sent too much noise. Called once. */
  readonly onNoise: () => void
}

/** What one HTTP/2 connection has here: its streams, what they may be sent, and what it sends that brings nothing. */
export class Http2Connection implements RequestOwner {
  readonly address: string
  /** What its peer may send on each stream before it is read. */
  readonly window: StreamWindow
  private readonly inFlight: InFlight
  private readonly noise: Noise
  private readonly streams = new Set<ServerHttp2Stream>()
  /** Of its streams that may receive something. */
  private readonly chunks = new Set<WaitingChunks>()

  constructor({ session, socket, limits, clock, isWary, onNoise, ...options }: Http2ConnectionOptions) {
    const { streamWindowBytes: mostBytes, connectionWindowBytes } = limits
    const sharedBytes = Math.min(connectionWindowBytes, STREAM_WINDOW_BYTES.shared / options.connections)
    const unreadBytes = (): number => this.unreadBytes
    this.address = options.address
    this.inFlight = options.inFlight
    this.window = new StreamWindow({ session, leastBytes: STREAM_WINDOW_BYTES.least, mostBytes, sharedBytes })
    this.noise = new Noise({ limits, clock, socket, isWary, unreadBytes, onTooMuch: onNoise })
    watchNoise(session, this.noise)
    session.setLocalWindowSize(connectionWindowBytes)
  }

  /** Follows a stream while it is open. Must not know its headers, which its listeners would keep as long. */
  opened(stream: ServerHttp2Stream): void {
    this.noise.opened()
    this.streams.add(stream)
    stream.once('close', () => this.streams.delete(stream))
    if (stream.endAfterHeaders) return
    const { window, chunks } = this
    const waiting = new WaitingChunks(stream, this.inFlight, () => stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM))
    window.opened()
    chunks.add(waiting)
    stream.once('close', () => {
      window.closed()
      chunks.delete(waiting)
    })
  }

  /** Does what is to be done from time to time. */
  look(): void {
    this.lookAtNoise()
    this.window.look()
    for (const waiting of this.chunks) waiting.look()
    for (const stream of this.streams) if (isStranded(stream)) stream.destroy()
  }

  /** Ends the connection if it sent too much noise. */
  lookAtNoise(): void {
    this.noise.look()
  }

  private get unreadBytes(): number {
    let bytes = 0
    for (const { readableLength } of this.streams) bytes += readableLength
    return bytes
  }
}
