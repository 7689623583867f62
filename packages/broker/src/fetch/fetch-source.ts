import type { EnginePartition, Isolation, ReadResult } from '@millrace/engine'
import { type Limits, MillraceError } from '@millrace/record'
import { countGiven, LiveReader } from '../stats/live-readers.ts'
import type { TopicHandle } from '../topics/topic-handle.ts'
import type { Topics } from '../topics/topics.ts'
import { LARGE_BYTES, type LongWork } from '../work/long-work.ts'
import {
  type AnswerOptions,
  decodeAtOnce,
  decodeAtPace,
  type FetchedRecords,
  type FetchRecordsOptions,
} from './fetched-records.ts'
import type { Position } from './position.ts'

/** A batch of the client's, with its defaults: to find a few records in one takes no long work. */
const SEARCHED_BYTES = 4 * LARGE_BYTES

export interface FetchSourceOptions {
  readonly handle: TopicHandle
  readonly partition: EnginePartition
  readonly limits: Limits
  readonly topics: Topics
  readonly readers: Set<LiveReader>
  readonly longWork: LongWork
}

export interface SourceReadOptions {
  /** Bytes to return at most; a single larger batch comes whole. At most, and for 0, `limits.fetchBytes`. */
  readonly maxBytes: number
  /** How long to wait when there is nothing yet. At most `limits.fetchWaitMs`; default 0. */
  readonly waitMs?: number | undefined
  /** Default `committed`. */
  readonly isolation?: Isolation | undefined
  /** Ends the waiting: the read then returns nothing. */
  readonly signal?: AbortSignal | undefined
}

/** An offset that a position stands for. */
export interface FoundOffset {
  readonly offset: number
  /** The timestamp of the record at the offset, when it was found by time. In ms since 1970. */
  readonly timestamp?: number
  /** False when there is no record at or after the time; the offset is then the latest. */
  readonly found: boolean
}

/**
 * The way out of one partition, for a stream to keep. Once the topic is deleted, every call fails with TOPIC_NOT_FOUND,
 * also when a topic of the same name was made since.
 */
export class FetchSource {
  private readonly topic: TopicHandle
  private readonly partition: EnginePartition
  private readonly limits: Limits
  private readonly topics: Topics
  private readonly readers: Set<LiveReader>
  private readonly longWork: LongWork

  constructor({ handle, partition, limits, topics, readers, longWork }: FetchSourceOptions) {
    this.longWork = longWork
    this.readers = readers
    this.topic = handle
    this.partition = partition
    this.limits = limits
    this.topics = topics
  }

  /**
   * The offset to begin to read at. One that is given by its number is not held against the partition's range; `read`
   * does that. The latest is the last stable offset with isolation `committed`, the default, so that nothing is passed
   * over that an open transaction has written.
   * @throws MillraceError INVALID_REQUEST for a number that is no offset or no time; TOPIC_NOT_FOUND
   */
  async resolve(position: Position, isolation: Isolation = 'committed'): Promise<number> {
    if ('offset' in position) return checkWhole('offset', position.offset)
    return (await this.offsetAt(position, isolation)).offset
  }

  /**
   * The offset that a position stands for now; the latest is the high watermark, or, with isolation `committed`, the last
   * stable offset.
   * @throws MillraceError INVALID_REQUEST for a number that is no offset or no time; OFFSET_OUT_OF_RANGE for an offset
   *   that the partition does not have, with `logStartOffset` and `highWatermark` as details; TOPIC_NOT_FOUND
   */
  async offsetAt(position: Position, isolation: Isolation = 'uncommitted'): Promise<FoundOffset> {
    // The status comes first: what is appended while a time is looked up must lie after "latest", not before it.
    const { logStartOffset, highWatermark, lastStableOffset } = await this.watched(this.partition.status())
    const latest = isolation === 'committed' ? lastStableOffset : highWatermark
    if ('offset' in position) {
      const offset = checkWhole('offset', position.offset)
      if (offset >= logStartOffset && offset <= highWatermark) return { offset, found: true }
      throw new MillraceError(
        'OFFSET_OUT_OF_RANGE',
        `offset ${offset} is not within ${logStartOffset} to ${highWatermark}`,
        { details: { logStartOffset, highWatermark } },
      )
    }
    if ('at' in position) return { offset: position.at === 'earliest' ? logStartOffset : latest, found: true }
    const timestampMs = checkWhole('timestamp', position.timestampMs)
    const record = await this.watched(this.partition.offsetForTimestamp(timestampMs))
    return record === undefined ? { offset: latest, found: false } : { ...record, found: true }
  }

  /**
   * Whole batches from `offset` on, as they are stored; the first may begin before it.
   * @throws MillraceError INVALID_REQUEST for a number that is no offset; OFFSET_OUT_OF_RANGE, with `logStartOffset`
   *   and `highWatermark` as details; TOPIC_NOT_FOUND; CORRUPT_BATCH
   */
  async read(offset: number, { maxBytes, waitMs = 0, isolation, signal }: SourceReadOptions): Promise<ReadResult> {
    const { fetchBytes, fetchWaitMs } = this.limits
    return this.watched(
      this.partition.read(checkWhole('offset', offset), {
        maxBytes: maxBytes > 0 ? Math.min(maxBytes, fetchBytes) : fetchBytes,
        waitMs: Math.min(waitMs, fetchWaitMs),
        isolation,
        signal,
      }),
    )
  }

  /** Somebody begins to follow this partition, and says what of it was given to its reader. */
  reader(): LiveReader {
    return new LiveReader(this.topic, this.partition, this.readers)
  }

  /** A reader that does not follow was given what a read returned. */
  given({ batches }: ReadResult): void {
    countGiven(this.topic.traffic, batches)
  }

  /**
   * The records from `offset` on, decoded, without those of aborted transactions. There may be none although reading
   * goes on further along. Where a batch cannot be opened, those before it come, and the call that begins at it fails.
   * @throws MillraceError OFFSET_OUT_OF_RANGE (with `logStartOffset` and `highWatermark` as details), INVALID_REQUEST,
   *   TOPIC_NOT_FOUND; CORRUPT_BATCH, INVALID_BATCH or BATCH_TOO_LARGE for a stored batch that cannot be opened, with
   *   the `nextOffset` after it as a detail
   */
  async records(offset: number, options: FetchRecordsOptions = {}): Promise<FetchedRecords> {
    const { limits, longWork } = this
    const { maxBytes = limits.fetchBytes, waitMs, isolation, signal } = options
    const read = await this.read(offset, { maxBytes, waitMs, isolation, signal })
    this.given(read)
    const decoding = { read, from: offset, options, limits }
    return decodeAtOnce(decoding) ?? longWork.run('records', (pace) => decodeAtPace(decoding, pace))
  }

  /**
   * What `make` makes of the records that `records` would give. Where there are many, reading, decoding and making are
   * one long work, so that only one such answer at a time is in memory in all its forms.
   * @throws MillraceError as `records` does; what `room` and `make` throw
   */
  async answer<T>(offset: number, options: AnswerOptions, make: (fetched: FetchedRecords) => T): Promise<T> {
    const { limits, longWork } = this
    const { maxBytes = limits.fetchBytes, waitMs, isolation, signal, limit = 0 } = options
    const smallBytes = maxBytes > 0 ? Math.min(maxBytes, LARGE_BYTES) : LARGE_BYTES
    const read = await this.read(offset, { maxBytes: smallBytes, waitMs, isolation, signal })
    const end = isolation === 'uncommitted' ? read.highWatermark : read.lastStableOffset
    const isEnough =
      read.nextOffset >= end || smallBytes === maxBytes || (limit > 0 && read.nextOffset - offset >= limit)
    if (isEnough && sizeOf(read) <= (limit > 0 ? SEARCHED_BYTES : LARGE_BYTES)) {
      const fetched = decodeAtOnce({ read, from: offset, options: { ...options, maxBytes: smallBytes }, limits })
      // What is small on disk may be large when it is unpacked.
      if (fetched !== undefined && fetched.sizeBytes < LARGE_BYTES) {
        this.given(read)
        return make(fetched)
      }
    }
    return longWork.run(`answer ${options.line}`, async (pace) => {
      const room = options.room?.() ?? maxBytes
      const read = await this.read(offset, { maxBytes: room, isolation })
      this.given(read)
      return make(await decodeAtPace({ read, from: offset, options: { ...options, maxBytes: room }, limits }, pace))
    })
  }

  private async watched<T>(call: Promise<T>): Promise<T> {
    try {
      return await call
    } catch (error) {
      this.topics.forgetIfGone(this.topic, error)
      throw error
    }
  }
}

function sizeOf({ batches }: ReadResult): number {
  return batches.reduce((bytes, { length }) => bytes + length, 0)
}

function checkWhole(what: 'offset' | 'timestamp', value: number): number {
  if (Number.isSafeInteger(value) && value >= 0) return value
  throw new MillraceError('INVALID_REQUEST', `${what} ${value} is not a whole number from 0 on`)
}
