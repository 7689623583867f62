import { type ErrorCode, MillraceError, systemClock } from '@millrace/record'
import { checkHistory, createMemoryEngine, type SeededRandom, type SendOutcome, seededRandom } from '@millrace/testkit'
import { describe, expect, test } from 'vitest'
import type { SendFailure, SendResult } from './call.ts'
import type { ProducerOptions } from './options.ts'
import type { ProduceFate } from './testing/fake-server.ts'
import { collect, startHarness } from './testing/harness.ts'

const PARTITIONS = 3
const error = (code: ErrorCode): MillraceError => new MillraceError(code, 'chaos')

/** What becomes of a batch: mostly it is stored. */
function fateOf(random: SeededRandom): ProduceFate {
  if (random.bool(0.7)) return 'store'
  return random.pick<ProduceFate>([
    'cut-before',
    'cut-after',
    { refuse: error('LIMIT_REACHED') },
    { refuse: error('DISK_FULL') },
    { refuse: error('COMMIT_UNKNOWN') },
    { refuse: error('SHUTTING_DOWN') },
    { refuse: error('INVALID_TIMESTAMP') },
    { refuse: error('BATCH_TOO_LARGE') },
    { refuse: error('INTERNAL') },
    { answer: error('COMMIT_UNKNOWN') },
    { answer: error('TIMED_OUT') },
    { answer: error('STORAGE_FAILED') },
  ])
}

function outcomeOf(result: SendResult | SendFailure): SendOutcome {
  if (!('error' in result)) return { acknowledgedAt: result.offset < 0 ? undefined : result.offset }
  return result.error.details.outcomeUnknown === true ? 'unknown' : 'refused'
}

/** Sends records through chaos, then reads them back. Returns what the checker says. */
async function run(seed: number, options: ProducerOptions) {
  const random = seededRandom(seed)
  const engine = createMemoryEngine({ clock: systemClock })
  await engine.topics.create({ name: 't', partitions: PARTITIONS, settings: {} })
  await using h = await startHarness(engine)
  let calm = false
  h.server.faults.produce = () => (calm ? 'store' : fateOf(random))
  h.server.faults.unary = () => (calm || random.bool(0.8) ? undefined : random.pick(['cut', error('SHUTTING_DOWN')]))
  const producer = h.mr.producer(options)

  const outcomes: { partition: number; value: string; outcome: Promise<SendOutcome> }[] = []
  const note = (partition: number, outcome: Promise<SendOutcome>): void => {
    outcomes.push({ partition, value: `${outcomes.length}`, outcome })
  }
  for (let round = 0; round < 60; round++) {
    const records = Array.from({ length: random.int(1, 8) }, (_, index) => ({
      topic: 't',
      value: `${outcomes.length + index}`,
      partition: random.int(0, PARTITIONS - 1),
    }))
    const single = records.length === 1 ? records[0] : undefined
    if (single !== undefined) {
      const sent = producer.send(single).catch((reason) => ({ topic: 't', error: reason as MillraceError }))
      note(single.partition, sent.then(outcomeOf))
    } else {
      const sent = producer.sendBatchSettled(records)
      for (const [index, { partition }] of records.entries()) {
        note(
          partition,
          sent.then((results) => outcomeOf(results[index] as SendResult | SendFailure)),
        )
      }
    }
    if (random.bool(0.3)) await new Promise((resolve) => setImmediate(resolve))
    if (random.bool(0.03)) h.server.cut()
    if (random.bool(0.02)) {
      await h.server.stop()
      await h.server.start()
    }
  }
  calm = true
  await producer.flush()
  expect(producer.bufferedBytes).toBe(0)
  const read = await collect(h.mr.read({ topic: 't', to: 'end' }))
  const settled = await Promise.all(outcomes.map(async (sent) => ({ ...sent, outcome: await sent.outcome })))
  return checkHistory(
    Array.from({ length: PARTITIONS }, (_, partition) => ({
      name: `t/${partition}`,
      sent: settled
        .filter((sent) => sent.partition === partition)
        .map(({ value, outcome }) => ({ key: null, value, outcome })),
      read: read
        .filter((record) => record.partition === partition)
        .map((record) => ({ key: null, value: record.text() ?? '', offset: record.offset })),
    })),
  )
}

describe('through broken connections, restarts, lost answers and refusals', () => {
  const seeds = Array.from({ length: 12 }, (_, index) => index + 1)

  test.each(seeds)('none is lost, none is there twice, order is kept, all are settled (seed %i)', async (seed) => {
    const report = await run(seed, { batchBytes: 150, maxInFlight: 1 + (seed % 6) })
    expect(report.problems).toEqual([])
    expect(report.acknowledged).toBeGreaterThan(50)
  })

  test.each(seeds.slice(0, 4))('and with compression and a small buffer (seed %i)', async (seed) => {
    const report = await run(seed, { compression: 'zstd', bufferBytes: 500, lingerMs: 1 })
    expect(report.problems).toEqual([])
    expect(report.acknowledged).toBeGreaterThan(50)
  })
})
