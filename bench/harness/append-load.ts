import { batchBytesAtMost, writeBatch } from '../floor/batch.ts'
import { makeValues } from './client-program.ts'
import type { AppendTask, Figures, Progress } from './tasks.ts'

/** Batches that are appended in turn: more than anything in memory keeps of the last ones. */
const POOL_BYTES = 256 * 2 ** 20
/** Of the bytes of a task, appended before the time that counts. */
const WARMUP_SHARE = 0.1

/** Resolves when the batch is acknowledged; the batch may be changed, as its base offset is written into it. */
export type Append = (partition: number, batch: Buffer) => Promise<unknown>

/** Different batches, `bytes` in all but at least two, each in memory of its own. */
export function makeBatches(bytes: number, valueBytes: number, batchRecords: number): Buffer[] {
  const values = makeValues(1_000, valueBytes)
  const scratch = Buffer.alloc(batchBytesAtMost(batchRecords, valueBytes))
  const batches: Buffer[] = []
  for (let left = bytes; left > 0 || batches.length < 2; ) {
    const end = writeBatch(scratch, 0, values, batches.length * batchRecords, batchRecords)
    const batch = Buffer.allocUnsafeSlow(end)
    scratch.copy(batch, 0, 0, end)
    batches.push(batch)
    left -= end
  }
  return batches
}

/** Puts an appender under the load that the task describes. */
export async function appendLoad(task: AppendTask, append: Append, progress: Progress): Promise<Figures> {
  const { valueBytes, batchRecords, inFlightBytes, inRounds, partitions } = task
  const batches = makeBatches(Math.min(POOL_BYTES, task.bytes), valueBytes, batchRecords)
  const batchBytes = (batches[0] as Buffer).length
  const width = inRounds ? partitions : Math.max(1, Math.floor(inFlightBytes / batchBytes))
  let appended = 0
  const appendNext = async (): Promise<void> => {
    const at = appended++
    await append(at % partitions, batches[at % batches.length] as Buffer)
  }
  const appendUntil = async (end: number): Promise<void> => {
    if (!inRounds) {
      const lane = async (): Promise<void> => {
        while (appended < end) {
          await appendNext()
          progress(appended * batchBytes)
        }
      }
      await Promise.all(Array.from({ length: width }, lane))
      return
    }
    while (appended < end) {
      await Promise.all(Array.from({ length: width }, appendNext))
      progress(appended * batchBytes)
    }
  }
  await appendUntil(Math.ceil((task.bytes * WARMUP_SHARE) / batchBytes))
  const startMs = performance.now()
  const before = appended
  await appendUntil(Math.ceil(task.bytes / batchBytes))
  return { bytesPerSecond: ((appended - before) * batchBytes * 1000) / (performance.now() - startMs) }
}
