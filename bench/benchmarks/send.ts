import type { ContenderName } from '../contenders/contender.ts'
import type { Benchmark, Column, Entry } from '../harness/benchmark.ts'
import type { SendTask } from '../harness/tasks.ts'
import { COST_COLUMNS, LATENCY_COLUMNS, PEAK_COLUMN, peakTarget, RECORDS_COLUMN } from './columns.ts'
import { ROUNDS, spans } from './spans.ts'

const VALUE_BYTES = 100
const SERVERS = ['redis', 'redis-everysec', 'nats', 'nats-default', 'kafka', 'rabbitmq'] as const
const P50 = LATENCY_COLUMNS[0]
const P99: Column = LATENCY_COLUMNS[2]!

/** One entry for each contender; those after the first are compared with it, Millrace with all. */
function entriesOf(
  contenders: readonly ContenderName[],
  loadOf: (contender: ContenderName) => Pick<SendTask, 'connections' | 'groups' | 'groupRecords'>,
  baselines: Readonly<Partial<Record<ContenderName, ContenderName>>> = {},
): Entry[] {
  const peers = contenders.filter((name) => (SERVERS as readonly string[]).includes(name))
  return contenders.map((contender) => {
    const baseline = baselines[contender] ?? 'floor'
    return {
      name: contender,
      contender,
      ...(baseline !== contender && { baseline }),
      ...(contender === 'millrace' && { peers }),
      measure: ({ perform, newTopic, quick }) =>
        perform({ kind: 'send', topic: newTopic(), ...loadOf(contender), ...spans(quick), valueBytes: VALUE_BYTES }),
    }
  })
}

const MANY = { connections: 1, groups: 8, groupRecords: 500 }
/** More makes it no faster where each record is synced by itself. */
const FEWER = { connections: 1, groups: 16, groupRecords: 16 }

export const send: Benchmark = {
  name: 'send',
  about: `One client process sends ${VALUE_BYTES}-byte records one by one over one connection to one partition, each with a promise of its own: ${MANY.groupRecords} at once, and again when all of them are acknowledged, ${MANY.groups} times side by side (NATS: ${FEWER.groupRecords}, ${FEWER.groups} times). The floor gathers what is sent in one turn of the event loop into a batch.`,
  columns: [RECORDS_COLUMN, ...COST_COLUMNS, PEAK_COLUMN],
  entries: entriesOf(['floor', 'millrace', ...SERVERS], (name) => (name.startsWith('nats') ? FEWER : MANY)),
  targets: [{ entry: 'millrace', column: RECORDS_COLUMN.key, to: 'redis', atLeast: 5 }, peakTarget('millrace')],
  rounds: ROUNDS,
  sharedServers: true,
}

export const latency: Benchmark = {
  name: 'latency',
  about: `One ${VALUE_BYTES}-byte record at a time, the next after the acknowledgement of the one before.`,
  columns: [...LATENCY_COLUMNS, PEAK_COLUMN],
  tail: 'p99',
  entries: entriesOf(['floor', 'millrace', ...SERVERS, 'kafkajs'], () => ({
    connections: 1,
    groups: 1,
    groupRecords: 1,
  })),
  targets: [{ entry: 'millrace', column: P50.key, ratio: true, atMost: 1.5 }, peakTarget('millrace')],
  rounds: ROUNDS,
  sharedServers: true,
}

/** Connections with one record in flight each. */
const CLIENTS = 200

export const clients: Benchmark = {
  name: 'clients',
  about: `${CLIENTS} connections of one client process, each with one ${VALUE_BYTES}-byte record in flight. millrace-rest posts JSON over HTTP/1.1; its floor, fastify, is a route that parses the same JSON, stores nothing and answers the same.`,
  columns: [RECORDS_COLUMN, P50, P99, ...COST_COLUMNS, PEAK_COLUMN],
  entries: entriesOf(
    ['floor', 'millrace', 'fastify', 'millrace-rest', 'redis', 'nats', 'kafka'],
    () => ({ connections: CLIENTS, groups: 1, groupRecords: 1 }),
    { fastify: 'fastify', 'millrace-rest': 'fastify' },
  ),
  targets: [
    { entry: 'millrace', column: RECORDS_COLUMN.key, ratio: true, atLeast: 0.7 },
    { entry: 'millrace-rest', column: RECORDS_COLUMN.key, ratio: true, atLeast: 0.6 },
    peakTarget('millrace'),
    peakTarget('millrace-rest'),
  ],
  rounds: ROUNDS,
  sharedServers: true,
}
