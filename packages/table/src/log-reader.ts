import type { EnginePartition } from '@millrace/engine'
import { MillraceError, type RecordBatch, readBatches, transactionMarkerOf } from '@millrace/record'
import type { TableCodec, TableKey } from './codec.ts'
import type { Logged, LoggedChange } from './pending-changes.ts'

/** What a table needs of the partition that it is kept in. */
export type TablePartition = Pick<EnginePartition, 'append' | 'read' | 'status'>

/** The changes of one batch, or a stretch of offsets without any. */
export interface LoggedChanges<K extends TableKey, V> extends Logged<K, V> {
  /** The offset after them. */
  readonly nextOffset: number
  /** Whether each offset had a record: compaction has taken nothing out. */
  readonly isWhole: boolean
}

export interface LogReaderOptions<K extends TableKey, V> {
  readonly partition: TablePartition
  readonly codec: TableCodec<K, V>
  /** What a compressed batch may expand to. */
  readonly decompressedBytes: number
}

const READ_BYTES = 1 << 20

/** Reads changes back from the log. */
export class LogReader<K extends TableKey, V> {
  private readonly options: LogReaderOptions<K, V>

  constructor(options: LogReaderOptions<K, V>) {
    this.options = options
  }

  /**
   * All that the log has from `from` up to `to`, which is committed, open transactions and their ends included; batch by batch, a megabyte or a single larger batch
   * at a time. The last `nextOffset` is `to`.
   * @throws MillraceError as `EnginePartition.read` does; STORAGE_FAILED for a record that the codec cannot decode, and
   *   when the log ends before `to`
   */
  async *read(from: number, to: number): AsyncGenerator<LoggedChanges<K, V>, void, undefined> {
    let offset = from
    while (offset < to) {
      const { batches, nextOffset } = await this.options.partition.read(offset, {
        maxBytes: READ_BYTES,
        isolation: 'uncommitted',
      })
      if (nextOffset <= offset) {
        throw new MillraceError('STORAGE_FAILED', `the table's log ends at ${offset}, before its committed end ${to}`)
      }
      for (const batch of batches.flatMap((bytes) => [...readBatches(bytes)])) {
        if (batch.nextOffset <= offset || batch.baseOffset >= to) continue
        yield this.changesOf(batch, offset, to)
        offset = Math.min(batch.nextOffset, to)
      }
      const end = Math.min(nextOffset, to)
      if (end > offset) yield { changes: [], nextOffset: end, isWhole: false }
      offset = end
    }
  }

  private changesOf(batch: RecordBatch, from: number, to: number): LoggedChanges<K, V> {
    const { codec, decompressedBytes } = this.options
    const nextOffset = Math.min(batch.nextOffset, to)
    if (batch.isControl) {
      return { changes: [], marker: transactionMarkerOf(batch), nextOffset, isWhole: nextOffset === from + 1 }
    }
    const producerId = batch.isTransactional ? batch.producerId : undefined
    const changes: LoggedChange<K, V>[] = []
    let records = 0
    for (const { offset, key, value } of batch.records(decompressedBytes)) {
      if (offset < from || offset >= to) continue
      records++
      if (key === null) continue
      try {
        changes.push({
          offset,
          key: codec.decodeKey(key),
          value: value === null ? undefined : codec.decodeValue(value),
          sizeBytes: key.length + (value?.length ?? 0),
        })
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error)
        throw new MillraceError('STORAGE_FAILED', `the table's record at offset ${offset} has no meaning: ${reason}`, {
          cause: error,
        })
      }
    }
    return { changes, producerId, nextOffset, isWhole: records === nextOffset - from }
  }
}
