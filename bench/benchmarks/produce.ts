import type { Benchmark, Entry } from '../harness/benchmark.ts'
import { COST_COLUMNS, PEAK_COLUMN } from './columns.ts'

const VALUE_BYTES = 100
const IN_FLIGHT = 16
const BATCHES = [600, 4_000] as const

function entry(contender: Entry['contender'], batchRecords: number, clientDefaults = false): Entry {
  const name = `${contender}, ${clientDefaults ? 'defaults' : `${batchRecords} a batch`}`
  return {
    name,
    contender,
    ...(contender !== 'floor' && { baseline: `floor, ${batchRecords} a batch` }),
    measure: ({ perform, quick }) =>
      perform({
        kind: 'produce',
        records: quick ? 1_500_000 : 4_000_000,
        warmupRecords: quick ? 300_000 : 600_000,
        valueBytes: VALUE_BYTES,
        batchRecords,
        inFlight: IN_FLIGHT,
        clientDefaults,
      }),
  }
}

export const produce: Benchmark = {
  name: 'produce',
  about: `One client process sends ${VALUE_BYTES}-byte Buffers over one connection to one partition, in batches, ${IN_FLIGHT} batches in flight, each acknowledged when it is on disk. “Defaults” leaves the client’s batching as it is.`,
  columns: [
    { key: 'recordsPerSecond', title: 'records/s', unit: 'per second', better: 'more' },
    ...COST_COLUMNS,
    PEAK_COLUMN,
  ],
  entries: [
    ...BATCHES.flatMap((records) => [entry('floor', records), entry('millrace', records)]),
    entry('millrace', 4_000, true),
  ],
  targets: [{ entry: 'millrace, defaults', column: 'recordsPerSecond', atLeast: 1e6 }],
  rounds: { quick: 3, full: 7 },
  sharedServers: true,
}
