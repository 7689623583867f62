import { readFile, writeNewFile } from './disk.ts'
import type { LogContext } from './log-context.ts'
import { type AbortedTransaction, TransactionIndex } from './transaction-index.ts'

/** The offsets of a segment. */
interface OffsetRange {
  readonly baseOffset: number
  readonly nextOffset: number
}

const NONE = new TransactionIndex()

/**
 * The transaction index of one segment. As the other indexes it is in memory until its file is written, which is when
 * the segment is closed and at a clean shutdown. There is a file only where transactions were aborted.
 */
export class SegmentAborts {
  private readonly context: LogContext
  private readonly path: string
  /** The index, while no file holds it. */
  private resident: TransactionIndex | undefined
  private hasFile = false

  constructor(context: LogContext, path: string) {
    this.context = context
    this.path = path
  }

  /** Whether it is known to have no entries. */
  get isEmpty(): boolean {
    return this.resident === undefined && !this.hasFile
  }

  /** Adds what a marker ended in a segment that is written to. */
  add(aborted: AbortedTransaction): void {
    this.resident ??= new TransactionIndex()
    this.resident.append(aborted)
  }

  /** Takes `index` for what the segment has, until it is saved. */
  replace(index: TransactionIndex): void {
    this.resident = index.entries > 0 ? index : undefined
    this.hasFile = false
  }

  /** Reads the index from its file from now on, which is in place. */
  useFile(): void {
    this.resident = undefined
    this.hasFile = true
  }

  /** Takes what the file has into memory; false when that cannot be of this segment. */
  async load(range: OffsetRange): Promise<boolean> {
    const index = await this.read(range)
    if (index !== undefined) this.replace(index)
    return index !== undefined
  }

  /**
   * The index. One that was read is kept for later callers, as long as there is room for it.
   * @param rebuild makes it from the log where the file is damaged
   */
  index(range: OffsetRange, rebuild: () => Promise<TransactionIndex>): Promise<TransactionIndex> {
    if (this.resident !== undefined) return Promise.resolve(this.resident)
    if (!this.hasFile) return Promise.resolve(NONE)
    return this.context.indexes.get(this, async () => {
      const index = await this.read(range)
      if (index !== undefined) return index
      this.context.logger.warn({ file: this.path }, 'a transaction index is damaged; it is made again')
      return rebuild()
    })
  }

  /** Writes the file, or removes one that is of an earlier shutdown. It is synced; its name is not. */
  async save(): Promise<void> {
    if (this.hasFile) return
    if (this.resident === undefined) await this.context.disk.remove(this.path)
    else await writeNewFile(this.context.disk, this.path, this.resident.fileBytes)
  }

  /** To be called when the file is saved for good. */
  release(): void {
    if (this.resident !== undefined) this.useFile()
  }

  /** Forgets what was read, and removes the file. */
  async remove(): Promise<void> {
    this.context.indexes.drop(this)
    await this.context.disk.remove(this.path)
  }

  /** No entries where there is no file; undefined when what it has cannot be of this segment. */
  private async read({ baseOffset, nextOffset }: OffsetRange): Promise<TransactionIndex | undefined> {
    const index = new TransactionIndex(await readFile(this.context.disk, this.path))
    return index.fits(baseOffset, nextOffset) ? index : undefined
  }
}
