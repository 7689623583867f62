import { type Logger, MillraceError } from '@millrace/record'
import type { TableCodec, TableKey } from './codec.ts'
import type { Entries } from './entries.ts'
import type { PendingChanges } from './pending-changes.ts'
import { encodeSnapshot } from './snapshot.ts'

/** Where the snapshot of one table is kept, beside its log: it goes when the log goes. */
export interface SnapshotStore {
  /** What was saved last; undefined when nothing was. */
  load(): Promise<Buffer | undefined>
  /**
   * Puts a snapshot, which comes in pieces, in the place of the last one. Once it has returned, no earlier one comes
   * back, after a crash either. When it fails, or is cut short, there may be the old one, the new one, or damage.
   */
  save(parts: readonly Buffer[]): Promise<void>
}

export interface SnapshotsOptions<K extends TableKey, V> {
  readonly store: SnapshotStore
  readonly codec: TableCodec<K, V>
  readonly entries: Entries<K, V>
  readonly pending: PendingChanges<K, V>
  /** The offset after the last change that `entries` has. */
  readonly position: () => number
  /** Records after which another snapshot is due. */
  readonly afterRecords: number
  readonly logger: Logger
  /** What the snapshot in the store has; undefined: there is none that can be used. */
  readonly saved: number | undefined
}

/** Saves snapshots of one table in the background, one at a time. Nobody waits for it but whoever ends it. */
export class Snapshots<K extends TableKey, V> {
  private readonly options: SnapshotsOptions<K, V>
  private saved: number | undefined
  private recordsSince = 0
  private running: Promise<void> | undefined

  constructor(options: SnapshotsOptions<K, V>) {
    this.options = options
    this.saved = options.saved
  }

  /** Told of records that the log has and the last snapshot has not. */
  count(records: number): void {
    this.recordsSince += records
    if (this.running !== undefined || this.recordsSince < this.options.afterRecords) return
    this.running = this.saveWhileDue()
  }

  /** Saves a snapshot now. @throws MillraceError what the store fails with; STORAGE_FAILED for other errors */
  async save(): Promise<void> {
    const { entries, pending, codec, position, store } = this.options
    this.recordsSince = 0
    try {
      const { parts, from } = await encodeSnapshot(entries, pending, codec, position)
      await store.save(parts)
      this.saved = from
    } catch (error) {
      if (error instanceof MillraceError) throw error
      const reason = error instanceof Error ? error.message : String(error)
      throw new MillraceError('STORAGE_FAILED', `saving a table's snapshot: ${reason}`, { cause: error })
    }
  }

  /** Waits for what is under way, and saves a snapshot unless there is one with all that the table has. */
  async close(): Promise<void> {
    await this.running
    const isDue = this.saved !== this.options.position() && this.options.position() > 0
    if (isDue) await this.trySave()
  }

  private async saveWhileDue(): Promise<void> {
    while (this.recordsSince >= this.options.afterRecords) await this.trySave()
    this.running = undefined
  }

  private async trySave(): Promise<void> {
    try {
      await this.save()
    } catch (error) {
      this.options.logger.warn(
        { err: error },
        'saving a snapshot failed; the log has everything, and opening reads more',
      )
    }
  }
}
