import type { Benchmark, Entry } from '../harness/benchmark.ts'
import { COST_COLUMNS, PEAK_COLUMN } from './columns.ts'

const VALUE_BYTES = 100
const BATCH_RECORDS = 600

const recordsOf = (quick: boolean): number => (quick ? 1_500_000 : 6_000_000)

function entry(contender: Entry['contender'], by: 'record' | 'batch'): Entry {
  return {
    name: `${contender}, by ${by}`,
    contender,
    ...(contender !== 'floor' && { baseline: `floor, by ${by}` }),
    measure: ({ perform, quick }) => perform({ kind: 'read', by, records: recordsOf(quick), warmup: true }),
  }
}

export const readback: Benchmark = {
  name: 'readback',
  about: `One client process reads ${VALUE_BYTES}-byte records of one partition from the beginning to the end, checking each CRC. They were sent in batches of ${BATCH_RECORDS} before, so that they come from the system's page cache.`,
  columns: [
    { key: 'recordsPerSecond', title: 'records/s', unit: 'per second', better: 'more' },
    ...COST_COLUMNS,
    PEAK_COLUMN,
  ],
  entries: (['record', 'batch'] as const).flatMap((by) => [entry('floor', by), entry('millrace', by)]),
  targets: [],
  rounds: { quick: 3, full: 7 },
  sharedServers: true,
  async prepare({ perform, quick }) {
    await perform({
      kind: 'produce',
      records: recordsOf(quick),
      warmupRecords: 0,
      valueBytes: VALUE_BYTES,
      batchRecords: BATCH_RECORDS,
      inFlight: 16,
      clientDefaults: false,
    })
  },
}
