import type { ContenderName } from '../contenders/contender.ts'
import type { Benchmark, Entry } from '../harness/benchmark.ts'
import { COST_COLUMNS, PEAK_COLUMN, peakTarget, RECORDS_COLUMN } from './columns.ts'
import { ROUNDS, spans } from './spans.ts'

const VALUE_BYTES = 100
const BATCH_RECORDS = 600
const PEERS = ['redis', 'nats', 'kafka', 'kafkajs', 'rabbitmq'] as const

const topicOf = (contender: ContenderName): string => `readback-${contender}`

function entry(contender: ContenderName, by: 'record' | 'batch'): Entry {
  const nameOf = (name: string): string => `${name}, by ${by}`
  return {
    name: nameOf(contender),
    contender,
    ...(contender !== 'floor' && { baseline: nameOf('floor') }),
    ...(contender === 'millrace' && { peers: PEERS.map((name) => `${name}, by record`) }),
    measure: ({ perform, prepared, quick }) =>
      perform({
        kind: 'read',
        topic: topicOf(contender),
        by,
        records: prepared.records!,
        batchRecords: BATCH_RECORDS,
        valueBytes: VALUE_BYTES,
        warmup: true,
        ms: spans(quick).ms,
      }),
  }
}

export const readback: Benchmark = {
  name: 'readback',
  about: `One client process reads ${VALUE_BYTES}-byte records of one partition from the beginning to the end, again and again. They were sent in batches of ${BATCH_RECORDS} before, so that they come from the system's page cache. The floor and Millrace check each CRC. A first pass, which does not count, compares every byte with what was sent; each further one compares number, size and a sum.`,
  columns: [RECORDS_COLUMN, ...COST_COLUMNS, PEAK_COLUMN],
  entries: [
    ...(['record', 'batch'] as const).flatMap((by) => [entry('floor', by), entry('millrace', by)]),
    ...PEERS.map((name) => entry(name, 'record')),
  ],
  targets: [
    { entry: 'millrace, by record', column: RECORDS_COLUMN.key, to: 'redis, by record', atLeast: 2 },
    { entry: 'millrace, by record', column: RECORDS_COLUMN.key, atLeast: 1.5e6 },
    { entry: 'millrace, by record', column: RECORDS_COLUMN.key, to: 'kafka, by record', atLeast: 3 },
    { entry: 'millrace, by record', column: RECORDS_COLUMN.key, to: 'kafkajs, by record', atLeast: 3 },
    { entry: 'millrace, by batch', column: RECORDS_COLUMN.key, ratio: true, atLeast: 0.7 },
    peakTarget('millrace, by batch'),
  ],
  rounds: ROUNDS,
  sharedServers: true,
  // As much as there is time for: some peers would take minutes for what others write in a second.
  prepare: ({ perform, contender, quick }) =>
    perform({
      kind: 'produce',
      topic: topicOf(contender),
      partitions: 1,
      warmupMs: 0,
      ms: quick ? 2_000 : 10_000,
      maxRecords: quick ? 1_500_000 : 6_000_000,
      valueBytes: VALUE_BYTES,
      batchRecords: BATCH_RECORDS,
      inFlight: 4,
      clientDefaults: false,
    }),
}
