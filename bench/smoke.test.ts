import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { fastify } from './contenders/fastify.ts'
import { floor } from './contenders/floor.ts'
import type { Benchmark, Entry } from './harness/benchmark.ts'
import { runBenchmark } from './harness/runner.ts'
import type { Task } from './harness/tasks.ts'

const load = { warmupMs: 5, ms: 20, valueBytes: 100 }
const batches = { ...load, batchRecords: 50, inFlight: 4, clientDefaults: false, maxRecords: 10_000 }

function entry(name: string, contender: 'floor' | 'fastify', taskOf: (topic: string) => Task): Entry {
  return { name, contender, measure: ({ perform, newTopic }) => perform(taskOf(newTopic())) }
}

/** Every workload once, with the contenders that need nothing to be installed or built. */
const benchmark: Benchmark = {
  name: 'smoke',
  about: '',
  columns: [{ key: 'records', title: 'records', unit: 'per second', better: 'more' }],
  entries: [
    entry('produce', 'floor', (topic) => ({ kind: 'produce', topic, partitions: 3, ...batches })),
    entry('send', 'floor', (topic) => ({ kind: 'send', topic, connections: 3, groups: 2, groupRecords: 10, ...load })),
    entry('end to end', 'floor', (topic) => ({ kind: 'endToEnd', topic, recordsPerSecond: 1_000, ...load })),
    entry('fan out', 'floor', (topic) => ({
      kind: 'fanOut',
      topic,
      readers: 3,
      stalledReaders: 1,
      window: 4,
      ...batches,
    })),
    entry('rest', 'fastify', (topic) => ({ kind: 'send', topic, connections: 3, groups: 1, groupRecords: 1, ...load })),
    {
      name: 'read',
      contender: 'floor',
      async measure({ perform, newTopic }) {
        const topic = newTopic()
        const { records = 0 } = await perform({ kind: 'produce', topic, partitions: 1, ...batches })
        return perform({ kind: 'read', topic, by: 'record', records, batchRecords: 50, warmup: true, ...load, ms: 0 })
      },
    },
  ],
  targets: [],
  rounds: { quick: 1, full: 1 },
  sharedServers: true,
}

test('the floor does every workload', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-bench-'))
  try {
    const progress = { show: () => {}, say: () => {} }
    const options = { directory, quick: true, progress, signal: new AbortController().signal }
    const { entries, missing } = await runBenchmark(benchmark, [floor, fastify], options)
    expect(missing).toEqual([])
    for (const { figures } of entries) expect(figures.records?.median).toBeGreaterThan(0)
    expect(entries).toHaveLength(benchmark.entries.length)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
})
