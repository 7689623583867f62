import { asMillraceError } from '@millrace/record'
import { frameFetchStreamError, frameFetchStreamResponse, fromInt64, type millrace } from '@millrace/wire'
import type { FakePartition, FakeRead } from './fake-engine.ts'

interface Subscription {
  readonly log: FakePartition
  readonly isolation: 'committed' | 'uncommitted'
  generation: number
  offset: number
  credit: number
  readonly ended: AbortController
  moved: AbortController
  /** Ends the wait for bytes. */
  granted: () => void
}

/** The server's side of one fetch stream. */
export class FakeFetch {
  private readonly find: (topic: string, partition: number) => Promise<FakePartition>
  private readonly write: (frame: Buffer[]) => void
  private readonly subscriptions = new Map<number, Promise<Subscription | undefined>>()

  constructor(find: (topic: string, partition: number) => Promise<FakePartition>, write: (frame: Buffer[]) => void) {
    this.find = find
    this.write = write
  }

  handle({ add, seek, remove, grant }: millrace.v1.FetchStreamRequest): void {
    if (add) this.subscriptions.set(add.subscription, this.add(add))
    if (seek) this.with(seek.subscription, (it) => this.seek(it, seek))
    if (remove) this.with(remove.subscription, (it) => it.ended.abort())
    if (grant) {
      this.with(grant.subscription, (it) => {
        it.credit += fromInt64(grant.bytes)
        it.granted()
      })
    }
  }

  close(): void {
    for (const number of this.subscriptions.keys()) this.with(number, (it) => it.ended.abort())
  }

  private with(number: number, use: (subscription: Subscription) => void): void {
    this.subscriptions.get(number)?.then((it) => it !== undefined && use(it))
  }

  private async add(add: millrace.v1.AddPartition): Promise<Subscription | undefined> {
    try {
      const subscription: Subscription = {
        log: await this.find(add.topic, add.partition),
        isolation: add.isolation === 1 ? 'uncommitted' : 'committed',
        generation: 0,
        offset: 0,
        credit: fromInt64(add.bytes),
        ended: new AbortController(),
        moved: new AbortController(),
        granted: () => {},
      }
      subscription.ended.signal.addEventListener('abort', () => {
        subscription.moved.abort()
        subscription.granted()
      })
      this.follow(subscription, add.subscription, add.from)
      return subscription
    } catch (error) {
      this.write([frameFetchStreamError(add.subscription, 0, asMillraceError(error))])
      return undefined
    }
  }

  private seek(subscription: Subscription, seek: millrace.v1.SeekPartition): void {
    subscription.moved.abort()
    subscription.granted()
    subscription.moved = new AbortController()
    subscription.generation = seek.generation
    this.follow(subscription, seek.subscription, seek.from)
  }

  private async follow(it: Subscription, number: number, from: millrace.v1.Position | null | undefined): Promise<void> {
    const { generation, log, isolation } = it
    const { signal } = it.moved
    try {
      it.offset = await resolve(log, from)
      const start = await log.read(it.offset, { maxBytes: 1, isolation })
      this.send(number, generation, { ...start, nextOffset: it.offset, batches: [], abortedTransactions: [] })
      while (!signal.aborted) {
        if (it.credit <= 0) {
          await new Promise<void>((granted) => {
            it.granted = granted
          })
          continue
        }
        const maxBytes = Math.min(it.credit, 65_536)
        const read = await log.read(it.offset, { maxBytes, waitMs: 60_000, signal, isolation })
        if (signal.aborted || read.batches.length === 0) continue
        it.offset = read.nextOffset
        it.credit -= read.batches.reduce((sum, batch) => sum + batch.length, 0)
        this.send(number, generation, read)
      }
    } catch (error) {
      if (!signal.aborted) this.write([frameFetchStreamError(number, generation, asMillraceError(error))])
    }
  }

  private send(subscription: number, generation: number, read: FakeRead): void {
    const batches = read.batches.map((batch) => Buffer.from(batch))
    this.write(frameFetchStreamResponse(subscription, generation, read, batches))
  }
}

async function resolve(log: FakePartition, from: millrace.v1.Position | null | undefined): Promise<number> {
  if (from?.offset) return fromInt64(from.offset)
  const { logStartOffset, highWatermark } = await log.status()
  if (from?.timestamp) return (await log.offsetForTimestamp(fromInt64(from.timestamp)))?.offset ?? highWatermark
  return from?.latest ? highWatermark : logStartOffset
}
