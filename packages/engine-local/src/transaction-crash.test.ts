/*
 * Power cuts and kills at any moment of a transaction and of its end: after the next start it has one outcome in all
 * partitions, that which its producer was told if it was told one, and a repeat of the end tells the same.
 */
import { setImmediate } from 'node:timers/promises'
import type { Engine, ProducerIdentity, TransactionOutcome } from '@millrace/engine'
import { BatchBuilder, readBatches } from '@millrace/record'
import { CrashDisk, ManualClock, seededRandom } from '@millrace/testkit'
import { describe, expect, test } from 'vitest'
import { openLocalEngine } from './local-engine.ts'

const SEEDS = Number(process.env.MILLRACE_CRASH_SEEDS ?? 4)
const FIRST_SEED = Number(process.env.MILLRACE_CRASH_SEED ?? 1)
const ID = 'writer'
const TIMEOUT_MS = 60_000
const COMMITTED = { acks: 'committed' } as const
/** One topic of one partition each. */
const LAYOUTS = {
  commit: ['commit', 'commit'],
  interval: ['interval', 'interval'],
  os: ['os', 'os'],
  // Enough for rounds that go by way of the journal.
  mixed: ['commit', 'os', 'interval', 'commit', 'os', 'interval'],
} as const
type Layout = keyof typeof LAYOUTS
type Death = 'crash' | 'kill'

interface Scenario {
  readonly layout: Layout
  readonly outcome: TransactionOutcome
  readonly death: Death
  readonly seed: number
}

class Bench {
  readonly disk: CrashDisk
  readonly topics: string[] = []
  engine!: Engine

  constructor(seed: number) {
    this.disk = new CrashDisk(seededRandom(seed))
  }

  async open(): Promise<void> {
    const disk = this.disk.mount({ deadCalls: 'hang' })
    this.engine = await openLocalEngine({ disk, dataDir: '/data', clock: new ManualClock() })
  }

  async create(layout: Layout): Promise<void> {
    for (const [index, policy] of LAYOUTS[layout].entries()) {
      const settings = { 'flush.policy': policy, 'flush.ms': '600000' }
      const topic = await this.engine.topics.create({ name: `topic-${index}`, partitions: 1, settings })
      this.topics.push(topic.id)
    }
  }

  /** Writes a value to each partition in one transaction, and ends it. */
  async transact(identity: ProducerIdentity, value: string, outcome: TransactionOutcome): Promise<ProducerIdentity> {
    const appends = this.topics.map((id) => {
      const builder = new BatchBuilder().append({ key: null, value: Buffer.from(value), timestamp: 1 })
      const batch = builder.build({ producer: { ...identity, baseSequence: 0 }, transactional: true })
      return this.engine.partition(id, 0).append(batch.buffer, COMMITTED)
    })
    await Promise.all(appends)
    return this.end(identity, outcome)
  }

  end(identity: ProducerIdentity, outcome: TransactionOutcome): Promise<ProducerIdentity> {
    return this.engine.transactions.end({ transactionalId: ID, ...identity }, outcome)
  }

  /** What a reader of committed records finds in each partition. */
  values(): Promise<string[][]> {
    return Promise.all(this.topics.map((id) => valuesOf(this.engine, id)))
  }

  die(death: Death): void {
    if (death === 'crash') this.disk.crash()
    else this.disk.kill()
  }
}

async function valuesOf(engine: Engine, topicId: string): Promise<string[]> {
  const partition = engine.partition(topicId, 0)
  const { highWatermark, lastStableOffset } = await partition.status()
  expect(lastStableOffset).toBe(highWatermark)
  const values: string[] = []
  const aborted = new Set<number>()
  for (let offset = 0; offset < highWatermark; ) {
    const read = await partition.read(offset, { maxBytes: 1 << 20 })
    const due = read.abortedTransactions.filter((each) => each.firstOffset >= offset)
    for (const batch of read.batches.flatMap((bytes) => [...readBatches(bytes)])) {
      for (const { producerId, firstOffset } of due) if (firstOffset === batch.baseOffset) aborted.add(producerId)
      if (batch.isControl) aborted.delete(batch.producerId)
      else if (!aborted.has(batch.producerId)) for (const { value } of batch.records(1 << 20)) values.push(`${value}`)
    }
    offset = read.nextOffset
  }
  return values
}

/**
 * Runs a transaction, dies after so many turns of the event loop, sometimes once more at the next start, and checks what
 * the start after that makes of it.
 * @returns whether it died before the end was answered, and whether the transaction was committed
 */
async function run({ layout, outcome, death, seed }: Scenario, turns: number) {
  const bench = new Bench(seed * 1_000 + turns)
  await bench.open()
  await bench.create(layout)
  const first = await bench.engine.transactions.init(ID, { timeoutMs: TIMEOUT_MS })
  const identity = await bench.transact(first, 'before', 'commit')
  let told: TransactionOutcome | undefined
  let isAnswered = false
  const transacting = bench.transact(identity, 'it', outcome).then(() => {
    told = outcome
    isAnswered = true
  })
  transacting.catch(() => {})
  for (let turn = 0; turn < turns && !isAnswered; turn++) await setImmediate()
  const died = !isAnswered
  bench.die(death)
  if (seed % 2 === 0) {
    const opening = bench.open()
    opening.catch(() => {})
    for (let turn = 0; turn < turns; turn++) await setImmediate()
    bench.die(death)
  }
  await bench.open()
  const [values, ...others] = await bench.values()
  for (const other of others) expect(other).toEqual(values)
  const isCommitted = values?.at(-1) === 'it'
  expect(values).toEqual(isCommitted ? ['before', 'it'] : ['before'])
  if (told !== undefined) expect(isCommitted).toBe(told === 'commit')
  if (outcome === 'abort') expect(isCommitted).toBe(false)
  const code = await bench.end(identity, isCommitted ? 'abort' : 'commit').then(
    () => undefined,
    (error) => error.code,
  )
  expect(code).toBe(isCommitted ? 'INVALID_TRANSACTION_STATE' : 'TRANSACTION_ABORTED')
  const next = await bench.end(identity, isCommitted ? 'commit' : 'abort')
  await bench.transact(next, 'after', 'commit')
  for (const found of await bench.values()) expect(found).toEqual([...(values as string[]), 'after'])
  await bench.engine.close()
  return { died, isCommitted }
}

const scenarios = (Object.keys(LAYOUTS) as Layout[]).flatMap((layout) =>
  (['commit', 'abort'] as const).flatMap((outcome) =>
    (['crash', 'kill'] as const).map((death) => ({ layout, outcome, death })),
  ),
)

describe('a transaction has one outcome everywhere', () => {
  test.each(scenarios)('with flush.policy $layout, a $outcome and a $death at any moment', async (scenario) => {
    const ends = { committed: 0, aborted: 0 }
    for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
      for (let turns = 0; ; turns++) {
        try {
          const { died, isCommitted } = await run({ ...scenario, seed }, turns)
          if (!died) break
          ends[isCommitted ? 'committed' : 'aborted']++
        } catch (error) {
          throw new Error(`seed ${seed}, death after ${turns} turns`, { cause: error })
        }
      }
    }
    // A test in which one of them stays 0 has not tested it.
    expect(ends.aborted).toBeGreaterThan(0)
    if (scenario.outcome === 'commit') expect(ends.committed).toBeGreaterThan(0)
  })
})
