import type { Benchmark, Entry } from '../harness/benchmark.ts'

const TOPICS = 1_000
const PARTITIONS_EACH = 4

function entry(name: string, end: 'kill' | 'close'): Entry {
  return {
    name,
    contender: 'millrace',
    measure: async ({ restartMs }) => ({
      readyMs: await restartMs({ kind: 'topics', topics: TOPICS, partitionsEach: PARTITIONS_EACH }, end),
    }),
  }
}

const CLEAN = 'millrace, after a shutdown'
const KILLED = 'millrace, after SIGKILL'

export const restart: Benchmark = {
  name: 'restart',
  about:
    'From starting the process to serving 1,000 topics of 4 partitions, each with one record of 1,000 bytes; what the last process left is in the page cache.',
  columns: [{ key: 'readyMs', title: 'until ready', unit: 'ms', better: 'less' }],
  entries: [entry(CLEAN, 'close'), entry(KILLED, 'kill')],
  targets: [
    { entry: CLEAN, column: 'readyMs', atMost: 3_000 },
    { entry: KILLED, column: 'readyMs', atMost: 10_000 },
  ],
  rounds: { quick: 2, full: 5 },
  sharedServers: false,
}
