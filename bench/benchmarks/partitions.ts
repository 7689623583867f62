import type { Benchmark, Entry } from '../harness/benchmark.ts'
import { CPU_COLUMN, RATE_COLUMN, withCpu } from './storage.ts'

const ROUND_BYTES = 2 ** 20
const VALUE_BYTES = 100
/** What a record takes in a batch beside its value, and a batch beside its records. */
const RECORD_OVERHEAD_BYTES = 8
const BATCH_OVERHEAD_BYTES = 61
const PARTITIONS = [1, 10, 100, 1_000] as const
const POOLS = [4, 1, 16] as const

const nameOf = (partitions: number, pool: number): string => `${partitions} active, pool of ${pool}`

function entry(partitions: number, pool: number): Entry {
  const batchBytes = ROUND_BYTES / partitions - BATCH_OVERHEAD_BYTES
  const batchRecords = Math.max(1, Math.floor(batchBytes / (VALUE_BYTES + RECORD_OVERHEAD_BYTES)))
  return {
    name: nameOf(partitions, pool),
    contender: 'millrace',
    ...(partitions > 1 && { baseline: nameOf(1, pool) }),
    async measure({ performAlone, quick }) {
      const bytes = quick ? 1e8 : 1.5e9
      const task = {
        kind: 'append',
        bytes,
        valueBytes: VALUE_BYTES,
        batchRecords,
        partitions,
        synced: true,
        inFlightBytes: ROUND_BYTES,
        inRounds: true,
      } as const
      return withCpu(bytes, await performAlone(task, { UV_THREADPOOL_SIZE: String(pool) }))
    },
  }
}

export const partitions: Benchmark = {
  name: 'partitions',
  about:
    'The log by itself, synced: rounds of 1 MiB of 100-byte records in all, one batch for each active partition, the next when all of it is acknowledged; with thread pools (UV_THREADPOOL_SIZE) of several sizes.',
  columns: [RATE_COLUMN, CPU_COLUMN],
  entries: POOLS.flatMap((pool) => PARTITIONS.map((count) => entry(count, pool))),
  targets: POOLS.flatMap((pool) => [
    { entry: nameOf(100, pool), column: RATE_COLUMN.key, ratio: true, atLeast: 0.6 },
    { entry: nameOf(1_000, pool), column: RATE_COLUMN.key, ratio: true, atLeast: 0.4 },
  ]),
  rounds: { quick: 3, full: 5 },
  sharedServers: false,
}
