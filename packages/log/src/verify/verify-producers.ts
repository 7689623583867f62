import { REMEMBERED_BATCHES, type RecordBatch } from '@millrace/record'
import { type Disk, readFile } from '../disk.ts'
import { baseOffsetsIn, segmentFileName } from '../file-names.ts'
import { decodeProducerSnapshot } from '../producer-snapshot.ts'
import { ProducerState, type RememberedBatch } from '../producer-state.ts'
import { type Finding, findingOf, type Report } from './finding.ts'

export interface ProducersCheckOptions {
  readonly disk: Disk
  readonly directory: string
  /** The names in the directory. */
  readonly names: readonly string[]
  readonly maxProducers: number
  /** Whether compaction may have taken batches away. */
  readonly compacts: boolean
  readonly report: Report
}

/**
 * Holds the producer snapshots of a partition against its log: what a replay of the log up to a snapshot's offset gives
 * must be in it, and what is in it must be in the log, as far back as the log goes.
 */
export class ProducersCheck {
  private readonly options: ProducersCheckOptions
  private readonly state: ProducerState
  private readonly offsets: number[]
  /** By producer: that a snapshot does not say what it has open, until a marker ends that. */
  private readonly unsaid = new Map<number, Finding>()
  private firstOffset: number | undefined
  private isIncomplete = false

  constructor(options: ProducersCheckOptions) {
    this.options = options
    this.state = new ProducerState(options.maxProducers)
    this.offsets = baseOffsetsIn(options.names, 'snapshot')
  }

  /** The offset of the next snapshot that `compare` must be called for before a batch from there on is added. */
  get nextSnapshot(): number {
    return this.offsets[0] ?? Number.POSITIVE_INFINITY
  }

  add(batch: RecordBatch): void {
    const { producerId, baseOffset } = batch
    this.firstOffset ??= baseOffset
    if (producerId < 0) return
    if (batch.isControl) this.unsaid.delete(producerId)
    this.state.enter(batch, producerId, batch.nextOffset)
    this.state.transactions.committed(batch.nextOffset)
  }

  /** Takes note that batches could not be read. */
  skip(): void {
    this.isIncomplete = true
  }

  /**
   * Checks the next snapshot. `logEnd` is the end of what was added.
   * @param mayBeTorn whether a crash may have come while it was written
   */
  async compare(logEnd: number, mayBeTorn: boolean): Promise<void> {
    const { disk, directory, maxProducers, report } = this.options
    const offset = this.offsets.shift() as number
    const file = `${directory}/${segmentFileName(offset, 'snapshot')}`
    let snapshot: ProducerState
    try {
      snapshot = decodeProducerSnapshot((await readFile(disk, file)) ?? Buffer.alloc(0), maxProducers)
    } catch (error) {
      const kind = mayBeTorn ? 'torn-snapshot' : 'snapshot-unreadable'
      return report(findingOf(kind, file, error instanceof Error ? error.message : String(error)))
    }
    // What it tells of was deleted since.
    if (this.firstOffset === undefined && offset < logEnd) return
    // One batch may stand for several that compaction emptied.
    const isWithinGap = this.options.compacts && offset < logEnd
    if (offset !== logEnd && !isWithinGap && !this.isIncomplete) {
      const ending = offset > logEnd ? `the log ends at ${logEnd}` : 'no batch ends there'
      return report(findingOf('snapshot-mismatch', file, `it is of offset ${offset}, and ${ending}`))
    }
    const forgotten: number[] = []
    for (const message of this.differences(snapshot, offset, forgotten))
      await report(findingOf('snapshot-mismatch', file, message))
    if (forgotten.length > 0) {
      const message = `it has nothing of ${forgotten.length} producers that wrote least recently, such as ${forgotten[0]}`
      await report(findingOf('producers-forgotten', file, message))
    }
    this.noteUnsaid(snapshot, offset, file)
  }

  /** To be called when all batches were added. */
  async finish(): Promise<void> {
    for (const finding of this.unsaid.values()) await this.options.report(finding)
  }

  /** @param forgotten gets the producers that are not in the snapshot and may be for want of room in all partitions */
  private *differences(snapshot: ProducerState, offset: number, forgotten: number[]): Generator<string> {
    if (this.isIncomplete) return
    const { maxProducers, compacts } = this.options
    const kept = new Map(snapshot.below(Number.MAX_SAFE_INTEGER))
    const logged = new Map(this.state.below(offset))
    const oldestKept = oldestOffset(kept, snapshot)
    for (const [producerId, batches] of logged) {
      const last = batches.at(-1) as RememberedBatch
      const known = kept.get(producerId)?.at(-1)
      if (known === undefined && kept.size >= maxProducers) continue
      if (known === undefined && last.baseOffset < oldestKept) {
        forgotten.push(producerId)
        continue
      }
      // Compaction takes batches that a snapshot has, but the last of each producer.
      const isKnown = known !== undefined && (isSame(known, last) || (compacts && known.baseOffset >= last.baseOffset))
      if (!isKnown) {
        yield `producer ${producerId} wrote a batch at offset ${last.baseOffset} last, which the snapshot does not say`
      }
    }
    yield* this.transactionDifferences(snapshot, offset)
    if (compacts) return
    for (const [producerId, batches] of kept) {
      const known = logged.get(producerId) ?? []
      const isWhole = known.length < REMEMBERED_BATCHES
      // Where nothing was added, all that the snapshot has was deleted since.
      const oldest = (isWhole ? this.firstOffset : known[0]?.baseOffset) ?? offset
      const missing = batches.find(
        (batch) => batch.baseOffset >= oldest && !known.some((other) => isSame(batch, other)),
      )
      if (missing === undefined || (known.length === 0 && logged.size >= maxProducers)) continue
      yield `producer ${producerId} wrote no such batch at offset ${missing.baseOffset}`
    }
  }

  /** What a snapshot says of open transactions must be so, but for what began before all that is left of the log. */
  private *transactionDifferences(snapshot: ProducerState, offset: number): Generator<string> {
    const { firstOffset: oldest = offset } = this
    const logged = this.state.transactions.at(offset)
    for (const { producerId, firstOffset } of snapshot.transactions.all()) {
      // Compaction takes the batches of what was aborted since.
      const isThere = firstOffset >= oldest && !this.options.compacts
      if (isThere && logged.get(producerId)?.firstOffset !== firstOffset) {
        yield `producer ${producerId} opened no transaction at offset ${firstOffset}`
      }
    }
  }

  /** A snapshot that is saved when the log start rises may be of an earlier offset, and leaves out what has ended since. */
  private noteUnsaid(snapshot: ProducerState, offset: number, file: string): void {
    if (this.isIncomplete) return
    for (const { producerId, firstOffset } of this.state.transactions.at(offset).values()) {
      if (snapshot.transactions.of(producerId) !== undefined) continue
      const message = `producer ${producerId} has a transaction open from offset ${firstOffset} on, which the snapshot does not say`
      this.unsaid.set(producerId, findingOf('snapshot-mismatch', file, message))
    }
  }
}

/** Of the last batches of producers, the oldest; those with a transaction are kept whatever they wrote. */
function oldestOffset(kept: ReadonlyMap<number, readonly RememberedBatch[]>, snapshot: ProducerState): number {
  let oldest = Number.POSITIVE_INFINITY
  for (const [producerId, batches] of kept) {
    if (snapshot.transactions.of(producerId) !== undefined) continue
    oldest = Math.min(oldest, batches.at(-1)?.baseOffset ?? oldest)
  }
  return oldest
}

function isSame(a: RememberedBatch, b: RememberedBatch): boolean {
  return (
    a.baseOffset === b.baseOffset &&
    a.lastOffsetDelta === b.lastOffsetDelta &&
    a.producerEpoch === b.producerEpoch &&
    a.baseSequence === b.baseSequence &&
    a.timestamp === b.timestamp
  )
}
