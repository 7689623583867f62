import type { Benchmark, Entry } from '../harness/benchmark.ts'
import type { GroupsTask } from '../harness/tasks.ts'
import { COST_COLUMNS, LATENCY_COLUMNS, PEAK_COLUMN, peakTarget, RECORDS_COLUMN } from './columns.ts'
import { ROUNDS, spans } from './spans.ts'

const GROUPS = 200
const CONNECTIONS = 4
const IN_FLIGHT = 4
/** About what a commit is in the log. */
const COMMIT_BYTES = 100

function members(name: string, load: Pick<GroupsTask, 'action' | 'inFlight'>, rest: Partial<Entry> = {}): Entry {
  return {
    name,
    contender: 'millrace',
    ...rest,
    measure: ({ perform, newTopic, quick }) =>
      perform({
        kind: 'groups',
        topic: newTopic(),
        connections: CONNECTIONS,
        groups: GROUPS,
        membersEach: 1,
        ...load,
        ...spans(quick),
      }),
  }
}

function floor(name: string, inFlight: number): Entry {
  return {
    name,
    contender: 'floor',
    measure: ({ perform, newTopic, quick }) =>
      perform({
        kind: 'send',
        topic: newTopic(),
        connections: CONNECTIONS,
        groups: (GROUPS / CONNECTIONS) * inFlight,
        groupRecords: 1,
        valueBytes: COMMIT_BYTES,
        ...spans(quick),
      }),
  }
}

const EACH = `${IN_FLIGHT} in flight each`

export const groups: Benchmark = {
  name: 'groups',
  about: `${GROUPS} consumer groups with one member each, over ${CONNECTIONS} connections of one client process. Each member commits an offset when the one before is acknowledged, or keeps ${IN_FLIGHT} in flight; a record is a commit. In the last row they only send heartbeats: a record is a heartbeat. The floor stores a record of ${COMMIT_BYTES} bytes for each commit, synced too. Processor time has that of joining in it.`,
  columns: [RECORDS_COLUMN, LATENCY_COLUMNS[0], LATENCY_COLUMNS[2]!, ...COST_COLUMNS, PEAK_COLUMN],
  entries: [
    floor('floor', 1),
    members('millrace', { action: 'commit', inFlight: 1 }, { baseline: 'floor' }),
    floor(`floor, ${EACH}`, IN_FLIGHT),
    members(`millrace, ${EACH}`, { action: 'commit', inFlight: IN_FLIGHT }, { baseline: `floor, ${EACH}` }),
    members('millrace, heartbeats', { action: 'heartbeat', inFlight: 1 }),
  ],
  targets: [
    { entry: 'millrace', column: RECORDS_COLUMN.key, atLeast: 20_000 },
    { entry: 'millrace, heartbeats', column: COST_COLUMNS[0]!.key, atMost: 50_000 },
    peakTarget('millrace'),
  ],
  rounds: ROUNDS,
  sharedServers: true,
}
