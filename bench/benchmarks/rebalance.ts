import type { Benchmark, Column, Entry } from '../harness/benchmark.ts'
import type { RebalanceTask } from '../harness/tasks.ts'

const MEMBERS = 8
const PARTITIONS = 64
const RATE = 50
const SESSION_MS = 3_000

const OTHERS: Column = { key: 'othersMs', title: 'longest pause', unit: 'ms', better: 'less' }
const MOVED: Column = { key: 'movedMs', title: '… of what moved', unit: 'ms', better: 'less' }
const MOVES: Column = { key: 'moves', title: 'moves', unit: 'count', better: 'less' }

function entry(name: string, change: RebalanceTask['change']): Entry {
  return {
    name,
    contender: 'millrace',
    measure: ({ perform, newTopic }) =>
      perform({
        kind: 'rebalance',
        topic: newTopic(),
        change,
        members: MEMBERS,
        partitions: PARTITIONS,
        recordsPerSecond: RATE,
        sessionTimeoutMs: SESSION_MS,
        warmupMs: 1_000,
        ms: 2 * SESSION_MS,
      }),
  }
}

const NOTHING = 'millrace, nothing happens'
const KILL = 'millrace, one is killed'
const JOIN = 'millrace, a ninth joins'

export const rebalance: Benchmark = {
  name: 'rebalance',
  about: `${MEMBERS} members of a group, each a process of its own, share ${PARTITIONS} partitions, to each of which ${RATE} records go every second. Then nothing happens; one of them is killed with SIGKILL; or a ninth joins. A pause is the time between two records of one partition that are handled one after the other, 20 ms if nothing is late, in the ${(2 * SESSION_MS) / 1_000} seconds after that: the longest of the partitions that stay where they are, and of those that move. The session time-out is ${SESSION_MS / 1_000} seconds.`,
  columns: [OTHERS, MOVED, MOVES],
  entries: [
    entry(NOTHING, 'none'),
    { ...entry(KILL, 'kill'), baseline: NOTHING },
    { ...entry(JOIN, 'join'), baseline: NOTHING },
  ],
  targets: [
    { entry: KILL, column: OTHERS.key, atMost: 200 },
    { entry: KILL, column: MOVED.key, atMost: SESSION_MS + 1_000 },
    { entry: KILL, column: MOVES.key, atMost: PARTITIONS / MEMBERS },
    { entry: JOIN, column: OTHERS.key, atMost: 200 },
    { entry: JOIN, column: MOVES.key, atMost: Math.floor(PARTITIONS / (MEMBERS + 1)) },
  ],
  rounds: { quick: 1, full: 5 },
  sharedServers: true,
}
