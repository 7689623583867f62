import type { Benchmark, Entry } from '../harness/benchmark.ts'

const VALUE_BYTES = 100
const BATCH_RECORDS = 600
const TOTAL_BYTES = 5e9
const QUICK_BYTES = 5e8

function entry(contender: Entry['contender'], baseline?: string): Entry {
  return {
    name: contender,
    contender,
    ...(baseline !== undefined && { baseline }),
    async measure({ perform, quick }) {
      const records = (quick ? QUICK_BYTES : TOTAL_BYTES) / VALUE_BYTES
      const written = await perform({
        kind: 'produce',
        records,
        warmupRecords: 0,
        valueBytes: VALUE_BYTES,
        batchRecords: BATCH_RECORDS,
        inFlight: 16,
        clientDefaults: false,
      })
      const read = await perform({ kind: 'read', by: 'record', records, warmup: false })
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
  about: `The most memory that the server process ever held (VmHWM) while 5 GB of ${VALUE_BYTES}-byte records (with --quick: 0.5 GB) were written and then read back by record.`,
  columns: [
    { key: 'serverPeakBytes', title: 'server peak', unit: 'bytes', better: 'less' },
    { key: 'afterWritingBytes', title: 'peak after writing', unit: 'bytes', better: 'less' },
    { key: 'writtenPerSecond', title: 'written', unit: 'bytes per second', better: 'more' },
    { key: 'readPerSecond', title: 'read', unit: 'bytes per second', better: 'more' },
  ],
  entries: [entry('floor'), entry('millrace', 'floor')],
  targets: [{ entry: 'millrace', column: 'serverPeakBytes', atMost: 250e6 }],
  rounds: 'once',
  sharedServers: true,
}
