import { MillraceError, type RecordHeader } from '@millrace/record'
import type { ByteBudget } from './byte-budget.ts'
import type { Call, HeadersInput, ProducerRecord, SendResult } from './call.ts'
import type { Dispatcher } from './dispatcher.ts'
import type { CheckedProducerOptions } from './options.ts'
import type { Serializer } from './serializer.ts'
import type { TopicDirectory, TopicFacts } from './topic-directory.ts'
import type { TopicLanes } from './topic-lanes.ts'

/** Bytes that a record is counted with beside its key, value and headers. */
const RECORD_OVERHEAD_BYTES = 64
/**
 * Bytes that are taken over in one turn of the event loop. Then what was written goes out, so that the server works on
 * it while more is encoded.
 */
const BYTES_A_TURN = 262_144

/** Why no more records of a call were taken over: it has no more, the buffer is full, others' turn, an unknown topic. */
export type Pause = 'taken' | 'full' | 'yield' | { readonly unknown: string }

/** A record as its bytes; one object that is used for all. */
interface Draft {
  topic: string
  key: Buffer | null
  value: Buffer | null
  headers: readonly RecordHeader[] | undefined
  timestamp: number
}

/** Puts the records of calls into the batches of their partitions. */
export class Accumulator {
  private readonly options: CheckedProducerOptions
  private readonly serializer: Serializer
  private readonly directory: TopicDirectory
  private readonly budget: ByteBudget
  private readonly dispatcher: Dispatcher
  /** Bytes that were taken over since the event loop last got its turn. */
  private pouredBytes = 0
  private readonly draft: Draft = { topic: '', key: null, value: null, headers: undefined, timestamp: 0 }

  constructor(parts: {
    options: CheckedProducerOptions
    serializer: Serializer
    directory: TopicDirectory
    budget: ByteBudget
    dispatcher: Dispatcher
  }) {
    this.options = parts.options
    this.serializer = parts.serializer
    this.directory = parts.directory
    this.budget = parts.budget
    this.dispatcher = parts.dispatcher
  }

  /** Takes over records of `call`, in order, as far as it goes. A record that is wrong fails alone. */
  pour(call: Call): Pause {
    const { records } = call
    const { draft } = this
    let facts: TopicFacts | undefined
    let lanes: TopicLanes | undefined
    while (!call.isTaken) {
      if (this.pouredBytes >= BYTES_A_TURN) {
        this.pouredBytes = 0
        return 'yield'
      }
      const record = records[call.next] as ProducerRecord
      try {
        checkMembers(record)
        if (facts === undefined || lanes === undefined || facts.name !== record.topic) {
          checkTopic(record)
          facts = this.directory.known(record.topic)
          if (facts === undefined) return { unknown: record.topic }
          lanes = this.dispatcher.lanes(facts.name)
        }
        const bytes = this.fill(draft, record, call.nowMs)
        const partition = this.partitionFor(record, facts)
        if (!this.budget.tryTake(bytes)) return 'full'
        this.put(partition, facts, lanes, bytes, call)
        this.pouredBytes += bytes
      } catch (error) {
        // The topic may have got more partitions since it was asked about.
        if (isPartitionNotFound(error) && call.askedTopic !== record.topic) {
          call.askedTopic = record.topic
          this.directory.forget(record.topic)
          return { unknown: record.topic }
        }
        call.failNext(asInputError(error))
      }
    }
    return 'taken'
  }

  /**
   * Takes over one record at once: what goes by way of a call costs several times as much.
   * @returns its result, or undefined when something is in the way
   */
  send(record: ProducerRecord, nowMs: number): Promise<SendResult> | undefined {
    try {
      checkMembers(record)
      checkTopic(record)
      const facts = this.directory.known(record.topic)
      if (facts === undefined) return undefined
      const bytes = this.fill(this.draft, record, nowMs)
      const partition = this.partitionFor(record, facts)
      if (!this.budget.tryTake(bytes)) return undefined
      return this.put(partition, facts, this.dispatcher.lanes(facts.name), bytes, undefined)
    } catch (error) {
      // By way of a call the topic is asked about anew.
      return isPartitionNotFound(error) ? undefined : Promise.reject(asInputError(error))
    }
  }

  /** Puts the draft into a batch, for `call`; without one it has a result of its own, which is returned. */
  private put(
    partition: number | undefined,
    facts: TopicFacts,
    lanes: TopicLanes,
    bytes: number,
    call: Call | undefined,
  ): Promise<SendResult> | undefined {
    const { draft } = this
    const maxBytes = Math.min(this.options.batchBytes, facts.maxMessageBytes)
    try {
      for (;;) {
        const lane = partition === undefined ? lanes.next(facts.partitions) : lanes.at(partition)
        if (call === undefined) {
          const result = lane.send(draft, maxBytes, bytes)
          if (result !== undefined) return result
        } else if (lane.append(draft, maxBytes, bytes, call, call.next)) {
          call.next++
          return undefined
        }
        this.dispatcher.pump(lane)
      }
    } catch (error) {
      this.budget.give(bytes)
      throw error
    }
  }

  /** Undefined: any. */
  private partitionFor(record: ProducerRecord, { partitions }: TopicFacts): number | undefined {
    const partition = record.partition ?? this.options.partitioner(this.draft, partitions)
    if (partition === undefined || (Number.isInteger(partition) && partition >= 0 && partition < partitions)) {
      return partition
    }
    throw new MillraceError(
      'PARTITION_NOT_FOUND',
      `topic ${record.topic} has partitions 0 to ${partitions - 1}, not ${partition}`,
    )
  }

  /** Makes the record's bytes. Returns what it is counted with. */
  private fill(draft: Draft, record: ProducerRecord, nowMs: number): number {
    const { key, value, headers } = record
    if (value === undefined) throw invalid('a record needs a value; null is a tombstone')
    draft.topic = record.topic
    draft.key = key === undefined || key === null ? null : this.serializer.serialize(key)
    draft.value = this.serializer.serialize(value)
    draft.headers = headers === undefined ? undefined : this.headersOf(headers)
    draft.timestamp = record.timestamp === undefined ? nowMs : timestampOf(record.timestamp)
    let bytes = RECORD_OVERHEAD_BYTES + (draft.key?.length ?? 0) + (draft.value?.length ?? 0)
    if (draft.headers !== undefined) {
      for (const header of draft.headers) bytes += header.key.length * 3 + (header.value?.length ?? 0)
    }
    return bytes
  }

  private headersOf(headers: HeadersInput): readonly RecordHeader[] {
    // A Map, or text, would be taken for an object with other members than meant.
    if (typeof headers !== 'object' || (Symbol.iterator in headers && !Array.isArray(headers))) {
      throw invalid('headers are an object of names and values, or an array of { key, value }')
    }
    const list = Array.isArray(headers)
      ? (headers as readonly { key: string; value: unknown }[])
      : Object.entries(headers).map(([key, value]) => ({ key, value }))
    return list.map(({ key, value }) => {
      if (typeof key !== 'string') throw invalid('a header needs a key that is a string')
      if (value === undefined) throw invalid(`header ${JSON.stringify(key)} needs a value, which may be null`)
      return { key, value: this.serializer.serialize(value) }
    })
  }
}

/**
 * Refuses members that there are not, above all a misspelt `value`. Runs for each record: a loop over the names of an
 * object of a known shape, without an array of them, takes a few nanoseconds.
 */
function checkMembers(record: ProducerRecord): void {
  if (typeof record !== 'object' || record === null) throw invalid('a record is an object with a topic and a value')
  for (const name in record) {
    switch (name) {
      case 'topic':
      case 'key':
      case 'value':
      case 'headers':
      case 'timestamp':
      case 'partition':
        break
      default:
        throw invalid(`a record has no member ${JSON.stringify(name)}; there are ${MEMBERS}`)
    }
  }
}

const MEMBERS = 'topic, key, value, headers, timestamp, partition'

function timestampOf(given: number | Date): number {
  const timestamp = given instanceof Date ? given.getTime() : given
  if (Number.isSafeInteger(timestamp) && timestamp >= 0) return timestamp
  throw new MillraceError(
    'INVALID_TIMESTAMP',
    `timestamp ${given} is neither a Date nor a whole number of ms, from 1970 on`,
  )
}

function invalid(message: string): MillraceError {
  return new MillraceError('INVALID_REQUEST', message)
}

function checkTopic(record: ProducerRecord): void {
  if (typeof record.topic === 'string' && record.topic !== '') return
  throw new MillraceError('INVALID_TOPIC_NAME', 'a record needs a topic')
}

function isPartitionNotFound(error: unknown): boolean {
  return error instanceof MillraceError && error.code === 'PARTITION_NOT_FOUND'
}

function asInputError(error: unknown): MillraceError {
  if (error instanceof MillraceError) return error
  const { message } = error instanceof Error ? error : new Error(String(error))
  return new MillraceError('INVALID_REQUEST', message, { cause: error })
}
