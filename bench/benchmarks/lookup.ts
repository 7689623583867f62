import type { Benchmark, Entry } from '../harness/benchmark.ts'

const VALUE_BYTES = 100
const BATCH_RECORDS = 10

function entry(by: 'offset' | 'time'): Entry {
  return {
    name: `by ${by}`,
    contender: 'millrace',
    measure: ({ performAlone, quick }) =>
      performAlone({
        kind: 'lookup',
        by,
        bytes: quick ? 3e8 : 1e10,
        valueBytes: VALUE_BYTES,
        batchRecords: BATCH_RECORDS,
        lookups: quick ? 10_000 : 50_000,
      }),
  }
}

export const lookup: Benchmark = {
  name: 'lookup',
  about:
    'One lookup after another of random offsets or times in one partition of 10 GB (with --quick: 0.3 GB) in batches of ten 100-byte records; its indexes and its pages are in memory. An offset leads to the batch that holds it, a time to the record.',
  columns: [
    { key: 'p50us', title: 'median', unit: 'µs', better: 'less' },
    { key: 'p99us', title: 'p99', unit: 'µs', better: 'less' },
  ],
  entries: [entry('offset'), entry('time')],
  targets: ['by offset', 'by time'].map((name) => ({ entry: name, column: 'p50us', atMost: 50 })),
  rounds: { quick: 3, full: 2 },
  sharedServers: false,
}
