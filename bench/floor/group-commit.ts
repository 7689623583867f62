import { close, fdatasync, openSync, read, writevSync } from 'node:fs'

/** The most Buffers that one writev takes (IOV_MAX). */
const MAX_IOV = 1024

/** One file; what arrives while a round is written and synced makes up the next round. */
export class GroupCommit {
  private readonly file: number
  private readonly sync: boolean
  private waiting: { bytes: Buffer; done: () => void }[] = []
  private running = false
  /** Told the Buffers of each round that is committed, before those who wait for them. */
  onCommit: (round: readonly Buffer[]) => void = () => {}
  size = 0
  committed = 0

  constructor(path: string, sync: boolean) {
    this.file = openSync(path, 'w+')
    this.sync = sync
  }

  append(bytes: Buffer, done: () => void): void {
    this.waiting.push({ bytes, done })
    if (!this.running) {
      this.running = true
      // What arrives in this turn of the event loop goes along.
      setImmediate(() => this.round())
    }
  }

  /** Reads committed bytes. */
  read(at: number, into: Buffer): Promise<number> {
    return new Promise((resolve, reject) => {
      read(this.file, into, 0, Math.min(into.length, this.committed - at), at, (error, bytes) =>
        error ? reject(error) : resolve(bytes),
      )
    })
  }

  close(): Promise<void> {
    return new Promise((resolve, reject) => close(this.file, (error) => (error ? reject(error) : resolve())))
  }

  private round(): void {
    const round = this.waiting.splice(0, MAX_IOV)
    let bytes = 0
    for (const part of round) bytes += part.bytes.length
    const buffers = round.map((part) => part.bytes)
    const written = writevSync(this.file, buffers, this.size)
    if (written !== bytes) throw new Error(`wrote ${written} of ${bytes} bytes`)
    this.size += bytes
    if (this.sync) fdatasync(this.file, (failure) => this.finish(round, buffers, failure))
    else this.finish(round, buffers, null)
  }

  private finish(round: readonly { done: () => void }[], buffers: readonly Buffer[], error: Error | null): void {
    if (error) throw error
    for (const { length } of buffers) this.committed += length
    this.onCommit(buffers)
    for (const part of round) part.done()
    if (this.waiting.length > 0) this.round()
    else this.running = false
  }
}
