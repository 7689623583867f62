/**
 * Turns to read data and write it to one stream. They are given in the order in which they were asked for, a few at a
 * time and only while the stream takes more, so that however many partitions a stream follows, only a few hold data
 * that cannot be sent yet, and none starves.
 */
export class WriteTurns {
  private readonly maxHolders: number
  private readonly canWrite: () => boolean
  private readonly waiting: (() => void)[] = []
  private holders = 0
  private isClosed = false

  constructor(options: { readonly maxHolders: number; readonly canWrite: () => boolean }) {
    this.maxHolders = options.maxHolders
    this.canWrite = options.canWrite
  }

  /** Resolves when it is the caller's turn, or at `close`. `release` must follow. */
  async take(): Promise<void> {
    if (this.waiting.length > 0 || !this.isFree()) await new Promise<void>((resolve) => this.waiting.push(resolve))
    else this.holders++
  }

  release(): void {
    this.holders--
    this.pass()
  }

  /** The stream takes more again. */
  pass(): void {
    while (this.waiting.length > 0 && this.isFree()) {
      this.holders++
      this.waiting.shift()?.()
    }
  }

  /** The stream is gone: nobody waits any more. */
  close(): void {
    this.isClosed = true
    this.pass()
  }

  private isFree(): boolean {
    return this.isClosed || (this.holders < this.maxHolders && this.canWrite())
  }
}
