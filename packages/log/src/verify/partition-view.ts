import { type Disk, readFile } from '../disk.ts'
import {
  baseOffsetsIn,
  CLEANED_SUFFIX,
  CLEANED_SUFFIXES,
  cleanedFileName,
  type SegmentSuffix,
  segmentFileName,
} from '../file-names.ts'
import { decodeSwap } from '../segment-swap.ts'

/**
 * The files of a partition as they will be when the next start has finished what a crash interrupted: compacted segments
 * that were to take the place of others have done so.
 */
export class PartitionView {
  readonly names: readonly string[]
  /** Swap files that are whole, with the segments that give way. */
  readonly swaps: ReadonlyMap<string, readonly number[]>
  private readonly directory: string
  /** Of names that files have not got yet, those that they have. */
  private readonly actual: ReadonlyMap<string, string>

  private constructor(
    directory: string,
    names: readonly string[],
    swaps: ReadonlyMap<string, readonly number[]>,
    actual: ReadonlyMap<string, string>,
  ) {
    this.directory = directory
    this.names = names
    this.swaps = swaps
    this.actual = actual
  }

  /** @param listed the names in the directory */
  static async open(disk: Disk, directory: string, listed: readonly string[]): Promise<PartitionView> {
    const names = new Set(listed)
    const swaps = new Map<string, readonly number[]>()
    const actual = new Map<string, string>()
    for (const base of baseOffsetsIn(listed, 'swap')) {
      const name = segmentFileName(base, 'swap')
      const replaced = decodeSwap(await readFile(disk, `${directory}/${name}`))
      if (replaced?.[0] !== base) continue
      swaps.set(name, replaced)
      names.delete(name)
      for (const suffix of CLEANED_SUFFIXES) {
        const cleaned = cleanedFileName(base, suffix)
        if (names.delete(cleaned)) actual.set(segmentFileName(base, suffix), cleaned)
        for (const other of replaced.slice(1)) names.delete(segmentFileName(other, suffix))
      }
    }
    for (const name of actual.keys()) names.add(name)
    return new PartitionView(directory, [...names].sort(), swaps, actual)
  }

  path(baseOffset: number, suffix: SegmentSuffix): string {
    const name = segmentFileName(baseOffset, suffix)
    return `${this.directory}/${this.actual.get(name) ?? name}`
  }
}

/** Whether a file is one that compaction was at when the process ended, and that the next start removes. */
export function isUnfinished(name: string): boolean {
  return name.endsWith(CLEANED_SUFFIX) || name.endsWith('.swap')
}
