import type { Writable } from 'node:stream'

/** Bytes that are gathered before they are written, so that many short lines cost few writes. */
const CHUNK_BYTES = 64 * 1024

/**
 * Standard output for a command that prints many lines. Lines are gathered and written when a chunk is full or when
 * the event loop comes round, whichever is first. Nothing is gathered while the reader is slow: `write` then waits.
 */
export class Output {
  private readonly stream: Writable
  private gathered: Buffer[] = []
  private gatheredBytes = 0
  private scheduled = false
  private readonly gone = new AbortController()

  constructor(stream: Writable) {
    this.stream = stream
    stream.on('error', () => this.gone.abort())
  }

  /** Aborted when nothing can be written any more: the reader went away, as `head` does, or writing failed. */
  get ended(): AbortSignal {
    return this.gone.signal
  }

  /** Prints a line. A Buffer is printed as it is. */
  line(content: string | Buffer): Promise<void> {
    return this.print(content, NEWLINE)
  }

  /** Prints something that ends as it ends, without an end of line. */
  bytes(content: Buffer): Promise<void> {
    return this.print(content, NOTHING)
  }

  private async print(content: string | Buffer, end: Buffer): Promise<void> {
    const bytes = typeof content === 'string' ? Buffer.from(content) : content
    this.gathered.push(bytes, end)
    this.gatheredBytes += bytes.length + end.length
    if (this.gatheredBytes >= CHUNK_BYTES) return this.flush()
    if (!this.scheduled) {
      this.scheduled = true
      setImmediate(() => {
        this.scheduled = false
        this.writeGathered()
      })
    }
  }

  /** Prints a value as one line of JSON. */
  async json(value: unknown): Promise<void> {
    await this.line(JSON.stringify(value))
  }

  /**
   * Returns when what was printed has left the process, or when nobody reads it any more.
   * @throws Error when it cannot be written
   */
  async flush(): Promise<void> {
    this.writeGathered()
    while (this.stream.writableLength > 0 && this.usable()) await this.nextDrain()
    const cause: NodeJS.ErrnoException | null = this.stream.errored
    if (cause === null || cause.code === 'EPIPE') return
    throw new Error(`cannot write to standard output: ${cause.message}`, { cause })
  }

  private writeGathered(): void {
    if (this.gathered.length > 0 && this.usable()) this.stream.write(Buffer.concat(this.gathered))
    this.gathered = []
    this.gatheredBytes = 0
  }

  private usable(): boolean {
    return !this.ended.aborted && this.stream.writable
  }

  /** Waits until the stream took something in, failed or closed. An empty write calls back when all before it is out. */
  private nextDrain(): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.ended.removeEventListener('abort', done)
        resolve()
      }
      this.ended.addEventListener('abort', done, { once: true })
      this.stream.write('', done)
    })
  }
}

const NEWLINE = Buffer.from('\n')
const NOTHING = Buffer.alloc(0)
