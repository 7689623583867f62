import { MillraceError, type Timer } from '@millrace/record'
import { onAbort } from './abort.ts'
import { closedError } from './connection.ts'
import { type Chunk, Cursor } from './cursor.ts'
import { FetchLink } from './fetch-link.ts'
import type { CheckedReadOptions } from './read-options.ts'
import { FRESH_MS, type TopicDirectory } from './topic-directory.ts'
import type { Transport } from './transport.ts'

/** The least that a partition may send ahead, so that many partitions do not crawl. */
export const MIN_CREDIT_BYTES = 16_384

/**
 * Follows the partitions of one `read`, and keeps what has come until it is taken. Where it follows all partitions of a
 * topic, those that are added join in.
 */
export class FetchSession {
  private readonly transport: Transport
  private readonly directory: TopicDirectory
  private readonly options: CheckedReadOptions
  private readonly forgetSignals: (() => void)[]
  private readonly link: FetchLink
  private cursors: Cursor[] | undefined
  private nextLook: Timer | undefined
  private readonly chunks: Chunk[] = []
  private wake: (() => void) | undefined
  private ended: { readonly reason: unknown } | 'done' | undefined

  constructor(transport: Transport, directory: TopicDirectory, options: CheckedReadOptions) {
    this.transport = transport
    this.directory = directory
    this.options = options
    const { signal } = options
    this.forgetSignals = [
      onAbort(signal, () => this.fail(signal?.reason)),
      onAbort(transport.closing, () => this.fail(closedError())),
    ]
    this.link = new FetchLink(
      transport,
      { ...options, connectTimeoutMs: transport.connectTimeoutMs },
      {
        prepare: () => this.prepare(),
        moved: (cursor, chunk) => this.moved(cursor, chunk),
        failed: (cursor, error) => this.failed(cursor, error),
        ended: (error) => this.fail(error),
      },
    )
    if (signal?.aborted) this.fail(signal.reason)
    else if (transport.closing.aborted) this.fail(closedError())
    else this.link.open()
  }

  /** Reading has failed or was ended by a signal, and nobody has heard of it yet. */
  get isInterrupted(): boolean {
    return typeof this.ended === 'object'
  }

  /**
   * What came next; undefined: nothing yet, see `arrival`; `done`: there is no more. What is taken must be released.
   * @throws what ended the reading
   */
  take(): Chunk | 'done' | undefined {
    const { ended } = this
    if (typeof ended === 'object') {
      this.ended = 'done'
      throw ended.reason
    }
    const chunk = this.chunks.shift()
    if (chunk !== undefined) return chunk
    if (this.cursors?.every(({ isComplete }) => isComplete)) this.close()
    return this.ended === 'done' ? 'done' : undefined
  }

  /** Resolves when `take` may have something. One caller at a time. */
  arrival(): Promise<void> {
    return new Promise((resolve) => {
      this.wake = resolve
    })
  }

  /** The records of the chunk have been used; as much may come. */
  release(chunk: Chunk): void {
    this.link.release(chunk)
  }

  /** Ends the reading; nothing more comes. */
  close(): void {
    this.end('done')
  }

  private fail(reason: unknown): void {
    this.end({ reason })
  }

  private end(how: { readonly reason: unknown } | 'done'): void {
    if (this.ended !== undefined) return
    this.ended = how
    this.chunks.length = 0
    this.nextLook?.cancel()
    for (const forget of this.forgetSignals) forget()
    this.link.close()
    this.notify()
  }

  private notify(): void {
    const { wake } = this
    this.wake = undefined
    wake?.()
  }

  private async prepare(): Promise<void> {
    if (this.cursors !== undefined) return
    const { topic, partitions, prefetchBytes } = this.options
    const numbers = partitions ?? Array.from({ length: (await this.directory.learn(topic)).partitions }, (_, n) => n)
    if (this.ended !== undefined) return
    const creditBytes = shareOf(prefetchBytes, numbers.length)
    this.cursors = numbers.map((partition) => new Cursor({ ...this.options, partition }, creditBytes))
    for (const cursor of this.cursors) this.link.add(cursor)
    if (partitions === undefined && this.options.to === 'follow') this.lookLater()
  }

  private lookLater(): void {
    this.nextLook = this.transport.clock.setTimer(FRESH_MS, () => {
      this.look()
        // Those who read hear of what is wrong with the topic from its partitions.
        .catch(() => {})
        .finally(() => {
          if (this.ended === undefined) this.lookLater()
        })
    })
  }

  /** Follows partitions that were added. All that is in them came after the reading began. */
  private async look(): Promise<void> {
    const { topic, prefetchBytes, from } = this.options
    const { partitions } = await this.directory.learn(topic)
    const { cursors } = this
    if (this.ended !== undefined || cursors === undefined || cursors.length >= partitions) return
    const creditBytes = shareOf(prefetchBytes, partitions)
    for (const cursor of cursors) this.link.setCredit(cursor, creditBytes)
    const start = typeof from === 'object' && 'timestamp' in from ? from : 'earliest'
    while (cursors.length < partitions) {
      const partition = cursors.length
      const cursor = new Cursor({ ...this.options, from: start, partition }, creditBytes)
      cursors.push(cursor)
      this.link.add(cursor)
    }
  }

  private moved(cursor: Cursor, chunk: Chunk | undefined): void {
    if (chunk !== undefined) this.chunks.push(chunk)
    if (cursor.isComplete) this.link.remove(cursor)
    if (chunk !== undefined || cursor.isComplete) this.notify()
  }

  private failed(cursor: Cursor, error: MillraceError): void {
    const { onOutOfRange, topic } = this.options
    if (error.code === 'OFFSET_OUT_OF_RANGE' && onOutOfRange !== 'error') {
      this.link.seek(cursor, onOutOfRange)
    } else if (error.retriable) {
      this.link.restart(error)
    } else {
      const details = { ...error.details, topic, partition: cursor.partition }
      this.fail(new MillraceError(error.code, error.message, { cause: error, details }))
    }
  }
}

function shareOf(prefetchBytes: number, partitions: number): number {
  return Math.max(MIN_CREDIT_BYTES, Math.floor(prefetchBytes / partitions))
}
