import type { Benchmark, Entry } from '../harness/benchmark.ts'
import { COST_COLUMNS, LATENCY_COLUMNS, PEAK_COLUMN, peakTarget, RECORDS_COLUMN } from './columns.ts'
import { NO_END_MS, ROUNDS, spans } from './spans.ts'

const VALUE_BYTES = 100
const BATCH_RECORDS = 600
const PIPE_RECORDS = 500

function produce(name: string, idempotent: boolean): Entry {
  return {
    name,
    contender: 'millrace',
    measure: ({ perform, newTopic, quick }) =>
      perform({
        kind: 'produce',
        topic: newTopic(),
        partitions: 1,
        ...spans(quick),
        maxRecords: NO_END_MS * 1_000,
        valueBytes: VALUE_BYTES,
        batchRecords: BATCH_RECORDS,
        inFlight: 16,
        clientDefaults: true,
        idempotent,
      }),
  }
}

const WITHOUT = 'millrace, idempotent: false'
const WITH = 'millrace, idempotent: true'

export const idempotence: Benchmark = {
  name: 'idempotence',
  about: `What it costs that no record is stored twice: one client process sends ${VALUE_BYTES}-byte Buffers to one partition, 16 calls of ${BATCH_RECORDS} in flight, with the client’s own batching.`,
  columns: [RECORDS_COLUMN, ...COST_COLUMNS, PEAK_COLUMN],
  entries: [produce(WITHOUT, false), { ...produce(WITH, true), baseline: WITHOUT }],
  targets: [{ entry: WITH, column: RECORDS_COLUMN.key, ratio: true, atLeast: 0.95 }, peakTarget(WITH)],
  rounds: { quick: 5, full: 9 },
  sharedServers: true,
}

function send(name: string, transactions: boolean): Entry {
  return {
    name,
    contender: 'millrace',
    measure: ({ perform, newTopic, quick }) =>
      perform({
        kind: 'send',
        topic: newTopic(),
        connections: 1,
        groups: 1,
        groupRecords: 1,
        valueBytes: VALUE_BYTES,
        transactions,
        ...spans(quick),
      }),
  }
}

function pipe(name: string, transactions: boolean): Entry {
  return {
    name,
    contender: 'millrace',
    measure: ({ perform, newTopic, quick }) =>
      perform({
        kind: 'pipe',
        topic: newTopic(),
        records: quick ? 500_000 : 2_000_000,
        batchRecords: PIPE_RECORDS,
        valueBytes: VALUE_BYTES,
        transactions,
        ...spans(quick),
      }),
  }
}

const SEND = 'millrace, a record'
const PIPE = 'millrace, pipe at least once'

export const transactions: Benchmark = {
  name: 'transactions',
  about: `What transactions cost. One record of ${VALUE_BYTES} bytes after the other is sent when the one before is acknowledged, as it is, or in a transaction that begins, takes it and is committed. A pipe copies a partition in batches of ${PIPE_RECORDS} records, one after the other: it sends a batch and commits the offset when that is stored, or does both in a transaction. Processor time has that of filling the first topic in it.`,
  columns: [RECORDS_COLUMN, LATENCY_COLUMNS[0], LATENCY_COLUMNS[2]!, ...COST_COLUMNS, PEAK_COLUMN],
  entries: [
    send(SEND, false),
    { ...send('millrace, a transaction of a record', true), baseline: SEND },
    pipe(PIPE, false),
    { ...pipe('millrace, pipe exactly once', true), baseline: PIPE },
  ],
  targets: [],
  rounds: ROUNDS,
  sharedServers: true,
}
