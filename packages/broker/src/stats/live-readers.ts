import type { EnginePartition, ReadResult } from '@millrace/engine'
import { measureBatches, Pauses } from '@millrace/record'
import type { TopicHandle } from '../topics/topic-handle.ts'
import type { TopicTraffic } from './traffic.ts'

/** One that follows a partition, for as long as it does. */
export class LiveReader {
  readonly topic: TopicHandle
  readonly partition: EnginePartition
  /** Where it reads on; undefined until it has begun. */
  position: number | undefined
  private readonly readers: Set<LiveReader>

  /** @param readers has it until it is closed */
  constructor(topic: TopicHandle, partition: EnginePartition, readers: Set<LiveReader>) {
    this.topic = topic
    this.partition = partition
    this.readers = readers
    this.readers.add(this)
  }

  /** It was given what a read returned. */
  given(result: ReadResult): void {
    this.position = result.nextOffset
    countGiven(this.topic.traffic, result.batches)
  }

  /** It follows no longer. */
  close(): void {
    this.readers.delete(this)
  }
}

/** Counts batches that a reader was given. */
export function countGiven(traffic: TopicTraffic, buffers: readonly Buffer[]): void {
  if (buffers.length === 0) return
  const { batches, records, bytes } = measureBatches(buffers)
  traffic.fetchedBatches += batches
  traffic.fetchedRecords += records
  traffic.fetchedBytes += bytes
}

/** How far readers are behind. */
export interface ReaderLag {
  readonly readers: number
  /** Of the reader that is furthest behind its partition's high watermark, in records. */
  readonly slowest: number
  /** The same for each topic that is read, by its id. */
  readonly byTopic: ReadonlyMap<string, number>
}

/** Looks at all readers, with pauses in which others have their turn. */
export async function lagOf(readers: ReadonlySet<LiveReader>): Promise<ReaderLag> {
  const byTopic = new Map<string, number>()
  let slowest = 0
  const pauses = new Pauses()
  for (const reader of readers) {
    const lag = await behind(reader)
    if (lag === undefined) continue
    slowest = Math.max(slowest, lag)
    const { id } = reader.topic.description
    byTopic.set(id, Math.max(lag, byTopic.get(id) ?? 0))
    await pauses.after(1)
  }
  return { readers: readers.size, slowest, byTopic }
}

/** Undefined when the reader has not begun, or its partition cannot be asked: its topic is gone. */
async function behind({ position, partition }: LiveReader): Promise<number | undefined> {
  if (position === undefined) return undefined
  try {
    const { highWatermark } = await partition.status()
    return Math.max(highWatermark - position, 0)
  } catch {
    return undefined
  }
}
