import type { Benchmark, Entry } from '../harness/benchmark.ts'
import { NO_END_MS } from './spans.ts'

const VALUE_BYTES = 100
const BATCH_RECORDS = 600
const TOTAL_BYTES = 5e9
const QUICK_BYTES = 5e8

function entry(contender: Entry['contender'], rest: Pick<Entry, 'baseline' | 'peers'> = {}): Entry {
  return {
    name: contender,
    contender,
    ...rest,
    async measure({ perform, newTopic, quick }) {
      const batches = Math.ceil((quick ? QUICK_BYTES : TOTAL_BYTES) / VALUE_BYTES / BATCH_RECORDS)
      const load = { topic: newTopic(), valueBytes: VALUE_BYTES, batchRecords: BATCH_RECORDS }
      const written = await perform({
        kind: 'produce',
        ...load,
        partitions: 1,
        warmupMs: 0,
        ms: NO_END_MS,
        maxRecords: batches * BATCH_RECORDS,
        inFlight: 16,
        clientDefaults: false,
      })
      const read = await perform({
        kind: 'read',
        ...load,
        by: 'record',
        records: written.records!,
        warmup: false,
        ms: 0,
      })
      return {
        serverPeakBytes: read.serverPeakBytes!,
        afterWritingBytes: written.serverPeakBytes!,
        writtenPerSecond: written.recordsPerSecond! * VALUE_BYTES,
        readPerSecond: read.recordsPerSecond! * VALUE_BYTES,
      }
    },
  }
}

export const memory: Benchmark = {
  name: 'memory',
  about: `The most memory that the server process ever held (VmHWM) while 5 GB of ${VALUE_BYTES}-byte records (with --quick: 0.5 GB) were written and then read back by record. Kafka has its default heap of 1 GiB. Redis holds all of it in memory and is left out.`,
  columns: [
    { key: 'serverPeakBytes', title: 'server peak', unit: 'bytes', better: 'less' },
    { key: 'afterWritingBytes', title: 'peak after writing', unit: 'bytes', better: 'less' },
    { key: 'writtenPerSecond', title: 'written', unit: 'bytes per second', better: 'more' },
    { key: 'readPerSecond', title: 'read', unit: 'bytes per second', better: 'more' },
  ],
  entries: [
    entry('floor'),
    entry('millrace', { baseline: 'floor', peers: ['kafka'] }),
    entry('kafka', { baseline: 'floor' }),
  ],
  targets: [
    { entry: 'millrace', column: 'serverPeakBytes', atMost: 250e6 },
    { entry: 'millrace', column: 'serverPeakBytes', to: 'kafka', atMost: 0.25 },
  ],
  rounds: 'once',
  sharedServers: true,
}
