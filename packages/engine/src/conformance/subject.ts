import { setImmediate } from 'node:timers/promises'
import {
  BatchBuilder,
  type BuildOptions,
  type Clock,
  DEFAULT_LIMITS,
  type ErrorCode,
  type Limits,
  MillraceError,
  type ProducerStamp,
  RecordBatch,
  readBatches,
  type StoredRecord,
} from '@millrace/record'
import { expect, type TestContext } from 'vitest'
import type { Engine, EnginePartition, ReadResult, TopicDescription } from '../engine.ts'
import type { TopicSettings } from '../topic-config.ts'

/** A clock that the suite moves. */
export interface MovableClock extends Clock {
  advance(deltaMs: number): void
  readonly pendingTimers: number
}

/** An engine under test, with what the suite needs around it. */
export interface EngineSubject {
  readonly engine: Engine
  /** The clock that the engine was given. */
  readonly clock: MovableClock
  /** Closes the engine and opens another over what it left. Absent for engines that keep nothing beyond their life. */
  reopen?(): Promise<Engine>
  /** Keeps appends from being committed until the function that it returns is called. */
  holdCommits?(): () => void
  /** Makes appends fail, with nothing stored or with that not known, until the function that it returns is called. */
  failAppends?(): () => void
  /** Frees what the subject took, after the engine was closed. */
  dispose?(): Promise<void>
}

/** Opens an empty engine that keeps `limits`. */
export type OpenSubject = (limits: Limits) => Promise<EngineSubject>

/** One engine for the length of a test. */
export class Bench {
  readonly clock: MovableClock
  private readonly subject: EngineSubject
  private readonly context: TestContext
  private readonly holds: (() => void)[] = []
  private current: Engine

  constructor(subject: EngineSubject, context: TestContext) {
    this.subject = subject
    this.context = context
    this.clock = subject.clock
    this.current = subject.engine
  }

  /** The engine that is open now. */
  get engine(): Engine {
    return this.current
  }

  get canReopen(): boolean {
    return this.subject.reopen !== undefined
  }

  /** Closes the engine and opens it again; skips the test where that is not possible. */
  async reopen(): Promise<Engine> {
    if (this.subject.reopen === undefined) this.context.skip('the engine keeps nothing beyond its life')
    this.current = await this.subject.reopen!()
    return this.current
  }

  /** Holds commits back; skips the test where that is not possible. */
  holdCommits(): () => void {
    if (this.subject.holdCommits === undefined) this.context.skip('the subject cannot hold commits back')
    const release = this.subject.holdCommits!()
    this.holds.push(release)
    return release
  }

  /** Makes appends fail; skips the test where that is not possible. */
  failAppends(): () => void {
    if (this.subject.failAppends === undefined) this.context.skip('the subject cannot make appends fail')
    const release = this.subject.failAppends!()
    this.holds.push(release)
    return release
  }

  /** Closes the engine. What a test that failed still holds back must not keep it from that. */
  async close(): Promise<void> {
    for (const release of this.holds) release()
    await this.engine.close()
  }

  createTopic(name = 'orders', partitions = 1, settings: TopicSettings = {}): Promise<TopicDescription> {
    return this.engine.topics.create({ name, partitions, settings })
  }

  /** Partition 0 of a new topic. */
  async createPartition(name = 'orders', settings: TopicSettings = {}): Promise<EnginePartition> {
    return this.engine.partition((await this.createTopic(name, 1, settings)).id, 0)
  }
}

/** Makes a test body of one that wants an engine; the engine is closed when it ends. */
export function withBench(open: OpenSubject) {
  return (run: (bench: Bench) => Promise<void>, limits: Partial<Limits> = {}) =>
    async (context: TestContext): Promise<void> => {
      const subject = await open({ ...DEFAULT_LIMITS, ...limits })
      const bench = new Bench(subject, context)
      try {
        await run(bench)
      } finally {
        await bench.close()
        await subject.dispose?.()
      }
    }
}

export type BenchTest = ReturnType<typeof withBench>

export interface BatchOptions extends BuildOptions {
  /** The timestamp of each record, in ms since 1970; the last holds for the records after it. */
  readonly timestamps?: readonly number[]
}

/** A batch with one record for each value. */
export function batchOf(values: readonly string[], { timestamps = [1_000], ...options }: BatchOptions = {}): Buffer {
  const builder = new BatchBuilder()
  for (const [index, value] of values.entries()) {
    const timestamp = timestamps[index] ?? timestamps.at(-1)!
    builder.append({ key: null, value: Buffer.from(value), timestamp })
  }
  return builder.build(options).buffer
}

/** A batch of `count` records from an idempotent producer. */
export function sequenced(producerId: number, baseSequence: number, count = 1, producerEpoch = 0): Buffer {
  const values = Array.from({ length: count }, (_, index) => `${producerId}/${producerEpoch}/${baseSequence + index}`)
  return batchOf(values, { producer: { producerId, producerEpoch, baseSequence } })
}

/** A batch that claims `count` records from a producer without holding them: only its header is true. */
export function hollow(producer: ProducerStamp, count: number): Buffer {
  const batch = RecordBatch.at(batchOf(['x'], { compression: 'gzip' }))
  batch.buffer.writeInt32BE(count - 1, 23)
  batch.buffer.writeInt32BE(count, 57)
  batch.stampProducer(producer)
  return batch.buffer
}

/** The batches of a read, each as its own view. */
export function batchesIn({ batches }: ReadResult): RecordBatch[] {
  return batches.flatMap((buffer) => [...readBatches(buffer)])
}

/** The records of a read, those before `from` left out. */
export function recordsIn(read: ReadResult, from = 0): StoredRecord[] {
  const records = batchesIn(read).flatMap((batch) => [...batch.records(DEFAULT_LIMITS.decompressedBytes)])
  return records.filter((record) => record.offset >= from)
}

/** Reads on until the end, and gives the values in order after checking that their offsets are dense. */
export async function readValues(partition: EnginePartition, from = 0, maxBytes = 1 << 20): Promise<string[]> {
  const values: string[] = []
  for (let offset = from; ; ) {
    const read = await partition.read(offset, { maxBytes })
    if (read.batches.length === 0) return values
    for (const record of recordsIn(read, offset)) {
      expect(record.offset).toBe(from + values.length)
      values.push(String(record.value))
    }
    expect(read.nextOffset).toBe(from + values.length)
    offset = read.nextOffset
  }
}

/** Expects that `call` fails with `code`, and gives the error. */
export async function failure(call: Promise<unknown>, code: ErrorCode): Promise<MillraceError> {
  const error = await call.then(
    (value) => new Error(`expected ${code}, but it answered ${JSON.stringify(value)}`),
    (cause: unknown) => cause,
  )
  if (!(error instanceof MillraceError)) throw error
  expect(error.code).toBe(code)
  return error
}

/** Lets the event loop turn a few times, so that what could happen by now has happened. */
export async function turns(count = 5): Promise<void> {
  for (let turn = 0; turn < count; turn++) await setImmediate()
}

/** Moves the clock on by `stepMs` at a time until `call` settles. */
export async function advanceUntil<T>(clock: MovableClock, stepMs: number, call: Promise<T>): Promise<T> {
  let settled = false
  const done = (): void => {
    settled = true
  }
  call.then(done, done)
  while (!settled) {
    clock.advance(stepMs)
    await setImmediate()
  }
  return call
}
