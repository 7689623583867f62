import type { Benchmark, Entry } from '../harness/benchmark.ts'
import { RATE_COLUMN } from './storage.ts'

const VALUE_BYTES = 100
const BATCHES = [600, 10] as const

function entry(contender: Entry['contender'], batchRecords: number): Entry {
  const name = (by: string): string => `${by}, ${batchRecords} a batch`
  return {
    name: name(contender),
    contender,
    ...(contender !== 'floor' && { baseline: name('floor') }),
    measure: ({ performAlone, quick }) =>
      performAlone({ kind: 'recover', bytes: quick ? 3e8 : 1e9, valueBytes: VALUE_BYTES, batchRecords }),
  }
}

const REFILL = 'millrace, 1 KiB a batch from the journal'

const refill: Entry = {
  name: REFILL,
  contender: 'millrace',
  measure: ({ performAlone, quick }) => {
    const shape = { valueBytes: 950, batchRecords: 1, partitions: 1_000 }
    return performAlone({ kind: 'refill', bytes: (quick ? 64 : 192) * 2 ** 20, ...shape })
  },
}

export const recovery: Benchmark = {
  name: 'recovery',
  about:
    'A start after a process died: one segment of 1 GB (with --quick: 0.3 GB) of 100-byte records, in the page cache and on disk, is scanned, its indexes made again, its end written and synced once more. The floor reads the file and checks each CRC. The last entry is 1,000 partitions of which only the journal has anything: 192 MiB (with --quick: 64 MiB) in batches of 1 KiB, one for each partition after another, from opening the journal until all is synced.',
  columns: [RATE_COLUMN, { key: 'tookMs', title: 'until open', unit: 'ms', better: 'less' }],
  entries: [...BATCHES.flatMap((records) => [entry('floor', records), entry('millrace', records)]), refill],
  targets: BATCHES.map((records) => ({
    entry: `millrace, ${records} a batch`,
    column: RATE_COLUMN.key,
    atLeast: 500e6,
  })),
  rounds: { quick: 3, full: 5 },
  sharedServers: false,
}
