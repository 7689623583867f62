import { MillraceError, type RecordBatch, transactionMarkerOf } from '@millrace/record'
import { type Disk, readFile } from '../disk.ts'
import { OpenTransactions } from '../open-transactions.ts'
import { TRANSACTION_ENTRY_BYTES, TransactionIndex } from '../transaction-index.ts'
import { type Finding, findingOf, type Report } from './finding.ts'

/** A marker that aborts a transaction. */
interface Abort {
  readonly producerId: number
  readonly lastOffset: number
  /** Undefined where no batch of the transaction was seen. */
  readonly firstOffset: number | undefined
  readonly lastStableOffset: number
}

/**
 * Holds the transaction indexes of a partition against its batches, which are shown to it in order: an entry for each
 * marker that aborts what is there, and none for any other, because readers would leave out what was committed.
 */
export class TransactionsCheck {
  private readonly disk: Disk
  private readonly compacts: boolean
  private readonly report: Report
  private readonly open = new OpenTransactions()
  /** Of the segment that is being read. */
  private aborts: Abort[] = []
  private firstOffset: number | undefined
  private isIncomplete = false

  /** @param compacts whether compaction may have taken batches away */
  constructor(disk: Disk, compacts: boolean, report: Report) {
    this.disk = disk
    this.compacts = compacts
    this.report = report
  }

  add(batch: RecordBatch, position: number, file: string, found: Finding[]): void {
    this.firstOffset ??= batch.baseOffset
    const { producerId, baseOffset, recordCount, producerEpoch } = batch
    if (!batch.isControl) {
      if (batch.isTransactional && recordCount > 0) this.open.open(producerId, producerEpoch, baseOffset)
      return
    }
    const outcome = outcomeOf(batch)
    if (outcome === undefined && recordCount > 0) {
      found.push(findingOf('invalid-batch', file, 'a control batch that is no marker of a transaction', position))
    }
    const firstOffset = this.open.of(producerId)?.firstOffset
    this.open.end(producerId, baseOffset)
    const [ended] = this.open.committed(batch.nextOffset)
    const lastStableOffset = ended?.lastStableOffset ?? Math.min(this.open.firstOffset, batch.nextOffset)
    if (outcome === 'abort') this.aborts.push({ producerId, firstOffset, lastOffset: baseOffset, lastStableOffset })
  }

  /** Takes note that batches could not be read. */
  skip(): void {
    this.isIncomplete = true
  }

  /**
   * Checks the index of the segment whose batches were shown.
   * @param path of the index; undefined where the next start makes it anew
   */
  async endSegment(path: string | undefined, { baseOffset, nextOffset }: { baseOffset: number; nextOffset: number }) {
    const { aborts } = this
    this.aborts = []
    if (path === undefined || this.isIncomplete) return
    const index = new TransactionIndex(await readFile(this.disk, path))
    if (!index.fits(baseOffset, nextOffset)) {
      return this.report(findingOf('transaction-index-mismatch', path, 'its entries cannot be of this segment'))
    }
    for (const { message, position } of this.differences(index, aborts)) {
      await this.report(findingOf('transaction-index-mismatch', path, message, position))
    }
  }

  private *differences(
    index: TransactionIndex,
    aborts: readonly Abort[],
  ): Generator<{ message: string; position: number }> {
    const left = new Map(aborts.map((abort) => [abort.lastOffset, abort]))
    for (let number = 0; number < index.entries; number++) {
      const position = number * TRANSACTION_ENTRY_BYTES
      const entry = index.entryAt(number)
      const abort = left.get(entry.lastOffset)
      left.delete(entry.lastOffset)
      if (abort === undefined || abort.producerId !== entry.producerId) {
        const { producerId, lastOffset } = entry
        yield { position, message: `producer ${producerId} has no marker at offset ${lastOffset} that aborts` }
      } else if (!this.isFirst(entry.firstOffset, abort.firstOffset)) {
        const message = `the transaction begins at ${abort.firstOffset}, and the entry says ${entry.firstOffset}`
        yield { position, message }
      } else if (entry.lastStableOffset > abort.lastStableOffset) {
        const message = `a last stable offset of ${entry.lastStableOffset}; it was ${abort.lastStableOffset}`
        yield { position, message }
      }
    }
    for (const { producerId, firstOffset, lastOffset } of left.values()) {
      if (firstOffset === undefined) continue
      const message = `no entry for the transaction of producer ${producerId} from ${firstOffset} to ${lastOffset}`
      yield { position: index.entries * TRANSACTION_ENTRY_BYTES, message }
    }
  }

  /** Whether a transaction can begin at `said`; `seen` is its first batch that was seen. */
  private isFirst(said: number, seen: number | undefined): boolean {
    if (seen === undefined || said === seen) return true
    // Compaction, or the log start, may have taken what lay before it.
    return said < seen && (this.compacts || said < (this.firstOffset ?? 0))
  }
}

function outcomeOf(batch: RecordBatch): 'commit' | 'abort' | undefined {
  try {
    return transactionMarkerOf(batch)?.outcome
  } catch (error) {
    if (error instanceof MillraceError || error instanceof RangeError) return undefined
    throw error
  }
}
