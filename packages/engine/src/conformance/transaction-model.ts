import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { EnginePartition, ProducerIdentity, TransactionOutcome } from '../engine.ts'
import { type Bench, type BenchTest, batchOf, failure, turns } from './subject.ts'
import { consume, transactionalBatch } from './transacted.ts'

const PARTITIONS = 2
const WRITERS = ['one', 'two']
const TIMEOUT_MS = 5_000
const COMMITTED = { acks: 'committed' } as const
const SETTINGS = { 'segment.bytes': '1024', 'index.interval.bytes': '256' }

interface ModelTransaction {
  readonly deadlineMs: number
  outcome: TransactionOutcome | undefined
}

/** What has one offset: a record, or, without a value, a marker. */
interface ModelRecord {
  readonly value: string | undefined
  readonly transaction: ModelTransaction | undefined
}

interface ModelWriter {
  identity: ProducerIdentity
  /** What earlier transactions bore, newest last, and how they ended; those of older instances have no outcome. */
  past: { readonly identity: ProducerIdentity; readonly outcome: TransactionOutcome | undefined }[]
  open: { readonly transaction: ModelTransaction; readonly sequences: Map<number, number> } | undefined
  /** Whether the engine was started anew since it got its identity. */
  isStale: boolean
}

class Model {
  readonly partitions: ModelRecord[][] = Array.from({ length: PARTITIONS }, () => [])
  readonly writers = new Map<string, ModelWriter>()
  nowMs = 0
  written = 0

  values(count: number): string[] {
    return Array.from({ length: count }, () => `value ${this.written++}`)
  }

  /** Ends the open transaction of a writer in all its partitions. */
  end(writer: ModelWriter, outcome: TransactionOutcome): void {
    if (writer.open === undefined) return
    const { transaction, sequences } = writer.open
    transaction.outcome = outcome
    for (const partition of sequences.keys()) this.partitions[partition]!.push({ value: undefined, transaction })
    writer.open = undefined
  }

  /** Where a partition's oldest open transaction begins, or its end. */
  stableEnd(partition: number): number {
    const records = this.partitions[partition]!
    const first = records.findIndex(({ transaction }) => transaction !== undefined && transaction.outcome === undefined)
    return first === -1 ? records.length : first
  }
}

interface Real {
  readonly bench: Bench
  readonly topicId: string
}

type Command = fc.AsyncCommand<Model, Real>

function step<Args>(
  name: string,
  args: fc.Arbitrary<Args>,
  run: (model: Model, real: Real, drawn: Args) => Promise<void>,
): fc.Arbitrary<Command> {
  return args.map((drawn) => ({
    check: () => true,
    run: async (model, real) => {
      await run(model as Model, real, drawn)
      await check(model as Model, real)
    },
    toString: () => `${name}${JSON.stringify(drawn)}`,
  }))
}

const partition = fc.nat({ max: PARTITIONS - 1 })
const name = fc.constantFrom(...WRITERS)
const count = fc.integer({ min: 1, max: 4 })
const outcome = fc.constantFrom<TransactionOutcome>('commit', 'abort')

const partitionOf = ({ bench, topicId }: Real, number: number): EnginePartition =>
  bench.engine.partition(topicId, number)

async function initialise(model: Model, { bench }: Real, transactionalId: string): Promise<ModelWriter> {
  const identity = await bench.engine.transactions.init(transactionalId, { timeoutMs: TIMEOUT_MS })
  const known = model.writers.get(transactionalId)
  if (known !== undefined) model.end(known, 'abort')
  const older = known === undefined ? [] : [...known.past.map((past) => past.identity), known.identity]
  for (const each of older) expect(each).not.toEqual(identity)
  const past = older.map((each) => ({ identity: each, outcome: undefined }))
  const writer: ModelWriter = { identity, past, open: undefined, isStale: false }
  model.writers.set(transactionalId, writer)
  return writer
}

const initStep = step('init', fc.record({ name }), async (model, real, args) => {
  await initialise(model, real, args.name)
})

const appendStep = step(
  'append',
  fc.record({ name, partition, count, isNumbered: fc.boolean() }),
  async (model, real, args) => {
    const writer = model.writers.get(args.name) ?? (await initialise(model, real, args.name))
    const values = model.values(args.count)
    const sequence = writer.open?.sequences.get(args.partition) ?? 0
    const batch = transactionalBatch(writer.identity, args.isNumbered ? sequence : -1, values)
    const appended = partitionOf(real, args.partition).append(batch, COMMITTED)
    if (writer.isStale) {
      await failure(appended, 'TRANSACTION_ABORTED')
      return
    }
    const records = model.partitions[args.partition]!
    expect(await appended).toMatchObject({ baseOffset: records.length, duplicate: false })
    writer.open ??= { transaction: { deadlineMs: model.nowMs + TIMEOUT_MS, outcome: undefined }, sequences: new Map() }
    const { transaction, sequences } = writer.open
    sequences.set(args.partition, sequence + (args.isNumbered ? args.count : 0))
    for (const value of values) records.push({ value, transaction })
  },
)

const plainStep = step('plain', fc.record({ partition, count }), async (model, real, args) => {
  const values = model.values(args.count)
  await partitionOf(real, args.partition).append(batchOf(values), COMMITTED)
  for (const value of values) model.partitions[args.partition]!.push({ value, transaction: undefined })
})

const endStep = step(
  'end',
  fc.record({ name, outcome, times: fc.integer({ min: 1, max: 2 }) }),
  async (model, real, args) => {
    const writer = model.writers.get(args.name)
    if (writer === undefined) return
    const { identity } = writer
    const call = () => real.bench.engine.transactions.end({ transactionalId: args.name, ...identity }, args.outcome)
    if (writer.isStale && args.outcome === 'commit') {
      await failure(call(), 'TRANSACTION_ABORTED')
      return
    }
    const answers = await Promise.all(Array.from({ length: args.times }, call))
    for (const answer of answers) expect(answer).toEqual(answers[0])
    model.end(writer, args.outcome)
    writer.past.push({ identity, outcome: args.outcome })
    writer.identity = answers[0]!
    writer.isStale = false
  },
)

const lateStep = step(
  'late',
  fc.record({ name, partition, back: fc.nat({ max: 3 }), outcome, isAppend: fc.boolean() }),
  async (model, real, args) => {
    const writer = model.writers.get(args.name)
    const past = writer?.past.at(-1 - args.back)
    if (writer === undefined || past === undefined) return
    const isLast = args.back === 0
    if (args.isAppend) {
      const batch = transactionalBatch(past.identity, 0, ['late'])
      const wasAborted = isLast && past.outcome === 'abort'
      const appended = partitionOf(real, args.partition).append(batch, COMMITTED)
      await failure(appended, wasAborted ? 'TRANSACTION_ABORTED' : 'PRODUCER_FENCED')
      return
    }
    const ended = real.bench.engine.transactions.end({ transactionalId: args.name, ...past.identity }, args.outcome)
    if (!isLast || past.outcome === undefined) {
      await failure(ended, 'PRODUCER_FENCED')
    } else if (past.outcome !== args.outcome) {
      await failure(ended, args.outcome === 'commit' ? 'TRANSACTION_ABORTED' : 'INVALID_TRANSACTION_STATE')
    } else if (writer.isStale) {
      writer.identity = await ended
      writer.isStale = false
    } else {
      expect(await ended).toEqual(writer.identity)
    }
  },
)

const waitStep = step('wait', fc.constantFrom(1_000, 3_000, 6_000), async (model, { bench }, waitMs) => {
  model.nowMs += waitMs
  bench.clock.advance(waitMs)
  for (const [transactionalId, writer] of model.writers) {
    if (writer.open === undefined || writer.open.transaction.deadlineMs > model.nowMs) continue
    model.end(writer, 'abort')
    const state = async () => {
      const all = await bench.engine.transactions.list()
      return all.find((each) => each.transactionalId === transactionalId)!
    }
    while ((await state()).state !== 'empty') await turns(1)
    const { producerId, producerEpoch } = await state()
    writer.past.push({ identity: writer.identity, outcome: 'abort' })
    writer.identity = { producerId, producerEpoch }
  }
})

const reopenStep = step('reopen', fc.constant({}), async (model, { bench }) => {
  if (!bench.canReopen) return
  await bench.reopen()
  for (const writer of model.writers.values()) {
    model.end(writer, 'abort')
    writer.isStale = true
  }
})

/** Compares what both kinds of readers see with the model. */
async function check(model: Model, real: Real): Promise<void> {
  for (const [number, records] of model.partitions.entries()) {
    const target = partitionOf(real, number)
    const stableEnd = model.stableEnd(number)
    expect(await target.status()).toMatchObject({ highWatermark: records.length, lastStableOffset: stableEnd })
    const all = records.filter(({ value }) => value !== undefined)
    const committed = records
      .slice(0, stableEnd)
      .filter(({ value, transaction }) => value !== undefined && transaction?.outcome !== 'abort')
    for (const maxBytes of [1, 300, 1 << 20]) {
      expect(await consume(target, 'uncommitted', { maxBytes })).toEqual(all.map(({ value }) => value))
      expect(await consume(target, 'committed', { maxBytes })).toEqual(committed.map(({ value }) => value))
    }
  }
}

export function transactionModelTests(bench: BenchTest): void {
  const steps = fc.commands(
    [appendStep, appendStep, appendStep, plainStep, endStep, endStep, initStep, lateStep, waitStep, reopenStep],
    { maxCommands: 40, size: 'max' },
  )
  const run = (commands: Iterable<Command>) =>
    bench(async (b) => {
      const { id } = await b.createTopic('orders', PARTITIONS, SETTINGS)
      await fc.asyncModelRun(() => ({ model: new Model(), real: { bench: b, topicId: id } }), commands)
    })

  test('leaves transactions as a simple model says', async (context) => {
    await fc.assert(
      fc.asyncProperty(steps, (commands) => run(commands)(context)),
      { numRuns: 40 },
    )
  })
}
