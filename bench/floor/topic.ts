import { once } from 'node:events'
import { openSync, writevSync } from 'node:fs'
import type { ServerHttp2Stream } from 'node:http2'
import { join } from 'node:path'
import { isWhole, recordCount, stamp } from './batch.ts'
import { GroupCommit } from './group-commit.ts'

const READ_BYTES = 2 ** 20

/**
 * A topic as bare as it can be. All batches go into one file, which is synced and which readers of partition 0 get; of a
 * topic with several partitions it is the journal, and each partition has a file beside it that is not synced.
 */
export class Topic {
  private readonly log: GroupCommit
  private readonly partitions: { nextOffset: number; readonly file: number | undefined; size: number }[]
  private readonly readers = new Set<TailReader>()

  constructor(directory: string, name: string, partitions: number, synced: boolean) {
    this.log = new GroupCommit(join(directory, `${name}.log`), synced)
    this.partitions = Array.from({ length: partitions }, (_, partition) => ({
      nextOffset: 0,
      file: partitions === 1 ? undefined : openSync(join(directory, `${name}-${partition}.log`), 'w'),
      size: 0,
    }))
    this.log.onCommit = (round) => {
      for (const reader of this.readers) reader.push(round)
    }
  }

  append(partition: number, batch: Buffer, done: () => void): void {
    const to = this.partitions[partition]!
    if (!isWhole(batch, 0, batch.length)) throw new Error('a batch is not whole')
    stamp(batch, to.nextOffset)
    to.nextOffset += recordCount(batch, 0)
    if (to.file !== undefined) to.size += writevSync(to.file, [batch], to.size)
    this.log.append(batch, done)
  }

  /** Sends everything, and what is committed from now on, until the stream is closed. */
  follow(stream: ServerHttp2Stream): void {
    const reader = new TailReader(this.log, stream)
    this.readers.add(reader)
    stream.once('close', () => this.readers.delete(reader))
  }
}

/** Sends a log into a stream: at the tail the Buffers that were just committed, else large reads of the file. */
class TailReader {
  private readonly log: GroupCommit
  private readonly stream: ServerHttp2Stream
  private at = 0
  private busy = false

  constructor(log: GroupCommit, stream: ServerHttp2Stream) {
    this.log = log
    this.stream = stream
    this.catchUp().catch(() => stream.destroy())
  }

  push(round: readonly Buffer[]): void {
    if (this.busy) return
    let room = true
    this.stream.cork()
    for (const bytes of round) room = this.stream.write(bytes)
    this.stream.uncork()
    this.at = this.log.committed
    if (room) return
    this.busy = true
    this.stream.once('drain', () => this.catchUp().catch(() => this.stream.destroy()))
  }

  private async catchUp(): Promise<void> {
    this.busy = true
    while (this.at < this.log.committed && !this.stream.destroyed) {
      const bytes = Buffer.allocUnsafeSlow(READ_BYTES)
      const length = await this.log.read(this.at, bytes)
      this.at += length
      if (!this.stream.write(bytes.subarray(0, length))) await once(this.stream, 'drain')
    }
    this.busy = false
  }
}
