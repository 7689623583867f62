import type { Broker, FetchedRecords, FetchSource, LiveReader, Position } from '@millrace/broker'
import { asMillraceError, type Clock, type Limits, MillraceError } from '@millrace/record'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { FailureBook } from '../request-stats.ts'
import type { Unsent } from '../unsent.ts'
import { logFailure, problemOf } from './problem.ts'
import { recordText, type ValueForm, withinBytes } from './record-json.ts'
import type { TailFormat } from './tail-format.ts'
import { TailWriter } from './tail-writer.ts'
import type { Waits } from './waits.ts'

/** Read at a time, when others leave room for so much. */
const READ_BYTES = 262_144

export interface LiveTailsOptions extends FailureBook {
  readonly broker: Broker
  readonly clock: Clock
  readonly limits: Limits
  readonly unsent: Unsent
  readonly waits: Waits
}

/** What a client asked to follow. */
export interface TailRequest {
  readonly topic: string
  readonly partition: number
  readonly from: Position
  readonly isolation: 'committed' | 'uncommitted'
  readonly values: ValueForm
  /** Records after which the tail ends; infinite: it does not. */
  readonly limit: number
  readonly format: TailFormat
}

/** The answers that follow a partition and do not end by themselves. */
export class LiveTails {
  private readonly options: LiveTailsOptions
  private open = 0

  constructor(options: LiveTailsOptions) {
    this.options = options
  }

  /** Tails that are open right now. */
  get size(): number {
    return this.open
  }

  /**
   * Answers with a live tail, until its client is gone or the server drains. What fails before it has begun is thrown, to
   * be answered like any other failure; what fails later is told in the tail and ends it.
   * @throws MillraceError LIMIT_REACHED (open tails); TOPIC_NOT_FOUND, PARTITION_NOT_FOUND, INVALID_REQUEST; CORRUPT_BATCH,
   *   INVALID_BATCH or BATCH_TOO_LARGE where the first batch cannot be opened
   */
  async follow(request: FastifyRequest, reply: FastifyReply, asked: TailRequest): Promise<void> {
    const { limits, waits } = this.options
    if (this.open >= limits.liveTails) {
      throw new MillraceError('LIMIT_REACHED', `${limits.liveTails} live tails are open; that is all there may be`, {
        details: { limit: limits.liveTails },
      })
    }
    this.open++
    try {
      const tail = new LiveTail(this.options, asked)
      await waits.run(reply.raw, (signal) => tail.run(request, reply, signal))
    } finally {
      this.open--
    }
  }
}

type Found = FetchedRecords | { readonly resetTo: number; readonly highWatermark: number }

class LiveTail {
  private readonly options: LiveTailsOptions
  private readonly asked: TailRequest
  /** Records that may still be sent. */
  private left: number
  /** Where to read on. */
  private next = 0
  /** What was read and is still to be told. */
  private found: Found | undefined

  constructor(options: LiveTailsOptions, asked: TailRequest) {
    this.options = options
    this.asked = asked
    this.left = asked.limit
  }

  async run(request: FastifyRequest, reply: FastifyReply, signal: AbortSignal): Promise<void> {
    const { topic, partition, from, isolation } = this.asked
    const source = await this.options.broker.fetch.source(topic, partition)
    this.next = await source.resolve(from, isolation)
    const reader = source.reader()
    try {
      await this.follow(source, reader, request, reply, signal)
    } finally {
      reader.close()
    }
  }

  private async follow(
    source: FetchSource,
    reader: LiveReader,
    request: FastifyRequest,
    reply: FastifyReply,
    signal: AbortSignal,
  ): Promise<void> {
    const { format } = this.asked
    await this.read(source, false, signal)
    const writer = begin(reply, format, this.options)
    if (request.method === 'HEAD') {
      writer.end()
      return
    }
    try {
      await writer.write(format.opening(this.next))
      for (;;) {
        const waits = this.isAtEnd
        await this.tell(writer)
        if (this.left === 0 || signal.aborted) break
        await this.read(source, waits, signal)
        if (signal.aborted) break
        reader.position = this.next
        if (waits && this.isEmpty) await writer.write(format.position(this.next))
      }
    } catch (cause) {
      const error = asMillraceError(cause)
      logFailure(this.options, error, { method: request.method, url: request.url })
      await writer.write(format.error(problemOf(error)))
    }
    writer.end()
  }

  /** Reads on; `waits`: until there is something, but at most until it is time for a sign of life. */
  private async read(source: FetchSource, waits: boolean, signal: AbortSignal): Promise<void> {
    const { limits, unsent } = this.options
    const { isolation } = this.asked
    const limit = Number.isFinite(this.left) ? this.left : undefined
    const readBytes = async (maxBytes: number, waitMs: number): Promise<void> => {
      this.found = withinBytes(
        await source.records(this.next, { limit, maxBytes, waitMs, isolation, signal }),
        maxBytes,
      )
    }
    try {
      // What waits holds nothing, and is not counted.
      if (waits) await readBytes(unsent.portion(READ_BYTES), limits.liveTailHeartbeatMs)
      else await unsent.whileReading(READ_BYTES, (maxBytes) => readBytes(maxBytes, 0))
    } catch (error) {
      if (!(error instanceof MillraceError) || error.code !== 'OFFSET_OUT_OF_RANGE') throw error
      const { logStartOffset, highWatermark } = error.details
      this.found = { resetTo: Number(logStartOffset), highWatermark: Number(highWatermark) }
    }
  }

  /** Writes what was found, and lets go of it at once: a client that does not read must not hold whole batches. */
  private tell(writer: TailWriter): Promise<void> {
    const { found } = this
    this.found = undefined
    return writer.write(found === undefined ? '' : this.textOf(found))
  }

  /** Whether there was nothing from `next` on. */
  private get isEmpty(): boolean {
    return this.found !== undefined && !('resetTo' in this.found) && this.found.nextOffset === this.next
  }

  /** Whether whoever reads on after what was found has to wait. */
  private get isAtEnd(): boolean {
    const { found } = this
    if (found === undefined || 'resetTo' in found) return false
    return this.isEmpty || found.nextOffset >= found.highWatermark
  }

  /** What tells the client of what was found; reading goes on after it. */
  private textOf(found: Found): string {
    const { format, values } = this.asked
    const from = this.next
    if ('resetTo' in found) {
      this.next = found.resetTo
      return format.reset({ offset: from, logStartOffset: found.resetTo, highWatermark: found.highWatermark })
    }
    const { records, nextOffset } = found
    if (nextOffset === from) return ''
    this.next = nextOffset
    this.left -= records.length
    let text = ''
    for (const record of records) text += format.record(record.offset, recordText(record, values))
    // Also where records were passed over: a reader that comes back must not begin before them again.
    const told = records.length === 0 ? undefined : records.at(-1)!.offset + 1
    return told === nextOffset ? text : text + format.position(nextOffset)
  }
}

/** Takes the answer out of Fastify's hands, which has no endless ones, and sends its head. */
function begin(reply: FastifyReply, { contentType }: TailFormat, options: LiveTailsOptions): TailWriter {
  reply.hijack()
  const writer = new TailWriter(reply.raw, options)
  // What is told by a proxy's buffer comes late (nginx's name for "do not").
  const headers = { ...reply.getHeaders(), 'content-type': contentType, 'x-accel-buffering': 'no' }
  reply.raw.writeHead(200, headers as Record<string, string>)
  return writer
}
