import type { Benchmark, Entry } from '../harness/benchmark.ts'

const VALUE_BYTES = 100

function entry(contender: Entry['contender'], baseline?: string): Entry {
  return {
    name: contender,
    contender,
    ...(baseline !== undefined && { baseline }),
    measure: ({ perform, quick }) =>
      perform({
        kind: 'latency',
        count: quick ? 5_000 : 20_000,
        warmupCount: quick ? 1_000 : 3_000,
        valueBytes: VALUE_BYTES,
      }),
  }
}

export const latency: Benchmark = {
  name: 'latency',
  about: `One ${VALUE_BYTES}-byte record at a time, the next after the acknowledgement of the one before. The floor is a bare HTTP/2 echo with write and fdatasync.`,
  columns: [
    { key: 'p50', title: 'p50', unit: 'ms', better: 'less' },
    { key: 'p90', title: 'p90', unit: 'ms', better: 'less' },
    { key: 'p99', title: 'p99', unit: 'ms', better: 'less' },
    { key: 'p999', title: 'p99.9', unit: 'ms', better: 'less' },
    { key: 'max', title: 'max', unit: 'ms', better: 'less' },
  ],
  entries: [entry('floor'), entry('millrace', 'floor')],
  targets: [{ entry: 'millrace', column: 'p50', ratio: true, atMost: 2 }],
  rounds: { quick: 3, full: 7 },
  sharedServers: true,
}
