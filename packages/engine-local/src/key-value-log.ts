import { type LogContext, type OpenOptions, openPartitionLog, type PartitionLog } from '@millrace/log'
import { BatchBuilder, type Clock, readBatches } from '@millrace/record'

const READ_BYTES = 1 << 20
export const KEY_VALUE_CONFIG = {
  segmentBytes: 64 * 2 ** 20,
  segmentMs: Number.MAX_SAFE_INTEGER,
  indexIntervalBytes: 4096,
  flushPolicy: 'commit',
  flushMs: 1_000,
} as const

/** A small map of JSON values that is kept in a log: the last record of a key counts, a null value takes it away. */
export class KeyValueLog {
  private readonly log: PartitionLog
  private readonly clock: Clock
  private readonly values = new Map<string, unknown>()

  private constructor(log: PartitionLog, clock: Clock) {
    this.log = log
    this.clock = clock
  }

  /** Opens the log in its directory, which must exist, and reads all of it. */
  static async open(context: LogContext, options: Omit<OpenOptions, 'config'>): Promise<KeyValueLog> {
    const log = await openPartitionLog(context, { ...options, config: KEY_VALUE_CONFIG })
    const map = new KeyValueLog(log, context.clock)
    await map.replay(context.limits.decompressedBytes)
    return map
  }

  get(key: string): unknown {
    return this.values.get(key)
  }

  entries(): IterableIterator<[string, unknown]> {
    return this.values.entries()
  }

  /**
   * Sets, or with null takes away, the value of a key. When it returns, that is on disk.
   * @throws MillraceError as `PartitionLog.append` does
   */
  async put(key: string, value: unknown): Promise<void> {
    const bytes = value === null ? null : Buffer.from(JSON.stringify(value))
    const builder = new BatchBuilder()
    builder.append({ key: Buffer.from(key), value: bytes, timestamp: this.clock.nowMs() })
    await this.log.append(builder.build()).committed
    this.apply(key, value)
  }

  close(): Promise<void> {
    return this.log.close()
  }

  private async replay(maxBytes: number): Promise<void> {
    let offset: number = this.log.logStartOffset
    while (offset < this.log.highWatermark) {
      const { batches, nextOffset } = await this.log.read(offset, READ_BYTES)
      for (const batch of batches.flatMap((bytes) => [...readBatches(bytes)])) {
        for (const { key, value } of batch.records(maxBytes)) {
          this.apply(String(key), value === null ? null : JSON.parse(value.toString('utf8')))
        }
      }
      offset = nextOffset
    }
  }

  private apply(key: string, value: unknown): void {
    if (value === null) this.values.delete(key)
    else this.values.set(key, value)
  }
}
