import { type Logger, MillraceError } from '@millrace/record'
import type { TableCodec, TableKey } from './codec.ts'
import { Entries } from './entries.ts'
import type { LogReader, TablePartition } from './log-reader.ts'
import { PendingChanges } from './pending-changes.ts'
import { decodeSnapshot, type Snapshot } from './snapshot.ts'
import type { SnapshotStore } from './snapshots.ts'

export interface RecoveryOptions<K extends TableKey, V> {
  readonly partition: TablePartition
  readonly codec: TableCodec<K, V>
  readonly reader: LogReader<K, V>
  readonly store: SnapshotStore | undefined
  readonly logger: Logger
}

/** The state of a table at the end of its log. */
export interface RecoveredTable<K extends TableKey, V> {
  readonly entries: Entries<K, V>
  /** Of transactions that are open at the end of the log. */
  readonly pending: PendingChanges<K, V>
  /** The offset after the last change in it. */
  readonly position: number
  /** Offsets that were gone through in the log. */
  readonly replayed: number
  /** Where the snapshot begins that was used; undefined when none was. */
  readonly snapshotFrom: number | undefined
  /** Whether the store has something that must not be taken for a snapshot later. */
  readonly mustReplaceSnapshot: boolean
}

/**
 * Makes a table from its snapshot and what the log has behind it, or from the log alone.
 *
 * A snapshot is of no use when it is damaged, or when the log ends before it does: a crash took changes from the log,
 * and others will get their offsets. It is of no use either when the log behind it has a hole. There compaction has been
 * at work, which takes tombstones too when their time has come: a key that the snapshot has may have been deleted since
 * without a trace. From its start the log can be read with holes, because a tombstone outlives, by
 * `delete.retention.ms`, what it deletes; the reading must take less than that.
 */
export async function recoverTable<K extends TableKey, V>(
  options: RecoveryOptions<K, V>,
): Promise<RecoveredTable<K, V>> {
  const { partition, reader, logger } = options
  const { logStartOffset, highWatermark } = await partition.status()
  const { snapshot, isUnusable } = await loadSnapshot(options, logStartOffset, highWatermark)
  let replayed = 0
  if (snapshot !== undefined) {
    const { entries, pending, from } = snapshot
    let isWhole = true
    for await (const logged of reader.read(from, highWatermark)) {
      isWhole = logged.isWhole
      if (!isWhole) break
      for (const change of pending.take(logged)) entries.apply(change)
      replayed = logged.nextOffset - from
    }
    if (isWhole) {
      return { entries, pending, position: highWatermark, replayed, snapshotFrom: from, mustReplaceSnapshot: false }
    }
    logger.info({ from }, "a table's log was compacted behind its snapshot; all of it is read")
  }
  const entries = new Entries<K, V>()
  const pending = new PendingChanges<K, V>()
  for await (const logged of reader.read(logStartOffset, highWatermark)) {
    for (const change of pending.take(logged)) entries.apply(change)
  }
  replayed += highWatermark - logStartOffset
  const position = highWatermark
  return { entries, pending, position, replayed, snapshotFrom: undefined, mustReplaceSnapshot: isUnusable }
}

async function loadSnapshot<K extends TableKey, V>(
  { store, codec, logger }: RecoveryOptions<K, V>,
  logStart: number,
  logEnd: number,
): Promise<{ snapshot: Snapshot<K, V> | undefined; isUnusable: boolean }> {
  try {
    const bytes = await store?.load()
    if (bytes === undefined) return { snapshot: undefined, isUnusable: false }
    const snapshot = decodeSnapshot(bytes, codec)
    if (snapshot.to > logEnd || snapshot.from < logStart) {
      const range = `it is of ${snapshot.from} to ${snapshot.to}, and the log has ${logStart} to ${logEnd}`
      throw new MillraceError('STORAGE_FAILED', `a table's snapshot cannot be used: ${range}`)
    }
    return { snapshot, isUnusable: false }
  } catch (error) {
    logger.warn({ err: error }, "a table's snapshot is not used; all of the log is read")
    return { snapshot: undefined, isUnusable: true }
  }
}
