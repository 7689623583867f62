import type { ContenderName } from '../contenders/contender.ts'
import type { Benchmark, Entry } from '../harness/benchmark.ts'
import { LATENCY_COLUMNS, PEAK_COLUMN, peakTarget } from './columns.ts'
import { ROUNDS } from './spans.ts'

const VALUE_BYTES = 100
const RATES = [1_000, 10_000, 50_000] as const
/** With --quick, peers have only this one. */
const QUICK_PEERS_RATE = 10_000
const PEERS = ['redis', 'redis-everysec', 'nats', 'nats-default', 'kafka', 'rabbitmq'] as const

function entry(contender: ContenderName, rate: number): Entry {
  const nameOf = (name: string): string => `${name}, ${rate / 1_000}k/s`
  return {
    name: nameOf(contender),
    contender,
    ...(contender !== 'floor' && { baseline: nameOf('floor') }),
    ...(contender === 'millrace' && { peers: PEERS.map(nameOf) }),
    notQuick: rate !== QUICK_PEERS_RATE && contender !== 'floor' && contender !== 'millrace',
    measure: ({ perform, newTopic, quick }) =>
      perform({
        kind: 'endToEnd',
        topic: newTopic(),
        recordsPerSecond: rate,
        warmupMs: quick ? 400 : 1_000,
        ms: quick ? 800 : 4_000,
        valueBytes: VALUE_BYTES,
      }),
  }
}

export const endToEnd: Benchmark = {
  name: 'end-to-end',
  about: `One client process sends ${VALUE_BYTES}-byte records one by one at a stated rate and reads them over a connection of its own. A latency is from the time at which the record was due, whether it could be sent then or not, to when its reader had it. “–” is for a contender that fell two seconds behind.`,
  columns: [...LATENCY_COLUMNS, PEAK_COLUMN],
  tail: 'p99',
  entries: RATES.flatMap((rate) => (['floor', 'millrace', ...PEERS] as const).map((name) => entry(name, rate))),
  targets: [
    { entry: 'millrace, 10k/s', column: 'p50', ratio: true, atMost: 1.5 },
    { entry: 'millrace, 10k/s', column: 'p99', ratio: true, atMost: 1.5 },
    peakTarget('millrace, 50k/s'),
  ],
  rounds: ROUNDS,
  sharedServers: true,
}
