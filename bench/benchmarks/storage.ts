import type { Column } from '../harness/benchmark.ts'
import type { Figures } from '../harness/tasks.ts'

/** Batches of about 64 KiB. */
export const BATCHES = [
  { name: '100 B', valueBytes: 100, batchRecords: 600 },
  { name: '1 KiB', valueBytes: 1024, batchRecords: 63 },
] as const

export const RATE_COLUMN: Column = {
  key: 'bytesPerSecond',
  title: 'bytes/s',
  unit: 'bytes per second',
  better: 'more',
}

/** It bears a busy machine better than the rate does; making the batches is part of it. */
export const CPU_COLUMN: Column = { key: 'cpuNsPerKb', title: 'CPU/kB', unit: 'ns', better: 'less' }

export function withCpu(bytes: number, figures: Figures): Figures {
  return { ...figures, cpuNsPerKb: ((figures.cpuMs ?? Number.NaN) * 1e6) / (bytes / 1e3) }
}
