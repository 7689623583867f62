import type { FilePool } from './file-pool.ts'
import type { JournaledBatch } from './journal-file.ts'
import { sideBySide } from './side-by-side.ts'

/** A partition that lacks batches which the journal has. */
export interface JournalReceiver {
  /** Oldest first. */
  readonly lacking: readonly JournaledBatch[]
  /** Takes the next of them; the Buffers are only good until it returns. Must not fail. */
  take(batches: readonly Buffer[]): Promise<void>
}

/** Of the journal, in memory at once. */
const WINDOW_BYTES = 32 << 20
/** What nobody lacks is read over rather than left out, up to this much. */
const READ_OVER_BYTES = 256 << 10
const RECEIVERS_AT_ONCE = 16

interface Wanted {
  readonly batch: JournaledBatch
  readonly receiver: JournalReceiver
}

/**
 * Gives all receivers what they lack. A round leaves the batches of many partitions one after another, those of one
 * partition far apart: so the journal is read once, from front to back, and each receiver gets what a window of it has
 * for it at once.
 * @param windowBytes how much of the journal is in memory at once
 */
export async function fillFromJournal(
  files: FilePool,
  receivers: readonly JournalReceiver[],
  windowBytes = WINDOW_BYTES,
): Promise<void> {
  const wanted = receivers
    .flatMap((receiver) => receiver.lacking.map((batch): Wanted => ({ batch, receiver })))
    .sort((a, b) =>
      a.batch.path === b.batch.path ? a.batch.position - b.batch.position : a.batch.path < b.batch.path ? -1 : 1,
    )
  let memory = Buffer.alloc(0)
  for (let from = 0; from < wanted.length; ) {
    const to = windowEnd(wanted, from, windowBytes)
    const { path, position } = (wanted[from] as Wanted).batch
    const bytes = endOf((wanted[to - 1] as Wanted).batch) - position
    if (bytes > memory.length) memory = Buffer.allocUnsafeSlow(bytes)
    const window = memory.subarray(0, bytes)
    await files.use(path, (file) => file.read(window, position))
    const parts = new Map<JournalReceiver, Buffer[]>()
    for (const { batch, receiver } of wanted.slice(from, to)) {
      const start = batch.position - position
      const part = window.subarray(start, start + batch.sizeBytes)
      const known = parts.get(receiver)
      if (known === undefined) parts.set(receiver, [part])
      else known.push(part)
    }
    await sideBySide([...parts], RECEIVERS_AT_ONCE, ([receiver, batches]) => receiver.take(batches))
    from = to
  }
}

/** Where the window ends that begins with `wanted[from]`. */
function windowEnd(wanted: readonly Wanted[], from: number, windowBytes: number): number {
  const { path, position } = (wanted[from] as Wanted).batch
  let to = from + 1
  for (; to < wanted.length; to++) {
    const { batch } = wanted[to] as Wanted
    const isNear = batch.position - endOf((wanted[to - 1] as Wanted).batch) <= READ_OVER_BYTES
    if (batch.path !== path || !isNear || endOf(batch) - position > windowBytes) break
  }
  return to
}

function endOf({ position, sizeBytes }: JournaledBatch): number {
  return position + sizeBytes
}
