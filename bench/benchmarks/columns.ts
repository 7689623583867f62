import type { Column } from '../harness/benchmark.ts'

/** What a record costs; these figures bear a busy machine better than rates do. */
export const COST_COLUMNS: readonly Column[] = [
  { key: 'serverCpuNs', title: 'server CPU/record', unit: 'ns', better: 'less' },
  { key: 'clientCpuNs', title: 'client CPU/record', unit: 'ns', better: 'less' },
]

export const PEAK_COLUMN: Column = { key: 'serverPeakBytes', title: 'server peak', unit: 'bytes', better: 'less' }
