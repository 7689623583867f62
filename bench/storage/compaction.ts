/** Compaction of `@millrace/log`, by itself and beside a producer. */
import { readdirSync, statSync } from 'node:fs'
import { type CleanupConfig, type PartitionLog, Throttle } from '@millrace/log'
import { BatchBuilder, DEFAULT_LIMITS, RecordBatch, systemClock } from '@millrace/record'
import { appendLoad, makeBatches } from '../harness/append-load.ts'
import { makeValues } from '../harness/client-program.ts'
import { LatencyHistogram } from '../harness/latency-histogram.ts'
import type { CompactTask, Figures, ProduceBesideCompactionTask, Progress } from '../harness/tasks.ts'
import { fill, Store } from './store.ts'

const KEY_BYTES = 16
const SEGMENT_BYTES = 64 * 2 ** 20
/** Batches that a producer has in flight when it goes as fast as it can, as Kafka's clients have. */
const IN_FLIGHT = 5
/** Appended each time to learn the best rate. */
const BEST_RATE_BYTES = 5e8
/** So large that no segment is closed, and read again to be sealed, in one measurement and not in the other. */
const TARGET_SEGMENT_BYTES = 2 ** 31 - 1
/** Batches that a producer has under way at most; those that are due then wait with it, and their time counts. */
const MAX_PENDING = 256
/** A producer by itself. */
const ALONE_MS = 3_000

const COMPACT: CleanupConfig = {
  cleanupPolicy: 'compact',
  retentionMs: -1,
  retentionBytes: -1,
  minCompactionLagMs: 0,
  maxCompactionLagMs: Number.MAX_SAFE_INTEGER,
  deleteRetentionMs: 86_400_000,
  minCleanableDirtyRatio: 0,
}

interface BesideFigures extends Figures {
  readonly bytesPerSecond: number
  readonly producedBytesPerSecond: number
  readonly p99AloneMs: number
  readonly p99BesideMs: number
  readonly p99Growth: number
}

export async function compact(directory: string, task: CompactTask, progress: Progress): Promise<Figures> {
  const store = await Store.open(directory)
  const log = await fillWithKeys(store, 0, task, progress)
  const figures = await timed(store, log, 0, new Throttle(systemClock, Number.POSITIVE_INFINITY))
  await log.close()
  return figures
}

export async function produceBesideCompaction(
  directory: string,
  task: ProduceBesideCompactionTask,
  progress: Progress,
): Promise<Figures> {
  const store = await Store.open(directory)
  const logs: PartitionLog[] = []
  for (let index = 0; index < task.times; index++) {
    logs.push(await fillWithKeys(store, index, task, (done) => progress((done + index * task.bytes) / task.times)))
  }
  const { valueBytes, batchRecords } = task
  const batches = makeBatches(64 * 2 ** 20, valueBytes, batchRecords)
  const inFlightBytes = IN_FLIGHT * (batches[0] as Buffer).length
  const load = { valueBytes, batchRecords, partitions: 1, inFlightBytes, inRounds: false } as const
  const measure = async (log: PartitionLog, index: number): Promise<BesideFigures> => {
    const options = { synced: true, clean: true, segmentBytes: TARGET_SEGMENT_BYTES }
    const target = await store.openLog(task.times + index, options)
    const append = (_: number, bytes: Buffer): Promise<unknown> => target.append(RecordBatch.at(bytes)).committed
    // That of the moment: disks write faster for some gigabytes than they can for long.
    const best = await appendLoad({ kind: 'append', bytes: BEST_RATE_BYTES, synced: true, ...load }, append, () => {})
    const producedBytesPerSecond = (best.bytesPerSecond ?? Number.NaN) / 2
    const waiting = new Promise<void>((resolve) => setTimeout(resolve, ALONE_MS))
    const alone = await produceWhile(waiting, producedBytesPerSecond, batches, append)
    const throttle = new Throttle(systemClock, DEFAULT_LIMITS.compactionBytesPerSecond)
    const compacting = timed(store, log, index, throttle)
    const beside = await produceWhile(compacting, producedBytesPerSecond, batches, append)
    const { bytesPerSecond } = await compacting
    await target.close()
    await log.close()
    const p99AloneMs = alone.figures().p99 ?? Number.NaN
    const p99BesideMs = beside.figures().p99 ?? Number.NaN
    return { bytesPerSecond, producedBytesPerSecond, p99AloneMs, p99BesideMs, p99Growth: p99BesideMs / p99AloneMs }
  }
  const all: BesideFigures[] = []
  for (const [index, log] of logs.entries()) all.push(await measure(log, index))
  return all.toSorted((a, b) => a.p99Growth - b.p99Growth)[Math.floor(all.length / 2)] as BesideFigures
}

/**
 * Appends batch after batch, each when it is due, whatever became of those before; until `end`, and all is there.
 * @returns how long each took from when it was due
 */
async function produceWhile(
  end: Promise<unknown>,
  bytesPerSecond: number,
  batches: readonly Buffer[],
  append: (partition: number, batch: Buffer) => Promise<unknown>,
): Promise<LatencyHistogram> {
  const histogram = new LatencyHistogram()
  let isOver = false
  const ending = end.finally(() => {
    isOver = true
  })
  const intervalMs = ((batches[0] as Buffer).length * 1000) / bytesPerSecond
  const startMs = performance.now()
  let pending = 0
  let failure: unknown
  for (let index = 0; !isOver || pending > 0; ) {
    for (; !isOver && pending < MAX_PENDING && startMs + index * intervalMs <= performance.now(); index++) {
      const dueMs = startMs + index * intervalMs
      pending++
      append(0, batches[index % batches.length] as Buffer)
        .then(() => histogram.record((performance.now() - dueMs) * 1e6))
        .catch((error: unknown) => {
          failure ??= error
        })
        .finally(() => {
          pending--
        })
    }
    // No timer is as fine as the intervals are.
    await new Promise<void>((resolve) => setImmediate(resolve))
  }
  await ending
  if (failure !== undefined) throw failure
  return histogram
}

/** A partition whose closed segments are sealed. */
async function fillWithKeys(
  store: Store,
  partition: number,
  { bytes, valueBytes, batchRecords, keys }: Omit<CompactTask, 'kind'>,
  progress: Progress,
): Promise<PartitionLog> {
  const options = { synced: false, clean: true, segmentBytes: SEGMENT_BYTES, cleanup: COMPACT }
  const log = await store.openLog(partition, options)
  const values = makeValues(1_000, valueBytes)
  const next = (): Buffer => {
    const builder = new BatchBuilder()
    for (let count = 0; count < batchRecords; count++) {
      const key = Buffer.from(String(Math.floor(Math.random() * keys)).padStart(KEY_BYTES, '0'))
      builder.append({ key, value: values[count % values.length] as Buffer, timestamp: Date.now() })
    }
    return builder.build().buffer
  }
  await fill(log, bytes, next, progress)
  await log.close()
  return store.openLog(partition, options)
}

/** Compacts what is closed of the log; the figure is bytes of it a second. */
async function timed(
  store: Store,
  log: PartitionLog,
  partition: number,
  throttle: Throttle,
): Promise<{ readonly bytesPerSecond: number }> {
  const before = closedBytes(store.directoryOf(partition))
  const startMs = performance.now()
  await log.maintain(throttle)
  const tookMs = performance.now() - startMs
  if (closedBytes(store.directoryOf(partition)) > before * 0.9) throw new Error('the partition was not compacted')
  return { bytesPerSecond: (before * 1000) / tookMs }
}

/** Of all segments but the last. */
function closedBytes(directory: string): number {
  const logs = readdirSync(directory).filter((name) => name.endsWith('.log'))
  const closed = logs.toSorted().slice(0, -1)
  return closed.reduce((sum, name) => sum + statSync(`${directory}/${name}`).size, 0)
}
