import { REMEMBERED_BATCHES, sequenceAfter } from '@millrace/record'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Acks, EnginePartition } from '../engine.ts'
import { type Bench, type BenchTest, batchesIn, batchOf, failure, recordsIn } from './subject.ts'

const PARTITIONS = 2
const MOST_PARTITIONS = 4
const SETTINGS = { 'segment.bytes': '1024', 'index.interval.bytes': '256' }

interface ModelRecord {
  readonly value: string
  readonly timestamp: number
}

interface ModelBatch {
  readonly baseSequence: number
  readonly count: number
  readonly baseOffset: number
  readonly values: readonly string[]
  readonly timestamps: readonly number[]
}

interface ModelProducer {
  readonly epoch: number
  readonly nextSequence: number
  readonly batches: readonly ModelBatch[]
}

/** What one partition must hold: its records in an array, indexed by their offset. */
class ModelPartition {
  readonly records: ModelRecord[] = []
  readonly producers = new Map<number, ModelProducer>()
  logStart = 0
}

/** What the engine must hold. */
class Model {
  partitions: ModelPartition[] = []
  stampsAppendTime = false
  /** Makes each value another one. */
  written = 0

  constructor() {
    this.clear()
  }

  clear(): void {
    this.partitions = Array.from({ length: PARTITIONS }, () => new ModelPartition())
    this.stampsAppendTime = false
  }

  /** The partition that a step means: steps are drawn before anybody knows how many there are. */
  at(number: number): ModelPartition {
    return this.partitions[number % this.partitions.length]!
  }
}

/** The engine and the topic that the commands work on. */
class Real {
  readonly bench: Bench
  topicId: string
  partitions = PARTITIONS

  constructor(bench: Bench, topicId: string) {
    this.bench = bench
    this.topicId = topicId
  }

  partition(number: number): EnginePartition {
    return this.bench.engine.partition(this.topicId, number % this.partitions)
  }
}

type Step = (model: Model, real: Real) => Promise<void>

/** A step of a run, with its name and arguments for the report of a failure. */
class StepCommand implements fc.AsyncCommand<Model, Real> {
  private readonly name: string
  private readonly step: Step

  constructor(name: string, step: Step) {
    this.name = name
    this.step = step
  }

  check(): boolean {
    return true
  }

  run(model: Model, real: Real): Promise<void> {
    return this.step(model, real)
  }

  toString(): string {
    return this.name
  }
}

function step<Args>(name: string, args: fc.Arbitrary<Args>, make: (args: Args) => Step): fc.Arbitrary<StepCommand> {
  return args.map((drawn) => new StepCommand(`${name}${JSON.stringify(drawn)}`, make(drawn)))
}

const partition = fc.nat({ max: MOST_PARTITIONS - 1 })
const producer = fc.nat({ max: 2 })
const acks = fc.constantFrom<Acks>('committed', 'none')
const timestamps = fc.array(fc.nat({ max: 1_000 }), { minLength: 1, maxLength: 5 })

function newValues(model: Model, count: number): string[] {
  return Array.from({ length: count }, () => `value ${model.written++}`)
}

/** The timestamps that records have once they are stored. */
function timesOf(model: Model, real: Real, times: readonly number[]): readonly number[] {
  return model.stampsAppendTime ? times.map(() => real.bench.clock.nowMs()) : times
}

function store(target: ModelPartition, values: readonly string[], times: readonly number[]): number {
  const baseOffset = target.records.length
  for (const [index, value] of values.entries()) target.records.push({ value, timestamp: times[index]! })
  return baseOffset
}

function remember(target: ModelPartition, id: number, epoch: number, batch: ModelBatch): void {
  const known = target.producers.get(id)
  const before = known?.epoch === epoch ? known.batches : []
  target.producers.set(id, {
    epoch,
    nextSequence: sequenceAfter(batch.baseSequence, batch.count),
    batches: [...before, batch].slice(-REMEMBERED_BATCHES),
  })
}

const appendStep = step('append', fc.record({ partition, timestamps, acks }), (args) => async (model, real) => {
  const target = model.at(args.partition)
  const values = newValues(model, args.timestamps.length)
  const batch = batchOf(values, { timestamps: args.timestamps })
  const result = await real.partition(args.partition).append(batch, { acks: args.acks })
  const times = timesOf(model, real, args.timestamps)
  const baseOffset = store(target, values, times)
  expect(result).toEqual({ baseOffset, timestamp: Math.max(...times), duplicate: false })
})

const appendManyStep = step(
  'appendMany',
  fc.record({ partition, batches: fc.array(timestamps, { minLength: 2, maxLength: 20 }) }),
  (args) => async (model, real) => {
    const target = model.at(args.partition)
    const appends = args.batches.map((times) => {
      const values = newValues(model, times.length)
      const baseOffset = store(target, values, timesOf(model, real, times))
      const appended = real
        .partition(args.partition)
        .append(batchOf(values, { timestamps: times }), { acks: 'committed' })
      return { baseOffset, appended }
    })
    for (const { baseOffset, appended } of appends) expect((await appended).baseOffset).toBe(baseOffset)
  },
)

const idempotentStep = step(
  'idempotent',
  fc.record({ partition, producer, timestamps, newEpoch: fc.nat({ max: 9 }).map((n) => n === 0) }),
  (args) => async (model, real) => {
    const target = model.at(args.partition)
    const known = target.producers.get(args.producer)
    const epoch = (known?.epoch ?? 0) + (args.newEpoch ? 1 : 0)
    const baseSequence = known === undefined || args.newEpoch ? 0 : known.nextSequence
    const values = newValues(model, args.timestamps.length)
    const stamp = { producerId: args.producer, producerEpoch: epoch, baseSequence }
    const sent = batchOf(values, { timestamps: args.timestamps, producer: stamp })
    const { baseOffset, duplicate } = await real.partition(args.partition).append(sent, { acks: 'committed' })
    const times = timesOf(model, real, args.timestamps)
    expect({ baseOffset, duplicate }).toEqual({ baseOffset: store(target, values, times), duplicate: false })
    remember(target, args.producer, epoch, {
      baseSequence,
      count: values.length,
      baseOffset,
      values,
      timestamps: times,
    })
  },
)

const repeatStep = step(
  'repeat',
  fc.record({ partition, producer, back: fc.nat({ max: REMEMBERED_BATCHES - 1 }), acks }),
  (args) => async (model, real) => {
    const known = model.at(args.partition).producers.get(args.producer)
    const batch = known?.batches.at(-1 - args.back)
    if (known === undefined || batch === undefined) return
    const { baseSequence, values, timestamps: times, baseOffset } = batch
    const stamp = { producerId: args.producer, producerEpoch: known.epoch, baseSequence }
    const sent = batchOf(values, { timestamps: times, producer: stamp })
    const result = await real.partition(args.partition).append(sent, { acks: args.acks })
    expect(result).toEqual({ baseOffset, timestamp: Math.max(...times), duplicate: true })
  },
)

const refusedStep = step(
  'refused',
  fc.record({ partition, producer, ahead: fc.integer({ min: 1, max: 2 ** 30 - 1 }), older: fc.boolean() }),
  (args) => async (model, real) => {
    const known = model.at(args.partition).producers.get(args.producer)
    const epoch = known?.epoch ?? 0
    const baseSequence = sequenceAfter(known?.nextSequence ?? 0, args.ahead)
    const fenced = args.older && epoch > 0
    const stamp = { producerId: args.producer, producerEpoch: fenced ? epoch - 1 : epoch, baseSequence }
    const append = real.partition(args.partition).append(batchOf(['x'], { producer: stamp }), { acks: 'committed' })
    await failure(append, fenced ? 'PRODUCER_FENCED' : 'OUT_OF_ORDER_SEQUENCE')
  },
)

const readStep = step(
  'read',
  fc.record({ partition, at: fc.double({ min: 0, max: 1.1, noNaN: true }), maxBytes: fc.nat({ max: 2_000 }) }),
  (args) => async (model, real) => {
    const { records, logStart } = model.at(args.partition)
    const offset = Math.floor(args.at * records.length)
    const read = real.partition(args.partition).read(offset, { maxBytes: args.maxBytes, waitMs: 0 })
    if (offset < logStart || offset > records.length) {
      await failure(read, 'OFFSET_OUT_OF_RANGE')
      return
    }
    const { nextOffset } = await read
    for (const record of recordsIn(await read, offset)) {
      expect({ value: String(record.value), timestamp: record.timestamp }).toEqual(records[record.offset])
    }
    const batches = batchesIn(await read)
    expect(nextOffset).toBe(batches.at(-1)?.nextOffset ?? offset)
    if (batches.length > 1) {
      expect(batches.reduce((sum, batch) => sum + batch.sizeBytes, 0)).toBeLessThanOrEqual(args.maxBytes)
    }
  },
)

const timestampStep = step(
  'offsetForTimestamp',
  fc.record({ partition, time: fc.nat({ max: 1_001 }) }),
  (args) => async (model, real) => {
    await settle(model, real, args.partition)
    const { records, logStart } = model.at(args.partition)
    const offset = records.findIndex(({ timestamp }, index) => index >= logStart && timestamp >= args.time)
    const found = await real.partition(args.partition).offsetForTimestamp(args.time)
    expect(found).toEqual(offset === -1 ? undefined : { offset, timestamp: records[offset]!.timestamp })
  },
)

const truncateStep = step(
  'truncateBefore',
  fc.record({ partition, at: fc.double({ min: 0, max: 1.1, noNaN: true }) }),
  (args) => async (model, real) => {
    await settle(model, real, args.partition)
    const target = model.at(args.partition)
    const offset = Math.floor(args.at * target.records.length)
    const truncated = real.partition(args.partition).truncateBefore(offset)
    if (offset > target.records.length) {
      await failure(truncated, 'OFFSET_OUT_OF_RANGE')
      return
    }
    target.logStart = Math.max(target.logStart, offset)
    expect(await truncated).toBe(target.logStart)
  },
)

const recreateStep = step('recreate', fc.constant({}), () => async (model, real) => {
  await real.bench.engine.topics.delete(real.topicId)
  real.topicId = (await real.bench.createTopic('orders', PARTITIONS, SETTINGS)).id
  real.partitions = PARTITIONS
  model.clear()
})

const alterStep = step(
  'alter',
  fc.record({
    segmentBytes: fc.constantFrom('1024', '2048', '100000'),
    flushPolicy: fc.constantFrom('commit', 'interval', 'os'),
    stampsAppendTime: fc.boolean(),
    grows: fc.boolean(),
  }),
  (args) => async (model, real) => {
    if (args.grows && model.partitions.length < MOST_PARTITIONS) model.partitions.push(new ModelPartition())
    model.stampsAppendTime = args.stampsAppendTime
    await real.bench.engine.topics.alter(real.topicId, {
      partitions: model.partitions.length,
      set: {
        'segment.bytes': args.segmentBytes,
        'flush.policy': args.flushPolicy,
        'message.timestamp.type': args.stampsAppendTime ? 'LogAppendTime' : 'CreateTime',
      },
    })
    real.partitions = model.partitions.length
  },
)

const reopenStep = step('reopen', fc.constant({}), () => async (_model, real) => {
  if (real.bench.canReopen) await real.bench.reopen()
})

/** Waits until all that was appended with acks none is committed, and checks that the partition ends there. */
async function settle(model: Model, real: Real, number: number): Promise<void> {
  const { records } = model.at(number)
  const target = real.partition(number)
  let { highWatermark } = await target.status()
  while (highWatermark < records.length) {
    highWatermark = (await target.read(highWatermark, { maxBytes: 1, waitMs: 60_000 })).highWatermark
  }
  expect(highWatermark).toBe(records.length)
}

/** Compares everything that can be read with the model. */
async function checkAll(model: Model, real: Real): Promise<void> {
  for (const [number, { records, logStart }] of model.partitions.entries()) {
    await settle(model, real, number)
    const target = real.partition(number)
    const { logStartOffset, highWatermark } = await target.status()
    expect({ logStartOffset, highWatermark }).toEqual({ logStartOffset: logStart, highWatermark: records.length })
    const found: ModelRecord[] = []
    for (let offset = logStart; offset < records.length; ) {
      const read = await target.read(offset, { maxBytes: 1 << 20 })
      for (const { value, timestamp } of recordsIn(read, offset)) found.push({ value: String(value), timestamp })
      offset = read.nextOffset
    }
    expect(found).toEqual(records.slice(logStart))
  }
}

export function modelTests(bench: BenchTest): void {
  const steps = fc.commands(
    [
      appendStep,
      appendManyStep,
      idempotentStep,
      idempotentStep,
      repeatStep,
      refusedStep,
      readStep,
      readStep,
      timestampStep,
      truncateStep,
      alterStep,
      recreateStep,
      reopenStep,
    ],
    { maxCommands: 60, size: 'max' },
  )
  const run = (commands: Iterable<fc.AsyncCommand<Model, Real>>) =>
    bench(async (b) => {
      const model = new Model()
      const real = new Real(b, (await b.createTopic('orders', PARTITIONS, SETTINGS)).id)
      await fc.asyncModelRun(() => ({ model, real }), commands)
      await checkAll(model, real)
    })

  test('leaves the engine as a simple model says', async (context) => {
    await fc.assert(
      fc.asyncProperty(steps, (commands) => run(commands)(context)),
      { numRuns: 40 },
    )
  })
}
