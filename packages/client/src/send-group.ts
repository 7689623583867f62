import type { MillraceError } from '@millrace/record'
import type { SendResult } from './call.ts'
import type { ClientBatch, ResultSink, Run } from './client-batch.ts'

/** What became of neighbouring sends of a group: from `place` up to, but not including, `end`. */
interface Part {
  readonly place: number
  readonly end: number
  readonly batch: ClientBatch
  /** Of the first; -1: stored, but nobody knows where. */
  readonly offset: number
  readonly timestamp: number
  readonly error: MillraceError | undefined
}

/**
 * The records of one batch that were sent one by one. Each has a promise, which hangs on that of the group: reactions
 * to one promise run in the order in which they were added, so that one function, which counts, serves them all. A
 * record costs its promise and nothing else that would have to outlive the way to the server and back.
 *
 * Should the batch be divided on its way, its sends are settled together all the same, when the last part is.
 */
export class SendGroup implements ResultSink {
  private added = 0
  private settledCount = 0
  private readonly parts: Part[] = []
  private settle: () => void = () => {}
  private readonly whenSettled = new Promise<void>((resolve) => {
    this.settle = resolve
  })
  private nextPlace = 0
  private partIndex = 0

  /** Records in it; the next one's place. */
  get size(): number {
    return this.added
  }

  /** Adds the next record, which the batch has taken. */
  add(): Promise<SendResult> {
    this.added++
    return this.whenSettled.then(this.takeResult)
  }

  stored(batch: ClientBatch, { from, to, place }: Run, baseOffset: number, timestamp: number): void {
    const offset = baseOffset < 0 ? -1 : baseOffset + from
    this.put({ place, end: place + to - from, batch, offset, timestamp, error: undefined })
  }

  failed(batch: ClientBatch, { from, to, place }: Run, error: MillraceError): void {
    this.put({ place, end: place + to - from, batch, offset: -1, timestamp: -1, error })
  }

  private put(part: Part): void {
    this.parts.push(part)
    this.settledCount += part.end - part.place
    if (this.settledCount < this.added) return
    // The parts of a divided batch may be settled in any order.
    this.parts.sort((a, b) => a.place - b.place)
    this.settle()
  }

  /** Called once for each record, in the order in which they were added. */
  private readonly takeResult = (): SendResult => {
    const place = this.nextPlace++
    let part = this.parts[this.partIndex] as Part
    if (place === part.end) part = this.parts[++this.partIndex] as Part
    if (part.error !== undefined) throw part.error
    const { topic, partition } = part.batch
    const offset = part.offset < 0 ? -1 : part.offset + place - part.place
    return { topic, partition, offset, timestamp: part.timestamp }
  }
}
