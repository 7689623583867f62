import type { Disk } from './disk.ts'
import { readFile, replaceFile } from './disk.ts'

export interface LeaderEpoch {
  readonly epoch: number
  readonly startOffset: number
}

/**
 * The leader epochs of a partition and where each began, in a text file like Kafka's (LeaderEpochCheckpointFile.java):
 * a line with the version (0), a line with the number of entries, then `epoch startOffset` for each. The epoch rises
 * after every unclean start, so that an offset that was given out twice can be told apart.
 */
export class LeaderEpochs {
  private readonly disk: Disk
  private readonly path: string
  private readonly epochs: LeaderEpoch[]
  private saved = true

  private constructor(disk: Disk, path: string, epochs: LeaderEpoch[]) {
    this.disk = disk
    this.path = path
    this.epochs = epochs
  }

  /** Those of a file that is not there. */
  static none(disk: Disk, path: string): LeaderEpochs {
    return new LeaderEpochs(disk, path, [])
  }

  /** Reads the file; one that is not there or not readable stands for no epochs. */
  static async open(disk: Disk, path: string): Promise<LeaderEpochs> {
    const bytes = await readFile(disk, path)
    return new LeaderEpochs(disk, path, parseLeaderEpochs(bytes?.toString('utf8') ?? '') ?? [])
  }

  /** The latest epoch; -1 when there is none yet. */
  get latest(): number {
    return this.epochs.at(-1)?.epoch ?? -1
  }

  /** Whether all that was raised is on disk. */
  get isSaved(): boolean {
    return this.saved
  }

  get entries(): readonly LeaderEpoch[] {
    return this.epochs
  }

  /**
   * Begins the next epoch at `startOffset`; `save` is due before any batch bears it.
   * @param atLeast the lowest that it may be
   */
  raise(startOffset: number, atLeast = 0): void {
    const epoch = Math.max(this.latest + 1, atLeast)
    while (this.epochs.length > 0 && (this.epochs.at(-1) as LeaderEpoch).startOffset >= startOffset) this.epochs.pop()
    this.epochs.push({ epoch, startOffset })
    this.saved = false
  }

  /** When it returns, all that was raised is on disk. To be called by one at a time. */
  async save(): Promise<void> {
    if (this.saved) return
    const lines = [0, this.epochs.length, ...this.epochs.map((entry) => `${entry.epoch} ${entry.startOffset}`)]
    await replaceFile(this.disk, this.path, Buffer.from(`${lines.join('\n')}\n`))
    this.saved = true
  }
}

/** The entries that a file holds; undefined when it does not hold what it says, or epochs that do not rise. */
export function parseLeaderEpochs(text: string): LeaderEpoch[] | undefined {
  const [version, count, ...lines] = text.split('\n')
  if (version !== '0' || lines.length !== Number(count) + 1 || lines.at(-1) !== '') return undefined
  const entries: LeaderEpoch[] = []
  for (const line of lines.slice(0, -1)) {
    const [, epoch, startOffset] = (/^(\d+) (\d+)$/.exec(line) ?? []).map(Number)
    const { epoch: lastEpoch = -1, startOffset: lastOffset = -1 } = entries.at(-1) ?? {}
    if (epoch === undefined || startOffset === undefined || epoch <= lastEpoch || startOffset <= lastOffset)
      return undefined
    entries.push({ epoch, startOffset })
  }
  return entries
}
