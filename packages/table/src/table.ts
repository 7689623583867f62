import type { ProducerIdentity } from '@millrace/engine'
import {
  BatchBuilder,
  type BuildOptions,
  type Clock,
  DEFAULT_MAX_MESSAGE_BYTES,
  type Limits,
  type Logger,
  MillraceError,
  silentLogger,
} from '@millrace/record'
import type { TableCodec, TableKey } from './codec.ts'
import type { Entries, SizedChange } from './entries.ts'
import { LogFollower } from './log-follower.ts'
import { LogReader, type TablePartition } from './log-reader.ts'
import type { Logged, PendingChanges } from './pending-changes.ts'
import { recoverTable } from './recovery.ts'
import { type SnapshotStore, Snapshots } from './snapshots.ts'

/** One key to set, or, with undefined, to delete. */
export interface TableChange<K extends TableKey, V> {
  readonly key: K
  readonly value: V | undefined
}

/** A change that the table has taken up. */
export interface AppliedChange<K extends TableKey, V> extends TableChange<K, V> {
  /** What the key had before; undefined: it was not there. */
  readonly previous: V | undefined
}

export interface TableOptions<K extends TableKey, V> {
  /** Only this table writes to it, and the engine the ends of the table's transactions. */
  readonly partition: TablePartition
  readonly codec: TableCodec<K, V>
  readonly clock: Clock
  readonly limits: Pick<Limits, 'tableBytes' | 'tableSnapshotRecords' | 'decompressedBytes'>
  readonly logger?: Logger
  /** Without one, opening reads the whole log. */
  readonly snapshots?: SnapshotStore
  /**
   * Told of each change once it is taken up, in the order of the log; of a batch when all of it is. Not told of what the
   * log had when the table was opened: `entries` has that. What it throws is logged.
   */
  readonly onChange?: (change: AppliedChange<K, V>) => void
}

/**
 * A map whose truth is a log: each change is a record, the last one of a key counts, and a record without a value
 * deletes. What is in memory is what reading the log up to `position` gives.
 *
 * Reads see what is committed, and nothing else: a change is taken up when its append is answered, in the order of the
 * calls, all of a batch at once. What fails changes nothing; after COMMIT_UNKNOWN the log may have the change, and then
 * the table takes it up when the next one is committed, or when it is opened again.
 *
 * Changes of a transaction are held back until the log has its end: a commit marker makes them hold, in the place of the
 * marker; an abort marker drops them.
 *
 * Calls may be made side by side. Values belong to the table: nobody changes one that was set or got.
 */
export class Table<K extends TableKey, V> {
  private readonly options: TableOptions<K, V>
  private readonly reader: LogReader<K, V>
  private readonly state: Entries<K, V>
  private readonly held: PendingChanges<K, V>
  private readonly follower: LogFollower
  private readonly snapshots: Snapshots<K, V> | undefined
  private end: number
  /** What changes under way may add to the bytes. */
  private changingBytes = 0
  private last: Promise<unknown> = Promise.resolve()
  private closed: Promise<void> | undefined

  private constructor(
    options: TableOptions<K, V>,
    parts: {
      reader: LogReader<K, V>
      entries: Entries<K, V>
      pending: PendingChanges<K, V>
      position: number
      snapshotFrom: number | undefined
    },
  ) {
    this.options = options
    this.reader = parts.reader
    this.state = parts.entries
    this.held = parts.pending
    this.end = parts.position
    const { partition, clock, snapshots: store, codec, limits, logger = silentLogger } = options
    this.follower = new LogFollower({
      partition,
      clock,
      logger,
      position: () => this.end,
      isNeeded: () => this.held.size > 0 && this.closed === undefined,
      catchUp: () => this.refresh(),
    })
    if (store === undefined) return
    this.snapshots = new Snapshots({
      store,
      codec,
      logger,
      entries: this.state,
      pending: this.held,
      position: () => this.end,
      afterRecords: limits.tableSnapshotRecords,
      saved: parts.snapshotFrom,
    })
  }

  /**
   * Opens the table that the log holds.
   *
   * A snapshot in the store that cannot be used is replaced before this returns: the log may grow past its end, and
   * nobody could tell it from a true one then.
   * @throws MillraceError as `EnginePartition.read` does; STORAGE_FAILED for a record without meaning; what replacing a
   *   snapshot fails with
   */
  static async open<K extends TableKey, V>(options: TableOptions<K, V>): Promise<Table<K, V>> {
    const { partition, codec, limits, snapshots: store, logger = silentLogger } = options
    const reader = new LogReader({ partition, codec, decompressedBytes: limits.decompressedBytes })
    const recovered = await recoverTable({ partition, codec, reader, store, logger })
    const table = new Table(options, { reader, ...recovered })
    if (recovered.mustReplaceSnapshot) await table.snapshots?.save()
    else table.snapshots?.count(recovered.replayed)
    table.follower.follow()
    return table
  }

  get(key: K): V | undefined {
    return this.state.get(key)
  }

  has(key: K): boolean {
    return this.state.has(key)
  }

  /** As a Map's: live, and in no order that outlives the table. */
  entries(): IterableIterator<[K, V]> {
    return this.state[Symbol.iterator]()
  }

  get size(): number {
    return this.state.size
  }

  /** Bytes of all keys and values, encoded. */
  get sizeBytes(): number {
    return this.state.sizeBytes
  }

  /** Whether an open transaction has changed the key: what it has may be another once that is committed. */
  pending(key: K): boolean {
    return this.held.has(key)
  }

  /** The offset up to which the log was gone through. */
  get position(): number {
    return this.end
  }

  /** Sets the value of a key; as `batch` does. */
  set(key: K, value: V): Promise<void> {
    return this.batch([{ key, value }])
  }

  /** Deletes a key, whether it is there or not; as `batch` does. */
  delete(key: K): Promise<void> {
    return this.batch([{ key, value: undefined }])
  }

  /**
   * Makes all of `changes`, in their order, or none: they are one record batch. When it returns, they are committed, and
   * reads see them.
   * @throws MillraceError SHUTTING_DOWN; BATCH_TOO_LARGE; LIMIT_REACHED when the table would be larger than
   *   `tableBytes`; as `EnginePartition.append` does; COMMIT_UNKNOWN also when they are stored, and the log cannot be
   *   read up to them
   */
  batch(changes: readonly TableChange<K, V>[]): Promise<void> {
    return this.append(changes, {})
  }

  /**
   * Makes `changes` part of the producer's transaction, as one record batch. When it returns, they are in the log, and
   * wait for its end; the table looks for that by itself.
   * @throws MillraceError as `batch` does
   */
  transactional(changes: readonly TableChange<K, V>[], producer: ProducerIdentity): Promise<void> {
    return this.append(changes, { producer: { ...producer, baseSequence: -1 }, transactional: true })
  }

  /**
   * Takes up all that the log has by now, ends of transactions above all.
   * @throws MillraceError as `EnginePartition.read` does; STORAGE_FAILED for a record without meaning
   */
  refresh(): Promise<void> {
    return this.inOrder(async () => {
      const { highWatermark } = await this.options.partition.status()
      await this.catchUp(highWatermark)
    })
  }

  /**
   * Refuses further changes, waits for those under way, and saves a snapshot. The partition stays open. A snapshot that
   * cannot be saved is logged and no failure.
   */
  close(): Promise<void> {
    this.follower.close()
    this.closed ??= this.last.then(() => this.snapshots?.close())
    return this.closed
  }

  // Nothing is awaited before the append: the order of the calls is the order in the log.
  private async append(changes: readonly TableChange<K, V>[], options: BuildOptions): Promise<void> {
    if (this.closed !== undefined) throw new MillraceError('SHUTTING_DOWN', 'the table is closed')
    if (changes.length === 0) return
    const { buffer, sized } = this.encode(changes, options)
    const growth = this.checkRoom(sized)
    const appended = this.options.partition.append(buffer, { acks: 'committed' })
    this.changingBytes += growth
    // Its turn comes when those before it are done; until then a failure has nobody else who looks at it.
    appended.catch(() => {})
    await this.inOrder(async () => {
      try {
        const { baseOffset } = await appended
        const end = baseOffset + sized.length
        if (end <= this.end) return
        try {
          await this.catchUp(baseOffset)
        } catch (error) {
          throw new MillraceError('COMMIT_UNKNOWN', `the changes are stored, but the log before them cannot be read`, {
            cause: error,
          })
        }
        const logged = sized.map((change, index) => ({ ...change, offset: baseOffset + index }))
        this.take({ changes: logged, producerId: options.producer?.producerId }, end)
      } finally {
        this.changingBytes -= growth
      }
    })
  }

  /** Runs what changes the table, one after another. */
  private inOrder(work: () => Promise<void>): Promise<void> {
    const done = this.last.then(work)
    this.last = done.catch(() => {})
    return done
  }

  private encode(
    changes: readonly TableChange<K, V>[],
    options: BuildOptions,
  ): { buffer: Buffer; sized: SizedChange<K, V>[] } {
    const { codec, clock } = this.options
    const builder = new BatchBuilder()
    const timestamp = clock.nowMs()
    const sized: SizedChange<K, V>[] = []
    for (const change of changes) {
      const key = codec.encodeKey(change.key)
      const value = change.value === undefined ? null : codec.encodeValue(change.value)
      const record = { key, value, timestamp }
      if (builder.sizeWith(record) > DEFAULT_MAX_MESSAGE_BYTES) {
        throw new MillraceError(
          'BATCH_TOO_LARGE',
          `the changes are more than the ${DEFAULT_MAX_MESSAGE_BYTES} bytes of a batch`,
        )
      }
      builder.append(record)
      sized.push({ ...change, sizeBytes: key.length + (value?.length ?? 0) })
    }
    return { buffer: builder.build(options).buffer, sized }
  }

  /** What the table may grow by with these changes, as far as can be said while others are under way. */
  private checkRoom(changes: readonly SizedChange<K, V>[]): number {
    const { tableBytes } = this.options.limits
    let growth = 0
    for (const change of changes) growth += Math.max(this.state.growthBy(change), 0)
    const total = this.sizeBytes + this.held.sizeBytes + this.changingBytes + growth
    if (growth > 0 && total > tableBytes) {
      throw new MillraceError('LIMIT_REACHED', `the table would have ${total} bytes; ${tableBytes} are allowed`)
    }
    return growth
  }

  /** Takes up what the log has before `offset` and this table has not: markers, and what was stored though it failed. */
  private async catchUp(offset: number): Promise<void> {
    for await (const logged of this.reader.read(this.end, offset)) this.take(logged, logged.nextOffset)
  }

  /** Takes up what the log has from where the table is up to `end`. */
  private take(logged: Logged<K, V>, end: number): void {
    const { onChange, logger = silentLogger } = this.options
    const records = end - this.end
    const applied = this.held.take(logged).map(({ key, value, sizeBytes }) => {
      const previous = this.state.apply({ key, value, sizeBytes })
      return { key, value, previous }
    })
    this.end = end
    this.follower.follow()
    if (onChange !== undefined) {
      for (const change of applied) {
        try {
          onChange(change)
        } catch (error) {
          logger.error({ err: error }, 'what follows a table failed at a change')
        }
      }
    }
    this.snapshots?.count(records)
  }
}
