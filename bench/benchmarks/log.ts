import type { Benchmark, Entry } from '../harness/benchmark.ts'
import { BATCHES, CPU_COLUMN, RATE_COLUMN, withCpu } from './storage.ts'

const IN_FLIGHT_BYTES = 2 ** 20

const bytesOf = (quick: boolean): number => (quick ? 3e8 : 2e9)
/** Synced appends go as fast as the disk. */
const syncedBytesOf = (quick: boolean): number => (quick ? 2e8 : 8e8)

function entries(contender: Entry['contender'], batch: (typeof BATCHES)[number]): Entry[] {
  const entry = (name: string, measure: Entry['measure']): Entry => {
    const full = (by: string): string => `${by}, ${name} ${batch.name}`
    return { name: full(contender), contender, measure, ...(contender !== 'floor' && { baseline: full('floor') }) }
  }
  const append = (synced: boolean): Entry['measure'] => {
    return async ({ performAlone, quick }) => {
      const bytes = synced ? syncedBytesOf(quick) : bytesOf(quick)
      const { valueBytes, batchRecords } = batch
      return withCpu(
        bytes,
        await performAlone({
          kind: 'append',
          bytes,
          valueBytes,
          batchRecords,
          partitions: 1,
          synced,
          inFlightBytes: IN_FLIGHT_BYTES,
          inRounds: false,
        }),
      )
    }
  }
  return [
    entry('synced', append(true)),
    entry('unsynced', append(false)),
    entry('read back', async ({ performAlone, quick }) => {
      const { valueBytes, batchRecords } = batch
      return performAlone({ kind: 'readLog', bytes: bytesOf(quick), valueBytes, batchRecords })
    }),
  ]
}

const all = BATCHES.map((batch) => [entries('floor', batch), entries('millrace', batch)] as const)

export const log: Benchmark = {
  name: 'log',
  about:
    'The log by itself, in one process: batches of about 64 KiB are appended to one partition, 1 MiB of them unacknowledged at a time, each CRC checked; then read back from the page cache, each CRC checked. The floor does that with bare files: writev and fdatasync, and reads of 1 MiB, each into memory of its own.',
  columns: [RATE_COLUMN, CPU_COLUMN],
  entries: all.flatMap(([floor, ours]) => floor.flatMap((entry, index) => [entry, ours[index]!])),
  targets: all.flatMap(([, ours]) =>
    ours.map(({ name }) => ({ entry: name, column: RATE_COLUMN.key, ratio: true, atLeast: 0.8 })),
  ),
  rounds: { quick: 3, full: 5 },
  sharedServers: false,
}
