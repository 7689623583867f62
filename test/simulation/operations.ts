import assert from 'node:assert/strict'
import type { AppendResult, Engine, EnginePartition, TopicDescription } from '@millrace/engine'
import { type ErrorCode, MillraceError } from '@millrace/record'
import type { ManualClock, SeededRandom } from '@millrace/testkit'
import type { Counts } from './counts.ts'
import { encode, type ModelRecord } from './model-record.ts'
import type { PartitionModel } from './partition-model.ts'
import type { ProducerStream, SequencedBatch } from './producer-stream.ts'
import { recordsOf, visibleIn } from './stored-partition.ts'
import type { TopicKind } from './topic-kinds.ts'
import type { TopicModels } from './topic-models.ts'
import type { TransactionalClient } from './transactional-client.ts'

/** Codes after which nothing of an append may ever be seen. */
const NOTHING_STORED: readonly string[] = ['DISK_FULL', 'STORAGE_FAILED', 'LIMIT_REACHED'] satisfies ErrorCode[]
const KEYS = Array.from({ length: 12 }, (_, index) => `key ${index}`)
/** How far timestamps lie behind the clock at most, so that they are out of order. */
const LATE_MS = 5_000
const MAX_BYTES = [1, 300, 700, 5_000]

export interface OperationsOptions {
  readonly engine: Engine
  readonly clock: ManualClock
  readonly random: SeededRandom
  readonly models: TopicModels
  readonly counts: Counts
  /** Gives what a call gives; but once the engine's life is over, it gives nothing any more. */
  readonly whileAlive: <T>(call: Promise<T>) => Promise<T>
  readonly newValue: () => string
}

/** What clients do with the engine of one life: each call tells the model what was promised and seen. */
export class Operations {
  private readonly options: OperationsOptions

  constructor(options: OperationsOptions) {
    this.options = options
  }

  /** Appends a batch to a partition, and perhaps reads it back at once. */
  async append(model: PartitionModel): Promise<void> {
    const { random, counts } = this.options
    const stream = random.bool(0.6) && model.streams.length > 0 ? random.pick(model.streams) : undefined
    if (stream !== undefined) return this.appendInSequence(model, stream)
    const records = this.newRecords(model)
    model.noteSent(records, -1, -1)
    const { baseOffset, duplicate } = await this.send(model, { records }).catch((error: unknown) => {
      this.countFailure(error)
      if (error instanceof MillraceError && NOTHING_STORED.includes(error.code)) {
        counts['appends refused']++
        model.noteRefused(records)
      }
      throw error
    })
    assert(!duplicate, 'a batch without a producer is no repeat')
    counts['plain appends']++
    await this.readBehind(model, baseOffset)
  }

  /** Sends what is not acknowledged again, in order, as a client does after it reconnected. */
  async deliver(model: PartitionModel, stream: ProducerStream): Promise<void> {
    for (const batch of stream.unacknowledged) await this.sendBatch(model, stream, batch)
    assert.equal(stream.unacknowledged.length, 0, 'an append is not acknowledged')
  }

  async read(model: PartitionModel, at: 'tail' | 'middle' | 'all'): Promise<void> {
    const { random, counts } = this.options
    const { start, end } = await this.status(model)
    let offset = at === 'tail' ? Math.max(start, end - random.int(0, 8)) : random.int(start, end)
    counts[at === 'tail' ? 'reads at the tail' : 'reads in the middle']++
    const maxBytes = random.pick(MAX_BYTES)
    do offset = await this.readAt(model, offset, maxBytes)
    while (at === 'all' && offset < end)
    if (at === 'all') counts['reads over segments']++
  }

  /** Waits at the end of a partition for what comes next. */
  async waitAtEnd(model: PartitionModel): Promise<void> {
    const { random, counts } = this.options
    const { end } = await this.status(model)
    const waitMs = random.int(1, 2_000)
    const result = await this.call(
      this.partition(model).read(end, { maxBytes: 1_000, waitMs, isolation: 'uncommitted' }),
    )
    for (const [offset, record] of recordsOf(result, end)) model.see(offset, record)
    if (result.nextOffset > end) counts['reads that waited']++
  }

  /** Reads what is committed: all of a transaction that is, and nothing of others. */
  async readCommitted(model: PartitionModel): Promise<void> {
    const { random, counts } = this.options
    const { start, end } = await this.status(model)
    const maxBytes = random.pick(MAX_BYTES)
    for (let offset = random.int(start, end), goesOn = true; goesOn; ) {
      const result = await this.call(this.partition(model).read(offset, { maxBytes, isolation: 'committed' }))
      const { nextOffset, lastStableOffset, highWatermark } = result
      assert(nextOffset <= Math.max(lastStableOffset, offset), `${model.title}: what is read is decided`)
      if (lastStableOffset < highWatermark) counts['reads below open transactions']++
      model.seeCommitted(recordsOf(result, offset), new Set(visibleIn(result)))
      goesOn = nextOffset > offset
      offset = nextOffset
    }
  }

  /** Has a client go on with its transaction. */
  async transact(client: TransactionalClient): Promise<void> {
    const { models } = this.options
    const { engine, random, counts, whileAlive } = this.options
    const partitions = random.shuffle(models.partitions()).slice(0, random.int(1, 3))
    const newRecords = (model: PartitionModel) => this.newRecords(model).filter(({ value }) => value !== null)
    const withSome = (model: PartitionModel): ModelRecord[] => {
      const records = newRecords(model)
      return records.length > 0 ? records : withSome(model)
    }
    await client.work({ engine, random, counts, whileAlive, newRecords: withSome }, partitions)
  }

  async findByTime(model: PartitionModel): Promise<void> {
    const { random, clock, counts } = this.options
    const timestampMs = clock.nowMs() - random.int(0, 4 * LATE_MS)
    const first = model.firstAt(timestampMs)
    const found = await this.call(this.partition(model).offsetForTimestamp(timestampMs))
    const { start } = await this.status(model)
    if (found !== undefined) assert(found.timestamp >= timestampMs, `${found.timestamp} lies before ${timestampMs}`)
    // What was known before the question and is there after it must not be passed over.
    if (first !== undefined && first >= start && !model.compacts) {
      assert(found !== undefined, `${model.title}: nothing from ${timestampMs} on is found, ${first} is there`)
      assert(
        found.offset <= first,
        `${model.title}: ${found.offset} is found for ${timestampMs}, ${first} comes before`,
      )
    }
    counts['lookups by time']++
  }

  async truncate(model: PartitionModel): Promise<void> {
    const { random, counts } = this.options
    const { start, end } = await this.status(model)
    const offset = Math.min(end, start + random.int(0, random.bool() ? 10 : end - start))
    model.noteCut(offset)
    const { seenEnd } = model
    const now = await this.call(this.partition(model).truncateBefore(offset))
    assert(now >= offset, `${model.title} begins at ${now} after all before ${offset} was deleted`)
    model.noteStart(now)
    counts.truncations++
    if (model.seenEnd > seenEnd) counts['truncations while records came']++
  }

  async create({ name, partitions, settings }: TopicKind): Promise<void> {
    const { engine, models, counts } = this.options
    models.noteCreation(name)
    models.add(await this.call(engine.topics.create({ name, partitions, settings })))
    counts['topics created']++
  }

  async delete({ id }: TopicDescription): Promise<void> {
    const { engine, models, counts } = this.options
    models.noteDeletion(id)
    await this.call(engine.topics.delete(id))
    models.remove(id)
    counts['topics deleted']++
  }

  private async appendInSequence(model: PartitionModel, stream: ProducerStream): Promise<void> {
    const { random } = this.options
    const { unacknowledged } = stream
    if (unacknowledged.length < 5 && (unacknowledged.length === 0 || random.bool(0.7))) {
      const records = this.newRecords(model)
      const { producer } = stream.add(records)
      model.noteSent(records, producer.producerId, producer.baseSequence)
    }
    const sends = stream.unacknowledged.map((batch) => this.sendBatch(model, stream, batch))
    const outcomes = await Promise.allSettled(sends)
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
  }

  private async sendBatch(model: PartitionModel, stream: ProducerStream, batch: SequencedBatch): Promise<void> {
    const { counts } = this.options
    try {
      const { duplicate } = await this.send(model, batch)
      stream.acknowledge(batch)
      counts[duplicate ? 'repeats recognised' : 'idempotent appends']++
    } catch (error) {
      this.countFailure(error)
      throw error
    }
  }

  private async send(
    model: PartitionModel,
    { records, producer }: Pick<SequencedBatch, 'records'> & Partial<SequencedBatch>,
  ): Promise<AppendResult> {
    const compression = this.options.random.bool(0.1) ? 'zstd' : 'none'
    const { version } = model.configs
    const appending = this.partition(model).append(encode(records, { producer, compression }), { acks: 'committed' })
    const result = await this.call(appending)
    if (result.baseOffset >= 0) model.acknowledge(result, records, version)
    return result
  }

  /** What is acknowledged can be read at once, from wherever it is at that moment. */
  private async readBehind(model: PartitionModel, offset: number): Promise<void> {
    const { random, counts } = this.options
    if (random.bool(0.7)) return
    try {
      const nextOffset = await this.readAt(model, offset, random.pick(MAX_BYTES))
      assert(nextOffset > offset, `${model.title}: ${offset} was acknowledged and cannot be read`)
      counts['reads behind an append']++
    } catch (error) {
      // It may be deleted as soon as it is there.
      if (!(error instanceof MillraceError) || error.code !== 'OFFSET_OUT_OF_RANGE') throw error
      const { start } = await this.status(model)
      assert(offset < start, `${model.title}: ${offset} was acknowledged and is out of range`)
    }
  }

  /** @returns where to read on */
  private async readAt(model: PartitionModel, offset: number, maxBytes: number): Promise<number> {
    const { seenEnd } = model
    const result = await this.call(this.partition(model).read(offset, { maxBytes, isolation: 'uncommitted' }))
    for (const [at, record] of recordsOf(result, offset)) model.see(at, record)
    assert(
      result.nextOffset > offset || offset >= seenEnd,
      `${model.title}: nothing is read at ${offset} of ${seenEnd}`,
    )
    assert(result.nextOffset <= result.highWatermark, `${model.title}: what is read is committed`)
    return result.nextOffset
  }

  private async status(model: PartitionModel): Promise<{ start: number; end: number }> {
    const { seenStart, seenEnd } = model
    const { logStartOffset: start, highWatermark: end } = await this.call(this.partition(model).status())
    assert(start >= seenStart, `the log start of ${model.title} went back from ${seenStart} to ${start}`)
    assert(end >= seenEnd, `the end of ${model.title} went back from ${seenEnd} to ${end}`)
    model.noteStart(start)
    model.noteEnd(end)
    return { start, end }
  }

  private partition({ topic, index }: PartitionModel): EnginePartition {
    return this.options.engine.partition(topic.id, index)
  }

  private call<T>(call: Promise<T>): Promise<T> {
    return this.options.whileAlive(call)
  }

  private countFailure(error: unknown): void {
    const { counts } = this.options
    if (error instanceof MillraceError && error.code === 'COMMIT_UNKNOWN') counts['appends of unknown outcome']++
  }

  private newRecords({ compacts }: PartitionModel): ModelRecord[] {
    const { random, clock, newValue } = this.options
    return Array.from({ length: random.int(1, 5) }, () => ({
      key: random.pick(KEYS),
      value: compacts && random.bool(0.15) ? null : newValue(),
      timestamp: clock.nowMs() - (random.bool() ? 0 : random.int(0, LATE_MS)),
    }))
  }
}
