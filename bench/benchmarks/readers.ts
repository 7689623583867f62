import type { ContenderName } from '../contenders/contender.ts'
import type { Benchmark, Entry } from '../harness/benchmark.ts'
import { COST_COLUMNS, PEAK_COLUMN, peakTarget, RECORDS_COLUMN } from './columns.ts'
import { ROUNDS, spans } from './spans.ts'

const VALUE_BYTES = 100
const BATCH_RECORDS = 600
/** Batches that the producer may be ahead of the slowest reader. */
const WINDOW = 16

function entry(name: string, contender: ContenderName, load: { readers: number; stalledReaders: number }): Entry {
  return {
    name,
    contender,
    measure: ({ perform, newTopic, quick }) =>
      perform({
        kind: 'fanOut',
        topic: newTopic(),
        ...load,
        ...spans(quick),
        valueBytes: VALUE_BYTES,
        batchRecords: BATCH_RECORDS,
        window: WINDOW,
      }),
  }
}

const READERS = [1, 10, 100] as const
const PEERS = ['redis', 'nats-default', 'kafka', 'kafkajs'] as const
const NOT_QUICK: readonly ContenderName[] = ['nats-default', 'kafkajs']

function withReaders(contender: ContenderName, readers: number): Entry {
  const nameOf = (name: string): string => `${name}, ${readers} ${readers === 1 ? 'reader' : 'readers'}`
  return {
    ...entry(nameOf(contender), contender, { readers, stalledReaders: 0 }),
    ...(contender !== 'floor' && { baseline: nameOf('floor') }),
    ...(contender === 'millrace' && { peers: PEERS.map(nameOf) }),
    notQuick: NOT_QUICK.includes(contender),
  }
}

const DELIVERED = { ...RECORDS_COLUMN, title: 'delivered/s' }

export const readers: Benchmark = {
  name: 'readers',
  about: `Readers of one partition at its tail, each with a connection of its own, all in one client process, which also sends ${VALUE_BYTES}-byte records in batches of ${BATCH_RECORDS}, at most ${WINDOW} ahead of the slowest reader. All that reach readers are counted; the costs are for each that was sent.`,
  columns: [DELIVERED, ...COST_COLUMNS, PEAK_COLUMN],
  entries: READERS.flatMap((count) =>
    (['floor', 'millrace', ...PEERS] as const).map((contender) => withReaders(contender, count)),
  ),
  targets: [peakTarget('millrace, 100 readers')],
  rounds: ROUNDS,
  sharedServers: true,
}

function beside(contender: ContenderName, stalledReaders: number): Entry {
  const nameOf = (stalled: number): string => `${contender}, ${stalled} of ${3 + stalled} stalled`
  return {
    ...entry(nameOf(stalledReaders), contender, { readers: 3, stalledReaders }),
    ...(stalledReaders > 0 && { baseline: nameOf(0) }),
  }
}

export const slowReader: Benchmark = {
  name: 'slow-reader',
  about:
    'As readers, with three readers at the tail, and beside them one that stops after its first batch. It should cost the others nothing, and the server no more than its window.',
  columns: [DELIVERED, ...COST_COLUMNS, PEAK_COLUMN],
  entries: (['floor', 'millrace'] as const).flatMap((contender) => [beside(contender, 0), beside(contender, 1)]),
  targets: [
    { entry: 'millrace, 1 of 4 stalled', column: DELIVERED.key, ratio: true, atLeast: 0.8 },
    peakTarget('millrace, 1 of 4 stalled'),
  ],
  rounds: ROUNDS,
  sharedServers: true,
}
