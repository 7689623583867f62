import type { Benchmark, Entry } from '../harness/benchmark.ts'
import type { SettleTask } from '../harness/tasks.ts'
import { PEAK_COLUMN, peakTarget } from './columns.ts'

const MEMBERS = 100
const PARTITIONS = 1_000

function entry(name: string, by: SettleTask['by']): Entry {
  return {
    name,
    contender: 'millrace',
    measure: ({ perform, newTopic }) =>
      perform({ kind: 'settle', topic: newTopic(), by, members: MEMBERS, partitions: PARTITIONS }),
  }
}

const STREAMS = 'millrace, streams alone'
const CONSUMERS = 'millrace, consumers'

export const settle: Benchmark = {
  name: 'settle',
  about: `${MEMBERS} members, in one client process over 4 connections, join a group of a topic with ${PARTITIONS} partitions at once: from the first join to when each has taken up its ${PARTITIONS / MEMBERS} partitions, and to when the group calls itself stable. “Streams alone” take up at once what they are told; “consumers” are the client’s, which look up committed offsets and begin to read.`,
  columns: [
    { key: 'stableMs', title: 'until stable', unit: 'ms', better: 'less' },
    { key: 'ownedMs', title: 'until all is taken up', unit: 'ms', better: 'less' },
    PEAK_COLUMN,
  ],
  entries: [entry(STREAMS, 'member'), entry(CONSUMERS, 'consumer')],
  targets: [
    { entry: STREAMS, column: 'stableMs', atMost: 3_000 },
    { entry: CONSUMERS, column: 'stableMs', atMost: 3_000 },
    peakTarget(CONSUMERS),
  ],
  rounds: { quick: 2, full: 5 },
  sharedServers: true,
}
