import type { Column, Target } from '../harness/benchmark.ts'

export const RECORDS_COLUMN: Column = {
  key: 'recordsPerSecond',
  title: 'records/s',
  unit: 'per second',
  better: 'more',
}

/** What a record costs; these figures bear a busy machine better than rates do. */
export const COST_COLUMNS: readonly Column[] = [
  { key: 'serverCpuNs', title: 'server CPU/record', unit: 'ns', better: 'less' },
  { key: 'clientCpuNs', title: 'client CPU/record', unit: 'ns', better: 'less' },
]

export const PEAK_COLUMN: Column = { key: 'serverPeakBytes', title: 'server peak', unit: 'bytes', better: 'less' }

export const LATENCY_COLUMNS: readonly [Column, ...Column[]] = [
  { key: 'p50', title: 'p50', unit: 'ms', better: 'less' },
  { key: 'p90', title: 'p90', unit: 'ms', better: 'less' },
  { key: 'p99', title: 'p99', unit: 'ms', better: 'less' },
  { key: 'p999', title: 'p99.9', unit: 'ms', better: 'less' },
  { key: 'max', title: 'max', unit: 'ms', better: 'less' },
]

/** What the server may need in any of the benchmarks. */
export function peakTarget(entry: string): Target {
  return { entry, column: PEAK_COLUMN.key, atMost: 300e6 }
}
