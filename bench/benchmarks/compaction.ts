import type { Benchmark, Entry } from '../harness/benchmark.ts'
import { BATCHES, RATE_COLUMN } from './storage.ts'

const TIMES = 3

/** How much there is to compact, about two records for each key. */
function sizeOf(valueBytes: number, quick: boolean): { bytes: number; keys: number } {
  if (valueBytes <= 100) return { bytes: 3e8, keys: 1e6 }
  return quick ? { bytes: 5e8, keys: 2.5e5 } : { bytes: 2e9, keys: 1e6 }
}

function entries({ name, valueBytes, batchRecords }: (typeof BATCHES)[number]): Entry[] {
  const alone = (contender: Entry['contender']): Entry => ({
    name: `${contender}, ${name}`,
    contender,
    ...(contender !== 'floor' && { baseline: `floor, ${name}` }),
    measure: ({ performAlone, quick }) =>
      performAlone({ kind: 'compact', valueBytes, batchRecords, ...sizeOf(valueBytes, quick) }),
  })
  return [
    alone('floor'),
    alone('millrace'),
    {
      name: `beside a producer, ${name}`,
      contender: 'millrace',
      measure: ({ performAlone, quick }) =>
        performAlone({
          kind: 'produceBesideCompaction',
          times: TIMES,
          valueBytes,
          batchRecords,
          ...sizeOf(valueBytes, true),
          ...(!quick && { bytes: 6e8 }),
        }),
    },
  ]
}

export const compaction: Benchmark = {
  name: 'compaction',
  about:
    'The log by itself, in one process: closed segments of 64 MiB with 16-byte keys, about two records for each of a million keys (with --quick, of 250,000 where records are 1 KiB), in batches of about 64 KiB and in the page cache, are compacted without a throttle; the rate is that of the bytes that are there before. The floor reads the same bytes once, checks each CRC, and writes all of them to a synced file, with a CRC over it. Beside a producer: the default throttle, while batches of about 64 KiB are appended to another partition, synced, at half of the rate that five batches in flight reached just before, each when it is due: three seconds without compaction, and then as long as compaction takes. That is done three times; the figures are those of the time whose p99 grew neither most nor least.',
  columns: [
    RATE_COLUMN,
    { key: 'producedBytesPerSecond', title: 'produced', unit: 'bytes per second', better: 'more' },
    { key: 'p99AloneMs', title: 'p99 without', unit: 'ms', better: 'less' },
    { key: 'p99BesideMs', title: 'p99 with', unit: 'ms', better: 'less' },
    { key: 'p99Growth', title: 'p99 grows', unit: 'times', better: 'less' },
  ],
  entries: BATCHES.flatMap((batch) => entries(batch)),
  targets: BATCHES.flatMap(({ name }) => [
    { entry: `millrace, ${name}`, column: RATE_COLUMN.key, atLeast: 100e6 },
    { entry: `beside a producer, ${name}`, column: RATE_COLUMN.key, atLeast: 100e6 },
    { entry: `beside a producer, ${name}`, column: 'p99Growth', atMost: 2 },
  ]),
  rounds: { quick: 3, full: 5 },
  sharedServers: false,
}
