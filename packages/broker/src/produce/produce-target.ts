import type { Acks, AppendResult, EnginePartition } from '@millrace/engine'
import {
  BATCH_HEADER_BYTES,
  BatchBuilder,
  type BatchRules,
  type Clock,
  checkKeys,
  keyMissing,
  type Limits,
  MAX_BATCH_BYTES,
  MillraceError,
  type ProducerStamp,
  RecordBatch,
  validateClientBatch,
} from '@millrace/record'
import type { TopicHandle } from '../topics/topic-handle.ts'
import type { Topics } from '../topics/topics.ts'
import type { LongWork } from '../work/long-work.ts'
import type { PlainRecord } from './plain-record.ts'

export interface ProduceTargetOptions {
  readonly handle: TopicHandle
  readonly partition: EnginePartition
  readonly clock: Clock
  readonly limits: Limits
  readonly topics: Topics
  readonly longWork: LongWork
}

/** What the topic asks of a batch. */
interface ProduceRules extends BatchRules {
  /** A topic that is compacted asks every record for a key. */
  readonly needsKeys: boolean
}

/** A guess of what a record takes beside its key and value, so that a batch seldom grows while it is built. */
const RECORD_OVERHEAD_BYTES = 24

/**
 * The way into one partition, for a stream to keep. Appends get their offsets in the order of the calls. Nothing is
 * waited for before the engine has a batch, unless one must be unpacked to be checked, and is large: the next ones wait
 * for it. Once the topic is deleted, every append fails with TOPIC_NOT_FOUND, also
 * when a topic of the same name was made since.
 */
export class ProduceTarget {
  private readonly topic: TopicHandle
  private readonly partition: EnginePartition
  private readonly clock: Clock
  private readonly limits: Limits
  private readonly topics: Topics
  private readonly longWork: LongWork
  /** Settles when the engine has what had to wait; undefined when nothing does. */
  private unpacking: Promise<unknown> | undefined

  constructor({ handle, partition, clock, limits, topics, longWork }: ProduceTargetOptions) {
    this.longWork = longWork
    this.topic = handle
    this.partition = partition
    this.clock = clock
    this.limits = limits
    this.topics = topics
  }

  /** Whether batches wait for one that is unpacked. */
  get isWaiting(): boolean {
    return this.unpacking !== undefined
  }

  /**
   * Appends one batch as a client encoded it. The Buffer belongs to the engine from then on.
   * @throws MillraceError CORRUPT_BATCH, INVALID_BATCH (also when there is more than one batch), BATCH_TOO_LARGE,
   *   INVALID_TIMESTAMP, INVALID_RECORD, UNSUPPORTED_COMPRESSION, TOPIC_NOT_FOUND, and what the engine's append throws
   */
  append(batch: Buffer, acks: Acks): Promise<AppendResult> {
    try {
      const rules = this.rules()
      const parsed = checkBatch(batch, rules)
      if (rules.needsKeys) {
        const recordBytes = parsed.smallRecordBytes(this.limits.decompressedBytes)
        if (recordBytes === undefined) return this.afterUnpacking(parsed, acks)
        for (const _ of checkKeys(parsed, recordBytes));
      }
    } catch (error) {
      return Promise.reject(error)
    }
    return this.toEngine(batch, acks)
  }

  /**
   * Puts records into one batch and appends it: all or nothing. Records without a timestamp get `nowMs`.
   * @throws MillraceError INVALID_REQUEST without a record, BATCH_TOO_LARGE, INVALID_TIMESTAMP, INVALID_RECORD,
   *   TOPIC_NOT_FOUND, and what the engine's append throws
   */
  appendRecords(records: readonly PlainRecord[], acks: Acks, nowMs = this.clock.nowMs()): Promise<AppendResult> {
    let batch: Buffer
    try {
      batch = buildBatch(records, nowMs, this.rules())
    } catch (error) {
      return Promise.reject(error)
    }
    return this.toEngine(batch, acks)
  }

  /**
   * Puts records into one batch of a producer's, which `appendEncoded` takes.
   * @param isRepeat the batch was accepted before, and is made again whatever the rules are now
   * @throws MillraceError as `appendRecords` does before it appends
   */
  encode(
    records: readonly PlainRecord[],
    options: { nowMs: number; producer: ProducerStamp; isRepeat: boolean },
  ): Buffer {
    const { nowMs, producer, isRepeat } = options
    return buildBatch(records, nowMs, isRepeat ? NO_RULES : this.rules(), producer)
  }

  /** @throws MillraceError as the engine's append does */
  appendEncoded(batch: Buffer, acks: Acks): Promise<AppendResult> {
    return this.toEngine(batch, acks)
  }

  /** Appends a batch whose keys are looked for first, while nothing after it may pass it. */
  private afterUnpacking(batch: RecordBatch, acks: Acks): Promise<AppendResult> {
    const checked = this.longWork.run('keys', async (pace) => {
      const recordBytes = await batch.recordBytesAsync(this.limits.decompressedBytes)
      for (const _ of checkKeys(batch, recordBytes)) if (pace.isLong) await pace.rest()
    })
    return this.inOrder(checked, () => this.handOver(batch.buffer, acks))
  }

  private toEngine(batch: Buffer, acks: Acks): Promise<AppendResult> {
    if (this.unpacking === undefined) return this.handOver(batch, acks)
    return this.inOrder(undefined, () => this.handOver(batch, acks))
  }

  /** Appends after `checked`, and after those that came before and wait. */
  private inOrder(checked: Promise<void> | undefined, append: () => Promise<AppendResult>): Promise<AppendResult> {
    const before = this.unpacking
    const start = async (): Promise<{ readonly appended: Promise<AppendResult> }> => {
      try {
        await checked
      } finally {
        await before
      }
      return { appended: append() }
    }
    const started = start()
    const settled = started.then(noop, noop)
    this.unpacking = settled
    void settled.then(() => {
      if (this.unpacking === settled) this.unpacking = undefined
    })
    return started.then(({ appended }) => appended)
  }

  private handOver(batch: Buffer, acks: Acks): Promise<AppendResult> {
    const startMs = this.clock.monotonicMs()
    const { recordCount, sizeBytes } = RecordBatch.at(batch)
    const appended = this.partition.append(batch, { acks })
    appended.then(
      ({ duplicate }) => {
        const { traffic } = this.topic
        if (acks === 'committed') this.topics.traffic.produceMs.observe(this.clock.monotonicMs() - startMs)
        if (duplicate) {
          traffic.duplicates++
          return
        }
        traffic.producedBatches++
        traffic.producedRecords += recordCount
        traffic.producedBytes += sizeBytes
      },
      (error: unknown) => this.topics.forgetIfGone(this.topic, error),
    )
    return appended
  }

  private rules(): ProduceRules {
    const { cleanupPolicy, maxMessageBytes, timestampType, timestampBeforeMaxMs, timestampAfterMaxMs } =
      this.topic.config
    const maxBatchBytes = maxMessageBytes
    const needsKeys = cleanupPolicy !== 'delete'
    if (timestampType === 'LogAppendTime') {
      return { maxBatchBytes, needsKeys, minTimestamp: 0, maxTimestamp: Number.MAX_SAFE_INTEGER }
    }
    const nowMs = this.clock.nowMs()
    return {
      maxBatchBytes,
      needsKeys,
      minTimestamp: Math.max(0, nowMs - timestampBeforeMaxMs),
      maxTimestamp: nowMs + timestampAfterMaxMs,
    }
  }
}

const NO_RULES: ProduceRules = {
  maxBatchBytes: MAX_BATCH_BYTES,
  needsKeys: false,
  minTimestamp: 0,
  maxTimestamp: Number.POSITIVE_INFINITY,
}

function checkBatch(bytes: Buffer, rules: BatchRules): RecordBatch {
  const batch = RecordBatch.at(bytes)
  if (batch.sizeBytes !== bytes.length) {
    throw new MillraceError('INVALID_BATCH', `${bytes.length - batch.sizeBytes} bytes follow the batch`)
  }
  validateClientBatch(batch, rules)
  return batch
}

function buildBatch(
  records: readonly PlainRecord[],
  nowMs: number,
  rules: ProduceRules,
  producer?: ProducerStamp,
): Buffer {
  if (records.length === 0) throw new MillraceError('INVALID_REQUEST', 'there is no record to append')
  const builder = new BatchBuilder(Math.min(guessBytes(records), rules.maxBatchBytes))
  for (const [index, record] of records.entries()) {
    if (rules.needsKeys && record.key === null) throw keyMissing(index)
    const timestamp = record.timestamp ?? nowMs
    checkTimestamp(timestamp, rules)
    const input = { key: record.key, value: record.value, headers: record.headers, timestamp }
    const sizeBytes = builder.sizeWith(input)
    if (sizeBytes > rules.maxBatchBytes) throw tooLarge(records.length, rules)
    builder.append(input)
  }
  return builder.build(producer === undefined ? {} : { producer }).buffer
}

function guessBytes(records: readonly PlainRecord[]): number {
  let bytes = BATCH_HEADER_BYTES
  for (const { key, value } of records) bytes += RECORD_OVERHEAD_BYTES + (key?.length ?? 0) + (value?.length ?? 0)
  return bytes
}

function noop(): void {}

/** The builder checks that it is a whole number from 0 on. */
function checkTimestamp(timestamp: number, { minTimestamp, maxTimestamp }: BatchRules): void {
  if (timestamp < minTimestamp || timestamp > maxTimestamp) {
    throw new MillraceError(
      'INVALID_TIMESTAMP',
      `timestamp ${timestamp} is not within ${minTimestamp} to ${maxTimestamp}`,
    )
  }
}

function tooLarge(records: number, { maxBatchBytes }: BatchRules): MillraceError {
  const batch = records === 1 ? 'the record makes a batch' : `the ${records} records for this partition make a batch`
  return new MillraceError('BATCH_TOO_LARGE', `${batch} of more than ${maxBatchBytes} bytes`, {
    details: { maxBatchBytes },
  })
}
