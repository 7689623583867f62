/** The part of an HTTP/2 session that sets what its peer may send on each stream. */
export interface WindowSetter {
  readonly destroyed: boolean
  /** As `Http2Session.settings`: `onAck` is called once the peer has them. */
  settings(settings: { readonly initialWindowSize: number }, onAck: () => void): void
}

export interface StreamWindowOptions {
  readonly session: WindowSetter
  /** What every stream has, and the session's setting at its start. */
  readonly leastBytes: number
  readonly mostBytes: number
  /** For all streams together, as far as `leastBytes` for each allow. */
  readonly sharedBytes: number
}

/**
 * What the peer of a connection may send on one stream before it is read. Node.js gives a connection's own window back
 * as soon as something has come, read or not, so that only the windows of its streams bound what a connection may have
 * here unread: they share, and the more there are, the smaller they get.
 *
 * They get smaller with the stream that makes them, and larger when `look` finds that there were fewer since the look
 * before: streams that come and go in quick turn change nothing.
 */
export class StreamWindow {
  private readonly options: StreamWindowOptions
  private streams = 0
  private mostStreams = 0
  /** What the peer was told last. */
  private told: number
  private counted: number
  private isSettling = false

  constructor(options: StreamWindowOptions) {
    this.options = options
    this.told = options.leastBytes
    this.counted = options.leastBytes
  }

  /** What the peer may believe to have. */
  get bytes(): number {
    return this.counted
  }

  opened(): void {
    this.streams++
    if (this.streams <= this.mostStreams) return
    this.mostStreams = this.streams
    if (this.wanted() < this.told) this.settle()
  }

  closed(): void {
    this.streams--
  }

  look(): void {
    this.settle()
    this.mostStreams = this.streams
  }

  private settle(): void {
    const { session } = this.options
    const bytes = this.wanted()
    // Node.js ends a session that leaves too many of its settings without an answer.
    if (bytes === this.told || this.isSettling || session.destroyed) return
    this.isSettling = true
    this.told = bytes
    this.counted = Math.max(this.counted, bytes)
    session.settings({ initialWindowSize: bytes }, () => {
      this.isSettling = false
      this.counted = bytes
      if (this.wanted() < bytes) this.settle()
    })
  }

  private wanted(): number {
    const { leastBytes, mostBytes, sharedBytes } = this.options
    const each = Math.min(mostBytes, sharedBytes / Math.max(1, this.mostStreams))
    // In powers of two, so that not every stream changes them.
    return Math.max(leastBytes, 2 ** Math.floor(Math.log2(each)))
  }
}
