import { type ErrorCode, MillraceError, systemClock } from '@millrace/record'
import { createMemoryEngine, type SeededRandom, seededRandom } from '@millrace/testkit'
import { describe, expect, test } from 'vitest'
import type { ProducerOptions } from './options.ts'
import type { FakeFaults, ProduceFate } from './testing/fake-server.ts'
import { collect, startHarness } from './testing/harness.ts'

const PARTITIONS = 3
const TRANSACTIONS = 40
const error = (code: ErrorCode): MillraceError => new MillraceError(code, 'chaos')

function fateOf(random: SeededRandom): ProduceFate {
  if (random.bool(0.9)) return 'store'
  return random.pick<ProduceFate>([
    'cut-before',
    'cut-after',
    { refuse: error('LIMIT_REACHED') },
    { refuse: error('COMMIT_UNKNOWN') },
    { refuse: error('TRANSACTION_ABORTED') },
    { refuse: error('INVALID_TIMESTAMP') },
    { answer: error('COMMIT_UNKNOWN') },
    { answer: error('STORAGE_FAILED') },
  ])
}

function unaryFaultOf(random: SeededRandom): ReturnType<FakeFaults['unary']> {
  if (random.bool(0.75)) return undefined
  return random.pick(['cut', 'cut-after', error('SHUTTING_DOWN'), error('COMMIT_UNKNOWN')] as const)
}

type Outcome = 'committed' | 'aborted' | 'unknown'

/** What each transaction sent, and how it told it ended. */
interface Told {
  readonly name: string
  readonly sent: { readonly partition: number; readonly value: string }[]
  readonly outcome: Outcome
}

/** Runs transactions through chaos, one after another, and says what a reader sees of them. */
async function run(seed: number, options: ProducerOptions) {
  const random = seededRandom(seed)
  const engine = createMemoryEngine({ clock: systemClock })
  await engine.topics.create({ name: 't', partitions: PARTITIONS, settings: {} })
  await engine.topics.create({ name: 'offsets', partitions: 1, settings: {} })
  await using h = await startHarness(engine)
  h.server.faults.produce = () => fateOf(random)
  h.server.faults.unary = () => unaryFaultOf(random)
  const producer = h.mr.producer({ ...options, transactionalId: 'chaos' })
  const told = await Promise.all(
    Array.from({ length: TRANSACTIONS }, async (_, index): Promise<Told> => {
      const name = `${index}`
      const sent: { partition: number; value: string }[] = []
      const outcome = await producer
        .transaction(async (tx) => {
          if (random.bool(0.05)) h.server.cut()
          for (let round = random.int(0, 4); round > 0; round--) {
            const values = Array.from({ length: random.int(1, 6) }, () => {
              const record = { partition: random.int(0, PARTITIONS - 1), value: `${name}:${sent.length}` }
              sent.push(record)
              return { topic: 't', ...record }
            })
            const all = Promise.all(values.map((record) => tx.send(record)))
            all.catch(() => {})
            if (random.bool(0.3)) await all
            if (random.bool(0.3)) await new Promise((resolve) => setImmediate(resolve))
          }
          void tx
            .commitOffsets({ group: name, offsets: [{ topic: 'in', partition: 0, offset: index }] })
            .catch(() => {})
          if (random.bool(0.1)) throw new Error('of its own accord')
        })
        .then(
          (): Outcome => 'committed',
          (reason: MillraceError): Outcome => (reason.details?.outcomeUnknown === true ? 'unknown' : 'aborted'),
        )
      return { name, sent, outcome }
    }),
  )
  h.server.faults.produce = () => 'store'
  h.server.faults.unary = () => undefined
  await producer.transaction((tx) => tx.send({ topic: 't', value: 'last', partition: 0 }))
  const seen = (await collect(h.mr.read({ topic: 't', to: 'end' }))).map(({ partition, value }) => ({
    partition,
    value: `${value}`,
  }))
  const offsets = await collect(h.mr.read({ topic: 'offsets', to: 'end' }))
  return { told, seen, groups: offsets.map((record) => record.json<{ group: string }>()?.group) }
}

describe('through broken connections, lost answers, refusals and functions that throw', () => {
  const seeds = Array.from({ length: 12 }, (_, index) => index + 1)

  test.each(seeds)('a transaction is there as a whole or not at all, as was told (seed %i)', async (seed) => {
    const { told, seen, groups } = await run(seed, { batchBytes: 200, maxInFlight: 1 + (seed % 6) })
    expect(seen.map(({ value }) => value)).toContain('last')
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const values = seen.filter((it) => it.partition === partition && it.value !== 'last').map(({ value }) => value)
      const there = told.filter(({ name, outcome }) => outcome === 'committed' || groups.includes(name))
      const expected = there.flatMap(({ sent }) => sent.filter((it) => it.partition === partition))
      expect(values).toEqual(expected.map(({ value }) => value))
    }
    for (const { name, outcome } of told) {
      if (outcome === 'committed') expect(groups).toContain(name)
      if (outcome === 'aborted') expect(groups).not.toContain(name)
    }
    expect(told.filter(({ outcome }) => outcome === 'committed').length).toBeGreaterThan(5)
    expect(told.filter(({ outcome }) => outcome === 'aborted').length).toBeGreaterThan(1)
  })
})
