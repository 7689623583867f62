import type { ContenderName } from '../contenders/contender.ts'
import type { Benchmark, Entry } from '../harness/benchmark.ts'
import { COST_COLUMNS, PEAK_COLUMN, peakTarget, RECORDS_COLUMN } from './columns.ts'
import { ROUNDS, spans } from './spans.ts'

const VALUE_BYTES = 100
const PARTITIONS = [1, 10, 100, 1_000] as const
const BATCH_RECORDS = 1_200
const IN_FLIGHT = 16
const PEERS = ['redis', 'kafka'] as const

function entry(contender: ContenderName, partitions: number): Entry {
  const nameOf = (name: string): string => `${name}, ${partitions}`
  return {
    name: nameOf(contender),
    contender,
    ...(contender !== 'floor' && { baseline: nameOf('floor') }),
    ...(contender === 'millrace' && { peers: PEERS.map(nameOf) }),
    // Kafka takes half a minute to make a thousand partitions and their indexes.
    notQuick: contender === 'kafka' && partitions >= 1_000,
    measure: ({ perform, newTopic, quick }) =>
      perform({
        kind: 'produce',
        topic: newTopic(),
        partitions,
        ...spans(quick),
        maxRecords: Number.MAX_SAFE_INTEGER,
        valueBytes: VALUE_BYTES,
        batchRecords: BATCH_RECORDS,
        inFlight: IN_FLIGHT,
        clientDefaults: false,
      }),
  }
}

export const manyPartitions: Benchmark = {
  name: 'many-partitions',
  about: `As produce, to many partitions: ${IN_FLIGHT} calls with ${BATCH_RECORDS} records each are in flight, and each has its share of the partitions. The floor writes and syncs one file with everything, and writes a file for each partition without a sync.`,
  columns: [RECORDS_COLUMN, ...COST_COLUMNS, PEAK_COLUMN],
  entries: PARTITIONS.flatMap((count) =>
    (['floor', 'millrace', ...PEERS] as const).map((contender) => entry(contender, count)),
  ),
  targets: [peakTarget('millrace, 1000')],
  rounds: ROUNDS,
  sharedServers: true,
}
