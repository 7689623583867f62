import type { RecordBatch } from '@millrace/record'
import { batchesOf, type Chunk, wantedOf } from './cursor.ts'
import type { FetchSession } from './fetch-session.ts'
import { ReadRecord } from './read-record.ts'
import type { Serializer } from './serializer.ts'

/** Records of one partition that were stored together, in order of their offsets. */
export interface ReadBatch {
  readonly topic: string
  readonly partition: number
  /** At least one. */
  readonly records: readonly ReadRecord[]
}

export interface ReaderParts {
  readonly topic: string
  readonly session: FetchSession
  readonly serializer: Serializer
  /** Called once it is closed. */
  readonly closed: (reader: { close(): Promise<void> }) => void
}

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined }

/** What `readBatches` gives: the batches of all partitions as they arrive, to be used once. */
export class BatchReader implements AsyncIterableIterator<ReadBatch, undefined>, AsyncDisposable {
  private readonly parts: ReaderParts
  private chunk: Chunk | undefined
  /** What is left of the chunk. */
  private batches: Iterator<RecordBatch> | undefined
  private line: Promise<unknown> | undefined
  private isClosed = false

  constructor(parts: ReaderParts) {
    this.parts = parts
  }

  /** Reading was ended, by a failure or a signal: what has come already is not to be had any more. */
  get isInterrupted(): boolean {
    return this.parts.session.isInterrupted
  }

  /** The next batch if it has come. @throws what ended the reading */
  private poll(): ReadBatch | 'done' | undefined {
    for (;;) {
      const { chunk, batches } = this
      if (chunk !== undefined && batches !== undefined && !this.isInterrupted) {
        const { done, value } = batches.next()
        if (done === true) {
          this.finishChunk()
        } else {
          const { topic, serializer } = this.parts
          const { partition } = chunk.cursor
          const records = wantedOf(value, chunk, (record) => new ReadRecord(topic, partition, record, serializer))
          if (records.length > 0) return { topic, partition, records }
        }
        continue
      }
      const arrived = this.parts.session.take()
      if (arrived === undefined) return undefined
      if (arrived === 'done') return this.ended()
      this.chunk = arrived
      this.batches = batchesOf(arrived)
    }
  }

  /** The next batch. Calls are answered in their order. */
  next(): Promise<IteratorResult<ReadBatch, undefined>> {
    return this.inLine(() => this.pull())
  }

  /** Ends the reading; a `for await` that is left does it. */
  async return(): Promise<IteratorReturnResult<undefined>> {
    await this.close()
    return DONE
  }

  async close(): Promise<void> {
    this.parts.session.close()
    this.batches = undefined
    this.ended()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /** The next batch, for one caller at a time. */
  async pull(): Promise<IteratorResult<ReadBatch, undefined>> {
    try {
      for (;;) {
        const batch = this.poll()
        if (batch === 'done') return DONE
        if (batch !== undefined) return { done: false, value: batch }
        await this.parts.session.arrival()
      }
    } catch (error) {
      await this.close()
      throw error
    }
  }

  /** Runs `step` once the steps before it are through. */
  private inLine<T>(step: () => Promise<T>): Promise<T> {
    const turn = this.line === undefined ? step() : this.line.then(step, step)
    this.line = turn
    const clear = (): void => {
      if (this.line === turn) this.line = undefined
    }
    turn.then(clear, clear)
    return turn
  }

  private finishChunk(): void {
    this.batches = undefined
    if (this.chunk !== undefined) this.parts.session.release(this.chunk)
    this.chunk = undefined
  }

  private ended(): 'done' {
    if (!this.isClosed) {
      this.isClosed = true
      this.parts.closed(this)
    }
    return 'done'
  }
}

/** What `read` gives: the records of all partitions as they arrive, in order within each, to be used once. */
export class RecordReader implements AsyncIterableIterator<ReadRecord, undefined>, AsyncDisposable {
  private readonly batches: BatchReader
  private records: readonly ReadRecord[] = []
  private at = 0
  private waiting: Promise<unknown> | undefined

  constructor(batches: BatchReader) {
    this.batches = batches
  }

  /** The next record. Calls are answered in their order. */
  next(): Promise<IteratorResult<ReadRecord, undefined>> {
    if (this.waiting === undefined && !this.batches.isInterrupted) {
      const value = this.records[this.at]
      if (value !== undefined) {
        this.at++
        return Promise.resolve({ done: false, value })
      }
    }
    return this.waitForNext()
  }

  /** Ends the reading; a `for await` that is left does it. */
  async return(): Promise<IteratorReturnResult<undefined>> {
    await this.close()
    return DONE
  }

  async close(): Promise<void> {
    this.records = []
    await this.batches.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  private waitForNext(): Promise<IteratorResult<ReadRecord, undefined>> {
    const pull = (): Promise<IteratorResult<ReadRecord, undefined>> => this.pull()
    const turn = this.waiting === undefined ? pull() : this.waiting.then(pull, pull)
    this.waiting = turn
    const clear = (): void => {
      if (this.waiting === turn) this.waiting = undefined
    }
    turn.then(clear, clear)
    return turn
  }

  private async pull(): Promise<IteratorResult<ReadRecord, undefined>> {
    const value = this.batches.isInterrupted ? undefined : this.records[this.at]
    if (value !== undefined) {
      this.at++
      return { done: false, value }
    }
    this.records = []
    const batch = await this.batches.pull()
    if (batch.done === true) return DONE
    this.records = batch.value.records
    this.at = 1
    return { done: false, value: this.records[0] as ReadRecord }
  }
}
