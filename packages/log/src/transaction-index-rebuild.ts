import { type RecordBatch, transactionMarkerOf } from '@millrace/record'
import { eachIntact } from './intact-scan.ts'
import type { LogContext } from './log-context.ts'
import type { Segment } from './segment.ts'
import { TransactionIndex } from './transaction-index.ts'

/** What is known of an aborted transaction while its first batch is looked for. */
interface Found {
  readonly producerId: number
  readonly lastOffset: number
  firstOffset: number | undefined
}

/**
 * The transaction index of a segment, made from the batches in it and, where a transaction may have begun before it, in
 * the segments before. An aborted transaction of which no batch is left has no entry: there is nothing to leave out.
 * @param segments all of the partition, in offset order
 */
export async function rebuildTransactionIndex(
  context: LogContext,
  segment: Segment,
  segments: readonly Segment[],
): Promise<TransactionIndex> {
  const found: Found[] = []
  const seeking = new Map<number, Found>()
  const begun = new Map<number, Beginning>()
  await eachIntact(context, segment, (batch) => {
    const { producerId, baseOffset } = batch
    if (!batch.isTransactional) return
    if (!batch.isControl) {
      note(begun, batch)
      return
    }
    const beginning = begun.get(producerId)
    begun.set(producerId, { firstOffset: undefined, isCertain: true })
    if (outcomeOf(batch) !== 'abort') return
    const aborted = { producerId, lastOffset: baseOffset, firstOffset: beginning?.firstOffset }
    found.push(aborted)
    if (beginning?.isCertain !== true) seeking.set(producerId, aborted)
  })
  const before = segments.filter(({ baseOffset }) => baseOffset < segment.baseOffset).reverse()
  for (const earlier of before) {
    if (seeking.size === 0) break
    await seekIn(context, earlier, seeking)
  }
  const index = new TransactionIndex()
  for (const { producerId, firstOffset, lastOffset } of found) {
    if (firstOffset !== undefined) index.append({ producerId, firstOffset, lastOffset, lastStableOffset: 0 })
  }
  return index
}

/** Where the batches of a producer begin that no marker follows. */
interface Beginning {
  readonly firstOffset: number | undefined
  /** Whether nothing of the transaction lies before it. */
  readonly isCertain: boolean
}

/** Looks in one more segment for where transactions began. Those that are found are sought no more. */
async function seekIn(context: LogContext, segment: Segment, seeking: Map<number, Found>): Promise<void> {
  const begun = new Map<number, Beginning>()
  await eachIntact(context, segment, (batch) => {
    const { producerId } = batch
    if (!batch.isTransactional || !seeking.has(producerId)) return
    if (batch.isControl) begun.set(producerId, { firstOffset: undefined, isCertain: true })
    else note(begun, batch)
  })
  for (const [producerId, { firstOffset, isCertain }] of begun) {
    const aborted = seeking.get(producerId) as Found
    aborted.firstOffset = firstOffset ?? aborted.firstOffset
    if (isCertain) seeking.delete(producerId)
  }
}

function note(begun: Map<number, Beginning>, { producerId, baseOffset, baseSequence, recordCount }: RecordBatch): void {
  const known = begun.get(producerId)
  // What compaction emptied is of a transaction that needs no entry.
  if (recordCount === 0 || known?.firstOffset !== undefined) return
  // An epoch serves for one transaction, and begins at sequence 0, but for those that never have one.
  const isCertain = known !== undefined || baseSequence === 0
  begun.set(producerId, { firstOffset: baseOffset, isCertain })
}

function outcomeOf(batch: RecordBatch): 'commit' | 'abort' | undefined {
  try {
    return transactionMarkerOf(batch)?.outcome
  } catch {
    return undefined
  }
}
