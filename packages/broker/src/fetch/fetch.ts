import type { Limits } from '@millrace/record'
import { type LiveReader, lagOf, type ReaderLag } from '../stats/live-readers.ts'
import type { TopicHandle } from '../topics/topic-handle.ts'
import type { Topics } from '../topics/topics.ts'
import type { LongWork } from '../work/long-work.ts'
import { FetchSource } from './fetch-source.ts'
import type { AnswerOptions, FetchedRecords, FetchRecordsOptions } from './fetched-records.ts'
import type { Position } from './position.ts'

export interface FetchOptions {
  readonly limits: Limits
  readonly topics: Topics
  readonly longWork: LongWork
}

/** Reading: stored batches through a source, or decoded records for those who do not know batches. */
export class Fetch {
  private readonly limits: Limits
  private readonly topics: Topics
  private readonly longWork: LongWork
  private readonly readers = new Set<LiveReader>()

  constructor({ limits, topics, longWork }: FetchOptions) {
    this.longWork = longWork
    this.limits = limits
    this.topics = topics
  }

  /** @throws MillraceError TOPIC_NOT_FOUND, PARTITION_NOT_FOUND */
  async source(topic: string, partition: number): Promise<FetchSource> {
    return this.sourceOf(await this.topics.handle(topic), partition)
  }

  /**
   * The records from a position on, as `FetchSource.records` gives them.
   * @throws MillraceError PARTITION_NOT_FOUND, and what `FetchSource.records` throws
   */
  records(
    topic: string,
    partition: number,
    from: Position,
    options: FetchRecordsOptions = {},
  ): Promise<FetchedRecords> {
    return this.answer({ topic, partition, from }, { ...options, line: 'records' }, (fetched) => fetched)
  }

  /**
   * What `make` makes of the records from a position on, as `FetchSource.answer` does.
   * @throws MillraceError PARTITION_NOT_FOUND, and what `FetchSource.answer` throws
   */
  answer<T>(
    { topic, partition, from }: { readonly topic: string; readonly partition: number; readonly from: Position },
    options: AnswerOptions,
    make: (fetched: FetchedRecords) => T,
  ): Promise<T> {
    return this.topics.use(topic, async (handle) => {
      const source = this.sourceOf(handle, partition)
      return source.answer(await source.resolve(from, options.isolation), options, make)
    })
  }

  /** How far those who follow partitions are behind. */
  readerLag(): Promise<ReaderLag> {
    return lagOf(this.readers)
  }

  private sourceOf(handle: TopicHandle, partition: number): FetchSource {
    return new FetchSource({
      handle,
      partition: handle.partition(partition),
      limits: this.limits,
      topics: this.topics,
      readers: this.readers,
      longWork: this.longWork,
    })
  }
}
