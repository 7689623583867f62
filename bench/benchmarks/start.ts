import type { Benchmark, Entry } from '../harness/benchmark.ts'

function entry(contender: Entry['contender'], baseline?: string): Entry {
  return {
    name: contender,
    contender,
    ...(baseline !== undefined && { baseline }),
    measure: async ({ coldStartMs }) => ({ readyMs: await coldStartMs() }),
  }
}

export const start: Benchmark = {
  name: 'start',
  about:
    'From starting the process to serving, with an empty data directory. The floor is a bare HTTP/2 server that opens two files.',
  columns: [{ key: 'readyMs', title: 'until ready', unit: 'ms', better: 'less' }],
  entries: [entry('floor'), entry('millrace', 'floor')],
  targets: [{ entry: 'millrace', column: 'readyMs', atMost: 1_000 }],
  rounds: { quick: 5, full: 15 },
  sharedServers: false,
}
